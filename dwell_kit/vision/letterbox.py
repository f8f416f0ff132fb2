"""Pictures of any size into a network's input, and boxes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from dwell_kit.vision.background import Image
from dwell_kit.vision.boxes import Floats

_GREY: Final = 114
"""What Ultralytics' networks were trained to see around a picture."""


@dataclass(frozen=True)
class Letterbox:
    """How a picture lies in an input: scaled, in the middle, grey around it. Sizes are (height, width), px.

    Parameters
    ----------
    picture, inside, shape : of the picture, of the picture as it lies in the input, of the input.
    corner : (left, top) of the picture in the input.
    """

    picture: tuple[int, int]
    inside: tuple[int, int]
    shape: tuple[int, int]
    corner: tuple[int, int]

    @classmethod
    def of(cls, picture: tuple[int, int], shape: tuple[int, int], *, stride: int | None) -> Letterbox:
        """Of a picture within `shape`; with a stride, cut down to what the picture needs, in whole strides.

        >>> Letterbox.of((480, 640), (640, 640), stride=32).shape
        (480, 640)
        >>> Letterbox.of((480, 640), (640, 640), stride=None).corner
        (0, 80)
        """
        scale = min(shape[0] / picture[0], shape[1] / picture[1])
        inside = max(round(picture[0] * scale), 1), max(round(picture[1] * scale), 1)
        room = shape[0] - inside[0], shape[1] - inside[1]
        if stride is not None:
            room = room[0] % stride, room[1] % stride
        # half a pixel of room goes below and to the right
        corner = round(room[1] / 2 - 0.1), round(room[0] / 2 - 0.1)
        return cls(picture, inside, (inside[0] + room[0], inside[1] + room[1]), corner)

    @classmethod
    def stretched(cls, picture: tuple[int, int], shape: tuple[int, int]) -> Letterbox:
        """Of a picture that fills the input, whatever its shape."""
        return cls(picture, shape, shape, (0, 0))

    def place(self, image: Image, into: Image | None = None) -> Image:
        """(height, width, 3) input with the picture in it: `into`, if it is given, whatever was there."""
        made = np.empty((*self.shape, 3), np.uint8) if into is None else into
        if image.shape[:2] != self.inside:
            image = np.asarray(cv2.resize(image, self.inside[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
        if self.inside != self.shape:
            made[:] = _GREY
        left, top = self.corner
        made[top : top + self.inside[0], left : left + self.inside[1]] = image
        return made

    def back(self, xyxy: Floats) -> Floats:
        """Boxes (n, 4) px of the input as px of the picture, cut off at its edges."""
        gain = np.array([self.inside[1] / self.picture[1], self.inside[0] / self.picture[0]] * 2)
        return np.clip((xyxy - np.array(self.corner * 2)) / gain, 0, self.picture[::-1] * 2)
