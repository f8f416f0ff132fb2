"""Torchvision where it fits torch, and an import that does not break where it does not."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Final

from dwell_kit.errors import DwellError

_DECLARED: Final = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


def has_operators() -> bool:
    """Whether torchvision is there with operators that run: it was built for this very torch.

    Raises
    ------
    ModuleNotFoundError : if it is not installed.
    """
    make_importable()
    import torchvision

    return bool(torchvision.extension._has_ops())


def make_importable() -> None:
    """Let `import torchvision` succeed where it was built for another torch, as PyPI's is beside a CPU torch.

    It then has no operators of its own, and ends its import with "operator torchvision::nms does not exist", which
    also ends that of whoever looks whether it is there, such as transformers. With the two names declared (and
    nothing behind them: calling them still fails) the import ends well. Nothing is done where it works, or where
    torchvision is not installed.

    Raises
    ------
    DwellError : if it cannot be imported even so.
    """
    if "torchvision" in sys.modules or find_spec("torchvision") is None:
        return
    try:
        import torchvision  # noqa: F401
    except RuntimeError as broken:
        if "torchvision::nms" not in str(broken):
            raise _mismatch(broken) from broken
        _declare()


def _declare() -> None:
    import torch

    for name, signature in _DECLARED.items():
        torch.library.define(f"torchvision::{name}", signature)
    for module in [one for one in sys.modules if one.partition(".")[0] == "torchvision"]:
        del sys.modules[module]
    try:
        import torchvision  # noqa: F401
    except RuntimeError as broken:
        raise _mismatch(broken) from broken


def _mismatch(broken: RuntimeError) -> DwellError:
    return DwellError(
        "torchvision cannot be imported beside this torch",
        expected="two releases that belong together, from one place",
        found=str(broken).partition("\n")[0][:200],
        hint="pip uninstall torchvision, unless Faster R-CNN is wanted: nothing else here needs it",
    )
