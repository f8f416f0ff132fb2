"""The floor as a grid of cells: time spent in each, how dense it was, how fast people were there."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
import polars as pl

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.levels import steps
from dwell_kit.analytics.limits import Duration
from dwell_kit.analytics.paths import MAX_SPEED_M_S, WINDOW_S, paths_of
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.stretches import observed, stretches_of
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coverage import length
from dwell_kit.schema.time import US

MOST_CELLS: Final = 4_000_000


def compute_floor_map(
    positions: Any,
    *,
    cell_m: float = 1.0,
    window: Duration = WINDOW_S,
    max_gap: Duration | None = None,
    max_speed: float = MAX_SPEED_M_S,
    coverage: Any = None,
    selection: Selection | None = None,
) -> Any:
    """Person-seconds, mean density and mean speed in each square cell of the floor that somebody was in.

    Mean density = person-seconds / (area of the cell × watched time), PedPy's classic density averaged over time.
    A position counts in the cell it is in until the person's next one. Mean speed is weighted by time.

    Parameters
    ----------
    positions, window, max_gap, max_speed : as in `compute_paths`.
    cell_m : side of a cell, m; corners are at its multiples. Smaller ones show more and hold less: the number of
        persons in a cell of 1 m² says little of how crowded it was around them.
    coverage, selection : as in `compute_density`.

    Returns
    -------
    x_m, y_m (middle of the cell, m), person_seconds (s), unique_visitors (persons), occupancy_max (persons at
    once), density_mean_per_m2 (1/m²; null if none of the time was watched), speed_mean_m_s (m/s; null where no
    speed is known); by y_m and x_m.

    Raises
    ------
    FilterError : for a cell without a size, or so small that the floor has more than four million of them.
    """
    if not (cell_m > 0 and math.isfinite(cell_m)):
        raise FilterError("this is no size of a cell", "cell_m", "above 0 m", repr(cell_m))
    paths = paths_of(positions, window=window, max_gap=max_gap, max_speed=max_speed)
    watched = observed(positions, paths, coverage, selection)
    cell = paths.select((pl.col(c.X_M, c.Y_M) / cell_m).floor())
    _check(cell, cell_m)
    kept = stretches_of(paths.hstack(cell.rename({c.X_M: "column", c.Y_M: "row"})), watched)
    spent, moving = pl.col(c.LASTS_S), pl.col(c.SPEED_M_S).is_not_null()
    speed = (pl.col(c.SPEED_M_S) * spent).filter(moving).sum() / spent.filter(moving).sum()
    table = (
        kept.sort("row", "column", maintain_order=True)
        .group_by("row", "column", maintain_order=True)
        .agg(
            spent.sum().alias(c.PERSON_SECONDS),
            pl.col(c.PERSON).n_unique().cast(pl.Int64).alias(c.UNIQUE_VISITORS),
            speed.fill_nan(None).alias(c.SPEED_MEAN_M_S),
            pl.col("from", "till"),
        )
    )
    watched_s = length(watched) / US
    mean = pl.col(c.PERSON_SECONDS) / (cell_m**2 * watched_s) if watched_s else pl.lit(None, pl.Float64)
    spans = table.select("from", "till").iter_rows()
    most = [int(steps(np.array(a, np.int64), np.array(b, np.int64))[1].max(initial=0)) for a, b in spans]
    found = table.select(
        ((pl.col("column") + 0.5) * cell_m).alias(c.X_M),
        ((pl.col("row") + 0.5) * cell_m).alias(c.Y_M),
        c.PERSON_SECONDS,
        c.UNIQUE_VISITORS,
        pl.Series(c.OCCUPANCY_MAX, most, dtype=pl.Int64),
        mean.alias(c.DENSITY_MEAN),
        c.SPEED_MEAN_M_S,
    )
    return like(found, positions)


def _check(cell: pl.DataFrame, cell_m: float) -> None:
    if not cell.height:
        return
    low, high = cell.min().row(0), cell.max().row(0)
    cells = math.prod(b - a + 1 for a, b in zip(low, high, strict=True))
    if cells > MOST_CELLS:
        raise FilterError(
            "the floor has too many cells",
            "cell_m",
            f"at most {MOST_CELLS:,} cells between the farthest positions",
            f"{cells:,.0f} of {cell_m} m",
            "take larger cells, or positions of one floor",
        )
