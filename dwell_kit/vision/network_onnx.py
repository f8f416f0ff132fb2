"""Exported weights by ONNX Runtime: neither torch nor Ultralytics is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import FormatError, InputError
from dwell_kit.vision.devices import CPU, OutOfMemoryError
from dwell_kit.vision.networks import NetworkFacts

_CUDA: Final = "CUDAExecutionProvider"
_FULL: Final = ("Failed to allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


class OnnxNetwork:
    """An `.onnx` file that Ultralytics exported, of 32 or 16 bits.

    Parameters
    ----------
    path : the file. device : cpu, cuda or cuda:1 …; None is a GPU if ONNX Runtime was built for one.

    Raises
    ------
    FormatError : if the file is damaged. InputError : if the device is not there, or as `NetworkFacts.of`.
    """

    def __init__(self, path: Path, *, device: str | None) -> None:
        import onnxruntime

        self._runtime, self._path = onnxruntime, path
        self.device = _device(device, onnxruntime.get_available_providers())
        self._open()
        (given,) = self._session.get_inputs()
        self._name, self._number = given.name, np.float16 if "float16" in given.type else np.float32
        number, _, *sides = given.shape
        said = dict(self._session.get_modelmeta().custom_metadata_map)
        if all(isinstance(side, int) for side in sides) and "imgsz" in said:
            said["imgsz"] = str(list(sides))
        self.facts = NetworkFacts.of(
            said,
            any_shape=not all(isinstance(side, int) for side in sides),
            most=number if isinstance(number, int) else None,
            where=path,
        )

    def run(self, pictures: NDArray[Any]) -> NDArray[Any]:
        """Answers to (n, height, width, 3) BGR bytes.

        Raises
        ------
        OutOfMemoryError : if they do not fit on the GPU together.
        """
        batch = as_input(pictures).astype(self._number, copy=False)
        try:
            answer: NDArray[Any] = self._session.run(None, {self._name: batch})[0]
        except self._failures as failure:
            if any(words in str(failure) for words in _FULL):
                raise OutOfMemoryError(str(failure)[:200]) from failure
            raise
        return answer.astype(np.float32, copy=False)

    def to_cpu(self) -> None:
        """Run on the CPU from now on."""
        self.device = CPU
        self._open()

    def _open(self) -> None:
        state = self._runtime.capi.onnxruntime_pybind11_state
        self._failures: tuple[type[Exception], ...] = (state.RuntimeException, state.Fail)
        providers: list[Any] = ["CPUExecutionProvider"]
        if self.device != CPU:
            providers.insert(0, (_CUDA, {"device_id": int(self.device.partition(":")[2] or 0)}))
        options = self._runtime.SessionOptions()
        options.log_severity_level = 3  # errors
        try:
            self._session = self._runtime.InferenceSession(str(self._path), options, providers=providers)
        except (state.InvalidProtobuf, state.InvalidGraph, state.InvalidArgument, state.Fail) as wrong:
            raise FormatError(
                "these are no weights that can be opened",
                where=str(self._path),
                expected="a whole .onnx file",
                found=str(wrong).partition("\n")[0][:200],
            ) from wrong


def as_input(pictures: NDArray[Any]) -> NDArray[np.float32]:
    """(n, 3, height, width) RGB, 0 to 1, of (n, height, width, 3) BGR bytes."""
    return np.ascontiguousarray(pictures[..., ::-1].transpose(0, 3, 1, 2), np.float32) / np.float32(255)


def _device(asked: str | None, providers: list[str]) -> str:
    if asked == CPU or (asked is None and _CUDA not in providers):
        return CPU
    if asked is not None and (_CUDA not in providers or not asked.startswith("cuda")):
        raise InputError(
            "ONNX Runtime cannot run there",
            "option device",
            "cpu, cuda, cuda:1 …" if _CUDA in providers else CPU,
            asked,
            hint="for a GPU: pip install onnxruntime-gpu in place of onnxruntime",
        )
    return asked or "cuda:0"
