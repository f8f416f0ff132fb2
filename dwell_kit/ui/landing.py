"""What data there are: ranges and freshness of each environment; and what to do where there are none."""

from __future__ import annotations

import html
from datetime import datetime
from typing import Any, Final

import panel as pn

from dwell_kit.schema.time import zone
from dwell_kit.ui.style import CARD
from dwell_kit.workspace import Workspace

NOTHING_YET: Final = "Nothing is here yet"


def welcome(*, linked: bool) -> Any:
    """The card of an empty workspace: what to do next."""
    link = (
        '<p><a class="dk-action" href="upload">Upload an export</a></p>'
        if linked
        else "<p>Open the upload page, or run <code>dwell ingest FILE</code>.</p>"
    )
    return note(
        f"<h2>{NOTHING_YET}</h2><p>Upload an export of appearances, entries and exits, crowd events or positions "
        "(CSV, JSON, Parquet, zip). It is checked at once, and its figures appear on every page.</p>"
        f"{link}<p class=muted>Only to look around? <code>dwell demo</code> simulates a campus.</p>"
    )


def note(text: str) -> Any:
    """A card with words of ours (HTML)."""
    return pn.pane.HTML(text, sizing_mode="stretch_width", stylesheets=[CARD], margin=0)


def available(ws: Workspace, environment: str) -> str:
    """When an environment's data begin and end, and when something came in last, as HTML."""
    tz = ws.tz(environment)
    there = ws.available(environment)
    said = []
    if there["covered_from"] is not None:
        said.append(f"data from {_at(there['covered_from'], tz)} to {_at(there['covered_till'], tz)}")
    last = f", the last one {_at(there['last_upload'], tz)}" if there["uploads"] else ""
    said.append(f"uploads: {there['uploads']:,}{last}")
    return f"{' · '.join(said)} ({html.escape(tz)})"


def environments(ws: Workspace) -> str:
    """Every environment with its range and freshness, each a link to its view, as HTML; empty if there is one."""
    names = ws.environments()["name"].to_list()
    if len(names) < 2:
        return ""
    rows = "".join(
        f'<li><a href="?environment={html.escape(name)}">{html.escape(name)}</a>: {available(ws, name)}</li>'
        for name in names
    )
    return f"<ul class=places>{rows}</ul>"


def _at(moment: datetime, tz: str) -> str:
    return moment.astimezone(zone(tz)).strftime("%d %b %Y %H:%M")
