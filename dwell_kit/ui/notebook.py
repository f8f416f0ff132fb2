"""The pages inside notebooks: in a cell of JupyterLab, and as a page of Voilà.

Panel's objects travel as ipywidgets (jupyter_bokeh), which both understand. In Voilà the page itself brings the
scripts; in JupyterLab the first cell that shows a page does, so that no request leaves the machine.
"""

from __future__ import annotations

import html
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import panel as pn
import param
from bokeh.document import Document
from IPython.display import HTML, display
from panel.io.notebook import ipywidget
from panel.io.resources import CDN_DIST
from panel.theme.base import DefaultTheme, Design
from panel.viewable import Viewable

from dwell_kit.plots import theme
from dwell_kit.settings import Settings
from dwell_kit.ui.movement import Movement
from dwell_kit.ui.overview import Overview
from dwell_kit.ui.reporting import Reports
from dwell_kit.ui.sessions import Sessions
from dwell_kit.ui.style import VARIABLES
from dwell_kit.ui.uploading import UploadPage
from dwell_kit.workspace import Workspace
from dwell_kit.workspace import open as open_workspace

VOILA: Final = "VOILA_OF_DWELL"
"""Set in the kernels of `dwell dashboards`."""
STYLES: Final = "STYLES_OF_DWELL"
"""Set by our extension of a Jupyter server: where Panel's style sheets are, so that none comes from afar."""
_SHEETS: Final = os.environ.get(STYLES, CDN_DIST)
_shown: list[Any] = []
"""What notebooks show must outlive its cell."""


def overview(workspace: Workspace | str | Path | None = None) -> Any:
    """The overview of a workspace, as a widget."""
    return _filtered(Overview, _opened(workspace))


def sessions(workspace: Workspace | str | Path | None = None) -> Any:
    """The tables of a workspace, as a widget."""
    return _filtered(Sessions, _opened(workspace))


def movement(workspace: Workspace | str | Path | None = None) -> Any:
    """Flows between places and a map of every position, as a widget."""
    return _filtered(Movement, _opened(workspace))


def reports(workspace: Workspace | str | Path | None = None) -> Any:
    """The report runs of a workspace, and a form that starts one, as a widget."""
    return _filtered(Reports, _opened(workspace))


def upload(workspace: Workspace | str | Path | None = None) -> Any:
    """The upload page of a workspace, as a widget."""
    ws = _opened(workspace)
    _load()
    return _widget(UploadPage(ws, endpoint="jupyter:dwell/uploads" + _of(ws)))


def in_voila() -> bool:
    """True in a kernel that serves a page to somebody who may not run code."""
    return VOILA in os.environ


def _opened(workspace: Workspace | str | Path | None) -> Workspace:
    if isinstance(workspace, Workspace):
        return workspace
    return open_workspace(workspace if workspace is not None else Settings.from_environment().workspace)


def _of(ws: Workspace) -> str:
    """Which workspace an endpoint is asked about; Voilà's server has one, and lets nobody choose."""
    return "" if in_voila() else "?" + urlencode({"workspace": str(ws.path.absolute())})


def _filtered(kind: Callable[..., Any], ws: Workspace) -> Any:
    linked = in_voila()  # in JupyterLab the address is the notebook's

    def tell(query: str) -> None:
        if linked:
            made.filtering.bar.address = query

    _load()
    made = kind(ws, tell=tell, exports="jupyter:dwell/rows" + _of(ws))
    if linked:

        async def opened(event: Any) -> None:
            await made.reopen(event.new.get("query", ""))

        made.filtering.bar.linked = True
        made.filtering.bar.param.watch(opened, "opened")
        made.prepare()
        if early := made.first():
            display(HTML(early))  # Voilà's template puts it where it is seen at once
    else:
        made.draw()
    return _widget(made)


class _Theme(DefaultTheme):  # type: ignore[misc]
    base_css = param.Filename(default=None)  # type: ignore[assignment]


class _Near(Design):  # type: ignore[misc]
    """Panel's own look, from our server also where Panel adds a part to a page that is open already."""

    modifiers = {  # noqa: RUF012 - Panel declares it so
        Viewable: {"stylesheets": [f"{_SHEETS}bundled/theme/{name}.css" for name in ("default", "native")]}
    }
    _themes = {"default": _Theme, "dark": _Theme}  # noqa: RUF012


def _load() -> None:
    """What a page needs in a notebook, before anything of it is made."""
    theme.load_quietly()
    if in_voila():
        return
    if _shown:
        theme.load_notebook_again()
    else:
        theme.load_notebook()
        pn.config.design = _Near
    display(HTML(f"<style>{VARIABLES}</style>"))


def _widget(page: Any) -> Any:
    """A page as an ipywidget."""
    _shown.append(page)
    document = Document()
    if not in_voila():
        document.template_variables["dist_url"] = _SHEETS  # where Panel looks for it
    made = ipywidget(pn.panel(page, sizing_mode="stretch_width"), doc=document)
    # Panel would take the page apart when its view closes, and fail to build it anew
    made.unobserve_all("_view_count")
    return made


def problem(error: Exception) -> Any:
    """An error as a page that says what happened."""
    return HTML(f"<p role=alert>{html.escape(str(error))}</p>")
