"""Visits counted into cells: visits, distinct persons and dwell, by any mix of bucket, place and person words.

One pass per thread over its own range of persons: distinct persons then add up over the threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numba as nb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics.entries import Entries, Key, find_bucket
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.parallel import in_threads, threads
from dwell_kit.analytics.sweep import picks, rows_of
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.time import US

MAX_CELLS: Final = 50_000_000


class _Plan(NamedTuple):
    """Where an entry goes: cell = person[i] + place[i] + bucket[i], each code times its stride; `n` cells."""

    person: Any
    place: Any
    bucket: Any
    edges: Any
    n: int


@dataclass(frozen=True)
class Cells:
    """A table's cells, all of them, in the order of the keys: each array is (cells,)."""

    keys: tuple[Key, ...]
    visits: NDArray[np.int64]
    persons: NDArray[np.int64]
    dwell: NDArray[np.int64]
    """µs"""

    def frame(self) -> pl.DataFrame:
        """Key columns, visits, unique_visitors and sum_s (s) of every cell."""
        sizes = [len(key.labels) for key in self.keys]
        places = np.unravel_index(np.arange(len(self.visits)), sizes) if sizes else ()
        labels = [key.labels.gather(place) for key, place in zip(self.keys, places, strict=True)]
        counts = {c.VISITS: self.visits, c.UNIQUE_VISITORS: self.persons, c.SUM_S: self.dwell / US}
        return pl.DataFrame([*labels, *(pl.Series(name, values) for name, values in counts.items())])


def tabulate(entries: Entries, keys: Sequence[Key], *, where: NDArray[np.bool_] | None = None) -> Cells:
    """Visits, distinct persons and dwell of every cell of the table that `keys` span.

    With a place among the keys a visit counts once at each place it was seen at, from its first sighting there,
    with its dwell there.

    Parameters
    ----------
    where : (visits,) which visits count; not together with a place.

    Raises
    ------
    FilterError : when the table would have too many cells.
    """
    plan = _plan(entries, keys)
    if any(key.kind == "place" for key in keys):
        parts = in_threads(_tally_stays, [(*work, plan) for work in _stay_work(entries, keys)])
    else:
        parts = in_threads(_tally_visits, [(part, mask, plan) for part, mask in _masked(entries, where)])
    visits, persons, dwell = (np.sum(arrays, axis=0) for arrays in zip(*parts, strict=True))
    return Cells(tuple(keys), visits, persons, dwell)


def medians(entries: Entries, cells: Cells) -> NDArray[np.float64]:
    """(cells,) median dwell in seconds, linear between the middle two; NaN where there is no visit."""
    plan = _plan(entries, cells.keys)
    if any(key.kind == "place" for key in cells.keys):
        parts = in_threads(_stay_cells, [(*work, plan) for work in _stay_work(entries, cells.keys)])
    else:
        parts = in_threads(_visit_cells, [(part, plan) for part in entries.swept.parts])
    begin = np.concatenate([[0], np.cumsum(cells.visits)])
    dwell = np.empty(begin[-1], np.int64)
    place = begin[:-1].copy()
    for cell, values in parts:
        _scatter(cell, values, place, dwell)
    cuts = np.searchsorted(begin, np.linspace(0, begin[-1], threads() + 1)[1:-1]).tolist()
    edges = [0, *cuts, plan.n]
    found = np.full(plan.n, np.nan)
    in_threads(_medians, [(dwell, begin, lo, hi, found) for lo, hi in pairwise(edges)])
    return found / US


def _plan(entries: Entries, keys: Sequence[Key]) -> _Plan:
    sizes = [len(key.labels) for key in keys]
    if np.prod(np.array(sizes, dtype=np.float64)) > MAX_CELLS:
        raise FilterError(
            "the table is too big",
            expected=f"at most {MAX_CELLS:,} cells",
            found=" × ".join(map(str, sizes)),
            hint="take longer buckets, a shorter time, or fewer groupings",
        )
    coded = entries.coded
    person = np.zeros(coded.n_persons, np.int32)
    place, bucket, edges = np.zeros(1, np.int32), np.empty(0, np.int32), np.empty(0, np.int64)
    stride = 1
    for key, size in zip(reversed(keys), reversed(sizes), strict=True):
        codes = key.codes.astype(np.int32) * np.int32(stride)
        if key.kind == "person":
            person += codes
        elif key.kind == "place":
            place = codes
        elif key.edges is not None:
            bucket, edges = codes, key.edges
        stride *= size
    return _Plan(
        frozen(person, np.int32),
        frozen(place, np.int32),
        frozen(bucket, np.int32),
        frozen(edges, np.int64),
        stride,
    )


def _masked(entries: Entries, where: NDArray[np.bool_] | None) -> list[tuple[Any, NDArray[np.bool_]]]:
    parts = entries.swept.parts
    if where is None:
        return [(part, frozen(np.empty(0), np.bool_)) for part in parts]
    cuts = np.cumsum([len(part.group) for part in parts])[:-1]
    return [(part, frozen(mask, np.bool_)) for part, mask in zip(parts, np.split(where, cuts), strict=True)]


def _stay_work(entries: Entries, keys: Sequence[Key]) -> list[tuple[Any, ...]]:
    name = next(key.name for key in keys if key.kind == "place")
    rows = rows_of(entries.coded)
    pick, whole = picks(entries.selection)
    pick = whole if entries.selection.touching else pick
    key = rows.camera if name == c.CAMERA else rows.zone
    return [(rows, pick, part, key) for part in entries.swept.parts]


@nb.njit(cache=True, nogil=True, inline="always")
def _cell(plan: Any, person: int, place: int, t: int, per_us: float) -> int:
    q = plan.person[person] + plan.place[place]
    return q + plan.bucket[find_bucket(t, plan.edges, per_us)] if len(plan.bucket) else q


@nb.njit(cache=True, nogil=True)
def _pace(edges: Any) -> float:
    return (len(edges) - 1) / (edges[-1] - edges[0]) if len(edges) > 1 else 0.0


@nb.njit(cache=True, nogil=True)
def _tally_visits(part: Any, where: Any, plan: Any) -> Any:
    visits, persons, total = np.zeros(plan.n, np.int64), np.zeros(plan.n, np.int64), np.zeros(plan.n, np.int64)
    latest = np.full(plan.n, -1, np.int32)
    per_us = _pace(plan.edges)
    for i in range(len(part.group)):
        if len(where) and not where[i]:
            continue
        person = part.group[i]
        q = _cell(plan, person, 0, part.first[i], per_us)
        visits[q] += 1
        total[q] += part.dwell[i]
        persons[q] += latest[q] != person
        latest[q] = person
    return visits, persons, total


@nb.njit(cache=True, nogil=True)
def _visit_cells(part: Any, plan: Any) -> Any:
    cell = np.empty(len(part.group), np.int32)
    per_us = _pace(plan.edges)
    for i in range(len(cell)):
        cell[i] = _cell(plan, part.group[i], 0, part.first[i], per_us)
    return cell, part.dwell


@nb.njit(cache=True, nogil=True)
def _stays(rows: Any, pick: Any, ends: Any, lo: int, hi: int, key: Any, slot: Any, stays: Any) -> int:
    """The stays of the visit [lo, hi) at places, in order of the first time there; returns how many.

    Parameters
    ----------
    ends : (k,) of the selected spans. slot : (places,) is -1 everywhere, before and after.
    stays : (places, 4) place, first, dwell united, and last end so far.
    """
    made = 0
    spans = pick.spans
    j = np.searchsorted(ends, rows.start[lo], side="right")
    for i in range(lo, hi):
        place = key[i]
        a, b = rows.start[i], rows.end[i]
        while j < len(ends) and ends[j] <= a:
            j += 1
        if place < 0 or not pick.camera[rows.camera[i]] or (pick.by_zone and not pick.zone[rows.zone[i]]):
            continue
        s = j
        while s < len(ends) and (spans[s, 0] < b or spans[s, 0] <= a):
            x, y = max(a, spans[s, 0]), min(b, ends[s])
            if slot[place] < 0:
                slot[place] = made
                stays[made, 0], stays[made, 1], stays[made, 2], stays[made, 3] = place, x, 0, x
                made += 1
            stay = stays[slot[place]]
            stay[2] += max(y - max(x, stay[3]), 0)
            stay[3] = max(stay[3], y)
            s += 1
    for i in range(made):
        slot[stays[i, 0]] = -1
    return made


@nb.njit(cache=True, nogil=True)
def _tally_stays(rows: Any, pick: Any, part: Any, key: Any, plan: Any) -> Any:
    visits, persons, total = np.zeros(plan.n, np.int64), np.zeros(plan.n, np.int64), np.zeros(plan.n, np.int64)
    latest = np.full(plan.n, -1, np.int32)
    slot, stays = np.full(len(plan.place), -1, np.int64), np.empty((len(plan.place), 4), np.int64)
    ends = pick.spans[:, 1].copy()
    per_us = _pace(plan.edges)
    for v in range(len(part.group)):
        person = part.group[v]
        for i in range(_stays(rows, pick, ends, part.row[v], part.row[v] + part.rows[v], key, slot, stays)):
            q = _cell(plan, person, stays[i, 0], stays[i, 1], per_us)
            visits[q] += 1
            total[q] += stays[i, 2]
            persons[q] += latest[q] != person
            latest[q] = person
    return visits, persons, total


@nb.njit(cache=True, nogil=True)
def _stay_cells(rows: Any, pick: Any, part: Any, key: Any, plan: Any) -> Any:
    room = 0
    for count in part.rows:
        room += count
    cell, dwell = np.empty(room, np.int32), np.empty(room, np.int64)
    slot, stays = np.full(len(plan.place), -1, np.int64), np.empty((len(plan.place), 4), np.int64)
    ends = pick.spans[:, 1].copy()
    per_us = _pace(plan.edges)
    made = 0
    for v in range(len(part.group)):
        for i in range(_stays(rows, pick, ends, part.row[v], part.row[v] + part.rows[v], key, slot, stays)):
            cell[made] = _cell(plan, part.group[v], stays[i, 0], stays[i, 1], per_us)
            dwell[made] = stays[i, 2]
            made += 1
    return cell[:made], dwell[:made]


@nb.njit(cache=True, nogil=True)
def _scatter(cell: Any, values: Any, place: Any, out: Any) -> None:
    for i in range(len(cell)):
        out[place[cell[i]]] = values[i]
        place[cell[i]] += 1


@nb.njit(cache=True, nogil=True)
def _medians(dwell: Any, begin: Any, lo: int, hi: int, found: Any) -> None:
    for q in range(lo, hi):
        n = begin[q + 1] - begin[q]
        if n:
            part = np.partition(dwell[begin[q] : begin[q + 1]], n // 2)
            middle = float(part[n // 2])
            found[q] = middle if n % 2 else (middle + part[: n // 2].max()) / 2
