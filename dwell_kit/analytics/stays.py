"""What dwell is measured of: visits, their stays at places, single sightings, or persons, as arrays."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from dwell_kit.analytics.kernels import first_span
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.parallel import in_threads
from dwell_kit.analytics.presence import pick_of
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.sweep import SweptVisits, rows_of
from dwell_kit.schema.coded import Coded


class Stays(NamedTuple):
    """One entry per thing measured, by person and time; place is -1 where none is asked for; times in µs."""

    person: NDArray[np.int32]
    place: NDArray[np.int32]
    first: NDArray[np.int64]
    dwell: NDArray[np.int64]

    def where(self, kept: NDArray[np.bool_]) -> Stays:
        """The entries that are kept."""
        return Stays(self.person[kept], self.place[kept], self.first[kept], self.dwell[kept])


def visit_stays(swept: SweptVisits) -> Stays:
    """The visits themselves."""
    person = swept.column("group")
    return Stays(person, np.full(len(person), -1, np.int32), swept.column("first"), swept.column("dwell"))


def place_stays(
    coded: Coded, selection: Selection, swept: SweptVisits, key: NDArray[np.int32], n_places: int
) -> Stays:
    """Each visit at each place: the union of its selected sightings there.

    Parameters
    ----------
    key : (n,) place of each sighting, -1 for none.
    """
    rows, pick, places = rows_of(coded), pick_of(selection), frozen(key, np.int32)
    made = in_threads(_place_stays, [(rows, pick, part, places, n_places) for part in swept.parts])
    return _joined(made)


def sighting_stays(coded: Coded, selection: Selection, swept: SweptVisits, key: NDArray[np.int32]) -> Stays:
    """Each selected sighting of the selected visits, clipped to the selected time."""
    rows, pick, places = rows_of(coded), pick_of(selection), frozen(key, np.int32)
    return _joined(in_threads(_sighting_stays, [(rows, pick, part, places) for part in swept.parts]))


def _joined(parts: list[Any]) -> Stays:
    return Stays(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


@nb.njit(cache=True, nogil=True)
def _clipped(spans: Any, a: int, b: int, since: int) -> Any:
    """(selected, first selected instant, µs of [max(a, since), b) in the spans) of a sighting [a, b)."""
    hit, first, length = False, a, np.int64(0)
    for s in range(first_span(spans, a), len(spans)):
        x, y = spans[s, 0], min(b, spans[s, 1])
        if spans[s, 1] <= a or (x >= b and x > a):
            break
        if not hit:
            hit, first = True, max(a, x)
        length += max(y - max(a, since, x), 0)
    return hit, first, length


@nb.njit(cache=True, nogil=True)
def _place_stays(rows: Any, pick: Any, part: Any, key: Any, n_places: int) -> Any:
    room = np.int64(0)
    for count in part.rows:
        room += count
    person, place = np.empty(room, np.int32), np.empty(room, np.int32)
    first, dwell = np.empty(room, np.int64), np.empty(room, np.int64)
    seen, slot = np.full(n_places, -1, np.int64), np.empty(n_places, np.int64)
    until = np.empty(n_places, np.int64)
    made = 0
    for v in range(len(part.row)):
        for i in range(part.row[v], part.row[v] + part.rows[v]):
            q = key[i]
            if q < 0 or not pick.camera[rows.camera[i]] or (pick.by_zone and not pick.zone[rows.zone[i]]):
                continue
            a, b = rows.start[i], rows.end[i]
            hit, at, length = _clipped(pick.spans, a, b, until[q] if seen[q] == v else a)
            if not hit:
                continue
            if seen[q] != v:
                seen[q], slot[q], until[q] = v, made, b
                person[made], place[made], first[made], dwell[made] = part.group[v], q, at, 0
                made += 1
            dwell[slot[q]] += length
            until[q] = max(until[q], b)
    return person[:made], place[:made], first[:made], dwell[:made]


@nb.njit(cache=True, nogil=True)
def _sighting_stays(rows: Any, pick: Any, part: Any, key: Any) -> Any:
    room = np.int64(0)
    for count in part.rows:
        room += count
    person, place = np.empty(room, np.int32), np.empty(room, np.int32)
    first, dwell = np.empty(room, np.int64), np.empty(room, np.int64)
    made = 0
    for v in range(len(part.row)):
        for i in range(part.row[v], part.row[v] + part.rows[v]):
            if not pick.camera[rows.camera[i]] or (pick.by_zone and not pick.zone[rows.zone[i]]):
                continue
            hit, at, length = _clipped(pick.spans, rows.start[i], rows.end[i], rows.start[i])
            if hit:
                person[made], place[made], first[made], dwell[made] = part.group[v], key[i], at, length
                made += 1
    return person[:made], place[:made], first[:made], dwell[:made]
