"""Pairs of numbers as points, and whether an outline crosses itself."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import InputError

Points = NDArray[np.float64]
Polygon = tuple[tuple[float, float], ...]


def as_points(values: Any) -> Points:
    """(n, 2) float64 of anything that is such pairs; no pairs is (0, 2).

    Raises
    ------
    InputError : if they are not pairs of numbers.
    """
    try:
        points = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("points are not numbers", expected="pairs (x, y)", found=repr(values)[:80]) from error
    if points.size == 0:
        return points.reshape(0, 2)
    if points.ndim != 2 or points.shape[1] != 2:
        raise InputError("points are not pairs", expected="shape (n, 2)", found=f"shape {points.shape}")
    return points


def pairs(values: Iterable[Any], where: str) -> Polygon:
    """The same as a tuple of finite pairs, for frozen values.

    Raises
    ------
    InputError : if they are not pairs of finite numbers.
    """
    points = as_points(list(values))
    if not np.isfinite(points).all():
        raise InputError("a place is not a finite number", where, "finite x and y", str(points.tolist()))
    return tuple((float(x), float(y)) for x, y in points)


def crosses_itself(corners: Polygon) -> bool:
    """Whether two edges that are not neighbours touch, or neighbours fold back on each other."""
    n = len(corners)
    edges = [(corners[i], corners[(i + 1) % n]) for i in range(n)]
    if any(a == b for a, b in edges):
        return True
    return any(
        _touch(*edges[i], *edges[j]) for i in range(n) for j in range(i + 2, n) if not (i == 0 and j == n - 1)
    )


def _touch(a: Any, b: Any, c: Any, d: Any) -> bool:
    def turn(p: Any, q: Any, r: Any) -> float:
        return math.copysign(1, v) if (v := (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])) else 0.0

    def between(p: Any, q: Any, r: Any) -> bool:
        return min(p[0], q[0]) <= r[0] <= max(p[0], q[0]) and min(p[1], q[1]) <= r[1] <= max(p[1], q[1])

    t = turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b)
    if t[0] * t[1] < 0 and t[2] * t[3] < 0:
        return True
    ends = ((a, b, c), (a, b, d), (c, d, a), (c, d, b))
    return any(side == 0 and between(*end) for side, end in zip(t, ends, strict=True))
