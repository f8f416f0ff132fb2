"""Calls that tests hand to other processes."""

from __future__ import annotations

import os
import time
from pathlib import Path

from distributed import get_worker

from dwell_kit.errors import NotFoundError


def add(a: int, b: int) -> int:
    return a + b


def refuse(where: str) -> None:
    raise NotFoundError("there is no such thing", where=where, hint="look elsewhere")


def fail_once(marker: Path) -> str:
    if marker.exists():
        return "again"
    marker.touch()
    raise OSError("the disk was away")


def die_once(marker: Path, value: int) -> int:
    """The process is killed in the middle of its first call."""
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), 9)
    return value


def linger(marker: Path, seconds: float) -> None:
    marker.touch()
    time.sleep(seconds)


def resources_here() -> dict[str, float]:
    return dict(get_worker().state.total_resources)
