"""One publisher at a time. The lease dies with its process, so that kill -9 leaves nothing locked."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from dwell_kit.errors import BusyError
from dwell_kit.store.database import Database

_POLL_S: Final = 0.02
_ADVISORY_KEY: Final = 7041777


@contextmanager
def publish_lease(folder: Path, database: Database, *, timeout_s: float) -> Iterator[None]:
    """Hold the workspace's publish lease: a file lock, and an advisory lock where several hosts share PostgreSQL.

    Raises
    ------
    BusyError : if another process keeps it for longer than `timeout_s`.
    """
    with _file_lock(folder / "publish.lock", timeout_s):
        if database.engine.dialect.name != "postgresql":
            yield
            return
        with database.engine.connect() as connection:
            connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_KEY})
            try:
                yield
            finally:
                connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_KEY})


@contextmanager
def _file_lock(path: Path, timeout_s: float) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait(handle, path, time.monotonic() + timeout_s, timeout_s)
        yield
    finally:
        os.close(handle)


def _wait(handle: int, path: Path, deadline: float, timeout_s: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise BusyError(
                    "another process is publishing to this workspace",
                    where=str(path),
                    expected=f"the lease within {timeout_s:g} s",
                    hint="wait for it to finish, or raise DWELL_LEASE_TIMEOUT_S",
                ) from None
            time.sleep(_POLL_S)
        else:
            return
