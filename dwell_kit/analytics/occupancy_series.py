"""The environment's occupancy by bucket of time as arrays, and the buckets that any series has."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from dwell_kit.analytics.entries import find_bucket
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.presence import event_bins, maxima, per_bucket, person_time_bins, pieces
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.sweep import sweep
from dwell_kit.analytics.watched import all_inside, covered_person_time, overlap, watched_time
from dwell_kit.errors import FilterError
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.time import US, bucket_edges

MAX_BUCKETS: Final = 5_000_000


class Series(NamedTuple):
    """Occupancy of the environment by bucket, in µs; `seen_us` is the person-time in the covered time."""

    edges: NDArray[np.int64]
    person_us: NDArray[np.int64]
    seen_us: NDArray[np.int64]
    covered_us: NDArray[np.int64]
    most: NDArray[np.int64]


def environment_series(
    coded: Coded, selection: Selection, *, every: str | None, tz: str, coverage: Any = None
) -> Series:
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


def persons_by_bucket(
    coded: Coded, selection: Selection, edges: NDArray[np.int64], *, group: NDArray[np.int32] | None, groups: int
) -> NDArray[np.int64]:
    """(groups, buckets) distinct persons who are present at some time of each bucket.

    Parameters
    ----------
    group : (p,) of each person; None for one group of all.
    """
    found = np.zeros((groups, len(edges) - 1), np.int64)
    if not found.size:
        return found
    own = frozen(coded.person, np.int32)
    swept = sweep(coded, selection, detail=False)
    person, start, end = pieces(coded, selection, swept, key=own, size=coded.n_persons)
    of = frozen(np.zeros(coded.n_persons) if group is None else group, np.int32)
    _count_persons(person, start, end, of, frozen(edges, np.int64), found)
    return found


@nb.njit(cache=True, nogil=True)
def _count_persons(person: Any, start: Any, end: Any, group: Any, edges: Any, found: Any) -> None:
    """Stretches come by person, so that a bucket remembers whom it counted last."""
    n = len(edges) - 1
    latest = np.full(n, -1, np.int64)
    per_us = n / (edges[-1] - edges[0])
    for i in range(len(person)):
        q = find_bucket(start[i], edges, per_us)
        while q < n and edges[q] < end[i]:
            if start[i] < edges[q + 1] and latest[q] != person[i]:
                found[group[person[i]], q] += 1
                latest[q] = person[i]
            q += 1


def series_edges(
    coded: Coded, selection: Selection, watched: NDArray[np.int64], *, every: str | None, tz: str
) -> NDArray[np.int64]:
    """Edges of the buckets that hold all covered time and all selected presence; (1,) if there is none.

    Without `every` that time is one bucket.
    """
    moments = [int(t) for t in watched[[0, -1], [0, 1]]] if len(watched) else []
    if coded.extent is not None and len(selection.intervals):
        low, high = coded.extent
        if not selection.touching:
            low = max(low, int(selection.intervals[0, 0]))
            high = min(high, int(selection.intervals[-1, 1]))
        moments += [low, high] if low <= high else []
    if not moments:
        return np.zeros(1, np.int64)
    return edges_between(min(moments), max(moments), every=every, tz=tz)


def edges_between(low: int, high: int, *, every: str | None, tz: str) -> NDArray[np.int64]:
    """Edges of the buckets that hold [low, high), µs; without `every` that time is one bucket.

    Raises
    ------
    FilterError : for an unknown `every`, and for more than `MAX_BUCKETS`.
    """
    if every is None:
        return np.array([low, max(high, low + 1)], np.int64)
    if (high - low) // (_least_s(every) * US) > MAX_BUCKETS:
        raise too_many(every)
    return bucket_edges(low, max(high - 1, low), every=every, tz=tz)


def _least_s(every: str) -> int:
    """The shortest that such a bucket can be, s; `bucket_edges` judges what is none."""
    hour = 3600
    known = {"day": 23 * hour, "week": 7 * 23 * hour, "month": 28 * 23 * hour}
    for suffix, unit in (("min", 60), ("s", 1)):
        number = every.removesuffix(suffix)
        if number.isdigit() and number != every:
            return max(int(number), 1) * unit
    return known.get(every, hour)


def too_many(every: str | None) -> FilterError:
    """What to raise for more than `MAX_BUCKETS`."""
    return FilterError(
        "too many buckets",
        expected=f"at most {MAX_BUCKETS:,}",
        found=repr(every),
        hint="take longer buckets, or narrow since and until",
    )
