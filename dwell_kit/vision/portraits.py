"""How the persons of a run looked, so that they can be known when they come again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dwell_kit.vision.appearance import unit
from dwell_kit.vision.boxes import Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Portrait:
    """A person as one camera saw them.

    Parameters
    ----------
    person, camera : names. look : (d,) unit vector. first_s, last_s : media time of the first and last sight, s.
    """

    person: str
    camera: str
    look: Floats
    first_s: float
    last_s: float


@dataclass(eq=False)
class _Sum:
    total: Floats
    first_s: float
    last_s: float


class Portraits:
    """The mean look of each person by each camera: light differs from camera to camera, and looks with it.

    >>> made = Portraits()
    >>> made.add(0.0, "door", ["door:1", None], np.array([[1.0, 0.0], [0.0, 1.0]]))
    >>> made.add(2.0, "door", ["door:1"], np.array([[0.0, 1.0]]))
    >>> [(one.person, one.look.round(2).tolist(), one.first_s, one.last_s) for one in made.of(list)]
    [('door:1', [0.71, 0.71], 0.0, 2.0)]
    """

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], _Sum] = {}

    def add(self, at_s: float, camera: str, persons: Sequence[str | None], looks: Floats) -> None:
        """What a camera saw at media time `at_s`: (n, d) looks of its persons, NaN for who shows none; `None` is
        nobody."""
        for person, look in zip(persons, np.nan_to_num(looks), strict=True):
            if person is not None:
                kept = self._sums.setdefault((person, camera), _Sum(np.zeros(len(look)), at_s, at_s))
                kept.total += look
                kept.last_s = at_s

    def of(self, resolve: Callable[[Sequence[str]], list[str]], since_s: float = -np.inf) -> list[Portrait]:
        """The portraits, in the order in which persons came; names that `resolve` says are one are one person.

        `since_s` : of those alone whom a camera saw from this media time on.
        """
        joined: dict[tuple[str, str], _Sum] = {}
        sums = {key: part for key, part in self._sums.items() if part.last_s >= since_s}
        names = resolve([person for person, _ in sums])
        for name, ((_, camera), part) in zip(names, sums.items(), strict=True):
            kept = joined.setdefault((name, camera), _Sum(np.zeros(len(part.total)), part.first_s, part.last_s))
            kept.total += part.total
            kept.first_s, kept.last_s = min(kept.first_s, part.first_s), max(kept.last_s, part.last_s)
        return [
            Portrait(person=person, camera=camera, look=look, first_s=one.first_s, last_s=one.last_s)
            for (person, camera), one in joined.items()
            if np.isfinite(look := unit(one.total[None])[0]).all()
        ]
