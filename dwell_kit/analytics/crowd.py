"""Crowd and loitering events that a source reports, alone and joined to occupancy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.coding import utc
from dwell_kit.analytics.entries import Entries, bucket_of, visit_entries
from dwell_kit.analytics.events import positions_of, select_events
from dwell_kit.analytics.occupancy_series import environment_series
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.steps import occupancy_steps
from dwell_kit.analytics.visits import selected
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.coverage import Coverage
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import US, bucket_edges, local_clock

_EACH: Final = (c.CAMERA, c.EVENT_TYPE)


def compute_crowd_per_hour(
    events: Any,
    *,
    every: str = "hour",
    by: Sequence[str] = _EACH,
    filters: Filters | None = None,
    tz: str = "UTC",
    sightings: Any = None,
) -> Any:
    """How many crowd and loitering events each camera reported, per local hour; by the time they were recorded.

    Parameters
    ----------
    events : frame of crowd events. every : local bucket. by : of camera_id and event_type, the rest is added up.
    filters : place, time, and the person an event names, as in `select_events`.
    sightings : frame of sightings, or `Coded`, that persons are known from; a workspace knows its own.

    Returns
    -------
    bucket (UTC), the columns of `by`, count (events), unique_visitors (distinct persons that the events name);
    only where there is an event.

    Raises
    ------
    FilterError : for another key.
    """
    if unknown := sorted(set(by) - set(_EACH)):
        raise FilterError("crowd events have no such key", expected=", ".join(_EACH), found=", ".join(unknown))
    rows = select_events(events, filters=filters, tz=tz, sightings=sightings)
    if rows.is_empty():
        edges = np.zeros(1, np.int64)
    else:
        edges = bucket_edges(
            int(_us(rows[c.RECORDED]).min()), int(_us(rows[c.RECORDED]).max()), every=every, tz=tz
        )
    bucket = utc(edges[:-1]).gather(bucket_of(_us(rows[c.RECORDED]), edges)) if rows.height else utc(edges[:0])
    table = (
        rows.with_columns(bucket.alias(c.BUCKET))
        .group_by(c.BUCKET, *by)
        .agg(
            pl.len().cast(pl.Int64).alias(c.COUNT),
            pl.col(c.PERSON).drop_nulls().n_unique().cast(pl.Int64).alias(c.UNIQUE_VISITORS),
        )
        .sort(c.BUCKET, *by)
    )
    return like(table, events)


def compute_crowd_camera_hour(events: Any, *, filters: Filters | None = None, tz: str = "UTC") -> Any:
    """Crowd and loitering events by camera and local clock hour, days added up; by the time they were recorded.

    Parameters
    ----------
    events, filters : as in `compute_crowd_per_hour`.

    Returns
    -------
    camera_id, hour (0–23), event_type, count (events), unique_visitors (distinct persons that the events name);
    only where there is an event.
    """
    rows = select_events(events, filters=filters, tz=tz)
    hour = local_clock(_us(rows[c.RECORDED]), tz)[1]
    table = (
        rows.with_columns(pl.Series(c.HOUR, hour, dtype=pl.Int64))
        .group_by(c.CAMERA, c.HOUR, c.EVENT_TYPE)
        .agg(
            pl.len().cast(pl.Int64).alias(c.COUNT),
            pl.col(c.PERSON).drop_nulls().n_unique().cast(pl.Int64).alias(c.UNIQUE_VISITORS),
        )
        .sort(c.CAMERA, c.HOUR, c.EVENT_TYPE)
    )
    return like(table, events)


def compute_crowd_occupancy(
    events: Any,
    sightings: Any,
    *,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    coverage: Any = None,
) -> Any:
    """Each event beside what the same camera saw: occupancy, and how long those present stayed in all.

    An event spans the closed [recorded − loitering_duration, recorded] (from started_at where the duration is not
    said). Its person is looked up only where the ids agree.

    Parameters
    ----------
    coverage : as for `compute_occupancy`; by default every camera was watched at every event.

    Returns
    -------
    key, event_type, camera_id, person_id, started_at, recorded_at, loitering_duration_s, occupancy_max and
    occupancy (persons at the camera: the greatest inside the span, and when recorded; null for a camera without
    sightings, and where it saw nobody and was not watched), persons (distinct and identified, at the camera inside
    the span), present_dwell_mean_s (s, mean dwell of their visits), visit_dwell_s (s, dwell of the visit of the
    event's own person that meets the span; null if there is none).
    """
    entries = visit_entries(sightings, filters=filters, selection=selection, tz=tz)
    coded = entries.coded
    rows = select_events(events, filters=filters, tz=tz, sightings=coded)
    steps = occupancy_steps(coded, entries.selection, entries.swept, by=c.CAMERA)
    high = _us(rows[c.RECORDED])
    low = np.minimum(_span_starts(rows), high)
    found = {name: np.full(rows.height, np.nan) for name in (c.OCCUPANCY_MAX, c.OCCUPANCY, c.N_PERSONS)}
    met = {name: np.full(rows.height, np.nan) for name in (c.PRESENT_DWELL_MEAN_S, c.VISIT_DWELL_S)}
    camera = rows[c.CAMERA].to_list()
    for place, name in enumerate(coded.cameras):
        mine = np.flatnonzero([word == name for word in camera])
        if len(mine):
            found[c.OCCUPANCY_MAX][mine] = steps[place].most(low[mine], high[mine])
            found[c.OCCUPANCY][mine] = steps[place].at(high[mine])
            seen = np.flatnonzero((coded.camera == place) & (coded.person >= 0))
            for row in mine:
                visits = _visits_during(
                    entries, _persons_during(coded, seen, low[row], high[row]), low[row], high[row]
                )
                found[c.N_PERSONS][row] = len(np.unique(entries.person[visits]))
                if len(visits):
                    met[c.PRESENT_DWELL_MEAN_S][row] = entries.dwell[visits].mean() / US
    if coverage is not None:
        _blank_unwatched(found, Coverage.of(coverage), camera, low, high)
    person = positions_of(coded, rows[c.PERSON])
    for row in np.flatnonzero(person >= 0):
        visits = _visits_during(entries, person[row : row + 1], low[row], high[row])
        if len(visits):
            met[c.VISIT_DWELL_S][row] = entries.dwell[visits[-1]] / US
    table = rows.select(
        c.KEY, c.EVENT_TYPE, c.CAMERA, c.PERSON, utc(low).alias(c.STARTED), c.RECORDED, c.LOITERING_S,
        *(pl.Series(name, values, nan_to_null=True).cast(pl.Int64) for name, values in found.items()),
        *(pl.Series(name, values, nan_to_null=True) for name, values in met.items()),
    )  # fmt: skip
    return like(table, events)


def _blank_unwatched(
    found: dict[str, NDArray[np.float64]],
    coverage: Coverage,
    cameras: list[str | None],
    low: NDArray[np.int64],
    high: NDArray[np.int64],
) -> None:
    """Nobody seen where nobody watched is not known, instead of 0."""
    for row, camera in enumerate(cameras):
        watched = coverage.of_camera(camera or "")
        since = np.searchsorted(watched[:, 1], low[row], side="left")
        until = np.searchsorted(watched[:, 1], high[row], side="left")
        during = since < len(watched) and watched[since, 0] <= high[row]
        then = until < len(watched) and watched[until, 0] <= high[row]
        for name, seen in ((c.OCCUPANCY_MAX, during), (c.N_PERSONS, during), (c.OCCUPANCY, then)):
            if not seen and found[name][row] == 0:
                found[name][row] = np.nan


def compute_lead_lag(
    events: Any,
    sightings: Any,
    *,
    every: str = "15min",
    max_lag: int = 8,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    coverage: Any = None,
) -> Any:
    """Do events follow occupancy, or occupancy events? Pearson correlation of the two series at each lag.

    With x_t the events recorded in bucket t and y_t the mean occupancy of the environment, the correlation at lag
    k is that of x_t and y_{t+k}: at a positive lag occupancy comes after the events, at a negative one before.
    Buckets without covered time are in no pair.

    Parameters
    ----------
    coverage : as for `compute_occupancy`.

    Returns
    -------
    lag (buckets), lag_s (s), correlation (null where a series does not vary), count (pairs of buckets).
    """
    if max_lag < 0:
        raise FilterError("max_lag is negative", expected="0 buckets or more", found=str(max_lag))
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, coverage=coverage)
    rows = select_events(events, filters=filters, tz=tz, sightings=coded)
    series = environment_series(coded, chosen, every=every, tz=tz, coverage=coverage)
    edges, m = series.edges, len(series.edges) - 1
    recorded = _us(rows[c.RECORDED])
    inside = recorded[(recorded >= edges[0]) & (recorded < edges[-1])]
    x = np.bincount(bucket_of(inside, edges), minlength=m).astype(np.float64)[:m]
    watched = series.covered_us > 0
    y = np.divide(series.seen_us, series.covered_us, out=np.full(m, np.nan), where=watched)
    step_s = float(np.median(np.diff(edges))) / US if m else 0.0
    lags = [lag for lag in range(-max_lag, max_lag + 1) if m - abs(lag) >= 2]
    x[~watched] = np.nan
    shifted = [(x[max(0, -lag) : m - max(0, lag)], y[max(0, lag) : m - max(0, -lag)]) for lag in lags]
    pairs = [(a[both], b[both]) for a, b in shifted for both in [~np.isnan(a) & ~np.isnan(b)]]
    table = pl.DataFrame(
        {
            c.LAG: lags,
            c.LAG_S: [lag * step_s for lag in lags],
            c.CORRELATION: [_pearson(a, b) for a, b in pairs],
            c.COUNT: [len(a) for a, _ in pairs],
        },
        schema={c.LAG: pl.Int64, c.LAG_S: pl.Float64, c.CORRELATION: pl.Float64, c.COUNT: pl.Int64},
    )
    return like(table, events)


def _us(times: pl.Series) -> NDArray[np.int64]:
    return times.to_physical().to_numpy()


def _span_starts(rows: pl.DataFrame) -> NDArray[np.int64]:
    duration = pl.duration(microseconds=(pl.col(c.LOITERING_S) * US).round().cast(pl.Int64))
    return _us(rows.select(pl.coalesce(pl.col(c.RECORDED) - duration, c.STARTED, c.RECORDED)).to_series())


def _persons_during(coded: Coded, rows: NDArray[np.int64], low: int, high: int) -> NDArray[np.int64]:
    """Distinct persons of those sightings that have an instant inside the closed [low, high]."""
    start, end = coded.start[rows], coded.end[rows]
    during = (start <= high) & ((end > low) | (start >= low))
    return np.unique(coded.person[rows[during]]).astype(np.int64)


def _visits_during(entries: Entries, persons: NDArray[np.int64], low: int, high: int) -> NDArray[np.int64]:
    """The selected visits of the persons that meet the closed [low, high]."""
    begin = np.searchsorted(entries.person, persons, side="left")
    end = np.searchsorted(entries.person, persons, side="right")
    visits = np.concatenate([np.empty(0, np.int64), *(np.arange(a, b) for a, b in zip(begin, end, strict=True))])
    visits = visits.astype(np.int64)
    return visits[(entries.at[visits] <= high) & (entries.until[visits] >= low)]


def _pearson(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])
