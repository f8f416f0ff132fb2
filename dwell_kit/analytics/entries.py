"""The selected visits as arrays, and the keys that tables are counted by: bucket, place, words of the person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numba as nb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics.coding import utc
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.sweep import SweptVisits, sweep
from dwell_kit.analytics.visits import selected
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS, OTHER
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import bucket_edges

PLACES: Final = (c.CAMERA, c.ZONE)
WORDS: Final = (c.AGE_GROUP, c.GENDER, c.CATEGORY, c.MASK, c.LIVENESS, c.MATCH)
GROUPINGS: Final = (*PLACES, *WORDS)
_SHORT: Final = {"camera": c.CAMERA, "zone": c.ZONE}


@dataclass(frozen=True)
class Entries:
    """The selected visits, by person and time; n visits, p persons."""

    coded: Coded
    selection: Selection
    swept: SweptVisits

    def __len__(self) -> int:
        return len(self.swept)

    @cached_property
    def person(self) -> NDArray[np.int32]:
        """(n,) index into `coded.persons`, ascending."""
        return self.swept.column("group")

    @cached_property
    def at(self) -> NDArray[np.int64]:
        """(n,) start, µs UTC."""
        return self.swept.column("first")

    @cached_property
    def until(self) -> NDArray[np.int64]:
        """(n,) end, µs UTC."""
        return self.swept.column("last")

    @cached_property
    def dwell(self) -> NDArray[np.int64]:
        """(n,) µs."""
        return self.swept.column("dwell")


@dataclass(frozen=True)
class Key:
    """One dimension of a table: what it goes by has a code each, an index into `labels`.

    `codes` is (persons,), (places + 1,) or (buckets,); `edges` (buckets + 1,) µs is there for buckets only.
    """

    kind: Literal["bucket", "place", "person"]
    codes: NDArray[Any]
    labels: pl.Series
    edges: NDArray[np.int64] | None = None

    @property
    def name(self) -> str:
        return self.labels.name


def visit_entries(
    sightings: Any, *, filters: Filters | None = None, selection: Selection | None = None, tz: str = "UTC"
) -> Entries:
    """The selected visits of a frame of sightings or of `Coded`."""
    coded, selection = selected(sightings, filters=filters, selection=selection, tz=tz)
    return Entries(coded, selection, sweep(coded, selection))


def as_names(by: str | Sequence[str] | None) -> tuple[str, ...]:
    """`by` as a tuple of known groupings.

    Raises
    ------
    FilterError : for a name that nothing can be grouped by, two kinds of place at once, or a name given twice.
    """
    given = () if by is None else (by,) if isinstance(by, str) else tuple(by)
    names = tuple(_SHORT.get(name, name) for name in given)
    for name in names:
        if name not in GROUPINGS:
            raise FilterError(
                f"nothing can be grouped by {name!r}", expected=", ".join(GROUPINGS), found=repr(name)
            )
    if len(set(names)) < len(names) or set(PLACES) <= set(names):
        raise FilterError(
            "these groupings do not go together", expected="each once, one kind of place", found=", ".join(names)
        )
    return names


def edges_of(coded: Coded, selection: Selection, *, every: str, tz: str) -> NDArray[np.int64]:
    """(m + 1,) µs edges of the local buckets over the data's span inside the selected time; (1,) if there is none.

    Whole visits that touch the selected time may reach out of it, so then it is the span of all the data.
    """
    extent, spans = coded.extent, selection.intervals
    if extent is None or not len(spans):
        return np.zeros(1, np.int64)
    low, high = extent
    if not selection.touching:
        low, high = max(low, int(spans[0, 0])), min(high, int(spans[-1, 1]) - 1)
    if low > high:
        return np.zeros(1, np.int64)
    edges = bucket_edges(low, high, every=every, tz=tz)
    empty = len(edges) > 2 and edges[-2] == extent[1] and not (coded.start == extent[1]).any()
    return edges[:-1] if empty else edges


def bucket_key(entries: Entries, *, every: str, tz: str) -> Key:
    """The local bucket of the start; a table has every bucket of the data's span."""
    edges = edges_of(entries.coded, entries.selection, every=every, tz=tz)
    return Key("bucket", np.arange(len(edges) - 1), utc(edges[:-1]).alias(c.BUCKET), edges)


def group_key(coded: Coded, name: str) -> Key:
    """A place, or a word of the person."""
    if name in PLACES:
        places = coded.cameras if name == c.CAMERA else coded.zones
        return Key("place", np.arange(len(places) + 1), pl.Series(name, places, dtype=pl.String))
    codes, words = person_words(coded, name)
    return Key("person", codes, pl.Series(name, words, dtype=pl.String))


def person_words(coded: Coded, name: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """(p,) code of each person, and the words; the last one is `other`, the only one of an absent attribute."""
    if name == c.AGE_GROUP:
        return coded.person_age, AGE_GROUPS
    if name == c.GENDER:
        return coded.person_gender, GENDERS
    held = coded.attributes.get(name)
    return (np.zeros(coded.n_persons, np.int8), (OTHER,)) if held is None else (held.codes, held.words)


def bucket_of(us: NDArray[np.int64], edges: NDArray[np.int64]) -> NDArray[np.int32]:
    """(n,) the bucket of each instant; all instants lie inside the edges."""
    found: NDArray[np.int32] = _buckets_of(frozen(us, np.int64), frozen(edges, np.int64))
    return found


@nb.njit(cache=True, nogil=True, inline="always")
def find_bucket(t: int, edges: Any, per_us: float) -> int:
    """A guess by even spacing, then steps: buckets differ by a clock change or the length of a month only."""
    last = len(edges) - 2
    q = min(max(int((t - edges[0]) * per_us), 0), last)
    while q > 0 and t < edges[q]:
        q -= 1
    while q < last and t >= edges[q + 1]:
        q += 1
    return q


@nb.njit(cache=True, nogil=True)
def _buckets_of(us: Any, edges: Any) -> Any:
    found = np.zeros(len(us), np.int32)
    if len(edges) > 1:
        per_us = (len(edges) - 1) / (edges[-1] - edges[0])
        for i in range(len(us)):
            found[i] = find_bucket(us[i], edges, per_us)
    return found
