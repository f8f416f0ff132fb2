"""Jobs that tests run in processes of their own, and kill."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

PRELOAD = ["dwell_kit.workspace.facade", "dwell_kit.ingest.readers", "dwell_kit.ingest.appearances"]


def context() -> ForkServerContext:
    """Processes forked from a server that has the modules loaded and no thread running."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(PRELOAD)
    return made


def dying(die_at: str | None, nth: int = 1) -> Callable[[str], None]:
    """A listener that kills its process at the nth time that step `die_at` is reached."""
    count = 0

    def step(name: str) -> None:
        nonlocal count
        count += name == die_at
        if name == die_at and count == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


def ingest(workspace: str, files: list[str], die_at: str | None = None, nth: int = 1) -> None:
    """Ingest files; kill this process at the nth time that step `die_at` is reached."""
    import dwell_kit as dk

    step = dying(die_at, nth)
    with dk.open(workspace) as ws:
        for file in files:
            ws.ingest(file, step=step, block_bytes=8192)


def start(workspace: Path, *files: Path, die_at: str | None = None, nth: int = 1) -> ForkServerProcess:
    """`ingest` in a new process."""
    process = context().Process(target=ingest, args=(str(workspace), [str(f) for f in files], die_at, nth))
    process.start()
    return process


def erase(workspace: str, person: str, die_at: str) -> None:
    """Erase a person; kill this process at step `die_at`."""
    import dwell_kit as dk

    with dk.open(workspace) as ws:
        ws.erase(person, step=dying(die_at))


def start_erasure(workspace: Path, person: str, *, die_at: str) -> ForkServerProcess:
    """`erase` in a new process."""
    process = context().Process(target=erase, args=(str(workspace), person, die_at))
    process.start()
    return process


def track(workspace: str, cameras: list[dict[str, Any]], die_at: str, nth: int, more: dict[str, Any]) -> None:
    """Track live cameras; kill this process at the nth time that step `die_at`, or that frame, is reached."""
    import dwell_kit as dk

    def progress(_at_s: float, _length_s: float | None, status: list[Any]) -> None:
        if die_at == "frame" and status[0].frames >= nth:
            os.kill(os.getpid(), signal.SIGKILL)

    with dk.open(workspace) as ws:
        ws.track(cameras, step=dying(die_at, nth), progress=progress, **more)


def start_tracking(
    workspace: Path, cameras: list[dict[str, Any]], *, die_at: str, nth: int = 1, **more: Any
) -> ForkServerProcess:
    """`track` in a new process."""
    process = context().Process(target=track, args=(str(workspace), cameras, die_at, nth, more))
    process.start()
    return process
