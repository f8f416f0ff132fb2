"""Looks by colour."""

from __future__ import annotations

import numpy as np
import pytest

from dwell_kit.errors import InputError
from dwell_kit.vision.embed import ColourParts, Embedder


def person(coat, trousers, size=(120, 50)) -> np.ndarray:
    image = np.zeros((*size, 3), np.uint8)
    image[: size[0] // 2], image[size[0] // 2 :] = coat, trousers
    return image


BOX = np.array([[0.0, 0.0, 50.0, 120.0]])
RED, BLUE, GREEN = (0, 0, 200), (200, 0, 0), (0, 200, 0)


def test_same_clothes_are_alike_and_swapped_ones_are_not() -> None:
    parts = ColourParts()
    assert isinstance(parts, Embedder)
    a = parts.embed(person(RED, BLUE), BOX)[0]
    bigger = parts.embed(person(RED, BLUE, (240, 100)), BOX * 2)[0]
    swapped = parts.embed(person(BLUE, RED), BOX)[0]
    other = parts.embed(person(RED, GREEN), BOX)[0]
    assert a @ bigger > 0.99
    assert a @ swapped < a @ other < 0.85
    assert a.shape == (parts.size,)


def test_boxes_beside_the_picture_have_no_look() -> None:
    boxes = np.array([[200.0, 0, 220, 50], [np.nan] * 4, [-20.0, -20, 40, 100]])
    looks = ColourParts().embed(person(RED, BLUE), boxes)
    assert np.isnan(looks[:2]).all()
    assert looks[2] @ looks[2] == pytest.approx(1.0)
    assert ColourParts().embed(person(RED, BLUE), np.zeros((0, 4))).shape == (0, ColourParts().size)


def test_no_picture_and_no_bins_are_refused() -> None:
    with pytest.raises(InputError, match="colour picture"):
        ColourParts().embed(np.zeros((10, 10), np.uint8), BOX)
    with pytest.raises(InputError, match="bins"):
        ColourParts(hues=0)
