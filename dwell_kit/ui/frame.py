"""The page around a page's content: rail, heading, theme; no request leaves the server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import panel as pn

from dwell_kit.ui.style import PAGE

_TEMPLATE: Final = (Path(__file__).parent / "page.html").read_text(encoding="utf-8")


def page(heading: str, content: Any, pages: Sequence[tuple[str, str]], *, first: str = "") -> pn.Template:
    """A page of the gateway; `first` is HTML of ours that is read until the content is there."""
    made = pn.Template(_TEMPLATE, location=True)
    made.add_variable("page_css", PAGE)
    made.add_variable("pages", list(pages))
    made.add_variable("heading", heading)
    made.add_variable("first", first)
    made.add_panel("main", pn.panel(content))
    made.add_variable("title", f"{heading} · dwell_kit")
    return made
