"""Filled gaps: on the line between their ends, no longer than allowed, of one track only."""

from __future__ import annotations

import numpy as np
import pytest

from dwell_kit.errors import ContractError
from dwell_kit.vision.interpolate import fill_gaps
from dwell_kit.vision.track_table import TrackTable


def seen(frames: list[int], ids: list[int]) -> TrackTable:
    left = 10.0 * np.array(frames)
    boxes = np.column_stack((left, 0 * left, left + 10, 0 * left + 20))
    return TrackTable(boxes, np.array(frames), np.array(ids), np.ones(len(frames)))


def test_only_short_gaps_of_one_track_are_filled() -> None:
    table = seen([1, 2, 5, 20, 3, 9, 1, 3], [7, 7, 7, 7, 8, 8, -1, -1])
    filled = fill_gaps(table, max_gap_s=0.5, fps=10)  # five frames
    assert sorted(zip(filled.track_id.tolist(), filled.frame.tolist(), strict=True)) == [
        (-1, 1), (-1, 3), (7, 1), (7, 2), (7, 3), (7, 4), (7, 5), (7, 20),
        (8, 3), (8, 4), (8, 5), (8, 6), (8, 7), (8, 8), (8, 9),
    ]  # fmt: skip
    assert filled.frame.tolist() == sorted(filled.frame.tolist())
    assert filled.xyxy[:, 0] == pytest.approx(10 * filled.frame)
    assert len(fill_gaps(table, max_gap_s=0.4, fps=10)) == len(table) + 2
    assert len(fill_gaps(table, max_gap_s=0, fps=10)) == len(table)
    assert len(fill_gaps(TrackTable.empty(), max_gap_s=1, fps=10)) == 0


def test_time_must_make_sense() -> None:
    with pytest.raises(ContractError):
        fill_gaps(TrackTable.empty(), max_gap_s=1, fps=0)
    with pytest.raises(ContractError):
        fill_gaps(TrackTable.empty(), max_gap_s=float("nan"), fps=10)
