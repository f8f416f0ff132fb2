"""Looks by CLIP: its image encoder shown each person on a square."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import AskError, FormatError, NotFoundError
from dwell_kit.vision.appearance import unit
from dwell_kit.vision.devices import CPU, Thrifty, torch_device, within_memory
from dwell_kit.vision.embed import boxes_of
from dwell_kit.vision.embedders import EmbedderOptions
from dwell_kit.vision.torchvision_import import make_importable

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]
_EXPECTED: Final = "a folder as transformers saves CLIP (config.json, model.safetensors, preprocessor_config.json)"
_HINT: Final = (
    "fetch one, such as openai/clip-vit-base-patch32, where there is a network (huggingface-cli download NAME "
    "--local-dir FOLDER), and name the folder"
)
_NEEDED: Final = ["*.json", "*.safetensors"]
_PATIENCE_S: Final = 5.0
_MOST: Final = 64
_A_HAND: Final = 8
"""Pictures that one thread makes smaller at a time: asked about one by one, transformers is busy with itself."""
_SMALLEST_PX: Final = 2
_BYTES: Final = {"do_rescale": False, "do_normalize": False, "return_tensors": "np"}
"""What transformers is to leave to the device: numbers of all pictures at once."""
_WHOLE, _HALF = "clip", "clip_vision_model"
"""What transformers calls CLIP, and its image encoder alone."""


class ClipEmbedder:
    """Unit vectors of persons by CLIP's image encoder.

    A person is taller than wide, and CLIP looks at the square in the middle of a picture: so each is laid on a
    square of the mean colour first, whole. On a GPU that can, it computes with 16 bits (bfloat16).

    Parameters
    ----------
    model : a `CLIPVisionModelWithProjection`. processor : its `CLIPImageProcessorPil`. device : where it runs.
    """

    def __init__(self, model: Any, processor: Any, *, device: str = CPU) -> None:
        self.size = int(model.config.projection_dim)
        self._processor = processor
        self._colour = np.round(255 * np.array(processor.image_mean)).astype(np.uint8)
        self._network = Thrifty(_Encoder(model, processor, device), most=_MOST)
        self._hands = ThreadPoolExecutor(os.cpu_count(), "dwell-clip")

    @classmethod
    def of(cls, options: EmbedderOptions) -> Self:
        """From a folder, or by the name of one on Hugging Face's hub.

        Raises
        ------
        AskError : if no weights were named. NotFoundError : if they are not there and cannot be fetched.
        FormatError : if the folder holds something else. InputError : as `torch_device`.
        """
        folder = _folder(options.weights)
        device = torch_device(options.device)
        make_importable()
        return cls(*_open(folder), device=device)

    @property
    def note(self) -> str:
        """That memory ran out, and what was done; empty if it did not."""
        return self._network.note

    def embed(self, image_bgr: Image, xyxy: Floats) -> Floats:
        """(n, size) unit vectors of (n, 4) boxes; a row of NaN where a box shows nothing of the picture.

        Raises
        ------
        InputError : if the picture is not (height, width, 3) bytes.
        """
        (looks,) = self.embed_all([(image_bgr, xyxy)])
        return looks

    def embed_all(self, shown: Sequence[tuple[Image, Floats]]) -> list[Floats]:
        """The same of several pictures and their boxes, shown to the network together."""
        boxes = [boxes_of(image, xyxy) for image, xyxy in shown]
        squares = [self._square(image, box) for (image, _), mine in zip(shown, boxes, strict=True) for box in mine]
        looks = np.full((len(squares), self.size), np.nan)
        there = {row: square for row, square in enumerate(squares) if square is not None}
        if there:
            parts = [list(there.values())[at : at + _A_HAND] for at in range(0, len(there), _A_HAND)]
            pixels = np.concatenate(list(self._hands.map(self._pixels, parts)))
            looks[list(there)] = unit(self._network.run(pixels).astype(np.float64))
        left = iter(looks)
        return [np.array([*islice(left, len(mine))]).reshape(-1, self.size) for mine in boxes]

    def _pixels(self, squares: Sequence[Image]) -> NDArray[Any]:
        """(n, 3, side, side) bytes of squares in the network's size."""
        return np.asarray(self._processor(images=list(squares), **_BYTES)["pixel_values"])

    def _square(self, image: Image, box: Floats) -> Image | None:
        """(side, side, 3) RGB: what a box shows, in the middle of a square; None if that is nothing."""
        if not np.isfinite(box).all():
            return None
        height, width = image.shape[:2]
        x1, y1, x2, y2 = np.clip(np.round(box), 0, [width, height] * 2).astype(int).tolist()
        if x2 - x1 < _SMALLEST_PX or y2 - y1 < _SMALLEST_PX:
            return None
        side = max(x2 - x1, y2 - y1)
        made = np.empty((side, side, 3), np.uint8)
        made[:] = self._colour
        left, top = (side - (x2 - x1)) // 2, (side - (y2 - y1)) // 2
        made[top : top + y2 - y1, left : left + x2 - x1] = image[y1:y2, x1:x2, ::-1]
        return made


class _Encoder:
    """CLIP's image encoder on a device, as `Thrifty` wants it."""

    def __init__(self, model: Any, processor: Any, device: str) -> None:
        import torch

        self._torch, self.device = torch, device
        self._model, self._where = model, ""  # moved at the first pictures, as `Thrifty` wants it
        none, one = [0.0] * 3, [1.0] * 3
        scale = processor.rescale_factor if processor.do_rescale else 1.0
        mean, std = (processor.image_mean, processor.image_std) if processor.do_normalize else (none, one)
        self._scale, self._mean, self._std = scale, *(torch.tensor(c)[:, None, None] for c in (mean, std))

    def run(self, pictures: NDArray[Any]) -> NDArray[Any]:
        """(n, size) looks of (n, 3, side, side) bytes."""
        answer: NDArray[Any] = within_memory(lambda: self._answer(pictures))
        return answer

    def to_cpu(self) -> None:
        """Run on the CPU from now on."""
        self.device = CPU

    def _answer(self, pictures: NDArray[Any]) -> NDArray[Any]:
        if self._where != self.device:
            self._where = ""  # should memory run out in the middle of it, layers are here and there
            self._model = self._model.to(device=self.device, dtype=self._number())
            self._where = self.device
        with self._torch.inference_mode():
            pixels = self._torch.from_numpy(pictures).to(self.device).float() * self._scale
            pixels = (pixels - self._mean.to(self.device)) / self._std.to(self.device)
            answer = self._model(pixel_values=pixels.to(self._model.dtype))
            looks: NDArray[Any] = answer.image_embeds.float().cpu().numpy()
        return looks

    def _number(self) -> Any:
        """16 bits on a GPU that can, else 32."""
        can = self.device.startswith("cuda") and self._torch.cuda.is_bf16_supported()
        return self._torch.bfloat16 if can else self._torch.float32


def _folder(given: str | None) -> str:
    """Where the weights are on this machine; fetched if they are a name, are not here, and there is a network."""
    if given is None:
        raise AskError(
            "the embedder 'clip' needs weights: say which", "option embedder-weights", _EXPECTED, hint=_HINT
        )
    path = Path(given).expanduser()
    if path.is_dir():
        return str(path)
    if path.exists() or path.is_absolute() or given.count("/") > 1 or given.startswith("."):
        raise NotFoundError("the weights of the embedder 'clip' are not there", str(path), _EXPECTED, hint=_HINT)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return snapshot_download(given, allow_patterns=_NEEDED, local_files_only=True)
    except (LocalEntryNotFoundError, HFValidationError):
        pass
    try:
        return snapshot_download(given, allow_patterns=_NEEDED, etag_timeout=_PATIENCE_S)
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as absent:
        raise NotFoundError(
            "the weights of the embedder 'clip' are neither on this machine nor to be had",
            where=given,
            expected=f"{_EXPECTED}; or a name on Hugging Face's hub and a network",
            found=str(absent).partition("\n")[0][:200],
            hint=_HINT,
        ) from absent


def _open(folder: str) -> tuple[Any, Any]:
    """The image encoder and the image processor in a folder."""
    from safetensors import SafetensorError
    from transformers import AutoConfig, CLIPImageProcessorPil, CLIPVisionModelWithProjection

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        if config.model_type == _WHOLE:
            config.vision_config.projection_dim = config.projection_dim
            config = config.vision_config
        if config.model_type != _HALF:
            raise _not_clip(folder, f"a model of type {config.model_type}")
        with _quiet():
            model, about = CLIPVisionModelWithProjection.from_pretrained(
                folder, config=config, local_files_only=True, output_loading_info=True
            )
        processor = CLIPImageProcessorPil.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as wrong:
        if isinstance(wrong, FormatError):
            raise
        raise _not_clip(folder, str(wrong).partition("\n")[0][:200]) from wrong
    if about["missing_keys"]:
        raise _not_clip(folder, f"no {', '.join(sorted(about['missing_keys'])[:3])}")
    return model.eval(), processor


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' bars, and its report that there is an encoder of texts beside that of pictures."""
    from transformers.utils import logging

    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


def _not_clip(folder: str, found: str) -> FormatError:
    return FormatError("these are no weights of CLIP that can be opened", folder, _EXPECTED, found, _HINT)
