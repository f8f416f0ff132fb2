"""Lens distortion and its inverse: x' = x·(1 + k1 r² + k2 r⁴ + k3 r⁶) + tangential terms (Brown–Conrady)."""

from __future__ import annotations

from typing import Final

import numpy as np

from dwell_kit.errors import InputError
from dwell_kit.schema.outlines import Points

_STEPS: Final = 50
_CLOSE: Final = 1e-12


def largest_radius(k1: float, k2: float = 0.0, k3: float = 0.0) -> float:
    """Up to which radius the radial polynomial grows: further out it folds back, and a place has two pictures.

    >>> round(largest_radius(-1 / 3), 6), largest_radius(0.1)
    (1.0, inf)
    """
    roots = np.roots([7 * k3, 5 * k2, 3 * k1, 1.0])
    squares = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0)]
    return float(np.sqrt(squares.min())) if len(squares) else float("inf")


def distort(points: Points, k: tuple[float, ...], reach: float) -> Points:
    """(n, 2) bent from (n, 2) straight; NaN beyond `reach`. `k` is k1, k2, p1, p2, k3, in OpenCV's order.

    Raises
    ------
    InputError : if `k` is not five numbers.
    """
    if len(k) != 5:
        raise InputError("distortion is not five numbers", expected="k1, k2, p1, p2, k3", found=str(k))
    return np.where((points**2).sum(axis=1, keepdims=True) <= reach**2, _bend(points, k), np.nan)


def undistort(points: Points, k: tuple[float, ...], reach: float) -> Points:
    """(n, 2) straight from (n, 2) bent, to 1e-12 by Newton steps; NaN for what no straight point is bent to.

    The fixed-point steps of cv2.undistortPoints stop at 1e-4 to 1e-2 px, and diverge near the corners of strong
    lenses.
    """
    if not any(k):
        return points.copy()
    straight = points.copy()
    for _ in range(_STEPS):
        missing = points - _bend(straight, k)
        if not (np.abs(missing) > _CLOSE).any():
            break
        straight = _inside(straight + _solve(_slopes(straight, k), missing), reach)
    found = np.abs(points - _bend(straight, k)).max(axis=1) < 1e-9
    return np.where(found[:, None], straight, np.nan)


def _inside(points: Points, reach: float) -> Points:
    """Points pulled back within the reach, beyond which Newton's steps run away."""
    radius = np.sqrt((points**2).sum(axis=1, keepdims=True))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(radius > reach, points * (0.999 * reach / radius), points)


def _bend(points: Points, k: tuple[float, ...]) -> Points:
    """(n, 2) bent points."""
    k1, k2, p1, p2, k3 = k
    x, y = points.T
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    bent = np.empty((len(points), 2))
    bent[:, 0] = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    bent[:, 1] = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    return bent


def _slopes(points: Points, k: tuple[float, ...]) -> Points:
    """(n, 2, 2) by how much the bent points move with the straight ones."""
    k1, k2, p1, p2, k3 = k
    x, y = points.T
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    slope = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k3))
    across = slope * x * y + 2 * p1 * x + 2 * p2 * y
    jacobian = np.empty((len(points), 2, 2))
    jacobian[:, 0, 0] = radial + slope * x * x + 2 * p1 * y + 6 * p2 * x
    jacobian[:, 1, 1] = radial + slope * y * y + 6 * p1 * y + 2 * p2 * x
    jacobian[:, 0, 1] = jacobian[:, 1, 0] = across
    return jacobian


def _solve(jacobian: Points, missing: Points) -> Points:
    (a, b), (c, d) = jacobian.transpose(1, 2, 0)
    determinant = a * d - b * c
    determinant = np.where(determinant == 0, np.nan, determinant)
    x, y = missing.T
    return np.stack([(d * x - b * y) / determinant, (a * y - c * x) / determinant], axis=1)
