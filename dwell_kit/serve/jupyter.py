"""JupyterLab's door: a server extension for the pages in cells, and a tile in the launcher for `dwell serve`.

Both live under `{base_url}dwell/` of a Jupyter server, behind its sign-in. The extension takes uploads and gives
files: it runs no code. Everything else there is the gateway, started by jupyter-server-proxy when somebody opens
the tile; it answers on a socket in a folder of the user's own. The extension's routes come first, so that a big
upload from the gateway's page streams to disk instead of through the proxy, which would hold it in memory.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any, Final

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado.web import StaticFileHandler, authenticated
from traitlets import List, Unicode

from dwell_kit.serve import tornado
from dwell_kit.settings import Settings

_ICON: Final = Path(__file__).with_name("icon.svg")
STYLES: Final = "STYLES_OF_DWELL"
"""Tells this server's kernels where pages find Panel's style sheets; `ui.notebook` reads it, and loads Panel."""
_START_S: Final = 120.0
"""The first start on a machine compiles kernels."""


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "dwell_kit.serve.jupyter", "app": DwellKit}]


class DwellKit(ExtensionApp):  # type: ignore[misc]
    """Uploads, rejects and rows of the workspaces that notebooks show."""

    name = "dwell_kit"
    extension_url = "/dwell"
    load_other_extensions = True
    workspaces = List(
        Unicode(),
        help="Folders whose workspaces pages may use, beside Jupyter's own folder and DWELL_WORKSPACE.",
    ).tag(config=True)

    def initialize_handlers(self) -> None:
        server: Any = self.serverapp
        root = Path(server.root_dir).resolve()
        usual = usual_workspace(root)
        allowed = [root, usual, *(Path(folder).expanduser() for folder in self.workspaces)]
        self._inboxes = tornado.Inboxes(root=root, usual=usual, allowed=allowed)
        styles = f"/{tornado.PREFIX}/panel/"
        self.handlers += [
            *tornado.handlers("/", self._inboxes),
            (f"{styles}(.*)", Styles, {"path": _panel_files()}),
        ]
        os.environ[STYLES] = url_path_join(server.base_url, styles)

    async def stop_extension(self) -> None:
        """Let go of the workspaces."""
        self._inboxes.close()


class Styles(JupyterHandler, StaticFileHandler):  # type: ignore[misc]
    """Panel's style sheets, which it would fetch from elsewhere."""

    @authenticated
    async def get(self, path: str, include_body: bool = True) -> None:  # type: ignore[override]
        await StaticFileHandler.get(self, path, include_body)

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002 - Tornado calls it so
        self.set_header("Cache-Control", "private, max-age=86400")


def _panel_files() -> str:
    """Where they are, without loading Panel."""
    found = importlib.util.find_spec("panel")
    return str(Path(found.origin).parent / "dist") if found is not None and found.origin else ""


def usual_workspace(root: Path) -> Path:
    """The workspace where none is named: DWELL_WORKSPACE, else the folder `workspace`, seen from Jupyter's own."""
    return (root / Settings.from_environment().workspace).resolve()


def behind_jupyter() -> dict[str, Any]:
    """How jupyter-server-proxy starts the gateway, and what the launcher shows."""
    sockets = os.name == "posix"
    return {
        "command": _command,
        "unix_socket": sockets or None,
        "timeout": _START_S,
        "launcher_entry": {
            "title": "Dwell overview",
            "icon_path": str(_ICON),
            "path_info": "dwell/overview",
            "category": "Notebook",
        },
    }


def _command(port: int, unix_socket: str) -> list[str]:
    root = Path(ServerApp.instance().root_dir) if ServerApp.initialized() else Path.cwd()
    listens = ["--socket", unix_socket] if unix_socket else ["--port", str(port)]
    command = [sys.executable, "-m", "dwell_kit", "serve", "--workspace", str(usual_workspace(root.resolve()))]
    # what comes back is a template in braces
    return [part.replace("{", "{{").replace("}", "}}") for part in (*command, *listens)]
