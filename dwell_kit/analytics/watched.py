"""Covered time: what means are taken over, and the presence inside it."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from dwell_kit.analytics.kernels import first_span
from dwell_kit.analytics.levels import by_bucket, steps
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.presence import pieces
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.sweep import SweptVisits
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.coverage import Coverage
from dwell_kit.schema.hours import intersect
from dwell_kit.schema.time import MIN_US, union

Stretches = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def watched_time(
    coded: Coded, selection: Selection, coverage: Any, *, camera: str | None = None
) -> NDArray[np.int64]:
    """(k, 2) µs intervals that a mean is taken over: coverage cut to the selected time, unless that is only to be
    touched.

    Parameters
    ----------
    coverage : see `compute_occupancy`. camera : its own coverage; else that of any selected camera.
    """
    return _cut(coded, selection, _covered(coded, selection, coverage, camera))


def watched_times(coded: Coded, selection: Selection, coverage: Any) -> list[NDArray[np.int64]]:
    """`watched_time` of each camera; worked out once for those that share theirs."""
    known = None if coverage is None else Coverage.of(coverage)
    if known is None or not known.cameras:
        return [watched_time(coded, selection, known, camera="")] * len(coded.cameras)
    return [watched_time(coded, selection, known, camera=camera) for camera in coded.cameras]


def _covered(coded: Coded, selection: Selection, coverage: Any, camera: str | None) -> NDArray[np.int64]:
    if coverage is None:
        return np.array([] if coded.extent is None else [coded.extent], dtype=np.int64).reshape(-1, 2)
    known = Coverage.of(coverage)
    if camera is not None:
        return known.of_camera(camera)
    if not known.cameras or selection.camera[:-1].all():
        return known.anywhere
    chosen = [known.of_camera(name) for name, on in zip(coded.cameras, selection.camera, strict=False) if on]
    return union([(int(a), int(b)) for held in chosen for a, b in held])


def _cut(coded: Coded, selection: Selection, watched: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(watched) and watched[0, 0] <= MIN_US:  # watched from ever: a mean begins with the data
        first = coded.extent[0] if coded.extent else int(watched[0, 1])
        watched = intersect(watched, np.array([[first, watched[-1, 1]]], np.int64))
    return watched if selection.touching else intersect(watched, selection.intervals)


def all_inside(coverage: Any) -> bool:
    """True if no presence can lie outside of the covered time, so that none has to be cut away."""
    return coverage is None or (isinstance(coverage, Coverage) and coverage.whole)


def within(stretches: Stretches, watched: NDArray[np.int64]) -> Stretches:
    """The parts of (place, from, till) that lie in sorted, disjoint intervals."""
    place, start, end = (frozen(array, np.int64) for array in stretches)
    if not len(watched):
        return place[:0], start[:0], end[:0]
    return _within(place, start, end, frozen(watched, np.int64))  # type: ignore[no-any-return]


@nb.njit(cache=True, nogil=True)
def _within(place: Any, start: Any, end: Any, spans: Any) -> Any:
    room = 0
    for i in range(len(place)):
        room += first_span(spans, end[i]) - first_span(spans, start[i]) + 1
    held, since, until = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    made = 0
    for i in range(len(place)):
        for j in range(first_span(spans, start[i]), len(spans)):
            if spans[j, 0] >= end[i]:
                break
            a, b = max(start[i], spans[j, 0]), min(end[i], spans[j, 1])
            if b > a:
                held[made], since[made], until[made] = place[i], a, b
                made += 1
    return held[:made], since[:made], until[:made]


def covered_person_time(
    coded: Coded,
    selection: Selection,
    swept: SweptVisits,
    watched: NDArray[np.int64],
    edges: NDArray[np.int64],
) -> NDArray[np.int64]:
    """(buckets,) person-time of the environment in µs that lies in the covered time."""
    _, start, end = within(pieces(coded, selection, swept, by=None), watched)
    return by_bucket(*steps(start, end), edges)[0]


def overlap(intervals: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """(buckets,) µs of each bucket that lie in the sorted, disjoint intervals."""
    if not len(intervals):
        return np.zeros(len(edges) - 1, np.int64)
    flat = intervals.ravel()
    length = np.diff(intervals, axis=1)[:, 0]
    before = np.concatenate([[0], np.cumsum(length)])
    at = np.searchsorted(flat, edges, side="right")
    inside = np.where(at % 2 == 1, edges - flat[np.maximum(at - 1, 0)], 0)
    return np.diff(before[at // 2] + inside)
