"""A door of dwell_kit as a process: where it is, what it holds in memory, and when it has come to rest."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from dwell_kit.ui.pages import PAGES

DOORS = ("gateway", "voila")
_COMMAND = {"gateway": "serve", "voila": "dashboards"}
_PATIENCE_S = 180.0


class Served:
    """`dwell serve` or `dwell dashboards` on a workspace, for as long as the block runs."""

    def __init__(self, door: str, workspace: Path, *, preheat: int = 1) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.door = door
        self.url = f"http://127.0.0.1:{port}/"
        where = ["--workspace", str(workspace), "--port", str(port)]
        more = ["--preheat", str(preheat)] if door == "voila" else []
        self._ahead = len(PAGES) * preheat if door == "voila" else 0
        self._command = [sys.executable, "-m", "dwell_kit", _COMMAND[door], *where, *more]

    def __enter__(self) -> Served:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._tree = psutil.Process(self._process.pid)
        self.settle()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(30)

    def health(self) -> dict[str, Any]:
        """What the server says of itself; empty while it does not listen."""
        try:
            with urllib.request.urlopen(self.url + "health") as answer:
                return json.load(answer)
        except urllib.error.URLError:
            return {}

    def settle(self) -> None:
        """Wait until it listens, and Voilà's kernels wait for visitors and for nothing else."""
        self._until(lambda said: said.get("kernels", 0) == said.get("waiting", 0) and not said.get("sessions"))

    def refill(self) -> None:
        """Wait until there are as many kernels for the next visitors as there were for these."""
        self._until(lambda _: True)

    def _until(self, rests: Callable[[dict[str, Any]], bool]) -> None:
        begun = time.monotonic()
        while time.monotonic() - begun < _PATIENCE_S:
            said = self.health()
            if said.get("ok") and said.get("waiting", 0) >= self._ahead and rests(said):
                return
            time.sleep(0.25)
        raise TimeoutError(f"{self.door} did not come to rest: {self.health()}")

    def memory_mib(self) -> float:
        """Proportional memory of the server and its children, in MiB: shared pages are counted once."""
        processes = [self._tree, *self._tree.children(recursive=True)]
        return sum(p.memory_full_info().pss for p in processes if p.is_running()) / 2**20
