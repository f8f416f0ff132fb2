"""A real PostgreSQL of the tests' own: in a temporary folder, on a free port of the loopback address."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DEBIAN = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """The folder of initdb and pg_ctl, if PostgreSQL is installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return next((p.parent for p in sorted(_DEBIAN.glob("*/bin/initdb"), reverse=True)), None)


@contextmanager
def cluster() -> Iterator[str]:
    """Make a cluster, start it, give its URL, stop it.

    Not in pytest's own folder: another run of pytest closes that to all but its user while this one goes on.
    """
    with tempfile.TemporaryDirectory(prefix="dwell-pg-") as folder:
        yield from _running(Path(folder))


def _running(data: Path) -> Iterator[str]:
    home = programs()
    assert home is not None
    run = _as_postgres(data) if os.geteuid() == 0 else []
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def do(*command: str) -> None:
        done = subprocess.run([*run, *command], capture_output=True, text=True, check=False, cwd="/")
        assert done.returncode == 0, done.stderr + done.stdout

    do(str(home / "initdb"), "-D", str(data), "-U", "dwell", "--auth=trust", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={data} -c fsync=off"
    log = str(data / "log")
    do(str(home / "pg_ctl"), "-D", str(data), "-o", options, "-l", log, "-w", "start")
    try:
        yield f"postgresql+psycopg://dwell@127.0.0.1:{port}/postgres"
    finally:
        do(str(home / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")


def _as_postgres(data: Path) -> list[str]:
    """PostgreSQL refuses to run as root: the folder and the process are the system user's of that name."""
    shutil.chown(data, "postgres")
    return ["runuser", "-u", "postgres", "--"]
