"""Occupancy: people present at the same time, by sweeping intervals, not by counting arrivals.

Occupancy at t is the number of distinct persons with started_at ≤ t < ended_at. In the environment a person counts
once, even on two cameras, and anonymous sightings do not count; at a camera or in a zone each place counts for
itself, anonymous sightings too, so places do not add up. Zero-length sightings contribute nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

import numba as nb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.coding import names, utc
from dwell_kit.analytics.entries import find_bucket
from dwell_kit.analytics.levels import by_bucket, steps
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.presence import event_bins, maxima, per_bucket, person_time_bins, pieces
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.sweep import SweptVisits, sweep
from dwell_kit.analytics.visits import selected
from dwell_kit.analytics.watched import (
    all_inside,
    covered_person_time,
    overlap,
    watched_time,
    watched_times,
    within,
)
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.tables import UTC_US
from dwell_kit.schema.time import US, bucket_edges, from_us, to_us

MAX_BUCKETS: Final = 5_000_000
_PLACES: Final = {"camera": c.CAMERA, "zone": c.ZONE}
_SHORT: Final = {c.CAMERA: "camera", c.ZONE: "zone"}


class Series(NamedTuple):
    """Occupancy of the environment by bucket, in µs; `seen_us` is the person-time in the covered time."""

    edges: NDArray[np.int64]
    person_us: NDArray[np.int64]
    seen_us: NDArray[np.int64]
    covered_us: NDArray[np.int64]
    most: NDArray[np.int64]


def compute_occupancy(
    sightings: Any,
    *,
    every: str = "hour",
    by: str | None = None,
    tz: str = "UTC",
    filters: Filters | None = None,
    selection: Selection | None = None,
    coverage: Any = None,
    persons: bool = False,
) -> Any:
    """Mean and exact maximum occupancy by local bucket: mean = covered person-seconds / covered seconds.

    Person-seconds are split at the bucket edges. A filter of persons or dwell keeps the presence of the visits
    that it selects, a filter of place or time clips it. Where nothing is covered the mean is null, not 0; the
    maximum too, unless somebody was seen.

    Parameters
    ----------
    sightings : frame of the sightings contract, or `Coded`.
    every : "15min", "30min", "hour", "day", "week", "month" or "<n>min".
    by : None for the environment, "camera" or "zone".
    coverage : when cameras were watched: `Coverage`, or what `Coverage.of` takes; by default all the time from the
        earliest start to the latest end of the data. It is cut to the selected time, unless whole visits are asked
        for. A camera has its own; the environment and a zone have that of any camera.

    persons : count the distinct persons too whose visits reach into each bucket of the environment, for
        k-suppression.

    Returns
    -------
    Frame: [camera_id | zone_id,] bucket (start, UTC), occupancy_mean, occupancy_max, person_seconds, covered_s
    [, unique_visitors].
    Every place that occurs in the data has every bucket.

    Raises
    ------
    FilterError : for an unknown `by` or `every`, and for more than 5 million buckets.
    """
    by = _known_place(by)
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, coverage=coverage)
    if persons and by is not None:
        raise FilterError("persons are counted in the environment only", expected="by=None", found=repr(by))
    if by is not None:
        return like(_by_place(coded, chosen, by=by, every=every, tz=tz, coverage=coverage), sightings)
    found = environment_series(coded, chosen, every=every, tz=tz, coverage=coverage)
    frame = _frame(*found)
    if persons:
        there = persons_by_bucket(sweep(coded, chosen, detail=False), found.edges)
        frame = frame.with_columns(pl.Series(c.UNIQUE_VISITORS, there))
    return like(frame, sightings)


def persons_by_bucket(swept: SweptVisits, edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """(buckets,) distinct persons whose visits reach into each bucket, between first and last end."""
    if len(edges) < 2:
        return np.empty(0, np.int64)
    parts = [_reach(p.group, p.first, p.last, frozen(edges, np.int64)) for p in swept.parts]
    return np.sum(parts, axis=0, dtype=np.int64)


@nb.njit(cache=True, nogil=True)
def _reach(group: Any, first: Any, last: Any, edges: Any) -> Any:
    """Visits come by person, so that the bucket remembers whom it counted last."""
    n = len(edges) - 1
    found, latest = np.zeros(n, np.int64), np.full(n, -1, np.int64)
    per_us = n / (edges[-1] - edges[0])
    for v in range(len(group)):
        q = find_bucket(first[v], edges, per_us)
        while q < n and (edges[q] < last[v] or edges[q] <= first[v]):
            if first[v] < edges[q + 1]:
                found[q] += latest[q] != group[v]
                latest[q] = group[v]
            q += 1
    return found


def environment_series(coded: Coded, selection: Selection, *, every: str, tz: str, coverage: Any = None) -> Series:
    """The environment's occupancy by bucket as arrays, see `compute_occupancy`."""
    watched = watched_time(coded, selection, coverage)
    edges = series_edges(coded, selection, watched, every=every, tz=tz)
    if len(edges) < 2:
        none = np.empty(0, np.int64)
        return Series(edges, none, none, none, none)
    env, events = person_time_bins(edges), event_bins(edges, len(coded))
    swept = sweep(coded, selection, env=env, events=events, detail=False)
    most, _ = maxima(coded, selection, swept, events, edges)
    person_us = per_bucket(env, edges)[0]
    inside = all_inside(coverage)
    seen_us = person_us if inside else covered_person_time(coded, selection, swept, watched, edges)
    return Series(edges, person_us, seen_us, overlap(watched, edges), most)


def series_edges(
    coded: Coded, selection: Selection, watched: NDArray[np.int64], *, every: str, tz: str
) -> NDArray[np.int64]:
    """Edges of the buckets that hold all covered time and all selected presence; (1,) if there is none."""
    moments = [int(t) for t in watched[[0, -1], [0, 1]]] if len(watched) else []
    if coded.extent is not None and len(selection.intervals):
        low, high = coded.extent
        if not selection.touching:
            low = max(low, int(selection.intervals[0, 0]))
            high = min(high, int(selection.intervals[-1, 1]))
        moments += [low, high] if low <= high else []
    if not moments:
        return np.zeros(1, np.int64)
    low, high = min(moments), max(moments)
    if (high - low) // (_least_minutes(every) * 60 * US) > MAX_BUCKETS:
        raise _too_many(every)
    return bucket_edges(low, max(high - 1, low), every=every, tz=tz)


def _least_minutes(every: str) -> int:
    """The shortest that such a bucket can be; `bucket_edges` judges what is none."""
    known = {"day": 23 * 60, "week": 7 * 1380, "month": 28 * 1380}
    number = every.removesuffix("min")
    return known.get(every, max(int(number), 1) if number.isdigit() else 60)


def compute_occupancy_steps(
    sightings: Any,
    *,
    by: str | None = None,
    tz: str = "UTC",
    filters: Filters | None = None,
    selection: Selection | None = None,
) -> Any:
    """The exact step function of occupancy: a row wherever it changes; it holds from `t` to the next row.

    Returns
    -------
    Frame: [camera_id | zone_id,] t, occupancy. Before the first row and from the last one on nobody is present.
    """
    by = _known_place(by)
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz)
    place, start, end = pieces(coded, chosen, sweep(coded, chosen, detail=False), by=by)
    parts = [(q, *steps(a, b)) for q, a, b in _split(place, start, end)]
    frame = pl.DataFrame(
        {
            c.TIME: utc(_joined([t for _, t, _ in parts])),
            c.OCCUPANCY: _joined([level for _, _, level in parts]),
        }
    )
    if by is not None:
        codes = _joined([np.full(len(t), q) for q, t, _ in parts])
        frame.insert_column(0, names(_words(coded, by), codes).alias(_PLACES[by]))
    return like(frame, sightings)


def compute_occupancy_at(
    sightings: Any,
    *,
    times: Any,
    by: str | None = None,
    tz: str = "UTC",
    filters: Filters | None = None,
    selection: Selection | None = None,
) -> Any:
    """Occupancy at given instants.

    Parameters
    ----------
    times : aware datetimes, a Polars series of UTC datetimes, or µs since 1970.

    Returns
    -------
    Frame: [camera_id | zone_id,] t, occupancy; every place that occurs in the data has every instant.
    """
    by = _known_place(by)
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz)
    asked = _instants(times)
    place, start, end = pieces(coded, chosen, sweep(coded, chosen, detail=False), by=by)
    levels = {q: _level(np.sort(a), np.sort(b), asked) for q, a, b in _split(place, start, end)}
    places = range(1) if by is None else range(len(_words(coded, by)))
    nobody = np.zeros(len(asked), np.int64)
    frame = pl.DataFrame(
        {
            c.TIME: utc(np.tile(asked, len(places))),
            c.OCCUPANCY: _joined([levels.get(q, nobody) for q in places]),
        }
    )
    if by is not None:
        codes = np.repeat(np.arange(len(places)), len(asked))
        frame.insert_column(0, names(_words(coded, by), codes).alias(_PLACES[by]))
    return like(frame, sightings)


def compute_peak(
    sightings: Any, *, filters: Filters | None = None, selection: Selection | None = None, tz: str = "UTC"
) -> tuple[int, datetime | None]:
    """The largest number of persons present in the environment at once, and the earliest instant of it (UTC)."""
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz)
    if coded.extent is None:
        return 0, None
    edges = np.array([coded.extent[0], coded.extent[1] + 1], np.int64)
    events = event_bins(edges, len(coded))
    swept = sweep(coded, chosen, events=events, detail=False)
    most, at = maxima(coded, chosen, swept, events, edges)
    return int(most[0]), from_us(at[0]) if most[0] else None


def _by_place(coded: Coded, selection: Selection, *, by: str, every: str, tz: str, coverage: Any) -> pl.DataFrame:
    words = _words(coded, by)
    watched = (
        watched_times(coded, selection, coverage)
        if by == "camera"
        else [watched_time(coded, selection, coverage)] * len(words)
    )
    hull = np.concatenate([np.empty((0, 2), np.int64), *watched])
    hull = np.array([[hull[:, 0].min(), hull[:, 1].max()]]) if len(hull) else hull
    edges = series_edges(coded, selection, hull, every=every, tz=tz)
    m = len(edges) - 1
    if m * len(words) > MAX_BUCKETS:
        raise _too_many(every)
    person_us, seen_us, covered_us, most = (np.zeros((len(words), m), np.int64) for _ in range(4))
    for q in range(len(words) if m else 0):
        covered_us[q] = covered_us[q - 1] if q and watched[q] is watched[q - 1] else overlap(watched[q], edges)
    place, start, end = pieces(coded, selection, sweep(coded, selection, detail=False), by=by)
    for q, a, b in _split(place, start, end) if m else ():
        person_us[q], most[q] = by_bucket(*steps(a, b), edges)
        if not all_inside(coverage):
            _, a, b = within((a, a, b), watched[q])
            seen_us[q] = by_bucket(*steps(a, b), edges)[0]
    frame = _frame(
        np.append(np.tile(edges[:-1], len(words)), edges[-1]),
        person_us.ravel(),
        (person_us if all_inside(coverage) else seen_us).ravel(),
        covered_us.ravel(),
        most.ravel(),
    )
    codes = np.repeat(np.arange(len(words)), m)
    return frame.insert_column(0, names(words, codes).alias(_PLACES[by]))


def _frame(
    edges: NDArray[np.int64],
    person_us: NDArray[np.int64],
    seen_us: NDArray[np.int64],
    covered_us: NDArray[np.int64],
    most: NDArray[np.int64],
) -> pl.DataFrame:
    watched = pl.col(c.COVERED_S) > 0
    return pl.DataFrame(
        {
            c.BUCKET: utc(edges[:-1]),
            c.OCCUPANCY_MEAN: seen_us / US,
            c.OCCUPANCY_MAX: pl.Series(most, dtype=pl.Int64),
            c.PERSON_SECONDS: person_us / US,
            c.COVERED_S: covered_us / US,
        }
    ).with_columns(
        pl.when(watched).then(pl.col(c.OCCUPANCY_MEAN) / pl.col(c.COVERED_S)).alias(c.OCCUPANCY_MEAN),
        pl.when(watched | (pl.col(c.OCCUPANCY_MAX) > 0)).then(pl.col(c.OCCUPANCY_MAX)).alias(c.OCCUPANCY_MAX),
    )


def _split(
    place: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]
) -> list[tuple[int, NDArray[np.int64], NDArray[np.int64]]]:
    """The stretches of each place that has some."""
    order = np.argsort(place.astype(np.int16), kind="stable")  # 16 bits: numpy sorts them by radix
    place, start, end = place[order], start[order], end[order]
    cuts = np.flatnonzero(np.diff(place)) + 1
    firsts = np.concatenate([[0], cuts]) if len(place) else np.empty(0, np.int64)
    return list(zip((int(place[i]) for i in firsts), np.split(start, cuts), np.split(end, cuts), strict=False))


def _level(begins: NDArray[np.int64], ends: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the sorted starts are at or before each instant, less the sorted ends."""
    return np.searchsorted(begins, at, side="right") - np.searchsorted(ends, at, side="right")


def _instants(times: Any) -> NDArray[np.int64]:
    if isinstance(times, pl.Series):
        return times.cast(UTC_US).to_physical().to_numpy()
    return np.array([to_us(t) if isinstance(t, datetime) else int(t) for t in times], dtype=np.int64)


def _joined(parts: list[NDArray[Any]]) -> NDArray[np.int64]:
    return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)


def _words(coded: Coded, by: str) -> tuple[str, ...]:
    return coded.cameras if by == "camera" else coded.zones


def _known_place(by: str | None) -> str | None:
    """The kind of place: camera_id and camera are one."""
    kind = _SHORT.get(by, by) if by is not None else None
    if kind is not None and kind not in _PLACES:
        raise FilterError(f"there is no occupancy by {by!r}", expected="None, 'camera' or 'zone'", found=repr(by))
    return kind


def _too_many(every: str) -> FilterError:
    return FilterError(
        "too many buckets",
        expected=f"at most {MAX_BUCKETS:,}",
        found=repr(every),
        hint="take longer buckets, or narrow since and until",
    )
