"""One look: the same colour for the same thing everywhere, units on every axis, empty plots that say so."""

from __future__ import annotations

from typing import Any, Final

import holoviews as hv
import narwhals as nw
import polars as pl
from holoviews.core import Store

ACCENT: Final = "#0f766e"
MUTED: Final = "#94a3b8"
WARNING: Final = "#d97706"
"""Limits and open visits."""
SEQUENTIAL: Final = ("#ffffff", "#d5ece9", "#9fd3cd", "#5fb3aa", "#2a9187", "#0f766e", "#0b524d")
"""From the card's ground to the accent, so that empty is never the brightest."""
OKABE_ITO: Final = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#F0E442",
    "#000000",
    "#999999",
)
GENDER_COLORS: Final = {"female": "#CC79A7", "male": "#0072B2", "other": "#999999"}
WIDTH: Final = 760
HEIGHT: Final = 260
SUPPRESSED: Final = "suppressed: every group is of too few persons"


def load(*, inline: bool = True) -> None:
    """Load Bokeh into a notebook; `inline` puts its scripts into the page, so that it opens without a network."""
    import panel as pn

    hv.extension.inline = inline
    hv.extension("bokeh", logo=False)
    pn.extension(inline=inline)


def polars_of(table: Any) -> pl.DataFrame:
    """The table as a Polars frame, whatever it came as."""
    return table if isinstance(table, pl.DataFrame) else nw.from_native(table, eager_only=True).to_polars()


def local(times: pl.Series, tz: str) -> pl.Series:
    """Times as the wall clock of `tz` shows them (Bokeh draws naive times as they are)."""
    return times.dt.convert_time_zone(tz).dt.replace_time_zone(None)


def styled(element: Any, **options: Any) -> Any:
    """The element with the house's options for the Bokeh backend."""
    if "bokeh" not in Store.renderers:
        import holoviews.plotting.bokeh  # noqa: F401 - registers the backend
    base = {"width": WIDTH, "height": HEIGHT, "toolbar": "above", "fontscale": 1.0}
    return element.opts(**{**base, **options}, backend="bokeh")


def empty(title: str, note: str = "no data in this selection") -> Any:
    """What is drawn where there is nothing to draw."""
    text = hv.Text(0.5, 0.5, note)
    return styled(text, title=title, xaxis=None, yaxis=None, text_color=MUTED, xlim=(0, 1), ylim=(0, 1))


def load_server() -> None:
    """Bokeh for pages that a server hands out: without this, HoloViews knows no backend."""
    import panel as pn

    hv.extension("bokeh", logo=False)
    pn.extension()
