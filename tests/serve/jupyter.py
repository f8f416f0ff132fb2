"""A real Jupyter server for tests: no settings of the user's, a token, a free port, a path before it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

TOKEN = "for-this-test-only"
_OTHERS = ("voila.server_extension", "panel.io.jupyter_server_extension")


@dataclass(frozen=True)
class Jupyter:
    """A server under `url`, with its folder and its process."""

    url: str
    root: Path
    pid: int


def _listens(url: str) -> bool:
    """Whether somebody answers there: a server writes down where it will be before it is."""
    at = urlsplit(url)
    try:
        socket.create_connection((str(at.hostname), at.port or 80), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def running(app: str, home: Path, root: Path) -> Iterator[Jupyter]:
    """`app` (jupyterlab, jupyter_server) on `root`, as `pip install` has set it up; it writes home/log."""
    folders = {name: home / name for name in ("config", "data", "runtime", "ipython")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    settings = {
        "ServerApp": {"base_url": "/people/", "jpserver_extensions": dict.fromkeys(_OTHERS, False)},
        "IdentityProvider": {"token": TOKEN},
        "LabApp": {"check_for_updates_class": "jupyterlab.NeverCheckForUpdate", "news_url": None},
    }
    (folders["config"] / "jupyter_server_config.json").write_text(json.dumps(settings))
    environment = {
        **os.environ, "JUPYTER_CONFIG_DIR": str(folders["config"]), "JUPYTER_DATA_DIR": str(folders["data"]),
        "JUPYTER_RUNTIME_DIR": str(folders["runtime"]), "IPYTHONDIR": str(folders["ipython"]),
    }  # fmt: skip
    command = [sys.executable, "-m", app, "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"]
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(
            [*command, f"--ServerApp.root_dir={root}"], env=environment, cwd=home, stdout=log, stderr=log
        ) as process,
    ):
        said = folders["runtime"] / f"jpserver-{process.pid}.json"
        until = time.monotonic() + 60
        while not (
            said.exists() and said.read_text().endswith("}") and _listens(json.loads(said.read_text())["url"])
        ):
            assert process.poll() is None, (home / "log").read_text()
            assert time.monotonic() < until, (home / "log").read_text()
            time.sleep(0.05)
        try:
            yield Jupyter(json.loads(said.read_text())["url"], root, process.pid)
        finally:
            process.terminate()
