"""Answers of networks read as boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.errors import FormatError
from dwell_kit.vision.boxes import iou
from dwell_kit.vision.candidates import Candidates, best, read_answer

SHAPE = (40, 80)


def read(answer: np.ndarray, *, detr: bool = False, classes: int = 3) -> tuple[list[Candidates], bool]:
    return read_answer(answer.astype(np.float32), classes=classes, shape=SHAPE, detr=detr, least=0.5)


def test_the_four_layouts_are_one_box() -> None:
    plain = np.zeros((1, 7, 5))
    plain[0, :, 2] = [20, 10, 8, 4, 0.1, 0.9, 0.2]
    told = np.array([[[16, 8, 24, 12, 0.9, 1], [0, 0, 1, 1, 0.5, 0]]])
    shares = np.array([[[0.25, 0.25, 0.1, 0.1, 0.9, 1]]])
    scored = np.array([[[0.25, 0.25, 0.1, 0.1, 0.1, 0.9, 0.2]]])
    for answer, detr, alike in (
        (plain, False, True),
        (told, False, False),
        (shares, True, False),
        (scored, True, False),
    ):
        (found,), several = read(answer, detr=detr)
        assert found.xyxy == pytest.approx(np.array([[16, 8, 24, 12]]), abs=1e-5)
        assert found.score == pytest.approx([0.9])
        assert found.class_id.tolist() == [1]
        assert several is alike


@pytest.mark.parametrize(("shape", "detr"), [((1, 9, 5), False), ((1, 5, 8), True), ((7, 5), False)])
def test_other_answers_are_refused(shape: tuple[int, ...], detr: bool) -> None:
    with pytest.raises(FormatError, match="something else than boxes") as refused:
        read(np.zeros(shape), detr=detr)
    assert refused.value.found == str(shape)


def test_who_is_of_another_class_or_has_no_shape_is_nobody() -> None:
    boxes = np.array([[0.0, 0, 4, 8], [9, 9, 5, 12], [0, 0, np.inf, 8], [20, 0, 24, 8], [30, 0, 34, 8]])
    some = Candidates(boxes, np.array([0.6, 0.9, 0.9, 0.9, 0.8]), np.array([0, 0, 0, 1, 0]))
    kept = some.of_class(0, overlap=0.5)
    assert kept.score.tolist() == [0.8, 0.6]
    assert kept.xyxy[:, 0].tolist() == [30, 0]


def test_three_hundred_are_enough() -> None:
    many = Candidates(
        np.array([[9.0 * i, 0, 9 * i + 4, 8] for i in range(400)]),
        np.linspace(0.5, 1, 400),
        np.zeros(400, np.int64),
    )
    for overlap in (None, 0.5):
        kept = many.of_class(0, overlap=overlap)
        assert len(kept.score) == 300
        assert kept.score.min() == pytest.approx(np.linspace(0.5, 1, 400)[100])


BOXES = st.lists(st.tuples(*[st.integers(0, 20)] * 2, *[st.integers(1, 12)] * 2), max_size=14)


@given(BOXES, st.sampled_from([0.1, 0.45, 0.7, 1.0]))
def test_best_against_brute_force(given_boxes: list[tuple[int, int, int, int]], overlap: float) -> None:
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in given_boxes], float).reshape(-1, 4)
    kept: list[int] = []
    for row in range(len(boxes)):
        if all(iou(boxes[row : row + 1], boxes[k : k + 1])[0, 0] <= overlap for k in kept):
            kept.append(row)
    assert best(boxes, overlap).tolist() == kept
