"""What stands out from the empty scene: regions of pixels, and whether one is only the trace of who has left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from dwell_kit.vision.background import OBJECT, Image

Mask = NDArray[np.bool_]
_SPECKS: Final = np.ones((3, 3), np.uint8)
_GAPS: Final = np.ones((7, 3), np.uint8)
"""Taller than wide: people fall apart at the waist rather than into neighbours."""
_MARGIN: Final = 2
_EMPTIER: Final = 1.2
"""By how much the scene must have more edges along an outline than the picture, for the outline to be its own."""
_MOVED: Final = 20


@dataclass(frozen=True, eq=False)
class Silhouette:
    """One region: its box (x1, y1, x2, y2) in whole pixels of the small picture, and its pixels within the box."""

    box: tuple[int, int, int, int]
    part: Mask

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the box."""
        x1, y1, x2, y2 = self.box
        return slice(y1, y2), slice(x1, x2)

    def median(self, values: NDArray[Any]) -> float:
        """Of the region's own pixels in an array (h, w)."""
        return float(np.median(values[self.window][self.part]))

    def grown(self, shape: tuple[int, ...]) -> Mask:
        """(h, w) the region and its rim."""
        made = np.zeros(shape, np.uint8)
        made[self.window] = self.part
        return np.asarray(cv2.dilate(made, np.ones((5, 5), np.uint8)) > 0)


def solid(labels: Image) -> Image:
    """(h, w) 1 where an object is, specks removed and gaps closed."""
    found = cv2.morphologyEx((labels == OBJECT).astype(np.uint8), cv2.MORPH_OPEN, _SPECKS)
    return np.asarray(cv2.morphologyEx(found, cv2.MORPH_CLOSE, _GAPS))


def silhouettes(mask: Image, least: float) -> Iterator[Silhouette]:
    """The connected regions of a mask (h, w) with at least `least` pixels."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    for k in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[k])
        if area >= least:
            yield Silhouette((x, y, x + w, y + h), parts[y : y + h, x : x + w] == k)


def moved(image: Image, before: Image) -> Mask:
    """(h, w) where a picture differs from the one before."""
    most = cv2.dilate(cv2.max(*_two(np.asarray(cv2.absdiff(image, before), np.uint8))), _SPECKS)
    return np.asarray(most > _MOVED)


def is_trace(region: Silhouette, image: Image, scene: Image) -> bool:
    """Whether a region's outline is drawn in the learnt scene rather than in the picture.

    Somebody who was there while the scene was learnt has then left, and the picture shows the floor.
    """
    x1, y1, x2, y2 = region.box
    top, left = min(y1, _MARGIN), min(x1, _MARGIN)
    rows = slice(y1 - top, min(image.shape[0], y2 + _MARGIN))
    columns = slice(x1 - left, min(image.shape[1], x2 + _MARGIN))
    part = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
    part[top : top + y2 - y1, left : left + x2 - x1] = region.part
    outline = cv2.dilate(part, _SPECKS) != cv2.erode(part, _SPECKS)
    return _edges(scene[rows, columns], outline) > _EMPTIER * _edges(image[rows, columns], outline)


def _two(image: Image) -> tuple[Any, Any]:
    """The larger of blue and green, and red: NumPy's own maximum over a short last axis is ten times slower."""
    blue, green, red = cv2.split(image)
    return cv2.max(blue, green), red


def _edges(image: Image, where: Mask) -> float:
    gray = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2GRAY)
    x, y = cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)
    return float(np.hypot(x, y)[where].mean())
