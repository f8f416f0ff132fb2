"""Sightings as coded columns: what every kernel runs on, whether they come from a frame or from the lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

OPEN_START_BIT = 1
OPEN_END_BIT = 2


@dataclass(frozen=True)
class Attribute:
    """A word per person: `codes` (p,) int8/int16 index into `words`; the last word is `other`."""

    codes: NDArray[np.integer]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Coded:
    """The sightings of ONE environment, sorted by (person, start, end), identified people first.

    Shapes: n sightings, p persons. Rows of person i are `offsets[i]:offsets[i + 1]`; anonymous sightings
    (`person == -1`) are the rows after `offsets[p]`, sorted by start. Times are µs UTC.
    Arrays may be read-only memory maps.
    """

    person: NDArray[np.int32]
    """(n,) index into `persons`, -1 for anonymous."""
    camera: NDArray[np.int16]
    """(n,) index into `cameras`, -1 for none."""
    zone: NDArray[np.int16]
    """(n,) index into `zones`, -1 for none."""
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    flags: NDArray[np.uint8]
    """(n,) OPEN_START_BIT | OPEN_END_BIT."""
    age: NDArray[np.int8]
    """(n,) index into schema.demographics.AGE_GROUPS, as said of this sighting."""
    gender: NDArray[np.int8]
    """(n,) index into schema.demographics.GENDERS, as said of this sighting."""
    offsets: NDArray[np.int64]
    """(p + 1,)"""
    persons: Sequence[str]
    """(p,) person ids (the lake gives a lazy sequence)."""
    cameras: tuple[str, ...]
    zones: tuple[str, ...]
    person_age: NDArray[np.int8]
    """(p,) the determined age group with most sighting time, else `other`."""
    person_gender: NDArray[np.int8]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    """Other person words: appearance_category, mask_outcome, liveness_outcome, match_outcome."""

    @property
    def n_persons(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_identified(self) -> int:
        """Rows with a person."""
        return int(self.offsets[-1])

    @cached_property
    def extent(self) -> tuple[int, int] | None:
        """(earliest start, latest end), µs UTC; None without sightings."""
        return (int(self.start.min()), int(self.end.max())) if len(self) else None

    def __len__(self) -> int:
        return len(self.start)
