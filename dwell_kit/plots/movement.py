"""Where people go: from place to place."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import polars as pl

from dwell_kit.plots import theme
from dwell_kit.schema import columns as c


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
    names = list(dict.fromkeys(("destination", "origin", figure, count)))
    data = shown.select(names).with_columns(pl.col(figure).cast(pl.Float64)).to_pandas()
    element = hv.HeatMap(
        data,
        [
            hv.Dimension("destination", label="to", values=places),
            hv.Dimension("origin", label="from", values=places[::-1]),
        ],
        [hv.Dimension(name, label=name.replace("_", " ")) for name in names[2:]],
    )
    return theme.styled(
        element,
        title=title,
        cmap=list(theme.SEQUENTIAL),
        colorbar=True,
        clipping_colors={"NaN": "#00000000"},
        tools=["hover"],
        height=80 + 30 * max(5, len(places)),
        xrotation=45,
        clim=(0, float(data[figure].max()) or 1.0),
    )
