"""Boxes in image pixels: what a detector found in one frame, and what a tracker made of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import ContractError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Boxed:
    """Columns of one length, the boxes among them; checked where they are made, selected by masks together."""

    xyxy: Floats

    def __post_init__(self) -> None:
        kind = type(self)
        for name, number in _columns(kind):  # type: ignore[arg-type]  # a class is hashable
            column = _column(getattr(self, name), name, number, where=kind.__name__)
            wanted = (len(self.xyxy), 4) if name == "xyxy" else (len(self.xyxy),)
            if column.shape != wanted:
                raise ContractError(
                    "every box has four sides" if name == "xyxy" else "every box has one value in each column",
                    where=f"{kind.__name__}.{name}",
                    expected=str(wanted),
                    found=str(column.shape),
                )
            object.__setattr__(self, name, column)
        _check_corners(self.xyxy, where=kind.__name__)

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, rows: Any) -> Self:
        """The boxes that a boolean mask (n,), a slice or an array of positions selects."""
        if isinstance(rows, int | np.integer):
            rows = [rows]
        return type(self)(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @property
    def feet(self) -> Floats:
        """(n, 2) px: the middle of each box's lower side, where a standing person touches the floor."""
        return np.column_stack(((self.xyxy[:, 0] + self.xyxy[:, 2]) / 2, self.xyxy[:, 3]))


@dataclass(frozen=True, eq=False)
class Detections(Boxed):
    """What a detector found in one frame.

    Parameters
    ----------
    xyxy : (n, 4) px, left, top, right, bottom.
    confidence : (n,) 0 to 1.
    class_id : (n,) the detector's class; 0 is a person.

    Raises
    ------
    ContractError : if lengths differ, a number is not finite or a box is turned inside out.

    >>> found = Detections(xyxy=[[0, 0, 10, 20], [5, 5, 9, 9]], confidence=[0.9, 0.2], class_id=[0, 0])
    >>> len(found), found[found.confidence > 0.5].feet.tolist(), len(Detections.empty())
    (2, [[5.0, 20.0]], 0)
    """

    confidence: Floats
    class_id: Integers

    @classmethod
    def empty(cls) -> Self:
        """Of a frame without anything in it."""
        return cls(xyxy=np.empty((0, 4)), confidence=np.empty(0), class_id=np.empty(0, np.int64))


@dataclass(frozen=True, eq=False)
class Tracks(Boxed):
    """The persons that a tracker sees in one frame: confirmed tracks only.

    Parameters
    ----------
    xyxy : (n, 4) px, the smoothed box.
    track_id : (n,) one camera's own number, see `Tracker.person_ids`.
    confidence : (n,) of the detection behind the box.

    Raises
    ------
    ContractError : as `Detections`.
    """

    track_id: Integers
    confidence: Floats

    @classmethod
    def empty(cls) -> Self:
        """Of a frame without anybody in it."""
        return cls(xyxy=np.empty((0, 4)), track_id=np.empty(0, np.int64), confidence=np.empty(0))


def areas(xyxy: Floats) -> Floats:
    """(n,) px² of boxes (n, 4)."""
    return (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])


def iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union of every box of `a` (n, 4) with every box of `b` (m, 4), as (n, m), 0 to 1.

    A box without an area overlaps nothing, not even itself.

    >>> iou(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2], [0, 0, 2, 2], [5, 5, 6, 6]])).round(3).tolist()
    [[0.333, 1.0, 0.0]]
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    union = areas(a)[:, None] + areas(b)[None, :] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)


@cache
def _columns(kind: type[Boxed]) -> tuple[tuple[str, type[np.generic]], ...]:
    """Name and number type of each column of a class, from its annotations."""
    return tuple((f.name, np.int64 if f.type == "Integers" else np.float64) for f in fields(kind))


def _column(given: Any, name: str, number: type[np.generic], *, where: str) -> NDArray[Any]:
    """`given` as an array of numbers, without a copy where it is one already."""
    column = np.ascontiguousarray(given)
    if column.shape == (0,):  # an empty list has no type and no sides
        return np.empty((0, 4) if name == "xyxy" else 0, number)
    if column.dtype == number:
        return column
    if not np.can_cast(column.dtype, number, casting="same_kind"):
        raise ContractError(
            "a column holds numbers of another kind",
            where=f"{where}.{name}",
            expected=np.dtype(number).name,
            found=column.dtype.name,
        )
    return column.astype(number)


def _check_corners(xyxy: Floats, *, where: str) -> None:
    fine = (xyxy[:, 2:] >= xyxy[:, :2]) & np.isfinite(xyxy[:, 2:] - xyxy[:, :2])
    if not fine.all():
        row = int(np.flatnonzero(~fine.all(axis=1))[0])
        raise ContractError(
            "a box must be finite, its left before its right, its top above its bottom",
            where=f"{where}.xyxy, row {row}",
            expected="left <= right, top <= bottom",
            found=str(xyxy[row].tolist()),
        )
