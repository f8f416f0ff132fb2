"""Where networks run, and what is done when its memory runs out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import DwellError, InputError

CPU: Final = "cpu"
Array = NDArray[Any]


class OutOfMemoryError(Exception):
    """The device has no room for so many pictures at once; only `Thrifty` sees it."""


class Movable(Protocol):
    """A network that can leave the GPU."""

    @property
    def device(self) -> str:
        """Where it runs now: `cpu`, or the name of another device."""

    def run(self, pictures: Array) -> Array:
        """(n, …) answers to (n, …) pictures. Raises `OutOfMemoryError` if they do not fit."""

    def to_cpu(self) -> None:
        """Run on the CPU from now on."""


class Thrifty:
    """Shows a network as many pictures at a time as fit: half as many when memory runs out, then the CPU.

    What was learnt is kept for the rest of the run, and said in `note`.

    Parameters
    ----------
    network : what answers. most : pictures at a time, at first; None is all there are.
    """

    def __init__(self, network: Movable, *, most: int | None = None) -> None:
        self._network, self._most = network, most
        self.note = ""

    def run(self, pictures: Array) -> Array:
        """(n, …) answers to (n, …) pictures, n at least 1. Raises as `answers`."""
        answers = self.answers(pictures)
        return answers[0] if len(answers) == 1 else np.concatenate(answers)

    def answers(self, pictures: Array) -> list[Array]:
        """The same as they come, batch by batch: where their sizes differ from one to the next.

        Raises
        ------
        DwellError : if not even one fits on the CPU.
        """
        answers: list[Array] = []
        at = 0
        while at < len(pictures):
            some = pictures[at : at + (self._most or len(pictures))]
            try:
                answers.append(self._network.run(some))
            except OutOfMemoryError as full:
                self._spare(len(some), full)
            else:
                at += len(some)
        return answers

    def _spare(self, size: int, full: OutOfMemoryError) -> None:
        """Ask less of the device from now on."""
        device = self._network.device
        if size > 1:
            self._most = size // 2
            self.note = f"out of memory on {device}: {self._most} pictures at a time"
            return
        if device == CPU:
            raise DwellError(
                "the network does not fit into memory",
                where=CPU,
                expected="room for one picture",
                found=str(full),
                hint="smaller weights",
            ) from full
        self._network.to_cpu()
        self._most = None
        self.note = f"out of memory on {device}, even for one picture: runs on the CPU"


def torch_device(asked: str | None) -> str:
    """The device for torch: as asked, else a CUDA GPU if torch sees one, else the CPU.

    Raises
    ------
    InputError : if torch knows no such device, or a GPU is asked for and torch sees none.
    """
    import torch

    if asked is None:
        return "cuda:0" if torch.cuda.is_available() else CPU
    try:
        kind = torch.device(asked)
    except RuntimeError as wrong:
        raise InputError("there is no such device", "option device", "cpu, cuda, cuda:1 …", asked) from wrong
    seen = torch.cuda.device_count()
    if kind.type == "cuda" and (kind.index or 0) >= seen:
        raise InputError(
            "torch does not see this GPU",
            "option device",
            ", ".join([CPU, *(f"cuda:{i}" for i in range(seen))]),
            asked,
            hint="a CUDA build of torch and a driver that belongs to it, or --device cpu",
        )
    return str(kind)


def within_memory(run: Callable[[], Any]) -> Any:
    """What `run` gives; torch's own error about memory as `OutOfMemoryError`.

    Raises
    ------
    OutOfMemoryError : if the device is full.
    """
    import torch

    try:
        return run()
    except torch.OutOfMemoryError as full:
        torch.cuda.empty_cache()
        raise OutOfMemoryError(str(full).partition(". ")[0]) from full
