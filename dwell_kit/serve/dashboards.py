"""`dwell dashboards`: the apps as pages of a standalone Voilà, a kernel for each visitor, no code run for any.

Voilà 0.5 leaves three things open, which are closed here. Bokeh's scripts come from our own server, and before the
widgets that need them (loaded late, pages stay blank). The beacon by which a closing page frees its kernel is
refused for want of a token it cannot have; it is let in by its origin. And a kernel whose page vanished without a
word is never culled while anything in it still ticks: kernels without a WebSocket are ended.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from bokeh.embed.bundle import extension_dirs
from bokeh.server.views.multi_root_static_handler import MultiRootStaticHandler
from bokeh.settings import settings as bokeh_settings
from jupyter_server.utils import url_path_join
from tornado.ioloop import PeriodicCallback
from tornado.web import HTTPError, RedirectHandler, RequestHandler, StaticFileHandler
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler

from dwell_kit.serve import tornado
from dwell_kit.serve.gate import is_loopback_name
from dwell_kit.serve.inbox import Inbox
from dwell_kit.ui.notebook import VOILA
from dwell_kit.ui.pages import PAGES
from dwell_kit.ui.style import VOILA as LOOK
from dwell_kit.workspace import open as open_workspace

_ASSETS: Final = "/dwell-assets"
_HERE: Final = Path(__file__).parent
_ROOT: Final = _HERE.parents[1]
_APPS: Final = (_ROOT / "apps", _HERE.parent / "share" / "apps")
_LOOK_S: Final = 2.0
_ALONE_S: Final = 30.0
"""A kernel without a WebSocket for as long has lost its page: reloads and sleepy laptops come back sooner."""
_WORKING: Final = frozenset({"starting", "busy"})
"""States of a kernel whose page is still being made: nobody can be connected to it yet."""
_REFILL_S: Final = 8.0
"""A visitor's page comes first: the kernel for the next one is started when theirs has drawn."""
_log = logging.getLogger(__name__)


def run(workspace: Path, *, port: int, host: str = "127.0.0.1", preheat: int = 1) -> None:
    """Serve until interrupted; `preheat` kernels wait ready for each page."""
    ws = open_workspace(workspace)
    os.environ.update({VOILA: "1", "DWELL_WORKSPACE": str(ws.path)})
    Dashboards.inbox = Inbox(ws)
    try:
        Dashboards.launch_instance(
            argv=[str(apps())],
            ip=host,
            port=port,
            port_retries=0 if port else 1,
            open_browser=False,
            tornado_settings={"allow_remote_access": False, "local_hostnames": ["localhost", "127.0.0.1"]},
            config=Config(
                VoilaConfiguration=_configuration(preheat), VoilaKernelManager={"fill_delay": _REFILL_S}
            ),
        )
    finally:
        Dashboards.inbox.close()
        ws.close()


def apps() -> Path:
    """The folder of the apps' notebooks."""
    return next(folder for folder in _APPS if folder.is_dir())


def _configuration(preheat: int) -> dict[str, Any]:
    return {
        "preheat_kernel": preheat > 0,
        "default_pool_size": preheat,
        "strip_sources": True,
        "show_tracebacks": False,
        "allow_template_override": "NO",
        "allow_theme_override": "NO",
        "extension_allowlist": [
            "@bokeh/jupyter_bokeh",
            "@jupyter-widgets/jupyterlab-manager",
            "@voila-dashboards/widgets-manager8",
        ],
        "file_allowlist": [],
    }


class Dashboards(Voila):  # type: ignore[misc]
    """Voilà with our template, our scripts, our uploads, and an end for every kernel."""

    inbox: Inbox
    _alone: dict[str, float]

    def setup_template_dirs(self) -> None:
        super().setup_template_dirs()
        self.template_paths.insert(0, str(_HERE / "voila_template"))
        resources = {"dwell": {"scripts": scripts(), "css": LOOK, "pages": PAGES}}
        self.voila_configuration.config.VoilaConfiguration.resources = resources
        self.voila_configuration.resources = resources

    def init_handlers(self) -> list[Any]:
        base = self.server_url
        ours = [
            (base, RedirectHandler, {"url": url_path_join(base, PAGES[0][0]), "permanent": False}),
            (url_path_join(base, "health"), Health),
            (url_path_join(base, r"voila/api/shutdown/(.*)"), Leave),
            (url_path_join(base, rf"{_ASSETS}/panel/[^/]+/dist/(.*)"), _Kept, {"path": _panel_files()}),
            (url_path_join(base, rf"{_ASSETS}/bokeh/(.*)"), _Bokeh, {"path": str(bokeh_settings.bokehjs_path())}),
            (url_path_join(base, r"static/extensions/(.*)"), MultiRootStaticHandler, {"root": extension_dirs}),
            *tornado.handlers(base, lambda _workspace: self.inbox),
        ]
        # pages by their name; no listing, no contents, no files
        theirs = [h for h in super().init_handlers() if not any(w in h[0] for w in ("tree", "contents", "files"))]
        rendering = next(h for h in theirs if "voila/render" in h[0])
        pages = [
            (url_path_join(base, f"({name})"), _page_handler(rendering[1]), rendering[2]) for name, _ in PAGES
        ]
        return [*ours, *pages, *(h for h in theirs if h is not rendering and h[0] != base)]

    def listen(self) -> None:
        self._alone = {}
        reaper = PeriodicCallback(self._reap, 1000 * _LOOK_S)
        reaper.start()
        super().listen()

    def _reap(self) -> None:
        """End the kernels that nobody is connected to, but for those that wait for a visitor."""
        manager, now = self.kernel_manager, time.monotonic()
        waiting = {kernel for kernel, _ in _ahead(manager)}
        for kernel in list(manager.list_kernel_ids()):
            working = getattr(manager.get_kernel(kernel), "execution_state", "idle") in _WORKING
            if working or kernel in waiting or manager._kernel_connections.get(kernel, 0):
                self._alone.pop(kernel, None)
            elif now - self._alone.setdefault(kernel, now) > _ALONE_S:
                self._alone.pop(kernel)
                _log.info("kernel %s has no page any more", kernel)
                asyncio.ensure_future(manager.shutdown_kernel(kernel, now=True))  # noqa: RUF006


def _ahead(manager: Any) -> list[tuple[str, bool]]:
    """The kernels started ahead of visitors, and whether each has made its page."""
    started = [task for pool in getattr(manager, "_pools", {}).values() for task in pool if task.done()]
    made = [task.result() for task in started if not task.cancelled() and task.exception() is None]
    return [(found["kernel_id"], found["task"].done()) for found in made]


def _page_handler(base: type[Any]) -> type[Any]:
    """Voilà's page under a short name."""

    class Page(base):  # type: ignore[misc]
        async def get(self, path: str | None = None) -> None:
            if not is_loopback_name(self.request.host):
                raise HTTPError(403)
            await super().get(f"{path}.ipynb")

    return Page


class Leave(VoilaShutdownKernelHandler):  # type: ignore[misc]
    """A page that closes frees its kernel."""

    def check_xsrf_cookie(self) -> None:
        origin = self.request.headers.get("Origin")
        if origin and urlsplit(origin).netloc != self.request.host:
            raise HTTPError(403)


class Health(RequestHandler):
    """That the server answers, how many kernels it has, and how many wait for a visitor, their page made."""

    def get(self) -> None:
        manager = self.application.settings["kernel_manager"]
        waiting = sum(made for _, made in _ahead(manager))
        self.finish({"ok": True, "kernels": len(manager.list_kernel_ids()), "waiting": waiting})


class _Kept(StaticFileHandler):
    """Files that browsers may keep: their address has their version."""

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002 - Tornado calls it so
        self.set_header("Cache-Control", "public, max-age=86400")


class _Bokeh(_Kept):
    """BokehJS under the names that its CDN has them: bokeh-3.9.2.min.js for js/bokeh.min.js."""

    def parse_url_path(self, url_path: str) -> str:
        import bokeh

        return os.path.join("js", url_path.rsplit("/", 1)[-1].replace(f"-{bokeh.__version__}", ""))


def _panel_files() -> str:
    from panel.io.resources import DIST_DIR

    return str(DIST_DIR)


def scripts() -> str:
    """Bokeh's and Panel's scripts and styles for the head of a page, from this server."""
    import bokeh.resources
    from panel.io.resources import Resources, bundle_resources, set_resource_mode

    bokeh.resources._cdn_base_url = lambda: _ASSETS
    with set_resource_mode("cdn"):
        bundle = bundle_resources(None, Resources(mode="cdn", notebook=True), notebook=True, enable_mathjax=False)
    made = ['<script type="esms-options">{"shimMode": true}</script>']
    made += [f'<link rel="stylesheet" href="{url}">' for url in bundle.css_urls]
    made += [f'<script src="{url}"></script>' for url in bundle.js_urls]
    made += [f'<script type="module" src="{url}"></script>' for url in bundle.js_modules]
    for name, url in bundle.js_module_exports.items():
        made.append(f'<script type="module">import {name} from "{url}"; window.{name} = {name};</script>')
    made += [f"<style>{css}</style>" for css in bundle.css_raw]
    return "\n".join(made)
