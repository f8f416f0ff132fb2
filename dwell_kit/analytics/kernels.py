"""The fused pass: visits built before filtering, then clipped, with presence counted into bins of time on the way.

Everything here is numba on the rows of `Coded`, for a range of persons, without the GIL. A kernel runs once per
range and thread; ranges never share what they write.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba as nb
import numpy as np

from dwell_kit.analytics.bins import ARRIVAL, bin_of
from dwell_kit.schema.coded import OPEN_END_BIT, OPEN_START_BIT
from dwell_kit.schema.time import MAX_US, MIN_US

OPEN = 1
OPEN_START = 2
CUT_START = 4
CUT_END = 8
"""Bits of `VisitRows.state`: right-censored, entry missing, there before or after the selected time too."""


class Rows(NamedTuple):
    """Sightings by (group, start, end), see `Coded`; a group is a person, or a person in a zone."""

    start: Any
    end: Any
    camera: Any
    zone: Any
    flags: Any
    offsets: Any


class Pick(NamedTuple):
    """A compiled selection, see `Selection`, and the coverage of each camera: that of camera q is `covered` (k, 2)
    from row `covered_at[q]` to `covered_at[q + 1]`, joined where its holes are no longer than `max_gap`; the last
    camera is "none".
    """

    group: Any
    camera: Any
    zone: Any
    by_zone: bool
    spans: Any
    min_us: int
    max_us: int
    max_gap: int
    touching: bool
    covered_at: Any
    covered: Any


class VisitRows(NamedTuple):
    """One entry per visit; `row`, `rows` say which sightings it was built from, `marks` see `_count_events`.

    `state` is made of bits, see `OPEN`; `known` is the instant until which an open visit's person is known to have
    been there, `MAX_US` without one. Columns that nobody asks for are empty: visit, cameras, first_camera,
    last_camera and known go together, and without them `state` tells of `OPEN` and `OPEN_START` only.
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
    state: Any
    known: Any
    marks: Any


class Tally(NamedTuple):
    """What the pass adds up beside the visits: presence in the environment, and µs at each camera (or empty).

    `camera_us` is (cameras + 1,), the last for no camera; a person's overlapping sightings at a camera count once.
    """

    events: Any
    env: Any
    camera_us: Any


class Desk(NamedTuple):
    """Room to work in, one per thread: pieces of a visit, and by camera what the current visit did there."""

    starts: Any
    ends: Any
    gains: Any
    """µs that each row of the visit added at its camera."""
    seen: Any
    until: Any


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


@nb.njit(cache=True, nogil=True)
def new_desk(room: int, cameras: int) -> Any:
    """A desk for visits of fewer than `room` rows and spans."""
    return Desk(
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
        np.zeros(cameras, np.int64),
        np.zeros(cameras, np.int64),
    )


@nb.njit(cache=True, nogil=True, forceinline=True)
def walk(rows: Any, lo: int, hi: int, pick: Any, desk: Any, mark: int, camera_us: Any) -> Any:
    """The visit that begins at row `lo`, and its selected part as disjoint pieces [starts[k], ends[k + 1]).

    `mark` is another number for each walk; what it adds to `camera_us` is in `desk.gains` too, to be taken back.

    Without branches on the data where it can be, because they cannot be predicted (3× slower with them).
    Returns (row after it, pieces, sightings, cameras, dwell, first, last, first row, last row).
    """
    spans, starts, ends, seen = pick.spans, desk.starts, desk.ends, desk.seen
    k = len(spans)
    j = first_span(spans, rows.start[lo])
    since, until = spans[j, 0], spans[j, 1]
    by_camera = len(camera_us) > 0
    reach: Any = np.int64(0)
    gain: Any = np.int64(0)
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
        if by_camera:
            reach = desk.until[camera] if seen[camera] == mark else a
            gain = max(y - max(x, reach), 0) if ok else 0
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
                if by_camera:
                    gain += max(min(b, spans[s, 1]) - max(spans[s, 0], reach), 0)
                x, y = max(spans[s, 0], cursor), min(b, spans[s, 1])
                if y >= last:
                    last, last_row = y, i
                if y > x:
                    dwell += y - x
                    starts[found] = x
                    found += x > edge
                    edge = y
                    ends[found] = edge
        if by_camera:
            desk.gains[i - lo] = gain
            camera_us[camera] += gain
            desk.until[camera] = max(reach, b) if ok else reach
        cursor = max(cursor, b) if ok else cursor
        i += 1
        if i == hi or rows.start[i] - horizon > pick.max_gap:
            break
        horizon = max(horizon, rows.end[i])
    return i, found, n, cameras, dwell, first, last, first_row, last_row


@nb.njit(cache=True, nogil=True, forceinline=True)
def walk_all(rows: Any, lo: int, hi: int, pick: Any, desk: Any, mark: int, camera_us: Any) -> Any:
    """`walk` where every place and all time is selected: nothing is clipped, which takes a third less time."""
    starts, ends, seen, until = desk.starts, desk.ends, desk.seen, desk.until
    by_camera = len(camera_us) > 0
    found = cameras = 0
    dwell: Any = np.int64(0)
    reach: Any = np.int64(0)
    last = edge = np.int64(MIN_US)
    last_row = i = lo
    while True:
        a, b, camera = rows.start[i], rows.end[i], rows.camera[i]
        new = seen[camera] != mark
        seen[camera] = mark
        cameras += new and camera >= 0
        if by_camera:
            reach = a if new else until[camera]
            gain = max(b - max(a, reach), 0)
            desk.gains[i - lo] = gain
            camera_us[camera] += gain
            until[camera] = max(reach, b)
        x = max(a, last)
        gains = b > x
        dwell += b - x if gains else 0
        starts[found] = x
        found += gains and x > edge
        edge = b if gains else edge
        ends[found] = edge
        last_row = i if b >= last else last_row
        last = max(last, b)
        i += 1
        if i == hi or rows.start[i] - last > pick.max_gap:
            break
    return i, found, i - lo, cameras, dwell, rows.start[lo], last, lo, last_row


@nb.njit(cache=True, nogil=True, forceinline=True)
def _count_events(cells: Any, scale: Any, starts: Any, ends: Any, found: int) -> Any:
    """Returns a mark of the bins that were counted in: bit q % 64 is set for bin q."""
    marks = np.int64(0)
    for s in range(found):
        q = bin_of(scale, starts[s])
        marks |= np.int64(1) << (q & 63)
        cells[q] += ARRIVAL
        q = bin_of(scale, ends[s + 1])
        marks |= np.int64(1) << (q & 63)
        cells[q] += 1
    cells[-1] += found
    return marks


@nb.njit(cache=True, nogil=True, forceinline=True)
def _spread(cells: Any, scale: Any, a: int, b: int) -> None:
    """Add the person-time of [a, b) to the bins that it lies in."""
    q = bin_of(scale, a)
    while a < b:
        edge = min(scale.t0 + (q + 1) * scale.width, b)
        cells[q] += edge - a
        a = edge
        q += 1


@nb.njit(cache=True, nogil=True, forceinline=True)
def _within(scale: Any, first: int, last: int) -> int:
    """The bin that holds [first, last), or -1."""
    q = bin_of(scale, first)
    return q if last <= scale.t0 + (q + 1) * scale.width else -1


@nb.njit(cache=True, nogil=True, forceinline=True)
def covered_until(pick: Any, camera: int, t: int) -> Any:
    """The end of the last stretch of the camera's coverage that begins at or before t; `MIN_US` if none does."""
    place = camera if camera >= 0 else len(pick.covered_at) - 2
    low, high = pick.covered_at[place], pick.covered_at[place + 1]
    first = low
    while low < high:
        middle = (low + high) // 2
        if pick.covered[middle, 0] <= t:
            low = middle + 1
        else:
            high = middle
    return pick.covered[low - 1, 1] if low > first else np.int64(MIN_US)


@nb.njit(cache=True, nogil=True)
def cuts(rows: Any, pick: Any, begin: int, stop: int, first: int, last: int) -> int:
    """Whether the visit of the rows [begin, stop) was at the selected places before `first` or after `last`."""
    state = 0
    for i in range(begin, stop):
        if pick.camera[rows.camera[i]] and (not pick.by_zone or pick.zone[rows.zone[i]]):
            state |= CUT_START if rows.start[i] < first else 0
            state |= CUT_END if rows.end[i] > last else 0
    return state


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
    desk = new_desk(_longest(rows, lo, hi) + len(pick.spans) + 2, len(pick.camera))
    nothing = tally.camera_us[:0]
    made = mark = 0
    detail = len(out.visit) > 0
    everywhere = not pick.by_zone and pick.camera.all()
    timed = len(pick.spans) > 1 or pick.spans[0, 0] > MIN_US or pick.spans[0, 1] < MAX_US
    plain = everywhere and not timed
    for g in range(lo, hi):
        if not pick.group[g]:
            continue
        i, stop = rows.offsets[g], rows.offsets[g + 1]
        visit = 0
        while i < stop:
            begin = i
            visit += 1
            mark += 1
            if plain:
                i, found, n, cameras, dwell, first, last, first_row, last_row = walk_all(
                    rows, begin, stop, pick, desk, mark, tally.camera_us
                )
            else:
                i, found, n, cameras, dwell, first, last, first_row, last_row = walk(
                    rows, begin, stop, pick, desk, mark, nothing if pick.touching else tally.camera_us
                )
            if n and pick.touching and not plain:
                mark += 1
                i, found, n, cameras, dwell, first, last, first_row, last_row = walk(
                    rows, begin, stop, whole, desk, mark, tally.camera_us
                )
            if n == 0:
                continue
            if dwell < pick.min_us or dwell >= pick.max_us:
                if len(tally.camera_us):
                    for row in range(begin, i):
                        tally.camera_us[rows.camera[row]] -= desk.gains[row - begin]
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
            state = OPEN_START if rows.flags[first_row] & OPEN_START_BIT and first == rows.start[first_row] else 0
            known = MAX_US
            if last == rows.end[last_row]:
                covered = covered_until(pick, camera, last)
                if covered - last <= pick.max_gap:
                    state |= OPEN
                    known = covered - pick.max_gap if covered > MIN_US else MAX_US
                elif rows.flags[last_row] & OPEN_END_BIT:
                    state |= OPEN
            if detail:
                out.known[made] = known
                if timed and not pick.touching:
                    state |= cuts(rows, pick, begin, i, first, last)
            out.state[made] = state
            if len(tally.events.cells):
                out.marks[made] = _count_events(
                    tally.events.cells, tally.events.scale, desk.starts, desk.ends, found
                )
            if len(tally.env.cells):
                q = _within(tally.env.scale, first, last)
                if q >= 0:
                    tally.env.cells[q] += dwell
                else:
                    for s in range(found):
                        _spread(tally.env.cells, tally.env.scale, desk.starts[s], desk.ends[s + 1])
            made += 1
    return made
