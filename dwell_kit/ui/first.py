"""The key figures as plain HTML, in the page's first bytes: they are read while the scripts still load."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any, Final

from dwell_kit.ui.style import COMPONENT

ID: Final = "dk-first"
"""Of the element; the component of the cards (`js/cards.js`) takes its place."""


def first(items: Iterable[dict[str, Any]], coverage: str, version: int) -> str:
    """Cards that open nothing yet, the line above them, and which data they are of."""
    cards = "".join(
        f'<li><button type="button" disabled data-kpi="{escape(i["name"])}" data-value="{escape(str(i["raw"]))}">'
        f'<span class="title">{escape(i["title"])}</span><span class="value">{escape(i["value"])}</span>'
        f'<span class="note"><b class="{escape(i["mood"])}">{escape(i["change"])}</b> {escape(i["note"])}</span>'
        "</button></li>"
        for i in items
    )
    return (
        f'<div id="{ID}"><template shadowrootmode="open"><style>{COMPONENT}</style>'
        f'<p class="waiting muted" role="status">Data version {version:,} · filters and charts follow …</p>'
        f'<section class="line">{coverage}</section>'
        f'<ul aria-label="Key figures" aria-busy="false">{cards}</ul></template></div>'
    )
