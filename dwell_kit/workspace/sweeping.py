"""What a killed process left behind: found by its dead lock, removed before the next ingest."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa

from dwell_kit.store import database as db
from dwell_kit.store import snapshots, uploads
from dwell_kit.store.lake import TABLES, files
from dwell_kit.workspace import remembering
from dwell_kit.workspace.handle import Handle
from dwell_kit.workspace.journal import STATE

_LOCK = ".lock"
_TRACKS = ".tracks"


@contextmanager
def claim(ws: Handle, upload_id: str) -> Iterator[None]:
    """Say that this process works on an upload; the kernel takes the claim back when the process ends."""
    path = ws.layout.temporary / f"{upload_id}{_LOCK}"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _held(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _held(path: Path) -> int:
    """The lock at a path, held; a file that somebody removed before it was is none any more."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if _is_at(handle, path):
            return handle
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def _free(lock: Path, *, make: bool = False) -> Iterator[bool | None]:
    """Whether nobody works on what a lock is of; nobody does while the block lasts. None if there is no lock."""
    try:
        handle = os.open(lock, os.O_RDWR | (os.O_CREAT if make else 0), 0o600)
    except FileNotFoundError:
        yield None
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True if _is_at(handle, lock) else None
    finally:
        os.close(handle)


def tracks_folder(ws: Handle, run_id: str) -> Path:
    """Where a run of tracking keeps its positions until they are stored."""
    return ws.layout.temporary / f"{run_id}{_TRACKS}"


@contextmanager
def take_over(ws: Handle) -> Iterator[list[Path]]:
    """The folders of runs that were killed and can be stored all the same; ours while the block lasts."""
    with ExitStack() as locks:
        mine = []
        for state in sorted(ws.layout.temporary.glob(f"*{_TRACKS}/{STATE}")):
            lock = ws.layout.temporary / f"{state.parent.stem}{_LOCK}"
            if locks.enter_context(_free(lock, make=True)):
                locks.callback(lock.unlink, missing_ok=True)
                if state.exists():  # else somebody else has stored it by now
                    mine.append(state.parent)
        yield mine


def sweep(ws: Handle) -> list[str]:
    """Remove the leavings of uploads whose process is gone; returns their ids."""
    swept = []
    for lock in sorted(ws.layout.temporary.glob(f"*{_LOCK}")):
        with _free(lock) as free:
            if free:
                _remove(ws, lock.name.removesuffix(_LOCK))
                lock.unlink(missing_ok=True)
                swept.append(lock.name.removesuffix(_LOCK))
    drop_looks(ws)
    return swept


def drop_looks(ws: Handle) -> None:
    """Remove the looks of uploads that are taken back, or were never shown and are not on their way."""
    there = remembering.galleries(ws)
    alive = living(ws)  # before the snapshot is read: who has ended by now is shown by it, or never will be
    with ws.database.read() as connection:
        shown = snapshots.uploads_in(connection, snapshots.latest(connection).id) if there else set()
    for folder in there:
        if folder.name not in alive | shown:
            shutil.rmtree(folder, ignore_errors=True)


def _remove(ws: Handle, upload_id: str) -> None:
    (ws.layout.temporary / f"{upload_id}.raw").unlink(missing_ok=True)
    if not (tracks_folder(ws, upload_id) / STATE).exists():  # what a live run saw nobody can see again
        shutil.rmtree(tracks_folder(ws, upload_id), ignore_errors=True)
    with ws.database.read() as connection:
        found = [u for u in uploads.history(connection) if u["upload_id"] == upload_id]
        newest = snapshots.latest(connection)
    if not found or found[0]["status"] != uploads.PENDING:
        return
    named = files(ws.lake, newest.versions)
    for table in TABLES.values():
        for path in ws.lake.folder(table).glob(f"**/{upload_id}-*.parquet"):
            if path not in named:
                path.unlink(missing_ok=True)
    shutil.rmtree(ws.layout.payload / str(found[0]["seq"]), ignore_errors=True)
    with ws.database.write() as connection:
        uploads.change(connection, found[0]["seq"], status=uploads.FAILED, notes="interrupted")


def remove_unnamed(ws: Handle, *, keep_versions: int) -> int:
    """Delete data files that no kept snapshot names and no living upload is writing; returns how many."""
    with ws.database.read() as connection:
        query = sa.select(db.snapshots.c.id).where(db.snapshots.c.erased_at.is_(None))
        ids = list(connection.execute(query.order_by(db.snapshots.c.id.desc()).limit(keep_versions)).scalars())
        kept = [snapshots.get(connection, i) for i in ids]
    named = set().union(*[files(ws.lake, snapshot.versions) for snapshot in kept]) if kept else set()
    alive = living(ws)
    removed = 0
    for table in TABLES.values():
        for path in ws.lake.folder(table).glob("**/*.parquet"):
            if "_delta_log" in path.parts or path in named or path.name.split("-")[0] in alive:
                continue
            path.unlink(missing_ok=True)
            removed += 1
    if kept:
        with ws.database.write() as connection:
            snapshots.forget_before(connection, kept[-1].id, now=ws.now())
    return removed


def living(ws: Handle) -> set[str]:
    """Ids of uploads that a running process is working on."""
    alive = set()
    for lock in ws.layout.temporary.glob(f"*{_LOCK}"):
        with _free(lock) as free:
            if free is False:
                alive.add(lock.name.removesuffix(_LOCK))
    return alive
