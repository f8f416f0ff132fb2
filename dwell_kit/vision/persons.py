"""The persons who are on the floor, and those who were a moment ago."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwell_kit.vision.walkers import Walkers

Floats = NDArray[np.float64]


@dataclass
class Person:
    """Somebody with an id, seen first at `first_s` and last at `seen_s`, in `hits` instants."""

    raw_id: int
    first_s: float
    seen_s: float = float("-inf")
    hits: int = 0
    look: Floats | None = None
    place_m: tuple[float, float] | None = None
    """Where they were lost."""


@dataclass
class Persons:
    """`known` goes with the rows of `walkers`; `lost` can still be recognised by their look."""

    known: list[Person] = field(default_factory=list)
    lost: list[Person] = field(default_factory=list)
    walkers: Walkers = field(default_factory=Walkers)

    def __len__(self) -> int:
        return len(self.known)

    def ids(self) -> NDArray[np.int64]:
        """(n,) raw ids of those on the floor."""
        return np.array([one.raw_id for one in self.known], dtype=np.int64)

    def looks(self, size: int) -> Floats:
        """(n, size) looks; NaN for who has none."""
        return np.array([np.full(size, np.nan) if one.look is None else one.look for one in self.known])

    def predict(self, dt_s: float, noise_m2_s3: float) -> None:
        """Let time pass."""
        self.walkers.predict(dt_s, noise_m2_s3)

    def add(self, persons: list[Person], floor_m: Floats, spread: Floats, speed_m_s: float) -> None:
        """Persons seen for the first time."""
        self.known.extend(persons)
        self.walkers.add(floor_m, spread, speed_m_s)

    def part(self, at_s: float, *, lost_s: float, forget_s: float) -> None:
        """Those not seen for `lost_s` leave the floor; those not seen for `forget_s` are forgotten."""
        stay = np.array([at_s - one.seen_s <= lost_s for one in self.known], dtype=np.bool_)
        for i in np.flatnonzero(~stay):
            x, y = self.walkers.state[i, :2]
            self.known[i].place_m = float(x), float(y)
            self.lost.append(self.known[i])
        self.known = [one for one, stays in zip(self.known, stay, strict=True) if stays]
        self.walkers.keep(stay)
        self.lost = [one for one in self.lost if one.look is not None and at_s - one.seen_s <= forget_s]

    def recognise(
        self, person: Person, place: Floats, threshold: float, speed_m_s: float
    ) -> tuple[int, float] | None:
        """Id and cosine of the lost person who looks most like this one and could have come here; they are lost no
        more."""
        best: tuple[float, Person] | None = None
        for one in self.lost:
            if one.look is None or one.place_m is None or person.look is None or len(one.look) != len(person.look):
                continue
            cosine = float(one.look @ person.look)
            gone_s = person.first_s - one.seen_s
            near = gone_s > 0 and np.hypot(*(place - one.place_m)) <= speed_m_s * gone_s
            if near and cosine >= threshold and (best is None or cosine > best[0]):
                best = cosine, one
        if best is None:
            return None
        self.lost.remove(best[1])
        return best[1].raw_id, best[0]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` reads it back."""
        return {
            "known": [_row(one) for one in self.known],
            "lost": [_row(one) for one in self.lost],
            "state": self.walkers.state.tolist(),
            "covariance": self.walkers.covariance.tolist(),
        }

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Persons:
        """The persons that `as_dict` wrote.

        Raises
        ------
        ValueError : if persons and their places do not go together.
        """
        known, lost = ([_person(row) for row in given[name]] for name in ("known", "lost"))
        state = np.array(given["state"], np.float64).reshape(len(known), 4)
        covariance = np.array(given["covariance"], np.float64).reshape(len(known), 4, 4)
        return cls(known, lost, Walkers(state, covariance))


def _row(one: Person) -> dict[str, Any]:
    return {**vars(one), "look": None if one.look is None else one.look.tolist()}


def _person(row: dict[str, Any]) -> Person:
    look, place = row["look"], row["place_m"]
    made = Person(**row)
    made.look = None if look is None else np.array(look, np.float64)
    made.place_m = None if place is None else (place[0], place[1])
    return made
