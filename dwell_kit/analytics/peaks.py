"""When it is busy: series by hour, day and week, weekday × hour, camera × hour, and the peak hour.

Mean occupancy over several buckets is the sum of their person-seconds over the sum of their covered seconds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.camera_hours import HOURS, count_camera_hours
from dwell_kit.analytics.entries import Entries, Key, edges_of
from dwell_kit.analytics.footfall import compute_footfall
from dwell_kit.analytics.occupancy import compute_occupancy
from dwell_kit.analytics.occupancy_series import series_edges
from dwell_kit.analytics.presence import per_bucket, person_time_bins
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.splits import selected_places
from dwell_kit.analytics.sweep import sweep
from dwell_kit.analytics.tabulate import tabulate
from dwell_kit.analytics.visits import selected
from dwell_kit.analytics.watched import all_inside, covered_person_time, overlap, watched_time, watched_times
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import US, local_clock


class Hourly(NamedTuple):
    """Local hour buckets: edges (m + 1,) µs, covered person_us (m,), covered_us (m,), and their visits."""

    edges: NDArray[np.int64]
    person_us: NDArray[np.int64]
    covered_us: NDArray[np.int64]
    entries: Entries


def compute_series(
    sightings: Any,
    *,
    every: str = "hour",
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    coverage: Any = None,
) -> Any:
    """Visits started, unique visitors and occupancy of the environment by local bucket, side by side.

    Parameters
    ----------
    sightings : frame of sightings, or `Coded`. every : "hour", "day", "week", or as for `compute_footfall`.
    coverage : as for `compute_occupancy`.

    Returns
    -------
    bucket (UTC), visits, unique_visitors (persons), occupancy_mean, occupancy_max (persons), person_seconds,
    covered_s (s).
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, coverage=coverage)
    arrivals = compute_footfall(coded, every=every, selection=chosen, tz=tz).drop(c.BASIS)
    present = compute_occupancy(coded, every=every, selection=chosen, tz=tz, coverage=coverage)
    joined = arrivals.join(present, on=c.BUCKET, how="full", coalesce=True).sort(c.BUCKET)
    return like(joined.with_columns(pl.col(c.VISITS, c.UNIQUE_VISITORS).fill_null(0)), sightings)


def compute_weekday_hour(
    sightings: Any,
    *,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    coverage: Any = None,
) -> Any:
    """The week as a table: mean occupancy and visits started by local weekday and clock hour.

    Returns
    -------
    weekday (1 = Monday), hour (0–23), occupancy_mean (persons; null where nothing is covered), visits (started),
    unique_visitors (persons), covered_s (s); all 168 rows, none without data.
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, coverage=coverage)
    found = hourly(coded, chosen, tz=tz, coverage=coverage)
    _, hour, weekday = local_clock(found.edges[:-1], tz)
    cell, n_cells = (weekday - 1) * HOURS + hour, 7 * HOURS
    person_us, covered_us = (
        np.bincount(cell, weights=w, minlength=n_cells) for w in (found.person_us, found.covered_us)
    )
    started = edges_of(coded, chosen, every="hour", tz=tz)
    _, hour, weekday = local_clock(started[:-1], tz)
    key = Key("bucket", (weekday - 1) * HOURS + hour, pl.Series(range(n_cells)), started)
    counted = tabulate(found.entries, [key])
    table = pl.DataFrame(
        [
            pl.Series(c.WEEKDAY, range(1, 8), dtype=pl.Int64).gather(np.repeat(np.arange(7), HOURS)),
            _clock().gather(np.tile(np.arange(HOURS), 7)),
            pl.Series(c.OCCUPANCY_MEAN, _means(person_us, covered_us), nan_to_null=True),
            pl.Series(c.VISITS, counted.visits),
            pl.Series(c.UNIQUE_VISITORS, counted.persons),
            pl.Series(c.COVERED_S, covered_us / US),
        ]
    )
    return like(table, sightings)


def compute_camera_hour(
    sightings: Any,
    *,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    coverage: Any = None,
) -> Any:
    """Cameras by local clock hour: mean occupancy over covered time, and visits started.

    A visit counts once at each camera that saw it, in the hour of its first sighting there. Anonymous sightings
    are in the occupancy and not in the visits. Neither figure adds up over cameras.

    Returns
    -------
    camera_id, hour (0–23), occupancy_mean (persons; null where nothing is covered), visits (started),
    unique_visitors (persons), covered_s (s); every hour of every selected camera.
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, coverage=coverage)
    watched = watched_times(coded, chosen, coverage)
    found = count_camera_hours(coded, chosen, tz=tz, watched=None if all_inside(coverage) else watched)
    n = len(coded.cameras)
    covered_us = _covered_by_hour(coded, chosen, watched, tz=tz).ravel()
    table = pl.DataFrame(
        [
            pl.Series(c.CAMERA, coded.cameras, dtype=pl.String).gather(np.repeat(np.arange(n), HOURS)),
            _clock().gather(np.tile(np.arange(HOURS), n)),
            pl.Series(c.OCCUPANCY_MEAN, _means(found.person_us.ravel(), covered_us), nan_to_null=True),
            pl.Series(c.VISITS, found.visits.ravel()),
            pl.Series(c.UNIQUE_VISITORS, found.persons.ravel()),
            pl.Series(c.COVERED_S, covered_us / US),
        ]
    )
    kept = np.repeat(selected_places(coded, chosen, c.CAMERA), HOURS)
    return like(table.filter(pl.Series(kept, dtype=pl.Boolean)), sightings)


def compute_peak_hour(
    sightings: Any,
    *,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    coverage: Any = None,
) -> Any:
    """The peak hour: the local clock hour with the highest mean occupancy over covered time, ties to the earliest.

    The busiest instant is another figure (`compute_peak`).

    Returns
    -------
    One row: hour (0–23; null when nobody was present), occupancy_mean (persons).
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, coverage=coverage)
    found = hourly(coded, chosen, tz=tz, coverage=coverage)
    means = hour_means(found.edges, found.person_us, found.covered_us, tz=tz)
    hour = peak_hour_of(means)
    row = {c.HOUR: hour, c.OCCUPANCY_MEAN: None if hour is None else float(means[hour])}
    return like(pl.DataFrame([row], schema={c.HOUR: pl.Int64, c.OCCUPANCY_MEAN: pl.Float64}), sightings)


def compute_hour_profile(
    sightings: Any,
    *,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    coverage: Any = None,
) -> Any:
    """The day as a profile: mean occupancy of each local clock hour over covered time; its top is the peak hour.

    Returns
    -------
    hour (0–23), occupancy_mean (persons; null where nothing is covered), covered_s (s); all 24 rows, none without
    data.
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, coverage=coverage)
    found = hourly(coded, chosen, tz=tz, coverage=coverage)
    hour = local_clock(found.edges[:-1], tz)[1]
    table = pl.DataFrame(
        [
            _clock(),
            pl.Series(
                c.OCCUPANCY_MEAN,
                hour_means(found.edges, found.person_us, found.covered_us, tz=tz),
                nan_to_null=True,
            ),
            pl.Series(c.COVERED_S, np.bincount(hour, weights=found.covered_us, minlength=HOURS) / US),
        ]
    )
    return like(table, sightings)


def hour_means(
    edges: NDArray[np.int64], person_us: NDArray[np.int64], covered_us: NDArray[np.int64], *, tz: str
) -> NDArray[np.float64]:
    """(24,) mean occupancy of each local clock hour from hour buckets; NaN where nothing is covered."""
    hour = local_clock(edges[:-1], tz)[1]
    return _means(*(np.bincount(hour, weights=w, minlength=HOURS) for w in (person_us, covered_us)))


def peak_hour_of(means: NDArray[np.float64]) -> int | None:
    """The earliest hour with the highest mean; None when nobody was present in any covered hour."""
    known = np.nan_to_num(means, nan=0.0)
    return int(known.argmax()) if known.max(initial=0.0) > 0 else None


def hourly(coded: Coded, selection: Selection, *, tz: str, coverage: Any = None) -> Hourly:
    """Person-time of the environment by local hour bucket, in one pass over the sightings."""
    watched = watched_time(coded, selection, coverage)
    edges = series_edges(coded, selection, watched, every="hour", tz=tz)
    if len(edges) < 2:
        none = np.empty(0, np.int64)
        return Hourly(edges, none, none, Entries(coded, selection, sweep(coded, selection)))
    bins = person_time_bins(edges)
    swept = sweep(coded, selection, env=bins)
    inside = all_inside(coverage)
    person_us = (
        per_bucket(bins, edges)[0] if inside else covered_person_time(coded, selection, swept, watched, edges)
    )
    return Hourly(edges, person_us, overlap(watched, edges), Entries(coded, selection, swept))


def _covered_by_hour(
    coded: Coded, selection: Selection, watched: list[NDArray[np.int64]], *, tz: str
) -> NDArray[np.float64]:
    """(cameras, 24) covered µs of each local clock hour."""
    found = np.zeros((len(watched), HOURS))
    for q, intervals in enumerate(watched):
        if q and intervals is watched[q - 1]:
            found[q] = found[q - 1]
            continue
        edges = series_edges(coded, selection, intervals, every="hour", tz=tz)
        if len(edges) > 1:
            hour, seen = local_clock(edges[:-1], tz)[1], overlap(intervals, edges)
            found[q] = np.bincount(hour, weights=seen, minlength=HOURS)
    return found


def _clock() -> pl.Series:
    return pl.Series(c.HOUR, range(HOURS), dtype=pl.Int64)


def _means(person_us: NDArray[Any], covered_us: NDArray[Any]) -> NDArray[np.float64]:
    return np.divide(person_us, covered_us, out=np.full(len(covered_us), np.nan), where=covered_us > 0)
