"""When cameras were watched: what means are taken over, and what says which visits were still open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import FilterError
from dwell_kit.schema.hours import intersect
from dwell_kit.schema.time import MAX_US, MIN_US, to_us, union

Intervals = NDArray[np.int64]
ALL_TIME: Final[Intervals] = np.array([[MIN_US, MAX_US]], np.int64)


@dataclass(frozen=True)
class Coverage:
    """Sorted, disjoint, half-open intervals (k, 2), µs UTC, in which cameras were watched.

    Parameters
    ----------
    anywhere : in which any camera was: what holds for the environment, and for cameras that are not named.
    cameras : camera → its own intervals.
    whole : every sighting is known to lie inside, so that nothing has to be cut to it.
    """

    anywhere: Intervals
    cameras: Mapping[str, Intervals] = field(default_factory=dict)
    whole: bool = False

    @classmethod
    def of(cls, given: Any) -> Coverage:
        """Coverage from pairs of µs or aware datetimes in any order, a mapping from camera to such, or itself.

        >>> Coverage.of([(8, 10), (0, 5), (4, 6)]).anywhere.tolist()
        [[0, 6], [8, 10]]

        Raises
        ------
        FilterError : if it is anything else.
        """
        if isinstance(given, Coverage):
            return given
        if isinstance(given, Mapping):
            cameras = {str(camera): _intervals(pairs) for camera, pairs in given.items()}
            return cls(union([(int(a), int(b)) for held in cameras.values() for a, b in held]), cameras)
        return cls(_intervals(given))

    @classmethod
    def until(cls, end: datetime) -> Coverage:
        """Watched from ever until `end` (aware)."""
        return cls(np.array([[MIN_US, to_us(end)]], np.int64))

    def of_camera(self, camera: str) -> Intervals:
        """(k, 2) of one camera."""
        return self.cameras.get(camera, self.anywhere)

    def share(self, since: int, until: int, *, within: Intervals = ALL_TIME) -> float | None:
        """The share of [since, until) µs, as far as it lies `within`, in which any camera was watched.

        None if there is nothing to watch.
        """
        asked = intersect(np.array([[since, until]], np.int64), within)
        total = length(asked)
        return length(intersect(asked, self.anywhere)) / total if total else None


def length(intervals: Intervals) -> int:
    """µs in sorted, disjoint intervals."""
    return int((intervals[:, 1] - intervals[:, 0]).sum())


def _intervals(pairs: Any) -> Intervals:
    try:
        return union([(_us(a), _us(b)) for a, b in pairs])
    except (TypeError, ValueError, AttributeError) as error:
        raise FilterError(
            "coverage cannot be read",
            expected="pairs (from, till) of µs since 1970 or aware datetimes, or camera → such pairs",
            found=repr(pairs)[:80],
        ) from error


def _us(moment: Any) -> int:
    return to_us(moment) if isinstance(moment, datetime) else int(moment)
