"""Occupancy as steps over time, exact at any instant: for the few instants and spans that events ask about."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from dwell_kit.analytics.entries import PLACES
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.presence import pieces
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.sweep import SweptVisits
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded

_KINDS = {c.CAMERA: "camera", c.ZONE: "zone"}
_NAMES = {"camera": c.CAMERA, "zone": c.ZONE, c.CAMERA: c.CAMERA, c.ZONE: c.ZONE}


@dataclass(frozen=True)
class Steps:
    """Occupancy over time: `level[i]` from `t[i]` (µs, ascending) until `t[i + 1]`; 0 before and after."""

    t: NDArray[np.int64]
    level: NDArray[np.int64]

    @classmethod
    def of(cls, start: NDArray[np.int64], end: NDArray[np.int64]) -> Steps:
        """Steps of half-open intervals: starts at t count, ends at t do not."""
        t, place = np.unique(np.concatenate([start, end]), return_inverse=True)
        come = np.bincount(place[: len(start)], minlength=len(t))
        gone = np.bincount(place[len(start) :], minlength=len(t))
        return cls(t, np.cumsum(come - gone))

    def at(self, us: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) occupancy at instants."""
        return np.concatenate([[0], self.level])[np.searchsorted(self.t, us, side="right")]

    def most(self, low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) the greatest occupancy inside the closed [low, high], low <= high."""
        first, last = (np.searchsorted(self.t, us, side="right") for us in (low, high))
        found: NDArray[np.int64] = _most(*(frozen(array, np.int64) for array in (self.level, first, last)))
        return found


def occupancy_steps(coded: Coded, selection: Selection, swept: SweptVisits, *, by: str | None) -> list[Steps]:
    """The steps of each place, in the order of `place_words`; anonymous sightings count at cameras and zones."""
    n_places = len(place_words(coded, by))
    place, start, end = pieces(coded, selection, swept, by=None if by is None else _KINDS[place_name(by)])
    order = np.argsort(place, kind="stable")
    cuts = np.searchsorted(place[order], np.arange(n_places + 1))
    return [Steps.of(start[order[a:b]], end[order[a:b]]) for a, b in pairwise(cuts)]


def place_words(coded: Coded, by: str | None) -> tuple[str, ...]:
    """The names of the places; one without a name for the environment."""
    if by is None:
        return ("",)
    return coded.cameras if place_name(by) == c.CAMERA else coded.zones


def place_name(by: str) -> str:
    """The column of a kind of place: camera and camera_id are one.

    Raises
    ------
    FilterError : for a place that is neither a camera nor a zone.
    """
    if by not in _NAMES:
        raise FilterError(f"there is no place {by!r}", expected=", ".join(PLACES), found=repr(by))
    return _NAMES[by]


@nb.njit(cache=True, nogil=True)
def _most(level: Any, first: Any, last: Any) -> Any:
    found = np.zeros(len(first), np.int64)
    for i in range(len(first)):
        for j in range(max(first[i], 1), last[i] + 1):
            found[i] = max(found[i], level[j - 1])
    return found
