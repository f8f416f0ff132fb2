"""What people look like, as unit vectors that are alike for one person and unlike for two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import InputError
from dwell_kit.vision.appearance import unit

Image = NDArray[np.uint8]
Floats = NDArray[np.float64]
_BODY: Final = ((0.0, 0.2), (0.2, 0.5), (0.5, 0.75), (0.75, 1.0))
"""Head, trunk, thighs and shins as shares of a box's height."""


@runtime_checkable
class Embedder(Protocol):
    """Makes looks of boxes in a picture."""

    @property
    def size(self) -> int:
        """How many numbers a look has."""
        ...

    def embed(self, image_bgr: Image, xyxy: Floats) -> Floats:
        """(n, size) unit vectors of (n, 4) boxes; a row of NaN where a box shows nothing of the picture."""
        ...


@runtime_checkable
class ManyAtOnce(Embedder, Protocol):
    """An embedder that costs less when it is asked about several pictures at once."""

    def embed_all(self, shown: Sequence[tuple[Image, Floats]]) -> list[Floats]:
        """What `embed` gives for each picture and its boxes."""
        ...


def embed_all(embedder: Embedder, shown: Sequence[tuple[Image, Floats]]) -> list[Floats]:
    """What an embedder gives for each picture and its boxes, asked as few times as it can be."""
    if isinstance(embedder, ManyAtOnce):
        return embedder.embed_all(shown)
    return [embedder.embed(image_bgr, xyxy) for image_bgr, xyxy in shown]


def boxes_of(image_bgr: Image, xyxy: Floats) -> Floats:
    """(n, 4) boxes of a picture that can be looked at.

    Raises
    ------
    InputError : if the picture is not (height, width, 3) bytes.
    """
    if image_bgr.ndim != 3 or image_bgr.shape[2] != 3 or image_bgr.dtype != np.uint8:
        found = f"{image_bgr.dtype} {image_bgr.shape}"
        raise InputError("this is no colour picture", "image_bgr", "uint8 (height, width, 3)", found)
    return np.asarray(xyxy, np.float64).reshape(-1, 4)


class ColourParts:
    """Colours of four parts of the body: histograms of hue and saturation, and of brightness.

    It needs no weights and no network, and it is weak: two people in dark coats look the same, and one person
    looks different in the light of another camera. It tells apart who may be who by place and time already; of
    those whom it finds among many, two in five are others (`benchmarks.recognition`).

    Parameters
    ----------
    hues, saturations, values : bins of each.

    >>> image = np.full((60, 30, 3), (0, 0, 255), np.uint8)
    >>> look = ColourParts().embed(image, np.array([[5.0, 5.0, 25.0, 55.0], [90.0, 0.0, 99.0, 9.0]]))
    >>> look.shape, round(float(look[0] @ look[0]), 6), bool(np.isnan(look[1]).all())
    ((2, 192), 1.0, True)
    """

    def __init__(self, *, hues: int = 10, saturations: int = 4, values: int = 8) -> None:
        if min(hues, saturations, values) < 1:
            found = str((hues, saturations, values))
            raise InputError("a histogram without bins", "hues, saturations, values", "1 or more", found)
        self._bins = hues, saturations, values

    @property
    def size(self) -> int:
        """How many numbers a look has."""
        hues, saturations, values = self._bins
        return len(_BODY) * (hues * saturations + values)

    def embed(self, image_bgr: Image, xyxy: Floats) -> Floats:
        """(n, size) unit vectors of (n, 4) boxes; a row of NaN where a box shows nothing of the picture.

        Raises
        ------
        InputError : if the picture is not (height, width, 3) bytes.
        """
        boxes = boxes_of(image_bgr, xyxy)
        return unit(np.array([self._look(image_bgr, box) for box in boxes]).reshape(len(boxes), self.size))

    def _look(self, image: Image, box: Floats) -> Floats:
        height, width = image.shape[:2]
        if not np.isfinite(box).all():
            return np.zeros(self.size)
        # The middle of the box: its sides show the background.
        x1, x2 = (int(np.clip(round(box[0] + (box[2] - box[0]) * share), 0, width)) for share in (0.15, 0.85))
        parts = []
        for top, bottom in _BODY:
            y1, y2 = (
                int(np.clip(round(box[1] + (box[3] - box[1]) * share), 0, height)) for share in (top, bottom)
            )
            parts.append(self._part(image[y1:y2, x1:x2]))
        return np.concatenate(parts)

    def _part(self, crop: Image) -> Floats:
        hues, saturations, values = self._bins
        if crop.size == 0:
            return np.zeros(hues * saturations + values)
        hsv: Any = cv2.cvtColor(crop, cv2.COLOR_BGR2HSV)
        colour = cv2.calcHist([hsv], [0, 1], None, [hues, saturations], [0, 180, 0, 256]).ravel()
        light = cv2.calcHist([hsv], [2], None, [values], [0, 256]).ravel()
        # Roots of shares: the dot product is then the Bhattacharyya coefficient of the two histograms.
        return np.sqrt(np.concatenate([colour, light]).astype(np.float64) / (crop.shape[0] * crop.shape[1]))
