"""Where people go: from place to place."""

from __future__ import annotations

from typing import Any

import polars as pl

from dwell_kit.plots import theme
from dwell_kit.plots.grid import plot_cells
from dwell_kit.schema import columns as c
from dwell_kit.schema.text import duration


def plot_flows(table: Any, *, figure: str = c.SHARE, title: str = "From place to place") -> Any:
    """Origins as rows, destinations as columns; suppressed pairs and pairs that do not occur are blank.

    Parameters
    ----------
    table : of the quantities `transitions` or `origin_destination`: origin, destination, and `figure`.
    """
    frame = theme.polars_of(table)
    shown = frame.drop_nulls(figure)
    if shown.is_empty():
        return theme.empty(title, theme.SUPPRESSED) if frame.height else theme.empty(title)
    places = sorted({*shown["origin"].to_list(), *shown["destination"].to_list()})
    count = next(name for name in (c.COUNT, c.VISITS) if name in shown.columns)
    words = {c.COUNT: "transitions", c.VISITS: "visits"}
    tips = [("from", "@origin"), ("to", "@destination"), (words[count], f"@{count}{{0,0}}")]
    if c.SHARE in shown.columns:
        shown = shown.with_columns((100 * pl.col(c.SHARE)).alias("percent"))
        tips.append(("of all from there", "@percent{0.0} %"))
    if c.MEDIAN_S in shown.columns:
        shown = shown.with_columns(pl.Series("said", [duration(s) for s in shown[c.MEDIAN_S]]))
        tips.append(("median gap" if count == c.COUNT else "median dwell", "@said"))
    return plot_cells(
        shown,
        column="destination",
        row="origin",
        figure=figure,
        columns=places,
        rows=places,
        tooltips=tips,
        xlabel="to",
        ylabel="from",
        xrotation=45,
        title=title,
    )
