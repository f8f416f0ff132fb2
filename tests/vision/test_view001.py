"""View_001 from the film to the floor against its ground truth, at the figures that were measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import view001


@pytest.mark.slow
def test_view_001_end_to_end(testdata: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view001, "DATA", testdata)
    found: dict[str, Any] = view001.figures()
    assert found["detection_f1"] >= 0.80
    assert found["idf1"] > 0.70  # a plain IoU tracker on public detections: 0.32
    assert found["mota"] > 0.65  # the same: 0.55
    assert found["hota"] > 0.50
    assert found["foot_median_m"] < 0.5
    assert abs(found["person_s_off"]) < 0.15  # mean occupancy is off by the same share
    low, high = found["persons_low"], found["persons_high"]
    assert low <= found["true_persons"] == 19 <= high
    assert (high - low) / 2 <= 0.3 * (high + low) / 2  # no wider than 30 % to both sides of its middle
    assert found["mean_occupancy"] == pytest.approx(found["true_mean_occupancy"], rel=0.15)


@pytest.mark.slow
def test_single_people_are_seldom_several(testdata: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view001, "DATA", testdata)
    found = view001.clip_figures()
    assert found["clip_frames_with_several"] < 0.05
    assert found["clip_frames_with_somebody"] > 0.6
