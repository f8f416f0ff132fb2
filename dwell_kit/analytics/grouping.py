"""Keys that dwell is grouped by: places, local time, persons and words of the person, as codes with labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import prod
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics.coding import names as words_of
from dwell_kit.analytics.entries import WORDS, bucket_of, person_words
from dwell_kit.analytics.stays import Stays
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.time import bucket_edges, local_clock

PLACES: Final = (c.CAMERA, c.ZONE, c.GROUP)
_CLOCK: Final = (c.HOUR, c.WEEKDAY)
_PERIODS: Final = (c.DAY, c.WEEK, c.MONTH)
KEYS: Final = (c.PERSON, *PLACES, *_CLOCK, *_PERIODS, *WORDS)


class Codes(NamedTuple):
    """One key: a code of each entry, the number of codes, and what they stand for."""

    name: str
    codes: NDArray[np.int64]
    size: int
    words: Sequence[Any]
    dtype: Any


@dataclass(frozen=True)
class PlaceKey:
    """The place of each sighting as one code, -1 for none; `sizes` of (camera, zone, group), 1 if not asked."""

    key: NDArray[np.int32]
    sizes: tuple[int, int, int]
    asked: bool

    @property
    def n(self) -> int:
        return int(np.prod(self.sizes))

    def part(self, place: NDArray[np.int32], which: int) -> NDArray[np.int64]:
        """The camera (0), zone (1) or group (2) of places."""
        return np.stack(np.unravel_index(place, self.sizes))[which].astype(np.int64)


def known_keys(by: str | Sequence[str]) -> tuple[str, ...]:
    """`by` as a tuple.

    Raises
    ------
    FilterError : for a name that dwell cannot be grouped by, or one given twice.
    """
    keys = (by,) if isinstance(by, str) else tuple(by)
    for name in keys:
        if name not in KEYS:
            raise FilterError(f"dwell cannot be grouped by {name!r}", expected=", ".join(KEYS), found=repr(name))
    if len(set(keys)) < len(keys):
        raise FilterError("a key is given twice", expected="each key once", found=", ".join(keys))
    return keys


def place_keys(
    coded: Coded, keys: tuple[str, ...], groups: Mapping[str, Collection[str]] | None
) -> list[PlaceKey]:
    """One key per layer of groups: within a layer a camera is in one group at most."""
    if c.GROUP in keys and groups is None:
        raise FilterError("there are no camera groups", hint="pass groups={group: [camera, …]}")
    if not set(keys) & set(PLACES):
        return [PlaceKey(np.full(len(coded), -1, np.int32), (1, 1, 1), asked=False)]
    none = np.zeros(len(coded), np.int32)
    camera = coded.camera.astype(np.int32) if c.CAMERA in keys else none
    zone = coded.zone.astype(np.int32) if c.ZONE in keys else none
    layers = _layers(coded, groups or {}) if c.GROUP in keys else [np.zeros(len(coded.cameras) + 1, np.int32)]
    sizes = (
        len(coded.cameras) if c.CAMERA in keys else 1,
        len(coded.zones) if c.ZONE in keys else 1,
        len(groups or {}) if c.GROUP in keys else 1,
    )
    made = []
    for layer in layers:
        group = layer[coded.camera]
        key = (camera * sizes[1] + zone) * sizes[2] + group
        missing = (camera < 0) | (zone < 0) | (group < 0)
        made.append(PlaceKey(np.where(missing, -1, key).astype(np.int32), sizes, asked=True))
    return made


def _layers(coded: Coded, groups: Mapping[str, Collection[str]]) -> list[NDArray[np.int32]]:
    """Camera → group, -1 for none (last: "no camera"); another layer where a camera is in two groups."""
    layers: list[NDArray[np.int32]] = [np.full(len(coded.cameras) + 1, -1, np.int32)]
    for code, group in enumerate(sorted(groups)):
        cameras = [i for i, camera in enumerate(coded.cameras) if camera in set(groups[group])]
        free = next((layer for layer in layers if (layer[cameras] < 0).all()), None)
        if free is None:
            free = np.full(len(coded.cameras) + 1, -1, np.int32)
            layers.append(free)
        free[cameras] = code
    return layers


def codes_of(
    coded: Coded,
    keys: tuple[str, ...],
    stays: Stays,
    place: PlaceKey,
    *,
    tz: str,
    groups: Mapping[str, Collection[str]] | None,
) -> list[Codes]:
    """The code of each stay for each key."""
    words = {c.CAMERA: coded.cameras, c.ZONE: coded.zones, c.GROUP: sorted(groups or {})}
    made = []
    for name in keys:
        if name in PLACES:
            codes = place.part(stays.place, PLACES.index(name))
            made.append(Codes(name, codes, len(words[name]), words[name], pl.String))
        elif name == c.PERSON:
            codes = stays.person.astype(np.int64)
            made.append(Codes(name, codes, coded.n_persons, coded.persons, pl.String))
        elif name in WORDS:
            held, known = person_words(coded, name)
            made.append(Codes(name, held[stays.person].astype(np.int64), len(known), known, pl.String))
        else:
            made.append(_time_codes(coded, name, stays.first, tz))
    return made


def _time_codes(coded: Coded, name: str, at: NDArray[np.int64], tz: str) -> Codes:
    low, high = coded.extent or (0, 0)
    # a clock change may halve an hour, but not a quarter of one
    edges = bucket_edges(low, high, every="15min" if name in _CLOCK else name, tz=tz)
    bucket = bucket_of(at, edges).astype(np.int64)
    days, hour, weekday = local_clock(edges[:-1], tz)
    if name == c.HOUR:
        return Codes(name, hour[bucket], 24, range(24), pl.Int64)
    if name == c.WEEKDAY:
        return Codes(name, weekday[bucket] - 1, 7, range(1, 8), pl.Int64)
    labels = [date(1970, 1, 1) + timedelta(days=int(day)) for day in days]
    return Codes(name, bucket, len(labels), labels, pl.Date)


def label_columns(keys: Sequence[Codes], cell: NDArray[np.int64]) -> list[pl.Series]:
    """The key columns of cells: mixed-radix numbers of the codes."""
    columns: list[pl.Series] = []
    for key in reversed(keys):
        columns.append(_labels(key, cell % max(key.size, 1)).alias(key.name))
        cell = cell // max(key.size, 1)
    return columns[::-1]


def _labels(key: Codes, codes: NDArray[np.int64]) -> pl.Series:
    if key.dtype == pl.String:
        return words_of(key.words, codes)
    return pl.Series(list(key.words), dtype=key.dtype).gather(codes)


def cell_numbers(keys: Sequence[Codes], n: int) -> NDArray[np.int64]:
    """(n,) one number for each mix of codes, in the order of the keys.

    Raises
    ------
    FilterError : if the numbers would not fit.
    """
    if prod(max(key.size, 1) for key in keys) >= 1 << 62:
        raise FilterError("too many cells", found=" × ".join(key.name for key in keys), hint="group by fewer keys")
    cell = np.zeros(n, np.int64)
    for key in keys:
        cell = cell * max(key.size, 1) + key.codes
    return cell


def sorted_cells(
    cell: NDArray[np.int64], value: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct cells, their values (≥ 0) sorted within each cell, and the offsets of the cells."""
    if not len(cell):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.zeros(1, np.int64)
    width = int(value.max()) + 1
    if int(cell.max()) < (1 << 62) // width:  # one sort of one integer: 20× a sort by two keys
        both = np.sort(cell * width + value)
        cell, value = both // width, both % width
    else:
        order = np.lexsort((value, cell))
        cell, value = cell[order], value[order]
    begin = np.flatnonzero(np.diff(cell, prepend=cell[0] - 1))
    return cell[begin], value, np.append(begin, len(cell))


def distinct_persons(cell: NDArray[np.int64], person: NDArray[np.int32]) -> NDArray[np.int64]:
    """Distinct persons of each cell that occurs, in the order of the cells."""
    if not len(cell):
        return np.empty(0, np.int64)
    _, place = np.unique(cell, return_inverse=True)
    width = int(person.max()) + 1
    pairs = np.sort(place * width + person)
    new = np.ones(len(pairs), np.bool_)
    new[1:] = np.diff(pairs) != 0
    return np.bincount(pairs[new] // width)
