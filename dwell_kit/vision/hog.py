"""OpenCV's people detector in a part of a picture, and how tall people are at each row of it."""

from __future__ import annotations

from collections import deque
from typing import Final

import cv2
import numpy as np

from dwell_kit.vision.background import Image
from dwell_kit.vision.boxes import Floats, areas, iou

_WINDOW: Final = (64, 128)
_BODY: Final = np.array([0.16, 0.11, 0.84, 0.91])
"""The person within the detector's window, left, top, right and bottom as shares of it."""
_ROOM: Final = 8
_INSIDE: Final = 0.65
_ENOUGH: Final = 12


class PeopleFinder:
    """Dalal and Triggs, Histograms of oriented gradients for human detection (CVPR 2005); OpenCV's weights."""

    def __init__(self, hog_px: float) -> None:
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector(), np.float32))
        self._px = hog_px

    def find(self, image: Image, region: Floats, height: float, *, overlap: float) -> tuple[Floats, Floats]:
        """Boxes (n, 4) px and scores (n,) of persons about `height` px tall in and around `region` (4,) px."""
        tall, wide = image.shape[:2]
        room = np.array([-0.35, -0.3, 0.35, 0.3]) * height
        x1, y1, x2, y2 = np.clip(region + room, 0, [wide, tall, wide, tall]).astype(int)
        zoom = self._px / height
        part = cv2.resize(image[y1:y2, x1:x2], None, fx=zoom, fy=zoom)
        missing = [max(0, side + _ROOM - has) for side, has in zip(_WINDOW, part.shape[1::-1], strict=True)]
        part = cv2.copyMakeBorder(part, 0, missing[1], 0, missing[0], cv2.BORDER_REPLICATE)
        found, score = self._hog.detectMultiScale(
            part, hitThreshold=0.0, winStride=(8, 8), padding=(0, 0), scale=1.1, groupThreshold=0
        )
        if not len(found):
            return np.empty((0, 4)), np.empty(0)
        corner, size = np.asarray(found, np.float64)[:, :2] / zoom, np.asarray(found, np.float64)[:, 2:] / zoom
        boxes = np.tile(corner, 2) + np.tile(size, 2) * _BODY + [x1, y1, x1, y1]
        share = (boxes[:, 3] - boxes[:, 1]) / height
        fits = (share > 0.7) & (share < 1.4)
        boxes, score = boxes[fits], np.ravel(score).astype(np.float64)[fits]
        kept = suppress(boxes, score, overlap)
        return boxes[kept], score[kept]


class PersonSize:
    """How tall people are in the picture, a straight line over the row of their feet; learnt from who is sure."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=400)
        self._fitted = 0
        self._line: tuple[float, float, float, float, float] | None = None

    def add(self, feet_y: float, height: float) -> None:
        """Somebody who stands at row `feet_y` is `height` px tall."""
        self._seen.append((feet_y, height))
        self._fitted += 1

    def at(self, feet_y: float) -> float | None:
        """Usual height, px, of who stands at that row; None while too few have been seen."""
        if len(self._seen) < _ENOUGH:
            return None
        if self._line is None or self._fitted > _ENOUGH:
            self._line, self._fitted = self._fit(), 0
        offset, slope, first, last, usual = self._line
        line = offset + slope * np.clip(feet_y, first - usual / 3, last + usual / 3)
        return float(np.clip(line, 0.4 * usual, 2.5 * usual))

    def _fit(self) -> tuple[float, float, float, float, float]:
        rows, heights = np.array(self._seen).T
        kept = np.ones(len(rows), bool)
        for _ in range(3):
            columns = np.column_stack((np.ones(kept.sum()), rows[kept]))
            offset, slope = np.linalg.lstsq(columns, heights[kept], rcond=None)[0]
            off = np.abs(heights - offset - slope * rows)
            kept = off < 2.5 * np.median(off) + 1e-6
        return float(offset), float(slope), float(rows.min()), float(rows.max()), float(np.median(heights))


def suppress(boxes: Floats, score: Floats, overlap: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows of the boxes (n, 4) to keep, best first: none overlaps a better one by `overlap`, or lies inside one.

    >>> suppress(np.array([[0.0, 0, 4, 8], [0, 0, 4, 7], [9, 0, 13, 8]]), np.array([0.5, 0.9, 0.1]), 0.4).tolist()
    [1, 2]
    """
    order = np.argsort(-score, kind="stable")
    both, size = iou(boxes, boxes), areas(boxes)
    shared = both * (size[:, None] + size[None, :]) / (1 + both)
    inside = shared / np.maximum(np.minimum(size[:, None], size[None, :]), 1e-9)
    clash = (both >= overlap) | (inside >= _INSIDE)
    kept: list[int] = []
    for row in order.tolist():
        if not clash[row, kept].any():
            kept.append(row)
    return np.array(kept, np.int64)
