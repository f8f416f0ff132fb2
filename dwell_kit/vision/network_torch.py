"""Ultralytics' own weights by torch, on the CPU or a GPU; boxes and suppression are ours."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import FormatError
from dwell_kit.vision.devices import CPU, torch_device, within_memory
from dwell_kit.vision.networks import NetworkFacts
from dwell_kit.vision.ultralytics_import import import_tasks

_STRIDE: Final = 32


class TorchNetwork:
    """A `.pt` file.

    It is opened as data: a file that holds anything but tensors and Ultralytics' own layers is refused.

    Parameters
    ----------
    path : the file. device : as `torch_device`. least : boxes that score no more may be left out of answers, which
        are large: eighty scores for each of thousands of places, of a few persons.

    Raises
    ------
    FormatError : if the file is damaged or no such weights. InputError : as `NetworkFacts.of`, `torch_device`.
    """

    def __init__(self, path: Path, *, device: str | None, least: float = 0.0) -> None:
        tasks = import_tasks()
        import torch

        self._torch, self._least = torch, least
        self.device = torch_device(device)
        try:
            self._model, _ = tasks.load_checkpoint(str(path), device=torch.device(CPU), fuse=True)
        except (TypeError, KeyError, EOFError, pickle.UnpicklingError, RuntimeError, AttributeError) as wrong:
            raise FormatError(
                "these are no weights that can be opened",
                where=str(path),
                expected="a .pt of Ultralytics, whole, of tensors and its own layers only",
                found=str(wrong).partition("\n")[0][:200],
                hint="export them to ONNX where they were trained, or fetch them anew",
            ) from wrong
        self._where = CPU  # moved at the first pictures, where it is known what to do when memory runs out
        model = self._model
        said = {
            "task": model.task,
            "names": model.names if isinstance(model.names, dict) else dict(enumerate(model.names)),
            "imgsz": model.args["imgsz"],
            "stride": max(int(model.stride.max()), _STRIDE),
            "head": type(model.model[-1]).__name__,
        }
        self.facts = NetworkFacts.of(said, any_shape=True, most=None, where=path)

    def run(self, pictures: NDArray[Any]) -> NDArray[Any]:
        """Answers to (n, height, width, 3) BGR bytes.

        Raises
        ------
        OutOfMemoryError : if they do not fit on the GPU together.
        """
        answer: NDArray[Any] = within_memory(lambda: self._answer(pictures))
        return answer

    def to_cpu(self) -> None:
        """Run on the CPU from now on."""
        self.device = CPU

    def _answer(self, pictures: NDArray[Any]) -> NDArray[np.float32]:
        torch = self._torch
        if self._where != self.device:
            self._where = ""  # should memory run out in the middle of it, layers are here and there
            self._model = self._model.to(self.device)
            self._where = self.device
        with torch.inference_mode():
            bgr = torch.from_numpy(pictures).to(self.device)
            batch = bgr.permute(0, 3, 1, 2).contiguous().flip(1).float().div_(255)
            answer = self._model(batch)
            if isinstance(answer, (list, tuple)):
                answer = answer[0]
            found: NDArray[np.float32] = self._scored(answer.float()).cpu().numpy()
        return found

    def _scored(self, answer: Any) -> Any:
        """Of a YOLO's (n, 4 + classes, a) the columns that score enough, as many as the fullest picture has."""
        if self.facts.detr or answer.ndim != 3 or answer.shape[1] != 4 + self.facts.classes:
            return answer
        score = answer[:, 4:].amax(1).nan_to_num(0)
        most = int((score > self._least).sum(1).max())
        place = score.topk(most, dim=1).indices.sort(dim=1).values  # in their order, which decides between equals
        return answer.gather(2, place[:, None].expand(-1, answer.shape[1], -1))
