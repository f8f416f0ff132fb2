"""The fused pass: visits built before filtering, then clipped, with presence counted into bins of time on the way.

Everything here is numba on the rows of `Coded`, for a range of persons, without the GIL. A kernel runs once per
range and thread; ranges never share what they write.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numba as nb
import numpy as np

from dwell_kit.schema.coded import OPEN_END_BIT
from dwell_kit.schema.time import MIN_US

SHIFT: Final = 16
ARRIVAL: Final = 1 << SHIFT
"""An arrival in a cell of events; a departure is 1. Small cells, because the cache is what limits the pass."""


class Rows(NamedTuple):
    """Sightings by (group, start, end), see `Coded`; a group is a person, or a person in a zone."""

    start: Any
    end: Any
    camera: Any
    zone: Any
    flags: Any
    offsets: Any


class Pick(NamedTuple):
    """A compiled selection, see `Selection`; `cover_end` (cameras + 1,) is the end of each camera's coverage."""

    group: Any
    camera: Any
    zone: Any
    by_zone: bool
    spans: Any
    min_us: int
    max_us: int
    max_gap: int
    touching: bool
    cover_end: Any


class VisitRows(NamedTuple):
    """One entry per visit; `row`, `rows` say which sightings it was built from, `marks` see `_count_events`.

    Columns that nobody asks for are empty: visit, cameras, first_camera and last_camera go together.
    """

    group: Any
    visit: Any
    row: Any
    rows: Any
    first: Any
    last: Any
    dwell: Any
    sightings: Any
    cameras: Any
    first_camera: Any
    last_camera: Any
    open: Any
    marks: Any


class Bins(NamedTuple):
    """A number for each place and bin of time: cells (places × m,), empty to count nothing.

    The number is person-time in µs (int64), or arrivals × `ARRIVAL` + departures (uint32). Cells of events end
    with one more cell that counts the arrivals, so that an overflow is found out.
    """

    t0: int
    width: int
    per: float
    """1 / width."""
    m: int
    cells: Any


class Tally(NamedTuple):
    """What the pass counts beside the visits: presence in the environment, and at each place (`key` of a row)."""

    events: Any
    env: Any
    place: Any
    key: Any


@nb.njit(cache=True, nogil=True, forceinline=True)
def first_span(spans: Any, t: int) -> int:
    """The first span that ends after t, else the last one."""
    low, high = 0, len(spans) - 1
    while low < high:
        middle = (low + high) // 2
        if spans[middle, 1] <= t:
            low = middle + 1
        else:
            high = middle
    return low


@nb.njit(cache=True, nogil=True, forceinline=True)
def walk(rows: Any, lo: int, hi: int, pick: Any, starts: Any, ends: Any, seen: Any, mark: int) -> Any:
    """The visit that begins at row `lo`, and its selected part as disjoint pieces [starts[k], ends[k + 1]).

    Without branches on the data where it can be, because they cannot be predicted (3× slower with them).
    Returns (row after it, pieces, sightings, cameras, dwell, first, last, first row, last row).
    """
    spans = pick.spans
    k = len(spans)
    j = first_span(spans, rows.start[lo])
    since, until = spans[j, 0], spans[j, 1]
    cursor = edge = first = last = np.int64(MIN_US)
    dwell = np.int64(0)
    found = n = cameras = 0
    first_row = last_row = i = lo
    horizon = rows.end[lo]
    while True:
        a, b, camera = rows.start[i], rows.end[i], rows.camera[i]
        while until <= a and j + 1 < k:
            j += 1
            since, until = spans[j, 0], spans[j, 1]
        ok = pick.camera[camera] and a < until and (since < b or since <= a)
        if pick.by_zone:
            ok = ok and pick.zone[rows.zone[i]]
        x, y = max(a, since), min(b, until)
        begins = ok and n == 0
        first = x if begins else first
        first_row = i if begins else first_row
        n += ok
        cameras += ok and camera >= 0 and seen[camera] != mark
        seen[camera] = mark if ok else seen[camera]
        latest = ok and y >= last
        last = y if latest else last
        last_row = i if latest else last_row
        x = max(x, cursor)
        gains = ok and y > x
        dwell += y - x if gains else 0
        starts[found] = x
        found += gains and x > edge
        edge = y if gains else edge
        ends[found] = edge
        if ok and b > until:  # rare: it goes on into the next spans
            for s in range(j + 1, k):
                if spans[s, 0] >= b:
                    break
                x, y = max(spans[s, 0], cursor), min(b, spans[s, 1])
                if y >= last:
                    last, last_row = y, i
                if y > x:
                    dwell += y - x
                    starts[found] = x
                    found += x > edge
                    edge = y
                    ends[found] = edge
        cursor = max(cursor, b) if ok else cursor
        i += 1
        if i == hi or rows.start[i] - horizon > pick.max_gap:
            break
        horizon = max(horizon, rows.end[i])
    return i, found, n, cameras, dwell, first, last, first_row, last_row


@nb.njit(cache=True, nogil=True, forceinline=True)
def bin_of(bins: Any, t: int) -> int:
    """(t - t0) // width, exactly; a division of integers anywhere in the pass made all of it 4× slower."""
    q = np.int64((t - bins.t0) * bins.per)
    rest = t - bins.t0 - q * bins.width
    return q + (rest >= bins.width) - (rest < 0)


@nb.njit(cache=True, nogil=True, forceinline=True)
def _count_events(bins: Any, starts: Any, ends: Any, found: int) -> Any:
    """Returns a mark of the bins that were counted in: bit q % 64 is set for bin q."""
    marks = np.int64(0)
    for s in range(found):
        q = bin_of(bins, starts[s])
        marks |= np.int64(1) << (q & 63)
        bins.cells[q] += ARRIVAL
        q = bin_of(bins, ends[s + 1])
        marks |= np.int64(1) << (q & 63)
        bins.cells[q] += 1
    bins.cells[-1] += found
    return marks


@nb.njit(cache=True, nogil=True, forceinline=True)
def _spread(bins: Any, base: int, a: int, b: int) -> None:
    """Add the person-time of [a, b) to the bins that it lies in."""
    if a < b:
        q = bin_of(bins, a)
    while a < b:
        edge = min(bins.t0 + (q + 1) * bins.width, b)
        bins.cells[base + q] += edge - a
        a = edge
        q += 1


@nb.njit(cache=True, nogil=True, forceinline=True)
def _within(bins: Any, first: int, last: int) -> int:
    """The bin that holds [first, last), or -1."""
    q = bin_of(bins, first)
    return q if last <= bins.t0 + (q + 1) * bins.width else -1


@nb.njit(cache=True, nogil=True, forceinline=True)
def _count_places(
    rows: Any, lo: int, hi: int, pick: Any, tally: Any, q: int, seen: Any, until: Any, mark: int
) -> None:
    """Person-time at each place of the visit [lo, hi); a place's overlapping sightings count once.

    `q` is the cell that the whole visit lies in, or -1.
    """
    bins, key, spans = tally.place, tally.key, pick.spans
    k = len(spans)
    j = first_span(spans, rows.start[lo])
    since, edge = spans[j, 0], spans[j, 1]
    for i in range(lo, hi):
        place = key[i]
        a, b = rows.start[i], rows.end[i]
        while edge <= a and j + 1 < k:
            j += 1
            since, edge = spans[j, 0], spans[j, 1]
        ok = place >= 0 and pick.camera[rows.camera[i]]
        if pick.by_zone:
            ok = ok and pick.zone[rows.zone[i]]
        reach = until[place] if seen[place] == mark else a
        a = max(a, reach)
        seen[place] = mark if ok else seen[place]
        until[place] = max(reach, b) if ok else until[place]
        x, y = max(a, since), min(b, edge)
        if q >= 0:
            bins.cells[max(place, 0) * bins.m + q] += y - x if ok and y > x else 0
        elif ok:
            _spread(bins, place * bins.m, x, y)
        if ok and b > edge:
            for s in range(j + 1, k):
                _spread(bins, place * bins.m, max(a, spans[s, 0]), min(b, spans[s, 1]))


@nb.njit(cache=True, nogil=True)
def _longest(rows: Any, lo: int, hi: int) -> int:
    most = 0
    for g in range(lo, hi):
        most = max(most, rows.offsets[g + 1] - rows.offsets[g])
    return most


@nb.njit(cache=True, nogil=True)
def sweep(rows: Any, pick: Any, whole: Any, lo: int, hi: int, out: Any, tally: Any) -> int:
    """Visits of the groups [lo, hi) into `out`, and their presence into `tally`; returns how many.

    Parameters
    ----------
    whole : the pick that selects everything: what a touched visit is measured with.
    out : columns with room for as many visits as there are rows in the range.
    """
    room = _longest(rows, lo, hi) + len(pick.spans) + 2
    starts, ends = np.empty(room, np.int64), np.empty(room, np.int64)
    seen = np.zeros(len(pick.camera), np.int64)
    seen_place = np.zeros(max(len(pick.camera), len(pick.zone)), np.int64)
    until = np.zeros(len(seen_place), np.int64)
    made = mark = 0
    detail = len(out.visit) > 0
    for g in range(lo, hi):
        if not pick.group[g]:
            continue
        i, stop = rows.offsets[g], rows.offsets[g + 1]
        visit = 0
        while i < stop:
            begin = i
            visit += 1
            mark += 1
            i, found, n, cameras, dwell, first, last, first_row, last_row = walk(
                rows, begin, stop, pick, starts, ends, seen, mark
            )
            if n and pick.touching:
                mark += 1
                i, found, n, cameras, dwell, first, last, first_row, last_row = walk(
                    rows, begin, stop, whole, starts, ends, seen, mark
                )
            if n == 0 or dwell < pick.min_us or dwell >= pick.max_us:
                continue
            camera = rows.camera[last_row]
            out.group[made] = g
            out.sightings[made] = n
            out.row[made] = begin
            out.rows[made] = i - begin
            out.first[made] = first
            out.last[made] = last
            out.dwell[made] = dwell
            if detail:
                out.visit[made] = visit
                out.cameras[made] = cameras
                out.first_camera[made] = rows.camera[first_row]
                out.last_camera[made] = camera
            out.open[made] = last == rows.end[last_row] and (
                (rows.flags[last_row] & OPEN_END_BIT) != 0 or pick.cover_end[camera] - last <= pick.max_gap
            )
            if len(tally.events.cells):
                out.marks[made] = _count_events(tally.events, starts, ends, found)
            if len(tally.env.cells):
                q = _within(tally.env, first, last)
                if q >= 0:
                    tally.env.cells[q] += dwell
                else:
                    for s in range(found):
                        _spread(tally.env, 0, starts[s], ends[s + 1])
            if len(tally.place.cells):
                q = _within(tally.place, first, last)
                if pick.touching:
                    _count_places(rows, begin, i, whole, tally, q, seen_place, until, mark)
                else:
                    _count_places(rows, begin, i, pick, tally, q, seen_place, until, mark)
            made += 1
    return made
