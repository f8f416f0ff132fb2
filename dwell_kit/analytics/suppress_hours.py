"""Camera × clock hour for people who may not see rows: hidden in step with the hours of the environment.

Who has both tables can add and subtract: at a site of one camera they say the same, at others the cameras of an
hour add up to it wherever nobody is in view of two. Three rules follow.

1. An hour of the clock that is hidden in the environment, on one day or on several, is hidden at every camera:
   less the days that are shown it would be what is hidden.
2. In every other hour the environment is known, so the cameras of that hour are a table whose total readers have.
3. All visits are known from the key figures, so all cells are a table whose total readers have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like, needs, to_polars
from dwell_kit.analytics.suppress import DEFAULT_K, blanked, suppress
from dwell_kit.schema import columns as c

Mask = NDArray[np.bool_]


def suppress_camera_hours(table: Any, *, occupancy: Any, k: int = DEFAULT_K, tz: str = "UTC") -> Any:
    """Cameras by clock hour, with every row hidden that is about fewer than k persons or would give others away.

    Parameters
    ----------
    table : of `compute_camera_hour`.
    occupancy : of `compute_occupancy` by hour, of the same time, as `suppress` left it.
    k : the least number of distinct persons a visible row is about. tz : of the clock.

    Returns
    -------
    All columns and rows, in order; hidden rows have null beside camera_id and hour, and `suppressed` says which
    they are. A row with nobody in it stays visible.

    Raises
    ------
    ContractError : when a column is missing.
    """
    cameras, environment = to_polars(table), to_polars(occupancy)
    keys = [c.CAMERA, c.HOUR]
    needs(cameras, (*keys, c.UNIQUE_VISITORS, c.OCCUPANCY_MEAN))
    needs(environment, (c.BUCKET, c.SUPPRESSED))
    in_all = suppress(cameras, by=keys, k=k, published=[[]])[c.SUPPRESSED].to_numpy()
    hidden = _in_hidden_hours(cameras, environment, tz) | _beside_others(cameras, k) | in_all
    return like(blanked(cameras, keys, hidden, k=k), table)


def _in_hidden_hours(cameras: pl.DataFrame, environment: pl.DataFrame, tz: str) -> Mask:
    """Rows with somebody in them, of hours of the clock that are hidden in the environment."""
    local = pl.col(c.BUCKET).dt.convert_time_zone(tz).dt.hour().cast(pl.Int64)
    hours = environment.filter(c.SUPPRESSED).select(local).to_series()
    somebody = (pl.col(c.UNIQUE_VISITORS) > 0) | (pl.col(c.OCCUPANCY_MEAN).fill_null(0) > 0)
    return cameras.select(pl.col(c.HOUR).is_in(hours.implode()) & somebody).to_series().to_numpy()


def _beside_others(cameras: pl.DataFrame, k: int) -> Mask:
    """Rows that the other cameras of the hour must not give away, hour by hour."""
    hidden = np.zeros(cameras.height, bool)
    hours = cameras[c.HOUR].to_numpy()
    for hour in np.unique(hours):
        rows = np.flatnonzero(hours == hour)
        hidden[rows] = suppress(cameras[rows], by=c.CAMERA, k=k)[c.SUPPRESSED].to_numpy()
    return hidden
