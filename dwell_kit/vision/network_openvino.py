"""Exported weights by OpenVINO, the fastest on Intel's processors: neither torch nor Ultralytics is needed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from dwell_kit.errors import FormatError, InputError
from dwell_kit.vision.devices import CPU
from dwell_kit.vision.network_onnx import as_input
from dwell_kit.vision.networks import NetworkFacts


class OpenVinoNetwork:
    """A folder that Ultralytics exported: `.xml`, `.bin` and `metadata.yaml`.

    Parameters
    ----------
    path : the folder, or the `.xml` in it. device : one of OpenVINO's, such as cpu or gpu; None is the CPU.

    Raises
    ------
    FormatError : if a file is missing or damaged. InputError : if the device is not there, or as
    `NetworkFacts.of`.
    """

    def __init__(self, path: Path, *, device: str | None) -> None:
        import openvino

        file = _xml(path)
        core = openvino.Core()
        self.device = (device or CPU).lower()
        known = [one.lower() for one in core.available_devices]
        if self.device not in known:
            raise InputError("OpenVINO cannot run there", "option device", ", ".join(known), str(device))
        try:
            model = core.read_model(str(file))
            self._compiled = core.compile_model(model, self.device.upper(), {"PERFORMANCE_HINT": "LATENCY"})
        except RuntimeError as wrong:
            raise FormatError(
                "these are no weights that can be opened",
                where=str(file),
                expected="a whole .xml with its .bin beside it",
                found=str(wrong).partition("\n")[0][:200],
            ) from wrong
        number, _, *sides = model.input().get_partial_shape()
        about = file.parent / "metadata.yaml"
        said = yaml.safe_load(about.read_text()) if about.is_file() else {}
        fixed = all(side.is_static for side in sides)
        if fixed and "imgsz" in said:
            said["imgsz"] = [side.get_length() for side in sides]
        most = number.get_length() if number.is_static else None
        self.facts = NetworkFacts.of(said, any_shape=not fixed, most=most, where=file.parent)

    def run(self, pictures: NDArray[Any]) -> NDArray[Any]:
        """Answers to (n, height, width, 3) BGR bytes."""
        answer: NDArray[Any] = np.array(self._compiled([as_input(pictures)])[0])
        return answer

    def to_cpu(self) -> None:
        """Nothing: it never asks for it."""


def _xml(path: Path) -> Path:
    if path.is_file():
        return path
    found = sorted(path.glob("*.xml"))
    if len(found) != 1:
        raise FormatError(
            "this is no folder of OpenVINO",
            where=str(path),
            expected="one .xml, its .bin and metadata.yaml",
            found=", ".join(one.name for one in found) or "no .xml",
        )
    return found[0]
