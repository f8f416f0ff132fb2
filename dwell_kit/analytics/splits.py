"""What presence is split by: cameras, zones, words of the person, or a place crossed with words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numba as nb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics.coding import names as words_of
from dwell_kit.analytics.entries import PLACES, as_names, person_words
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.selection import Selection
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded

MAX_PARTS: Final = 32_767


@dataclass(frozen=True)
class Split:
    """The parts that presence is split into; part i has the code `codes[i]`.

    Persons are in one part of the environment, or in one part at each place.
    """

    labels: tuple[pl.Series, ...]
    """The key columns, (parts,) each."""
    codes: NDArray[np.int64]
    key: NDArray[Any]
    """(n,) the code of each sighting, -1 for none."""
    size: int
    """More than any code."""
    camera: NDArray[np.int64] | None
    """(parts,) the camera whose coverage a part has; None: that of any camera."""
    group: NDArray[np.int32] | None
    """(p,) the code of each person, where the parts are no places."""

    def __len__(self) -> int:
        return len(self.codes)


def split_of(coded: Coded, selection: Selection, by: str | Sequence[str]) -> Split:
    """The selected places, or the groups of the selected persons, in the order of their words.

    A place that filters leave out is no part; a group is one if a selected person belongs to it. Where a place is
    crossed with words, its anonymous sightings are in the group `other`.

    Raises
    ------
    FilterError : for a word that presence cannot be split by, and for more than 32,767 parts.
    """
    names = as_names(by)
    words = [name for name in names if name not in PLACES]
    place = next((name for name in names if name in PLACES), None)
    group, labels = _groups(coded, selection, words, anonymous=place is not None)
    if place is None:
        of_row = np.append(group, np.int32(-1))[coded.person]
        return Split(labels, _codes(len(labels[0])), of_row, len(labels[0]), None, group)
    known, column = (coded.cameras, coded.camera) if place == c.CAMERA else (coded.zones, coded.zone)
    there, m = np.flatnonzero(selected_places(coded, selection, place)), len(labels[0]) if words else 1
    at = np.repeat(there, m)
    columns = {place: words_of(known, at).alias(place)}
    columns |= {label.name: label.gather(np.tile(np.arange(m), len(there))) for label in labels}
    key: NDArray[Any] = column
    if words:
        own = np.append(group, np.int32(m - 1))[coded.person]
        key = np.where((column < 0) | (own < 0), -1, column * np.int32(m) + own).astype(np.int32)
    codes = _codes(len(known) * m).reshape(len(known), m)[there].ravel()
    ordered = tuple(columns[name] for name in names)
    return Split(ordered, codes, key, len(known) * m, at if place == c.CAMERA else None, None)


def selected_places(coded: Coded, selection: Selection, place: str) -> NDArray[np.bool_]:
    """(places,) the cameras or zones that filters of place leave: by their own filter, and for one of the other
    kind those that any of its sightings names. Whole visits that touch a place go on everywhere.

    Parameters
    ----------
    place : camera_id or zone_id.
    """
    known = coded.cameras if place == c.CAMERA else coded.zones
    if selection.touching:
        return np.ones(len(known), np.bool_)
    camera, zone = frozen(coded.camera, np.int16), frozen(coded.zone, np.int16)
    if place == c.CAMERA:
        chosen, column, wanted, other = selection.camera[:-1], camera, selection.zone, zone
    else:
        chosen, column, wanted, other = selection.zone[:-1], zone, selection.camera, camera
    if wanted.all():
        return chosen
    return chosen & _seen_in(column, len(known), other, frozen(wanted, np.bool_))


@nb.njit(cache=True, nogil=True)
def _seen_in(place: Any, n_places: int, other: Any, wanted: Any) -> Any:
    seen = np.zeros(n_places, np.bool_)
    for i in range(len(place)):
        if place[i] >= 0 and wanted[other[i]]:
            seen[place[i]] = True
    return seen


def _codes(n: int) -> NDArray[np.int64]:
    if n > MAX_PARTS:
        raise FilterError("too many parts", expected=f"at most {MAX_PARTS:,}", found=f"{n:,}")
    return np.arange(n)


def _groups(
    coded: Coded, selection: Selection, words: Sequence[str], *, anonymous: bool
) -> tuple[NDArray[np.int32], tuple[pl.Series, ...]]:
    """(p,) the group of each person, -1 for one that nobody selected belongs to, and the words of the groups.

    The last group is `other` in every word if anonymous sightings need one.
    """
    if not words:
        return np.zeros(coded.n_persons, np.int32), ()
    held = [person_words(coded, name) for name in words]
    sizes = tuple(len(said) for _, said in held)
    if np.prod(np.array(sizes, np.float64)) > np.iinfo(np.int32).max:
        raise FilterError("too many groups", found=" × ".join(map(str, sizes)), hint="split by fewer words")
    mixed = np.zeros(coded.n_persons, np.int32)
    for (codes, _), size in zip(held, sizes, strict=True):
        mixed = mixed * np.int32(size) + codes
    there = np.bincount(mixed[selection.person], minlength=int(np.prod(sizes))) > 0
    if anonymous and selection.anonymous and coded.n_identified < len(coded):
        there[-1] = True
    found = np.flatnonzero(there)
    group = np.where(there, np.cumsum(there) - 1, -1).astype(np.int32)[mixed]
    parts = np.unravel_index(found, sizes)
    labels = (words_of(said, part).alias(name) for name, (_, said), part in zip(words, held, parts, strict=True))
    return group, tuple(labels)
