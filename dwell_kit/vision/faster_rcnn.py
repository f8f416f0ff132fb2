"""Persons by torchvision's Faster R-CNN, where torchvision belongs to the torch that is there."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import DwellError, FormatError
from dwell_kit.vision.background import Image
from dwell_kit.vision.boxes import Detections
from dwell_kit.vision.detect import DetectorOptions
from dwell_kit.vision.devices import CPU, OutOfMemoryError, torch_device, within_memory
from dwell_kit.vision.torchvision_import import has_operators
from dwell_kit.vision.weights import find_weights

_PERSON: Final = 1
"""Torchvision counts the background as class 0."""
_LEAST: Final = 0.1
_HINT: Final = (
    "fetch fasterrcnn_resnet50_fpn_v2_coco (pytorch.org, torchvision's models) where there is a network, "
    "and put it there"
)


class FasterRcnnDetector:
    """What a torchvision model for detection finds of persons.

    Parameters
    ----------
    model : a torchvision detection model, in evaluation mode. device : where it is to run.
    least_confidence : boxes must be more confident.
    """

    shared = True

    def __init__(self, model: Any, *, device: str = CPU, least_confidence: float = _LEAST) -> None:
        self._model, self.device, self._least = model, device, least_confidence
        self._where = ""  # moved at the first picture, where it is known what to do when memory runs out
        self.note = ""

    @classmethod
    def of(cls, options: DetectorOptions) -> Self:
        """The v2 model with a ResNet-50 and 91 classes of COCO, from a file of its weights.

        Raises
        ------
        DwellError : if torchvision has no operators here. AskError, NotFoundError : as `find_weights`.
        FormatError : if the file holds other weights.
        """
        check_torchvision()
        expected = "a .pth of fasterrcnn_resnet50_fpn_v2"
        path = find_weights(options.weights, whose="the detector 'faster-rcnn'", expected=expected, hint=_HINT)
        device = torch_device(options.device)
        least = _LEAST if options.least_confidence is None else options.least_confidence
        return cls(_open(path, expected), device=device, least_confidence=least)

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The persons in each picture (h, w, 3) BGR, one picture at a time.

        Raises
        ------
        DwellError : if memory runs out on the CPU as well.
        """
        return [self._one(image) for image in images]

    def _one(self, image: Image) -> Detections:
        try:
            found = within_memory(lambda: self._answer(image))
        except OutOfMemoryError as full:
            if self.device == CPU:
                raise DwellError("the network does not fit into memory", where=CPU, found=str(full)) from full
            self.note = f"out of memory on {self.device}: runs on the CPU"
            self.device, self._where = CPU, ""
            return self._one(image)
        kept = (found["labels"] == _PERSON) & (found["scores"] > self._least)
        return Detections(
            found["boxes"][kept].astype(np.float64),
            found["scores"][kept].astype(np.float64),
            np.zeros(int(kept.sum()), np.int64),
        )

    def _answer(self, image: Image) -> dict[str, NDArray[Any]]:
        import torch

        if self._where != self.device:
            self._model = self._model.to(self.device)
            self._where = self.device
        with torch.inference_mode():
            rgb = torch.from_numpy(np.ascontiguousarray(image[..., ::-1])).to(self.device)
            (found,) = self._model([rgb.permute(2, 0, 1).float().div_(255)])
            return {name: column.float().cpu().numpy() for name, column in found.items()}


def check_torchvision() -> None:
    """Refuse where torchvision's operators do not run.

    Raises
    ------
    DwellError : saying why, and what to do. ModuleNotFoundError : if torch or torchvision is not installed.
    """
    if has_operators():
        return
    import torch
    import torchvision

    raise DwellError(
        "the detector 'faster-rcnn' needs torchvision's own operators, and they do not run here",
        where=f"torchvision {torchvision.__version__} beside torch {torch.__version__}",
        expected="a torchvision that was built for this very torch",
        found="one built for another torch, as PyPI's is for CUDA",
        hint="install both from one place, such as PyTorch's index for CPUs; or --detector yolo, which needs none",
    )


def _open(path: Path, expected: str) -> Any:
    import torch
    from torchvision.models import detection

    model = detection.fasterrcnn_resnet50_fpn_v2(weights=None, weights_backbone=None)
    try:
        model.load_state_dict(torch.load(path, map_location=CPU, weights_only=True))
    except (RuntimeError, pickle.UnpicklingError, EOFError, TypeError, AttributeError) as wrong:
        found = str(wrong).partition("\n")[0][:200]
        raise FormatError("these are no weights that can be opened", str(path), expected, found) from wrong
    return model.eval()
