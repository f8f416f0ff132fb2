"""Exact maxima of presence without sorting every event: bins bound the maximum, only the few that can hold it are
sorted.

In a bin of time presence is at most presence before it + arrivals in it, and at its last µs it is what the counts
say. So a bin can hold its bucket's maximum only if the first number exceeds the largest of the second in that
bucket.
"""

from __future__ import annotations

from typing import Any, Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from dwell_kit.analytics.bins import ARRIVAL, SHIFT, Bins, bin_of, scale_of
from dwell_kit.analytics.kernels import Pick, Rows, VisitRows, first_span, new_desk, walk
from dwell_kit.analytics.levels import by_bucket, steps
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.parallel import in_threads
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.sweep import VISIT_TYPES, SweptVisits, picks, rows_of
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.time import MAX_US, US

_MOST_BINS: Final = 1 << 21
_ROWS_PER_BIN: Final = 10
_ROWS_PER_BIN_OF_ONE: Final = 20


def person_time_bins(edges: NDArray[np.int64], places: int = 1) -> Bins:
    """Empty bins of person-time of the widest width that every edge falls on."""
    width = int(np.gcd.reduce(np.diff(edges)))
    m = int(edges[-1] - edges[0]) // width
    return Bins(scale_of(int(edges[0]), width, m), m, np.zeros(places * m, np.int64))


def event_bins(edges: NDArray[np.int64], n_rows: int) -> Bins:
    """Empty bins of arrivals and departures, as fine as `n_rows` deserve; each inner edge falls on one."""
    t0, end = int(edges[0]), int(edges[-1])
    per_bin = _ROWS_PER_BIN if len(edges) > 2 else _ROWS_PER_BIN_OF_ONE
    target = min(max(n_rows // per_bin, 1024), _MOST_BINS)
    width = max(-(-(end - t0) // target), 1)
    if len(edges) > 2:
        common = int(np.gcd.reduce(np.diff(edges)))
        least = -(-width // US)
        width = next((w * US for w in range(least, common // US) if common % (w * US) == 0), common)
    m = -(-(end - t0) // width) + 1
    return Bins(scale_of(t0, width, m), m, np.zeros(m + 1, np.uint32))


def per_bucket(bins: Bins, edges: NDArray[np.int64], places: int = 1) -> NDArray[np.int64]:
    """(places, buckets) person-time in µs from the bins of `person_time_bins`."""
    begins = (edges[:-1] - bins.scale.t0) // bins.scale.width
    made: NDArray[np.int64] = np.add.reduceat(bins.cells.reshape(places, bins.m), begins, axis=1)
    return made


def maxima(
    coded: Coded, selection: Selection, swept: SweptVisits, events: Bins, edges: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(buckets,) exact maximum of presence in each bucket, and an instant (µs) at which it is reached.

    With a single bucket that begins with nobody present the instant is the earliest one.

    Parameters
    ----------
    swept, events : of one sweep of this selection. edges : (buckets + 1,) that the event bins were made for.
    """
    begins = -((events.scale.t0 - edges) // events.scale.width)
    fits, low, listed, before, masks, total = _candidates(events.cells, begins, 1 if len(edges) > 2 else 0)
    if not fits:
        return _maxima_by_sorting(coded, selection, swept, edges)
    pick = pick_of(selection)
    work = [(rows_of(coded), pick, part, events._replace(cells=masks), int(total)) for part in swept.parts]
    times = np.sort(np.concatenate(in_threads(_gather, work)))
    most, at = _resolve(times, events.scale, begins, listed, before, low)
    return most, np.where(at < 0, edges[:-1], at)


def _maxima_by_sorting(
    coded: Coded, selection: Selection, swept: SweptVisits, edges: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`maxima` for more than 65,535 arrivals in one bin."""
    _, start, end = pieces(coded, selection, swept, by=None)
    times, levels = steps(start, end)
    _, most = by_bucket(times, levels, edges)
    return most, np.full(len(most), times[np.argmax(levels)] if len(times) else edges[0])


def pick_of(selection: Selection) -> Pick:
    """What the rows of swept visits are measured with: the whole visit if it only had to be touched."""
    pick, whole = picks(selection)
    return whole if selection.touching else pick


@nb.njit(cache=True, nogil=True)
def _candidates(cells: Any, begins: Any, margin: int) -> Any:
    """The bins that can hold more than what is surely reached in their bucket.

    Returns (counts fit into the cells, largest presence at the end of a bin by bucket, chosen bins, presence
    before each, chosen bins again as bit q % 64 of masks[q // 64], events in them). With a margin of 0 bins that
    can hold as much are chosen too: it may be reached earlier there.
    """
    n = len(begins) - 1
    low = np.zeros(n, np.int64)
    present = arrived = np.int64(0)
    for bucket in range(n):
        for q in range(begins[bucket], begins[bucket + 1]):
            count = np.int64(cells[q])
            arrived += count >> SHIFT
            present += (count >> SHIFT) - (count & (ARRIVAL - 1))
            low[bucket] = max(low[bucket], present)
    rest = np.int64(0)
    for q in range(begins[n], len(cells) - 1):
        count = np.int64(cells[q])
        arrived += count >> SHIFT
        rest += (count >> SHIFT) - (count & (ARRIVAL - 1))
    fits = arrived == np.int64(cells[-1]) and present + rest == 0
    listed, before = np.empty(len(cells), np.int64), np.empty(len(cells), np.int64)
    masks = np.zeros(len(cells) // 64 + 1, np.int64)
    chosen = 0
    present = total = np.int64(0)
    for bucket in range(n):
        for q in range(begins[bucket], begins[bucket + 1]):
            count = np.int64(cells[q])
            arrivals, departures = count >> SHIFT, count & (ARRIVAL - 1)
            if present + arrivals >= low[bucket] + margin and arrivals + departures:
                listed[chosen], before[chosen] = q, present
                chosen += 1
                masks[q >> 6] |= np.int64(1) << (q & 63)
                total += arrivals + departures
            present += arrivals - departures
    return fits, low, listed[:chosen], before[:chosen], masks, total


@nb.njit(cache=True, nogil=True)
def _gather(rows: Any, pick: Any, part: Any, bins: Any, total: int) -> Any:
    """Events in chosen bins: 2 × time + 1 for an arrival, 2 × time for a departure; `bins.cells` are masks."""
    longest = 0
    for count in part.rows:
        longest = max(longest, count)
    desk = new_desk(longest + len(pick.spans) + 2, len(pick.camera))
    nothing = desk.until[:0]
    masks, scale = bins.cells, bins.scale
    times = np.empty(total, np.int64)
    made = 0
    for v in range(len(part.row)):
        wanted = np.int64(0)
        for block in range(bin_of(scale, part.first[v]) >> 6, (bin_of(scale, part.last[v]) >> 6) + 1):
            wanted |= masks[block]
        if not wanted & part.marks[v]:
            continue
        stop = part.row[v] + part.rows[v]
        found = walk(rows, part.row[v], stop, pick, desk, v + 1, nothing)[1]
        for s in range(found):
            q = bin_of(scale, desk.starts[s])
            if (masks[q >> 6] >> (q & 63)) & 1:
                times[made] = 2 * desk.starts[s] + 1
                made += 1
            q = bin_of(scale, desk.ends[s + 1])
            if (masks[q >> 6] >> (q & 63)) & 1:
                times[made] = 2 * desk.ends[s + 1]
                made += 1
    return times[:made]


@nb.njit(cache=True, nogil=True)
def _resolve(times: Any, scale: Any, begins: Any, chosen: Any, before: Any, low: Any) -> Any:
    """Runs through the sorted events of each chosen bin; departures come before arrivals of the same µs."""
    most = np.zeros(len(low), np.int64)
    at = np.full(len(low), -1, np.int64)
    bucket = i = 0
    for k in range(len(chosen)):
        q, present = chosen[k], before[k]
        while begins[bucket + 1] <= q:
            bucket += 1
        begin = scale.t0 + q * scale.width
        if i < len(times) and times[i] // 2 > begin and present > most[bucket]:
            most[bucket], at[bucket] = present, begin
        stop = 2 * (begin + scale.width)
        while i < len(times) and times[i] < stop:
            instant = times[i] // 2
            while i < len(times) and times[i] // 2 == instant:
                present += 1 if times[i] % 2 else -1
                i += 1
            if present > most[bucket]:
                most[bucket], at[bucket] = present, instant
    return np.maximum(most, low), at


@nb.njit(cache=True, nogil=True)
def _pieces(rows: Any, pick: Any, part: Any, key: Any, n_places: int, out: Any) -> int:
    """Presence at each place of the visits: rows (place, from, till) of `out`; an empty `key` is one place."""
    spans = pick.spans
    k = len(spans)
    until = np.zeros(n_places, np.int64)
    seen = np.full(n_places, -1, np.int64)
    made = 0
    for v in range(len(part.row)):
        j = first_span(spans, rows.start[part.row[v]])
        for i in range(part.row[v], part.row[v] + part.rows[v]):
            place = np.int64(key[i]) if len(key) else 0
            if place < 0 or not pick.camera[rows.camera[i]] or (pick.by_zone and not pick.zone[rows.zone[i]]):
                continue
            a, b = rows.start[i], rows.end[i]
            while spans[j, 1] <= a and j + 1 < k:
                j += 1
            if seen[place] == v:
                a = max(a, until[place])
            seen[place] = v
            until[place] = max(a, b)
            for s in range(j, k):
                if spans[s, 0] >= b:
                    break
                x, y = max(a, spans[s, 0]), min(b, spans[s, 1])
                if y > x:
                    out[made, 0], out[made, 1], out[made, 2] = place, x, y
                    made += 1
    return made


def pieces(
    coded: Coded,
    selection: Selection,
    swept: SweptVisits,
    *,
    by: str | None = None,
    key: NDArray[Any] | None = None,
    size: int = 0,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(place, from, till) of every stretch of presence: µs, disjoint for a person at a place, anonymous ones
    included.

    Parameters
    ----------
    by : "camera" or "zone": each place for itself, anonymous sightings too; None: the environment, identified
        only.
    key : (n,) another place of each sighting, -1 for none; `size` is more than any.
    """
    rows, pick = rows_of(coded), pick_of(selection)
    places = {"camera": rows.camera, "zone": rows.zone}.get(by or "", frozen(np.empty(0), np.int16))
    if key is not None:
        places = frozen(key, key.dtype.type)
    n_places = max(len(coded.cameras), len(coded.zones), size, 1)
    parts = list(swept.parts)
    if len(places):
        parts.append(anonymous_rows(coded, selection))

    def run(part: VisitRows) -> NDArray[np.int64]:
        room = int(part.rows.sum()) + _crossings(rows, pick, part)
        out = np.empty((room, 3), np.int64)
        return out[: _pieces(rows, pick, part, places, n_places, out)]

    found = np.concatenate(in_threads(run, [(part,) for part in parts]))
    return found[:, 0].copy(), found[:, 1].copy(), found[:, 2].copy()


def _crossings(rows: Rows, pick: Pick, part: VisitRows) -> int:
    """An upper bound of how often a sighting goes on into another span."""
    return int(_count_crossings(rows, pick, part)) if len(pick.spans) > 1 else 0


@nb.njit(cache=True, nogil=True)
def _count_crossings(rows: Any, pick: Any, part: Any) -> int:
    found = 0
    for v in range(len(part.row)):
        for i in range(part.row[v], part.row[v] + part.rows[v]):
            found += first_span(pick.spans, rows.end[i]) - first_span(pick.spans, rows.start[i])
    return found


def anonymous_rows(coded: Coded, selection: Selection) -> VisitRows:
    """Selected anonymous sightings as visits of one row each: row, rows, first and last are filled."""
    blank = VisitRows(*(np.empty(0, dtype) for dtype in VISIT_TYPES))
    if not selection.anonymous:
        return blank
    row = np.arange(coded.n_identified, len(coded), dtype=np.int64)
    row = row[selection.camera[coded.camera[row]] & selection.zone[coded.zone[row]]]
    start, end, spans = coded.start[row], coded.end[row], selection.intervals
    begins, ends = (np.append(column, MAX_US) for column in spans.T)
    after = np.searchsorted(spans[:, 1], start, side="right")
    before = np.searchsorted(spans[:, 0], end, side="left") - 1
    kept = (begins[after] < end) | (begins[after] <= start)
    row, start, end, after = row[kept], start[kept], end[kept], after[kept]
    if not selection.touching:
        last = np.maximum(before[kept], after)
        start, end = np.maximum(start, begins[after]), np.minimum(end, ends[last])
    return blank._replace(row=row, rows=np.ones(len(row), VISIT_TYPES.rows), first=start, last=end)
