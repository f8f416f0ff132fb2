"""Who of the persons of a run was seen before: one to one in time, the most alike first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwell_kit.vision.gallery import Gallery

Ids = NDArray[np.int64]
_CANDIDATES: Final = 32
"""How many of the nearest looks of each look are considered."""


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """Two persons who look alike enough to be one. `earlier` was known first."""

    earlier: int
    later: int
    cosine: float

    @property
    def pair(self) -> tuple[int, int]:
        """The two."""
        return self.earlier, self.later


def recognise(
    known: Gallery, fresh: Gallery, *, joined: Mapping[int, int], alike: Iterable[Likeness] = ()
) -> list[Likeness]:
    """Pairs that join each fresh person with whom they most look like; those with a known person come first.

    Nobody is in two places: persons who were seen at the same time are not joined, nor through a third one. Two
    known persons are not joined either: that they are two was decided before.

    Parameters
    ----------
    known, fresh : looks of earlier runs and of this one, with the threshold of `fresh`. Who is in both has gone on
        since, and counts as known. joined : known person →
        who they count as, if that is another. alike : fresh pairs that are decided already.

    >>> def of(looks, persons, seen):
    ...     made = Gallery(environment="shop", size=2)
    ...     made.add(np.array(looks), np.array(persons), np.array(seen))
    ...     return made
    >>> recognise(of([[1, 0], [0, 1]], [1, 2], [0, 0]), of([[0, 1]], [7], [9]), joined={})
    [Likeness(earlier=2, later=7, cosine=1.0)]
    """
    about = fresh.about
    everybody = Gallery(**vars(about))
    everybody.absorb(known, fresh)
    new = np.setdiff1d(fresh.entries.persons, known.entries.persons)
    persons = _Persons(everybody, new, joined)
    found = list(alike)
    for one in found:
        persons.join(one.earlier, one.later)
    in_order = dict.fromkeys(fresh.entries.persons.tolist())
    order = {person: place for place, person in enumerate(in_order) if person in new}
    for cosine, person, other in _candidates(everybody, fresh):
        if persons.may_be_one(person, other):
            persons.join(other, person)
            earlier, later = sorted((other, person), key=lambda one: order.get(one, -1))
            found.append(Likeness(earlier=earlier, later=later, cosine=cosine))
    return sorted(found, key=lambda one: one.earlier in order)


def _candidates(everybody: Gallery, fresh: Gallery) -> list[tuple[float, int, int]]:
    """Cosine, fresh person and whom they look like, the most alike first."""
    matches = everybody.search(fresh.entries.looks, k=min(_CANDIDATES, len(everybody)) or 1)
    found = [
        (float(cosine), int(person), int(other))
        for person, others, cosines in zip(fresh.entries.persons, matches.person_id, matches.cosine, strict=True)
        for other, cosine in zip(others, cosines, strict=True)
        if np.isfinite(cosine) and other != person
    ]
    return sorted(found, key=lambda one: -one[0])


class _Persons:
    """Who is one with whom so far, and when each was seen."""

    def __init__(self, everybody: Gallery, fresh: Ids, joined: Mapping[int, int]) -> None:
        self._joined = dict(joined)
        self._fresh = set(fresh.tolist())
        self._stays: dict[int, NDArray[np.int64]] = {}
        entries = everybody.entries
        stays = np.column_stack((entries.since_us, entries.seen_us))
        roots = np.array([self._root(one) for one in entries.persons.tolist()], np.int64)
        for root in np.unique(roots):
            self._stays[int(root)] = stays[roots == root]

    def may_be_one(self, a: int, b: int) -> bool:
        a, b = self._root(a), self._root(b)
        if a == b or not self._fresh & {a, b}:
            return False
        mine, theirs = self._stays[a], self._stays[b]
        together = (mine[:, None, 0] <= theirs[None, :, 1]) & (theirs[None, :, 0] <= mine[:, None, 1])
        return not together.any()

    def join(self, a: int, b: int) -> None:
        """A known person stands for both, else `a`."""
        a, b = self._root(a), self._root(b)
        if a == b:
            return
        kept, gone = (b, a) if a in self._fresh and b not in self._fresh else (a, b)
        self._joined[gone] = kept
        none = np.empty((0, 2), np.int64)
        self._stays[kept] = np.concatenate([self._stays.get(kept, none), self._stays.pop(gone, none)])

    def _root(self, one: int) -> int:
        while one in self._joined:
            one = self._joined[one]
        return one
