"""Packages that only some rooms of vision need, and how each is installed."""

from __future__ import annotations

from typing import Final

from dwell_kit.errors import DwellError

_TORCH: Final = "pip install torch, the build for this machine (see README), then"
_INSTALLED_BY: Final = {
    "onnxruntime": 'pip install "dwell-kit[onnx]"',
    "openvino": 'pip install "dwell-kit[openvino]"',
    "torch": f'{_TORCH} "dwell-kit[yolo]" or "dwell-kit[clip]"',
    "torchvision": "pip install torchvision from where torch came from, in the release that belongs to it",
    "transformers": f'{_TORCH} "dwell-kit[clip]"',
    "ultralytics": f'{_TORCH} "dwell-kit[yolo]" (AGPL-3.0); weights exported to ONNX or OpenVINO need neither',
}


def not_installed(what: str, missing: ModuleNotFoundError) -> DwellError:
    """The error that says what needs a package and the line that installs it.

    >>> print(not_installed("the detector 'yolo'", ModuleNotFoundError(name="onnxruntime")))
    the detector 'yolo' needs a package that is not installed
      expected: onnxruntime
      hint: pip install "dwell-kit[onnx]"
    """
    return DwellError(
        f"{what} needs a package that is not installed",
        expected=missing.name,
        hint=_INSTALLED_BY.get((missing.name or "").partition(".")[0], 'pip install "dwell-kit[vision]"'),
    )
