"""Entries counted into cells: visits, distinct persons and dwell, by any mix of bucket, place and person words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numba as nb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics.coding import utc
from dwell_kit.analytics.entries import PLACES, Entries, bucket_of, edges_of, visit_entries
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.selection import Selection
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS, OTHER
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import US

WORDS: Final = (c.AGE_GROUP, c.GENDER, c.CATEGORY, c.MASK, c.LIVENESS, c.MATCH)
GROUPINGS: Final = (*PLACES, *WORDS)
MAX_CELLS: Final = 50_000_000


@dataclass(frozen=True)
class Key:
    """One dimension of a table: `codes` (n,) index into `labels`."""

    name: str
    codes: NDArray[Any]
    labels: pl.Series


@dataclass(frozen=True)
class Cells:
    """A table's cells, all of them, in the order of the keys: each array is (cells,)."""

    keys: tuple[Key, ...]
    visits: NDArray[np.int64]
    persons: NDArray[np.int64]
    dwell: NDArray[np.int64]
    cell: NDArray[np.int32]
    """(n,) the cell of each entry."""

    def frame(self) -> pl.DataFrame:
        """Key columns, visits, unique_visitors and sum_s (s) of every cell."""
        sizes = [len(key.labels) for key in self.keys]
        places = np.unravel_index(np.arange(len(self.visits)), sizes) if sizes else ()
        labels = [key.labels.gather(place) for key, place in zip(self.keys, places, strict=True)]
        counts = {c.VISITS: self.visits, c.UNIQUE_VISITORS: self.persons, c.SUM_S: self.dwell / US}
        return pl.DataFrame([*labels, *(pl.Series(name, values) for name, values in counts.items())])


def as_names(by: str | Sequence[str] | None) -> tuple[str, ...]:
    """`by` as a tuple of known groupings.

    Raises
    ------
    FilterError : for a name that nothing can be grouped by, two places at once, or a name given twice.
    """
    names = () if by is None else (by,) if isinstance(by, str) else tuple(by)
    for name in names:
        if name not in GROUPINGS:
            raise FilterError(
                f"nothing can be grouped by {name!r}", expected=", ".join(GROUPINGS), found=repr(name)
            )
    if len(set(names)) < len(names) or set(PLACES) <= set(names):
        raise FilterError(
            "these groupings do not go together",
            expected="each once, and one kind of place",
            found=", ".join(names),
        )
    return names


def grouped_entries(
    sightings: Any, by: tuple[str, ...], *, filters: Filters | None, selection: Selection | None, tz: str
) -> Entries:
    """Entries per visit, or per visit and place where `by` names a place."""
    place = next((name for name in by if name in PLACES), None)
    return visit_entries(sightings, filters=filters, selection=selection, tz=tz, place=place)


def bucket_key(entries: Entries, *, every: str, tz: str) -> Key:
    """The local bucket of the start; a table has every bucket of the data's span."""
    edges = edges_of(entries, every=every, tz=tz)
    return Key(c.BUCKET, bucket_of(entries.at, edges), utc(edges[:-1]).alias(c.BUCKET))


def group_key(entries: Entries, name: str) -> Key:
    """The place of the entry, or a word of its person."""
    if name in PLACES:
        words = entries.coded.cameras if name == c.CAMERA else entries.coded.zones
        return Key(name, entries.place, pl.Series(name, words, dtype=pl.String))
    codes, words = person_words(entries.coded, name)
    return Key(name, codes[entries.person], pl.Series(name, words, dtype=pl.String))


def person_words(coded: Coded, name: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """(p,) code of each person, and the words; the last word is `other`, the only one of an attribute without data."""
    if name == c.AGE_GROUP:
        return coded.person_age, AGE_GROUPS
    if name == c.GENDER:
        return coded.person_gender, GENDERS
    held = coded.attributes.get(name)
    return (np.zeros(coded.n_persons, np.int8), (OTHER,)) if held is None else (held.codes, held.words)


def tabulate(entries: Entries, keys: Sequence[Key]) -> Cells:
    """Visits, distinct persons and dwell of every cell of the table that `keys` span.

    Raises
    ------
    FilterError : when the table would have too many cells.
    """
    sizes = [len(key.labels) for key in keys]
    if np.prod(np.array(sizes, dtype=np.float64)) > MAX_CELLS:
        raise FilterError(
            "the table is too big",
            expected=f"at most {MAX_CELLS:,} cells",
            found=" × ".join(map(str, sizes)),
            hint="take longer buckets, a shorter time, or fewer groupings",
        )
    cell = np.zeros(len(entries), np.int32)
    for key, size in zip(keys, sizes, strict=True):
        cell = cell * np.int32(size) + key.codes
    n_cells = int(np.prod(sizes, dtype=np.int64))
    visits, persons, dwell = _tally(
        frozen(cell, np.int32), frozen(entries.person, np.int32), frozen(entries.dwell, np.int64), n_cells
    )
    return Cells(tuple(keys), visits, persons, dwell, cell)


def medians(cells: Cells, dwell: NDArray[np.int64]) -> NDArray[np.float64]:
    """(cells,) median dwell in seconds, linear between the middle two; NaN where there is no visit."""
    found: NDArray[np.float64] = _medians(
        frozen(cells.cell, np.int32), frozen(dwell, np.int64), frozen(cells.visits, np.int64)
    )
    return found / US


@nb.njit(cache=True, nogil=True)
def _tally(cell: Any, person: Any, dwell: Any, n_cells: int) -> Any:
    visits, persons, total = np.zeros(n_cells, np.int64), np.zeros(n_cells, np.int64), np.zeros(n_cells, np.int64)
    latest = np.full(n_cells, -1, np.int32)
    for i in range(len(cell)):
        q = cell[i]
        visits[q] += 1
        total[q] += dwell[i]
        if latest[q] != person[i]:
            latest[q] = person[i]
            persons[q] += 1
    return visits, persons, total


@nb.njit(cache=True, nogil=True)
def _medians(cell: Any, dwell: Any, counts: Any) -> Any:
    place = np.zeros(len(counts) + 1, np.int64)
    for q in range(len(counts)):
        place[q + 1] = place[q] + counts[q]
    begin = place.copy()
    sorted_by_cell = np.empty(len(cell), np.int64)
    for i in range(len(cell)):
        sorted_by_cell[place[cell[i]]] = dwell[i]
        place[cell[i]] += 1
    found = np.full(len(counts), np.nan)
    for q in range(len(counts)):
        n = counts[q]
        if n:
            part = sorted_by_cell[begin[q] : begin[q] + n]
            upper = np.partition(part, n // 2)
            middle = float(upper[n // 2])
            found[q] = middle if n % 2 else (middle + upper[: n // 2].max()) / 2
    return found
