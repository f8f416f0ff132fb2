"""The selected visits as plain arrays, one entry per visit or per visit and place: what tables are counted from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numba as nb
import numpy as np
from numpy.typing import NDArray

from dwell_kit.analytics import kernels
from dwell_kit.analytics.coding import as_coded
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.selection import Selection, compile
from dwell_kit.analytics.sweep import in_threads, picks, rows_of, sweep
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import bucket_edges

PLACES: Final = (c.CAMERA, c.ZONE)


@dataclass(frozen=True, kw_only=True)
class Entries:
    """Arrays of one length, by person and time.

    person (n,) index into `coded.persons`; at (n,) µs UTC, start (at the place); until (n,) µs UTC, end; dwell (n,) µs;
    place (n,) index into the cameras or zones, empty unless asked for.
    """

    coded: Coded
    selection: Selection
    person: NDArray[np.int32]
    at: NDArray[np.int64]
    until: NDArray[np.int64]
    dwell: NDArray[np.int64]
    place: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.person)

    def where(self, mask: NDArray[np.bool_]) -> Entries:
        """The entries for which `mask` (n,) is true."""
        names = ("person", "at", "until", "dwell", "place")
        return replace(self, **{name: getattr(self, name)[mask] for name in names if len(getattr(self, name))})


def chosen(
    sightings: Any, *, filters: Filters | None, selection: Selection | None, tz: str
) -> tuple[Coded, Selection]:
    """Coded sightings and the compiled selection: `selection` if it is given, else `filters`, else everything."""
    coded = as_coded(sightings)
    return coded, selection or compile(filters or Filters(), coded, tz=tz)


def visit_entries(
    sightings: Any,
    *,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    place: str | None = None,
) -> Entries:
    """One entry per selected visit; with `place` (camera_id or zone_id) one per visit and place it was seen at.

    Raises
    ------
    FilterError : for a place that is neither a camera nor a zone.
    """
    coded, selection = chosen(sightings, filters=filters, selection=selection, tz=tz)
    visits = sweep(coded, selection)
    person, dwell = visits.column("group"), visits.column("dwell")
    if place is None:
        return Entries(
            coded=coded, selection=selection, person=person, at=visits.column("first"),
            until=visits.column("last"), dwell=dwell, place=np.empty(0, np.int16),
        )  # fmt: skip
    if place not in PLACES:
        raise FilterError(f"there is no place {place!r}", expected=", ".join(PLACES), found=repr(place))
    rows = rows_of(coded)
    pick, whole = picks(selection, np.zeros(len(coded.cameras) + 1, np.int64))
    key = rows.camera if place == c.CAMERA else rows.zone
    size = len(coded.cameras if place == c.CAMERA else coded.zones)
    work = [
        (rows, whole if selection.touching else pick, part.row, part.rows, key, max(size, 1))
        for part in visits.parts
    ]
    found = in_threads(_stays, work)
    visit, at, until, dwell, places = (np.concatenate(column) for column in zip(*found, strict=True))
    return Entries(
        coded=coded, selection=selection, dwell=dwell, place=places, at=at, until=until,
        person=np.concatenate([part.group[f[0]] for part, f in zip(visits.parts, found, strict=True)]),
    )  # fmt: skip


def edges_of(entries: Entries, *, every: str, tz: str) -> NDArray[np.int64]:
    """(m + 1,) µs edges of the local buckets over the data's span inside the selected time; (1,) if there is none."""
    extent, spans = entries.coded.extent, entries.selection.intervals
    if extent is None or not len(spans):
        return np.zeros(1, np.int64)
    low, high = max(extent[0], int(spans[0, 0])), min(extent[1], int(spans[-1, 1]) - 1)
    if len(entries):
        low, high = min(low, int(entries.at.min())), max(high, int(entries.at.max()))
    if low > high:
        return np.zeros(1, np.int64)
    return bucket_edges(low, high, every=every, tz=tz)


def bucket_of(us: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.int32]:
    """(n,) the bucket of each instant; all instants lie inside the edges."""
    found: NDArray[np.int32] = _bucket_of(frozen(us, np.int64), frozen(edges, np.int64))
    return found


@nb.njit(cache=True, nogil=True)
def _bucket_of(us: Any, edges: Any) -> Any:
    """A guess by even spacing, then steps: buckets differ by a clock change or the length of a month only."""
    found = np.zeros(len(us), np.int32)
    m = len(edges) - 1
    if m < 1:
        return found
    per_us = m / (edges[m] - edges[0])
    for i in range(len(us)):
        q = min(max(int((us[i] - edges[0]) * per_us), 0), m - 1)
        while q > 0 and us[i] < edges[q]:
            q -= 1
        while q < m - 1 and us[i] >= edges[q + 1]:
            q += 1
        found[i] = q
    return found


@nb.njit(cache=True, nogil=True)
def _stays(rows: Any, pick: Any, row: Any, count: Any, key: Any, size: int) -> Any:
    """Per visit and place, in order of the first time there: (visit, first, last, dwell united, place)."""
    room = 0
    for n in count:
        room += n
    visit, place = np.empty(room, np.int64), np.empty(room, np.int16)
    first, last, dwell = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    slot = np.full(size, -1, np.int64)
    cursor = np.empty(size, np.int64)
    made = 0
    k = len(pick.spans)
    for v in range(len(row)):
        begin = made
        j = kernels._first_span(pick.spans, rows.start[row[v]])
        for i in range(row[v], row[v] + count[v]):
            p = key[i]
            if p < 0 or not pick.camera[rows.camera[i]] or (pick.by_zone and not pick.zone[rows.zone[i]]):
                continue
            a, b = rows.start[i], rows.end[i]
            while j < k and pick.spans[j, 1] <= a:
                j += 1
            s = j
            while s < k and (pick.spans[s, 0] < b or pick.spans[s, 0] <= a):
                x, y = max(a, pick.spans[s, 0]), min(b, pick.spans[s, 1])
                if slot[p] < begin:
                    slot[p] = made
                    visit[made], place[made], first[made], last[made], dwell[made] = v, p, x, y, 0
                    cursor[p] = x
                    made += 1
                here = slot[p]
                dwell[here] += max(y - max(x, cursor[p]), 0)
                cursor[p] = max(cursor[p], y)
                last[here] = max(last[here], y)
                s += 1
    return visit[:made], first[:made], last[:made], dwell[:made], place[:made]
