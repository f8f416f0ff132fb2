"""Cameras by clock hour in one pass over the sightings: person-time, visits started there, distinct persons."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numba as nb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics.entries import Entries, Key, edges_of, find_bucket, group_key
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.parallel import in_threads
from dwell_kit.analytics.presence import pieces
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.sweep import SweptVisits, picks, ranges, rows_of, sweep
from dwell_kit.analytics.tabulate import tabulate
from dwell_kit.analytics.watched import Stretches, within
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.time import MAX_US, MIN_US, local_clock

HOURS: Final = 24


class CameraHours(NamedTuple):
    """Each (cameras, 24): visits that were first seen there in that hour, their persons, person-time in µs."""

    visits: NDArray[np.int64]
    persons: NDArray[np.int64]
    person_us: NDArray[np.int64]


def count_camera_hours(
    coded: Coded, selection: Selection, *, tz: str, watched: list[NDArray[np.int64]] | None = None
) -> CameraHours:
    """What `compute_camera_hour` counts; anonymous sightings are in the person-time only.

    Parameters
    ----------
    watched : intervals of each camera that its person-time is cut to; None to cut nothing.
    """
    edges = edges_of(coded, selection, every="hour", tz=tz)
    hour = local_clock(edges[:-1], tz)[1]
    shape = (len(coded.cameras), HOURS)
    if len(edges) < 2 or not coded.cameras:
        return CameraHours(*(np.zeros(shape, np.int64) for _ in range(3)))
    whole_visits = selection.touching or selection.min_us > MIN_US or selection.max_us < MAX_US
    found = (_by_visits if whole_visits else _by_rows)(coded, selection, edges, hour)
    if watched is not None:
        swept = sweep(coded, selection, detail=False)
        return found._replace(
            person_us=_cut_time(pieces(coded, selection, swept, by="camera"), watched, edges, hour)
        )
    if selection.anonymous and coded.n_identified < len(coded):
        nobody = pieces(coded, selection, SweptVisits(()), by="camera")
        _add_time(found.person_us, nobody, edges, hour)
    return found


def _by_rows(coded: Coded, selection: Selection, edges: NDArray[np.int64], hour: NDArray[np.int64]) -> CameraHours:
    rows = rows_of(coded)
    pick, _ = picks(selection)
    work = [
        (rows, pick, lo, hi, frozen(edges, np.int64), frozen(hour, np.int64), len(coded.cameras))
        for lo, hi in ranges(coded.offsets)
    ]
    parts = in_threads(_count, work)
    return CameraHours(*(np.sum(arrays, axis=0).reshape(-1, HOURS) for arrays in zip(*parts, strict=True)))


def _by_visits(
    coded: Coded, selection: Selection, edges: NDArray[np.int64], hour: NDArray[np.int64]
) -> CameraHours:
    """The same where whole visits decide what counts."""
    entries = Entries(coded, selection, sweep(coded, selection))
    keys = [group_key(coded, c.CAMERA), Key("bucket", hour, pl.Series(range(HOURS)), edges)]
    counted = tabulate(entries, keys)
    person_us = np.zeros((len(coded.cameras), HOURS), np.int64)
    known = pieces(coded, selection.but(anonymous=False), entries.swept, by="camera")
    _add_time(person_us, known, edges, hour)
    return CameraHours(counted.visits.reshape(-1, HOURS), counted.persons.reshape(-1, HOURS), person_us)


def _cut_time(
    stretches: Stretches, watched: list[NDArray[np.int64]], edges: NDArray[np.int64], hour: NDArray[np.int64]
) -> NDArray[np.int64]:
    person_us = np.zeros((len(watched), HOURS), np.int64)
    place, start, end = stretches
    for q, intervals in enumerate(watched):
        here = place == q
        _add_time(person_us, within((place[here], start[here], end[here]), intervals), edges, hour)
    return person_us


def _add_time(
    person_us: NDArray[np.int64],
    stretches: Stretches,
    edges: NDArray[np.int64],
    hour: NDArray[np.int64],
) -> None:
    place, start, end = (frozen(array, np.int64) for array in stretches)
    _spread(place, start, end, frozen(edges, np.int64), frozen(hour, np.int64), person_us)


@nb.njit(cache=True, nogil=True)
def _spread(place: Any, start: Any, end: Any, edges: Any, hour: Any, out: Any) -> None:
    """Add the time of each interval to the hours that it lies in: out (places, 24)."""
    per_us = (len(edges) - 1) / (edges[-1] - edges[0])
    for i in range(len(place)):
        t, q = start[i], find_bucket(start[i], edges, per_us)
        while t < end[i] and q < len(hour):
            stop = min(end[i], edges[q + 1])
            out[place[i], hour[q]] += stop - t
            t = stop
            q += 1


@nb.njit(cache=True, nogil=True)
def _count(rows: Any, pick: Any, lo: int, hi: int, edges: Any, hour: Any, places: int) -> Any:
    """Visits, persons and person-time (places × 24,) of the persons [lo, hi), one row after the other."""
    visits, persons = np.zeros(places * 24, np.int64), np.zeros(places * 24, np.int64)
    time, latest = np.zeros(places * 24, np.int64), np.full(places * 24, -1, np.int64)
    seen, until = np.full(places, -1, np.int64), np.zeros(places, np.int64)
    spans, ends = pick.spans, pick.spans[:, 1].copy()
    per_us = (len(edges) - 1) / (edges[-1] - edges[0])
    mark = 0
    for person in range(lo, hi):
        if not pick.group[person] or rows.offsets[person] == rows.offsets[person + 1]:
            continue
        begin = rows.offsets[person]
        horizon = rows.end[begin]
        mark += 1
        j = np.searchsorted(ends, rows.start[begin], side="right")
        q = find_bucket(rows.start[begin], edges, per_us)
        for i in range(begin, rows.offsets[person + 1]):
            a, b, place = rows.start[i], rows.end[i], rows.camera[i]
            mark += a - horizon > pick.max_gap
            horizon = max(horizon, b)
            while j < len(ends) and ends[j] <= a:
                j += 1
            if place < 0 or not pick.camera[place] or (pick.by_zone and not pick.zone[rows.zone[i]]):
                continue
            s = j
            while s < len(ends) and (spans[s, 0] < b or spans[s, 0] <= a):
                x, y = max(a, spans[s, 0]), min(b, ends[s])
                s += 1
                while q < len(hour) - 1 and x >= edges[q + 1]:
                    q += 1
                r = q
                while x < edges[r]:
                    r -= 1
                if seen[place] != mark:
                    seen[place], until[place] = mark, x
                    cell = place * 24 + hour[r]
                    visits[cell] += 1
                    persons[cell] += latest[cell] != person
                    latest[cell] = person
                t = max(x, until[place])
                until[place] = max(until[place], y)
                while t < y and r < len(hour):
                    stop = min(y, edges[r + 1])
                    time[place * 24 + hour[r]] += max(stop - t, 0)
                    t = max(stop, t)
                    r += 1
    return visits, persons, time
