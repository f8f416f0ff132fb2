"""Paths: the positions of each person on the floor in order of time, how fast they moved, and how far.

Time is that of the positions (media time of a video), never that of a machine. Cameras that see a person within
one step of each other say it once, by their mean. A path ends where nothing is known for longer than `max_gap`,
and where somebody would have had to move faster than anybody can: nothing is drawn, and no distance counted,
across either.
"""

from __future__ import annotations

from typing import Any, Final

import numba as nb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like, needs, to_polars
from dwell_kit.analytics.limits import Duration, check_speed, length_us
from dwell_kit.analytics.ordering import frozen
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import UTC_US
from dwell_kit.schema.time import US

WINDOW_S: Final = 1.0
MAX_SPEED_M_S: Final = 12.5
"""No one has run faster (Bolt, Berlin 2009, at most 12.3 m/s): a longer step is a mistake of the tracker."""
_LEAST_GAP_US: Final = US
_STEPS: Final = 1.5


def compute_paths(
    positions: Any,
    *,
    window: Duration = WINDOW_S,
    max_gap: Duration | None = None,
    max_speed: float = MAX_SPEED_M_S,
) -> Any:
    """Where each person walked, in unbroken paths, with the speed at each point.

    Speed is the length of the slope of the straight line that fits x and y best (least squares) over the points
    within `window`: for a point in the middle those of half a window before and after, at the ends of a path those
    of the first or last window; never fewer than its neighbours. So an error of σ m in each of n points a step of
    Δ s apart becomes one of σ·√(12 / (n·(n² − 1))) / Δ m/s in each direction, and a turn within the window looks
    slower. (The first-degree filter of Savitzky and Golay, Analytical Chemistry 36, 1964, for uneven steps.)

    Parameters
    ----------
    positions : frame of the positions contract. Left out are those that nobody tracked (no person) and those that
        are not on the floor.
    window : seconds or timedelta. max_gap : the longest time between points of a path; 1 s if None, or 1.5 steps
        where the usual step between positions is longer. max_speed : m/s.

    Returns
    -------
    person_id, path (1-based within the person), t (UTC), x_m, y_m (m), speed_m_s (m/s; null for a point alone),
    lasts_s (s until the person's next point; at the end of a path one usual step at most); by person and time.

    Raises
    ------
    ContractError : if columns are missing. FilterError : for a window, gap or speed that is none.
    """
    return like(paths_of(positions, window=window, max_gap=max_gap, max_speed=max_speed), positions)


def compute_distance(
    positions: Any,
    *,
    window: Duration = WINDOW_S,
    max_gap: Duration | None = None,
    max_speed: float = MAX_SPEED_M_S,
) -> Any:
    """How far and how fast each person walked.

    Distance is the speed of `compute_paths` summed over time within each path (trapezoids), so that the jitter of
    somebody who stands is not a walk; the mean speed is distance / duration. Gaps are in neither.

    Parameters
    ----------
    positions, window, max_gap, max_speed : as in `compute_paths`.

    Returns
    -------
    person_id, started_at, ended_at (first and last position, UTC), paths, duration_s (s within paths), distance_m
    (m), speed_mean_m_s, speed_median_m_s, speed_p95_m_s (m/s; the quantiles are of points, linear); by person.
    Speeds are null for persons who are in no path of two points.
    """
    paths = paths_of(positions, window=window, max_gap=max_gap, max_speed=max_speed)
    piece = (c.PERSON, c.PATH)
    dt = (pl.col(c.TIME).diff().over(piece).dt.total_microseconds() / US).alias("dt")
    speed = ((pl.col(c.SPEED_M_S) + pl.col(c.SPEED_M_S).shift()) / 2).over(piece).alias("between")
    table = (
        paths.with_columns(dt, speed)
        .group_by(c.PERSON, maintain_order=True)
        .agg(
            pl.col(c.TIME).first().alias(c.STARTED),
            pl.col(c.TIME).last().alias(c.ENDED),
            pl.col(c.PATH).last().alias(c.PATHS),
            pl.col("dt").sum().alias(c.DURATION_S),
            (pl.col("dt") * pl.col("between")).sum().alias(c.DISTANCE_M),
            pl.col(c.SPEED_M_S).median().alias(c.SPEED_MEDIAN_M_S),
            pl.col(c.SPEED_M_S).quantile(0.95, "linear").alias(c.SPEED_P95_M_S),
        )
    )
    mean = pl.when(pl.col(c.DURATION_S) > 0).then(pl.col(c.DISTANCE_M) / pl.col(c.DURATION_S))
    names = (c.PERSON, c.STARTED, c.ENDED, c.PATHS, c.DURATION_S, c.DISTANCE_M)
    return like(table.select(*names, mean.alias(c.SPEED_MEAN_M_S), c.SPEED_MEDIAN_M_S, c.SPEED_P95_M_S), positions)


def paths_of(
    positions: Any,
    *,
    window: Duration = WINDOW_S,
    max_gap: Duration | None = None,
    max_speed: float = MAX_SPEED_M_S,
) -> pl.DataFrame:
    """The paths as a Polars frame, see `compute_paths`."""
    window_us = length_us(window, "window")
    check_speed(max_speed, "max_speed")
    frame = to_polars(positions)
    needs(frame, (c.PERSON, c.CAMERA, c.TIME, c.X_M, c.Y_M))
    on_floor = pl.all_horizontal(pl.col(c.X_M, c.Y_M).cast(pl.Float64).is_finite())
    known = frame.filter(pl.col(c.PERSON).is_not_null() & on_floor)
    step_us = _usual_step_us(known)
    gap_us = max(_LEAST_GAP_US, round(_STEPS * step_us)) if max_gap is None else length_us(max_gap, "max_gap")
    points = _timed(_cut(_points(known, step_us), gap_us, step_us, max_speed), step_us)
    return points.select(
        c.PERSON, c.PATH, pl.col(c.TIME).cast(UTC_US), c.X_M, c.Y_M, _speed(points, window_us), c.LASTS_S
    )


def _usual_step_us(known: pl.DataFrame) -> int:
    """Most frequent time between a person's consecutive positions at a camera, the shortest of several; or 0."""
    place = (c.PERSON, c.CAMERA)
    steps = known.sort(*place, c.TIME).select(
        pl.col(c.TIME).diff().over(place).dt.total_microseconds().alias("us")
    )
    found = steps.filter(pl.col("us") > 0)["us"].mode().sort()
    return int(found[0]) if len(found) else 0


def _points(known: pl.DataFrame, step_us: int) -> pl.DataFrame:
    """One point for each person and instant; of several cameras, one for each step. Time is in µs from here on."""
    us = pl.col(c.TIME).dt.epoch("us")
    alone = pl.col(c.CAMERA).n_unique().over(c.PERSON) == 1
    instant = pl.when(alone).then(us).otherwise(us // max(step_us, 1))
    return (
        known.group_by(c.PERSON, instant.alias("instant"))
        .agg(us.mean().round().cast(pl.Int64).alias(c.TIME), pl.col(c.X_M, c.Y_M).cast(pl.Float64).mean())
        .sort(c.PERSON, c.TIME)
        .drop("instant")
    )


def _cut(points: pl.DataFrame, gap_us: int, step_us: int, max_speed: float) -> pl.DataFrame:
    """The points with the number of their path."""
    us, dx, dy = (pl.col(name).diff().over(c.PERSON) for name in (c.TIME, c.X_M, c.Y_M))
    jump = (dx**2 + dy**2).sqrt() > max_speed * pl.max_horizontal(us, pl.lit(step_us)) / US
    begins = ((us > gap_us) | jump).fill_null(value=True)
    return points.with_columns(begins.cast(pl.Int64).cum_sum().over(c.PERSON).alias(c.PATH))


def _timed(points: pl.DataFrame, step_us: int) -> pl.DataFrame:
    """The points with how long each stands for; nobody is at two places at once."""
    until = (pl.col(c.TIME).shift(-1) - pl.col(c.TIME)).over(c.PERSON)
    on = (pl.col(c.PATH).shift(-1) == pl.col(c.PATH)).over(c.PERSON).fill_null(value=False)
    lasts = pl.when(on).then(until).otherwise(pl.min_horizontal(until, pl.lit(step_us)))
    return points.with_columns((lasts / US).alias(c.LASTS_S))


def _speed(points: pl.DataFrame, window_us: int) -> pl.Series:
    piece = points.select(pl.struct(c.PERSON, c.PATH).rle_id()).to_series().to_numpy()
    bounds = np.searchsorted(piece, np.arange(piece[-1] + 2)) if len(piece) else np.zeros(1)
    t, x, y = (points[name].to_numpy() for name in (c.TIME, c.X_M, c.Y_M))
    speed: NDArray[np.float64] = _speeds(
        frozen(t, np.int64), frozen(x, np.float64), frozen(y, np.float64), frozen(bounds, np.int64), window_us
    )
    return pl.Series(c.SPEED_M_S, speed, nan_to_null=True)


@nb.njit(cache=True, nogil=True)
def _speeds(t: Any, x: Any, y: Any, bounds: Any, window: int) -> Any:
    speed = np.full(len(t), np.nan)
    for k in range(len(bounds) - 1):
        first, stop = bounds[k], bounds[k + 1]
        low = high = first
        for i in range(first, stop):
            since = min(max(t[i] - window // 2, t[first]), max(t[stop - 1] - window, t[first]))
            while t[low] < since:
                low += 1
            while high < stop and t[high] <= since + window:
                high += 1
            a, b = min(low, max(i - 1, first)), max(high, min(i + 2, stop))
            if b - a > 1:
                speed[i] = _slope(t[a:b], x[a:b], y[a:b])
    return speed


@nb.njit(cache=True, nogil=True)
def _slope(t: Any, x: Any, y: Any) -> float:
    s = (t - t[0]) / 1e6
    s = s - s.mean()
    spread = (s * s).sum()
    return np.hypot((s * (x - x.mean())).sum() / spread, (s * (y - y.mean())).sum() / spread)
