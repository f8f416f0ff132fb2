"""Work beside the server: a process of its own, whose progress is a small file that anybody may read."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import shutil
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Final

from dwell_kit.serve.answers import shown

_EVERY_S: Final = 0.2
_KILLED: Final = {
    "what": "the process that was at it was ended from outside",
    "hint": "try again; if it happens again, the machine may be short of memory",
}
_GONE: Final = {"what": "the server was ended before this was done", "hint": "start it again"}
_JOB: Final = re.compile(r"[0-9a-f]{32}")
_KEPT_S: Final = 86_400.0


class Jobs:
    """Files that wait to be ingested, one after the other, and what became of them."""

    def __init__(self, workspace: Path, folder: Path) -> None:
        self._workspace = workspace
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._pool: ProcessPoolExecutor | None = None
        self._bury()

    def submit(self, job: str, path: Path, options: dict[str, Any]) -> None:
        """Ingest `path` and remove it; `said(job)` tells how far it is."""
        self.start(job, ingest, (str(self._workspace), str(path), options), share=None)

    def start(self, job: str, work: Callable[..., None], arguments: tuple[Any, ...], **known: Any) -> None:
        """Call `work(*arguments, status)` in the process; it writes how far it is to the file `status`.

        `known` is said of the job from the beginning.
        """
        write(self._status(job), {"state": "waiting", "asked": time.time(), "server": os.getpid(), **known})
        given = (work, *arguments, str(self._status(job)))
        if self._pool is None:  # many servers never see an upload
            self._pool = _process()
        try:
            running = self._pool.submit(*given)
        except BrokenProcessPool:  # it was killed: perhaps memory was short
            self._pool = _process()
            running = self._pool.submit(*given)
        running.add_done_callback(lambda done: self._ended(job, done))

    def _bury(self) -> None:
        """What servers that are gone have left: their jobs failed, and the files that waited go after a day."""
        for path in self._folder.glob("*.json"):
            said = self.said(path.stem) or {}
            if said.get("state") in {"waiting", "running"} and not _lives(said.get("server")):
                write(path, {**said, "state": "failed", "error": dict(_GONE)})
        for path in self._folder.parent.iterdir():
            if _JOB.fullmatch(path.name) and time.time() - path.stat().st_mtime > _KEPT_S:
                shutil.rmtree(path, ignore_errors=True)

    def _ended(self, job: str, done: Future[None]) -> None:
        """Whoever waits for a job whose process was killed hears of it, and its file goes."""
        if done.cancelled() or done.exception() is None:
            return
        shutil.rmtree(self.folder(job), ignore_errors=True)
        known = {**(self.said(job) or {}), "state": "failed", "error": dict(_KILLED)}
        write(self._status(job), known)

    def said(self, job: str) -> dict[str, Any] | None:
        """state (waiting, ingesting, done, failed), share of the bytes read, and the report or the error."""
        try:
            return json.loads(self._status(job).read_text())
        except FileNotFoundError:
            return None

    def close(self) -> None:
        """Let go of the process once it has finished what it is at."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def folder(self, job: str) -> Path:
        """What a job may fill: it goes if its process is killed."""
        return self._folder.parent / job

    def _status(self, job: str) -> Path:
        return self._folder / f"{job}.json"


def _lives(pid: int | None) -> bool:
    """Whether there is such a process; of a job that does not say whose it is nobody knows."""
    if pid is None:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))


def ingest(workspace: str, path: str, options: dict[str, Any], status: str) -> None:
    """What the process does with one file; nothing it raises is lost."""
    import dwell_kit as dk

    told = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told > _EVERY_S:
            told = time.monotonic()
            write(Path(status), {"state": "ingesting", "share": min(done / total, 1.0) if total else None})

    try:
        with dk.open(workspace) as ws:
            report = ws.ingest(path, progress=progress, **options).as_dict()
    except Exception as error:  # noqa: BLE001 - the person who waits has to hear of it, whatever it is
        said: dict[str, Any] = {"state": "failed", "error": shown(error)}
    else:
        names = ("upload_id", "rows_read", "accepted", "rejected", "score", "repeated")
        said = {"state": "done", "report": {name: report[name] for name in names}}
    finally:
        shutil.rmtree(Path(path).parent, ignore_errors=True)
    write(Path(status), said)  # when nothing of the file is left


def write(path: Path, said: dict[str, Any]) -> None:
    """Replace a status in one step: whoever reads it sees the old one or the new one."""
    staging = path.with_suffix(f".{os.getpid()}.part")
    staging.write_text(json.dumps(said, default=str))
    staging.replace(path)
