"""Boxes: their shapes, their checks, their overlaps."""

from __future__ import annotations

import numpy as np
import pytest

from dwell_kit.errors import ContractError
from dwell_kit.vision.boxes import Detections, Tracks, iou
from dwell_kit.vision.track_table import TrackTable

BOXES = np.array([[0.0, 0, 10, 20], [5, 5, 9, 9], [100, 50, 130, 110]])


def test_masks_select_every_column() -> None:
    found = Detections(BOXES, np.array([0.9, 0.2, 0.6]), np.array([0, 1, 0]))
    people = found[(found.class_id == 0) & (found.confidence > 0.7)]
    assert people.xyxy.tolist() == [[0, 0, 10, 20]]
    assert people.confidence.tolist() == [0.9]
    assert found[2].xyxy.tolist() == [[100, 50, 130, 110]]
    assert len(found[found.confidence > 2]) == 0


def test_lists_become_arrays_and_arrays_stay_themselves() -> None:
    found = Detections(xyxy=[[0, 0, 1, 1]], confidence=[1], class_id=[0])  # type: ignore[arg-type]
    assert (found.xyxy.dtype, found.confidence.dtype, found.class_id.dtype) == (float, float, np.int64)
    assert Tracks(BOXES, np.arange(3), np.ones(3)).xyxy is BOXES
    for empty in (Detections.empty(), Tracks.empty(), TrackTable.empty(), Detections([], [], [])):  # type: ignore[arg-type]
        assert empty.xyxy.shape == (0, 4)
        assert empty.feet.shape == (0, 2)


@pytest.mark.parametrize(
    ("boxes", "confidence", "says"),
    [
        (np.zeros((2, 3)), np.ones(2), r"\(2, 4\)"),
        (np.zeros(4), np.ones(4), r"\(4, 4\)"),
        (BOXES, np.ones(2), r"\(3,\)"),
        (np.array([[5.0, 0, 4, 9]]), np.ones(1), "row 0"),
        (np.array([[0.0, 0, 4, 9], [0, 0, np.nan, 9]]), np.ones(2), "row 1"),
        (np.array([[0.0, 0, np.inf, 9]]), np.ones(1), "finite"),
        (np.array([[-np.inf, 0, 3, 9]]), np.ones(1), "finite"),
        (np.array([["a", "b", "c", "d"]]), np.ones(1), "float64"),
    ],
)  # fmt: skip
def test_what_is_no_box_is_refused_where_it_is_made(boxes: np.ndarray, confidence: np.ndarray, says: str) -> None:
    with pytest.raises(ContractError, match=says) as raised:
        Detections(boxes, confidence, np.zeros(len(confidence), np.int64))
    assert raised.value.where.startswith("Detections")
    assert raised.value.found


def test_numbers_with_fractions_are_no_ids() -> None:
    with pytest.raises(ContractError, match="int64"):
        Tracks(BOXES, np.array([1.0, 2.5, 3.0]), np.ones(3))  # type: ignore[arg-type]


def test_overlap_by_hand() -> None:
    #        itself, half of it, one corner (1 of 4 + 4 - 1), touching, apart
    others = np.array([[0.0, 0, 2, 2], [0, 0, 1, 2], [1, 1, 3, 3], [2, 0, 4, 2], [9, 9, 10, 10]])
    assert iou(others[:1], others) == pytest.approx(np.array([[1, 1 / 2, 1 / 7, 0, 0]]))
    nothing = np.array([[1.0, 1, 1, 1]])
    assert iou(nothing, nothing).tolist() == [[0.0]]
    assert iou(np.empty((0, 4)), others).shape == (0, 5)


def test_feet_are_the_middle_of_the_lower_side() -> None:
    assert Detections(BOXES, np.ones(3), np.zeros(3, np.int64)).feet.tolist() == [[5, 20], [7, 9], [115, 110]]
