"""Places as frozen values: zones, counting lines, floor plans and the plane-to-plane maps of cameras.

The floor is in metres. Pictures are in pixels, x to the right and y down, or in shares 0–1 of their width and
height. Points are float arrays (n, 2); a point that cannot be had is NaN: it is in no zone and crosses no line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import InputError
from dwell_kit.schema.outlines import Points, Polygon, as_points, crosses_itself, pairs

METRES: Final = "m"
SHARES: Final = "share"
_SINGULAR: Final = 1e-9
"""Smallest singular value, rows and columns brought to length 1, of a 3×3 that still maps a plane to a plane."""


@runtime_checkable
class Camera(Protocol):
    """What knows where on the floor a pixel is, and the reverse."""

    def to_floor(self, points: Points) -> Points:
        """(n, 2) m on the floor under (n, 2) px; NaN where the pixel shows no floor."""
        ...

    def to_image(self, points: Points) -> Points:
        """(n, 2) px that show (n, 2) m of the floor; NaN for what is behind the camera."""
        ...


@dataclass(frozen=True)
class Zone:
    """A part of the floor (metres) or of a picture (shares of its width and height).

    Parameters
    ----------
    name : how people call it.
    polygon : at least three corners in order, either way round; it may be concave, but not cross itself.
    unit : "m", or "share" for 0–1 of a picture.

    Raises
    ------
    InputError : if the corners enclose nothing, cross, are not numbers, or are no shares.

    >>> hall = Zone("hall", ((0, 0), (4, 0), (4, 3), (0, 3)))
    >>> hall.contains(np.array([[1.0, 1.0], [5.0, 1.0], [0.0, 0.0], [4.0, 1.0]])).tolist()
    [True, False, True, False]
    """

    name: str
    polygon: Polygon
    unit: str = METRES

    def __post_init__(self) -> None:
        corners = pairs(self.polygon, f"zone {self.name!r}")
        object.__setattr__(self, "polygon", corners)
        if self.unit not in (METRES, SHARES):
            raise InputError("a zone has a unit that is not known", self.name, f"{METRES} or {SHARES}", self.unit)
        if len(corners) < 3:
            raise InputError("a zone needs at least three corners", self.name, "3 or more", str(len(corners)))
        if self.unit == SHARES and not all(0 <= v <= 1 for corner in corners for v in corner):
            raise InputError("a zone's corner is not a share of the picture", self.name, "0 to 1", str(corners))
        if crosses_itself(corners):
            raise InputError(
                "a zone's outline crosses or touches itself",
                self.name,
                hint="give the corners in the order walked",
            )
        if self.area == 0:
            raise InputError(
                "a zone encloses nothing", self.name, "corners that are not on one line", str(corners)
            )

    @cached_property
    def area(self) -> float:
        """m², or the share of the picture."""
        x, y = np.asarray(self.polygon).T
        return abs(float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))) / 2

    def contains(self, points: Points) -> NDArray[np.bool_]:
        """(n,) which of (n, 2) points, in the zone's unit, are inside.

        The boundary is half-open: of a rectangle, the sides of least x and least y belong to it, the others not.
        So a point on an edge that two zones share is in exactly one of them, and zones that tile a floor count
        everybody once.
        """
        x, y = as_points(points).T
        inside = np.zeros(len(x), dtype=np.bool_)
        for a, b in zip(self.polygon, self.polygon[1:] + self.polygon[:1], strict=True):
            # From the lower to the upper end, whichever way round the zone is: neighbours then round alike.
            (x0, y0), (x1, y1) = (a, b) if a[1] <= b[1] else (b, a)
            inside ^= (y0 <= y) & (y < y1) & ((x - x0) * (y1 - y0) < (x1 - x0) * (y - y0))
        return inside


@dataclass(frozen=True)
class CountingLine:
    """A line that people cross, and which way counts as in.

    In is towards the side where (end − start) × (point − start) is positive: to the left of a walk from start to
    end on a floor whose y points up, to its right in a picture, whose y points down.

    Raises
    ------
    InputError : if the ends are one point, or are not numbers.

    >>> door = CountingLine("door", (0, 0), (2, 0))
    >>> door.crossings(np.array([[1, -1], [1, 1], [1, 2], [1, -1], [5, -1], [5, 1]])).tolist()
    [1, 0, -1, 0, 0]
    """

    name: str
    start: tuple[float, float]
    end: tuple[float, float]

    def __post_init__(self) -> None:
        start, end = pairs((self.start, self.end), f"counting line {self.name!r}")
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "end", end)
        if start == end:
            raise InputError("a counting line has no length", self.name, "two different ends", str(start))

    def crossings(self, trajectory: Points) -> NDArray[np.int64]:
        """(n − 1,) for each step of a trajectory (n, 2): 1 crossed in, −1 crossed out, 0 neither.

        A point on the line counts as in, so touching it and going back is one in and one out; a step that passes
        through `start` crosses, one through `end` does not. Steps to or from NaN cross nothing.
        """
        points = as_points(trajectory)
        if len(points) < 2:
            return np.zeros(0, dtype=np.int64)
        a, along = np.array(self.start), np.array(self.end) - np.array(self.start)
        side = along[0] * (points[:, 1] - a[1]) - along[1] * (points[:, 0] - a[0])
        with np.errstate(invalid="ignore", divide="ignore"):
            share = side[:-1] / (side[:-1] - side[1:])
            where = points[:-1] + share[:, None] * np.diff(points, axis=0)
        place = (where - a) @ along / (along @ along)
        turned = (side[1:] >= 0).astype(np.int64) - (side[:-1] >= 0).astype(np.int64)
        known = np.isfinite(side[1:]) & np.isfinite(side[:-1])
        return np.where(known & (place >= 0) & (place < 1), turned, 0)

    def count(self, trajectory: Points) -> tuple[int, int]:
        """How often a trajectory (n, 2) crossed in and out."""
        steps = self.crossings(trajectory)
        return int((steps > 0).sum()), int((steps < 0).sum())


@dataclass(frozen=True, kw_only=True)
class FloorPlan:
    """A plan of the floor: its extent in metres, and how its picture is drawn.

    Parameters
    ----------
    width_m, height_m : extent along x and y, from (0, 0).
    px_per_m : scale of the picture.
    origin_px : where in the picture (0, 0) m is drawn.
    y_up : the floor's y points up in the picture, against the picture's own.

    >>> plan = FloorPlan(width_m=20, height_m=15, px_per_m=100, origin_px=(0, 1500), y_up=True)
    >>> plan.to_px(np.array([[1.0, 2.0]])).tolist()
    [[100.0, 1300.0]]
    """

    width_m: float
    height_m: float
    px_per_m: float
    origin_px: tuple[float, float] = (0.0, 0.0)
    y_up: bool = False

    def __post_init__(self) -> None:
        for name in ("width_m", "height_m", "px_per_m"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise InputError("a floor plan needs a size and a scale", name, "above 0", repr(value))
        object.__setattr__(self, "origin_px", pairs([self.origin_px], "floor plan, origin_px")[0])

    def to_px(self, points: Points) -> Points:
        """(n, 2) px of the plan's picture from (n, 2) m."""
        return as_points(points) * self._scale + self.origin_px

    def to_m(self, points: Points) -> Points:
        """(n, 2) m from (n, 2) px of the plan's picture."""
        return (as_points(points) - self.origin_px) / self._scale

    def contains(self, points: Points) -> NDArray[np.bool_]:
        """(n,) which of (n, 2) m are on the plan, its edges included."""
        x, y = as_points(points).T
        return (x >= 0) & (x <= self.width_m) & (y >= 0) & (y <= self.height_m)

    @property
    def _scale(self) -> Points:
        return np.array([self.px_per_m, -self.px_per_m if self.y_up else self.px_per_m])


@dataclass(frozen=True)
class Homography:
    """The map from picture to floor of a camera without distortion: 3×3, (x px, y px, 1) → metres.

    Parameters
    ----------
    rows : the nine numbers, as any (3, 3); they are kept so that equal maps are equal values.
    seen : a pixel that is known to show floor. With it, pixels beyond the horizon give NaN; without it they give
        the mirrored nonsense that the bare formula gives.

    Raises
    ------
    InputError : if the matrix is not 3×3, not finite, or maps the plane to less than a plane.

    >>> half = Homography(((0.5, 0, 0), (0, 0.5, 0), (0, 0, 1)))
    >>> half.to_floor(np.array([[4.0, 2.0]])).tolist(), half.to_image(np.array([[2.0, 1.0]])).tolist()
    ([[2.0, 1.0]], [[4.0, 2.0]])
    """

    rows: tuple[tuple[float, float, float], ...]
    seen: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        matrix = _matrix(self.rows)
        # Scale and sign of a homography mean nothing: the largest number is made 1, or w > 0 where floor is seen.
        matrix = matrix / matrix.flat[np.abs(matrix).argmax()]
        if self.seen is not None:
            seen = pairs([self.seen], "homography, seen")[0]
            object.__setattr__(self, "seen", seen)
            matrix = matrix * (np.sign(matrix[2] @ [*seen, 1.0]) or 1.0)
        object.__setattr__(self, "rows", tuple(tuple(float(v) + 0.0 for v in row) for row in matrix))

    @classmethod
    def of_rows_and_columns(cls, rows: Any, seen: tuple[float, float] | None = None) -> Homography:
        """From a matrix that takes (row, column, 1), y before x, as the H.txt of ETH's pedestrians does."""
        return cls(_matrix(rows)[:, [1, 0, 2]], seen)  # type: ignore[arg-type]

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """(3, 3) px → m."""
        return np.array(self.rows)

    @cached_property
    def inverse_matrix(self) -> NDArray[np.float64]:
        """(3, 3) m → px."""
        return np.asarray(np.linalg.inv(self.matrix), dtype=np.float64)

    def to_floor(self, points: Points) -> Points:
        """(n, 2) m under (n, 2) px; NaN on the horizon, and beyond it if `seen` is known."""
        return self._map(self.matrix, points)

    def to_image(self, points: Points) -> Points:
        """(n, 2) px that show (n, 2) m; NaN behind the camera if `seen` is known."""
        return self._map(self.inverse_matrix, points)

    def then(self, after: NDArray[np.float64]) -> Homography:
        """This map and then `after`, (3, 3) m → other metres: a floor turned, shifted or scaled."""
        return Homography(_matrix(after) @ self.matrix, self.seen)  # type: ignore[arg-type]

    def _map(self, matrix: NDArray[np.float64], points: Points) -> Points:
        x, y = as_points(points).T
        w = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
        w = np.where(w > 0 if self.seen is not None else w != 0, w, np.nan)
        mapped = [(matrix[i, 0] * x + matrix[i, 1] * y + matrix[i, 2]) / w for i in (0, 1)]
        return np.stack(mapped, axis=1)


def _matrix(values: Any) -> NDArray[np.float64]:
    try:
        matrix = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("a homography is not numbers", expected="3×3 numbers", found=repr(values)[:80]) from error
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise InputError(
            "a homography is not 3×3 finite numbers", expected="(3, 3)", found=str(matrix.tolist())[:120]
        )
    lengths = np.linalg.norm(matrix, axis=0)
    scaled = matrix / np.where(lengths > 0, lengths, 1)
    widths = np.linalg.norm(scaled, axis=1, keepdims=True)
    if np.linalg.svd(scaled / np.where(widths > 0, widths, 1), compute_uv=False)[-1] < _SINGULAR:
        raise InputError(
            "a homography maps the picture to a line or a point",
            expected="a matrix that can be inverted",
            found=str(matrix.tolist()),
            hint="use point pairs that are spread over the floor, not on one line",
        )
    return matrix
