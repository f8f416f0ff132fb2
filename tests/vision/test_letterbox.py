"""Pictures into inputs and boxes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.vision.letterbox import Letterbox
from tests.vision import networks

SIDES = st.integers(1, 900)


@given(SIDES, SIDES, st.sampled_from([None, 32]))
def test_a_box_comes_back_to_where_it_was(height: int, width: int, stride: int | None) -> None:
    fit = Letterbox.of((height, width), (160, 224), stride=stride)
    left, top = fit.corner
    high, wide = fit.inside
    whole = np.array([[left, top, left + wide, top + high]], float)
    assert fit.back(whole)[0] == pytest.approx([0, 0, width, height])
    assert all(side <= most for side, most in zip(fit.shape, (160, 224), strict=True))
    image = np.full((height, width, 3), 7, np.uint8)
    placed = fit.place(image)
    assert placed.shape == (*fit.shape, 3)
    assert (placed[top : top + high, left : left + wide] == 7).all()
    assert (placed == 114).all(axis=2).sum() == fit.shape[0] * fit.shape[1] - high * wide


def test_boxes_end_at_the_edges_of_the_picture() -> None:
    fit = Letterbox.of((100, 200), (160, 160), stride=None)
    assert fit.back(np.array([[-50.0, -50, 500, 500]])).tolist() == [[0, 0, 200, 100]]


def test_a_stretched_picture_fills_the_input() -> None:
    fit = Letterbox.stretched((100, 200), (160, 160))
    assert fit.place(networks.picture(100, 200)).shape == (160, 160, 3)
    assert fit.back(np.array([[80.0, 80, 160, 160]])).tolist() == [[100, 50, 200, 100]]


@pytest.mark.parametrize("size", [(120, 200), (240, 180), (33, 500), (160, 160), (3, 1000)])
@pytest.mark.parametrize("stride", [None, 32])
def test_inputs_are_those_of_ultralytics(size: tuple[int, int], stride: int | None) -> None:
    networks.needs("torch", "ultralytics")
    from dwell_kit.vision.ultralytics_import import import_tasks

    import_tasks()
    from ultralytics.data.augment import LetterBox

    image = networks.picture(*size)
    fit = Letterbox.of(size, (160, 160), stride=stride)
    native = LetterBox((160, 160), auto=stride is not None, stride=32)(image=image)
    assert np.array_equal(fit.place(image), native)
