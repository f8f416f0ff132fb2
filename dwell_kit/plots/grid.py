"""A table of coloured cells: two axes of words, one figure, what is unknown hatched and never zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import holoviews as hv
import polars as pl

from dwell_kit.plots import theme

_HALF: Final = 0.47
_CORNERS: Final = ["x0", "y0", "x1", "y1"]
HOURS: Final = tuple(f"{hour:02d}" for hour in range(24))


def plot_cells(
    frame: pl.DataFrame,
    *,
    column: str,
    row: str,
    figure: str,
    columns: Sequence[Any],
    rows: Sequence[Any],
    tooltips: Sequence[tuple[str, str]],
    title: str,
    xlabel: str = "",
    ylabel: str = "",
    column_labels: Sequence[str] | None = None,
    row_labels: Sequence[str] | None = None,
    every: int = 1,
    unknown: pl.DataFrame | None = None,
    xrotation: int = 0,
) -> Any:
    """Cells from transparent (nothing) to the accent (the most), the first of `rows` on top.

    Parameters
    ----------
    frame : a line per cell; cells without a line stay empty. columns, rows : the values of the axes, in order.
    every : label every so many columns. unknown : cells (column and row) that are hatched.
    """
    across = {value: i for i, value in enumerate(columns)}
    down = {value: len(rows) - 1 - i for i, value in enumerate(rows)}
    data = _corners(frame, column, row, across, down).with_columns(pl.col(figure).cast(pl.Float64))
    words = list(column_labels or [str(value) for value in columns])
    names = list(row_labels or [str(value) for value in rows])
    texts = [name for name in data.columns if name not in {*_CORNERS, figure}]
    cells = theme.styled(
        hv.Rectangles(data.to_pandas(), _CORNERS, [figure, *texts]),
        color=figure,
        cmap=list(theme.SEQUENTIAL),
        clim=(0, float(data[figure].max() or 0) or 1.0),  # type: ignore[arg-type]
        line_color=None,
        colorbar=True,
        clabel=" ",
        colorbar_opts={"width": 8, "padding": 2, "major_tick_line_color": None, "bar_line_color": None},
        tools=["hover"],
        hover_tooltips=list(tooltips),
    )
    layers = [cells]
    if unknown is not None and unknown.height:
        gone = _corners(unknown.select(column, row), column, row, across, down).to_pandas()
        layers.append(theme.hatched(hv.Rectangles(gone, _CORNERS, [column, row])))
    return theme.styled(
        hv.Overlay(layers) if len(layers) > 1 else cells,
        title=title,
        height=70 + 26 * max(4, len(rows)) + (60 if xrotation else 0),
        xlim=(-0.5, len(columns) - 0.5),
        ylim=(-0.5, len(rows) - 0.5),
        xticks=[(i, word) for i, word in enumerate(words) if i % every == 0],
        yticks=[(len(rows) - 1 - i, name) for i, name in enumerate(names)],
        xlabel=xlabel,
        ylabel=ylabel,
        xrotation=xrotation,
        show_legend=False,
    )


def _corners(
    frame: pl.DataFrame, column: str, row: str, across: dict[Any, int], down: dict[Any, int]
) -> pl.DataFrame:
    x = pl.col(column).replace_strict(across, return_dtype=pl.Float64)
    y = pl.col(row).replace_strict(down, return_dtype=pl.Float64)
    return frame.with_columns(
        (x - _HALF).alias("x0"), (y - _HALF).alias("y0"), (x + _HALF).alias("x1"), (y + _HALF).alias("y1")
    )
