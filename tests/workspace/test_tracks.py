"""Anyone's tracks feed the same figures (SPEC S1.5): positions of the real scenes, against a direct count."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import dwell_kit as dk
from dwell_kit.analytics.occupancy import compute_occupancy_at
from dwell_kit.errors import FilterError

START = datetime(2010, 1, 1, tzinfo=UTC)
SCENES = [("seq_eth", 6, 15.0), ("seq_hotel", 10, 25.0), ("zara01", 10, 25.0)]


@pytest.mark.parametrize(("scene", "stride", "fps"), SCENES)
def test_occupancy_of_a_scene_equals_counting_every_frame(
    testdata: Path, tmp_path: Path, scene: str, stride: int, fps: float
) -> None:
    path = testdata / "eth_ucy" / scene / "obsmat.txt"
    told = np.loadtxt(path)
    frames, count = np.unique(np.unique(told[:, :2].astype(int), axis=0)[:, 0], return_counts=True)
    step = stride / fps
    shortly_after = [int(START.timestamp() * 1e6 + (f - 1) * 1e6 / fps) + 1000 for f in frames.tolist()]
    with dk.open(tmp_path / "ws") as ws:
        report = ws.ingest(path, camera=scene, start=START, stay_gap=1.5 * step)
        minutes = ws.compute("occupancy", parameters={"every": "1min"}, as_="polars")
        every = compute_occupancy_at(ws.sightings(as_="polars"), times=shortly_after)
        summary = ws.summary()
        positions = ws.positions(as_="polars")
    assert every["occupancy"].to_list() == count.tolist()
    assert minutes["person_seconds"].sum() == pytest.approx(count.sum() * step)
    assert minutes["occupancy_max"].max() == count.max() == summary["peak_occupancy"]
    assert summary["unique_visitors"] == len(np.unique(told[:, 1]))
    assert positions.height == report.accepted == len(told)
    assert any("is one sighting" in note or "are one sighting" in note for note in report.notes)


def test_tracks_in_mot_text_are_seen_undone_and_erased(tmp_path: Path) -> None:
    """Two people at 10 frames a second; one is lost for half a second, which is no departure."""
    frames = [(f, 1) for f in range(1, 41) if not 10 < f <= 15] + [(f, 2) for f in range(21, 61)]
    path = tmp_path / "tracks.txt"
    path.write_text(
        "".join(f"{f},{i},10,20,30,60,1,-1,-1,-1\n" for f, i in frames) + "7,-1,1,2,3,4,0.5,-1,-1,-1\n"
    )
    with dk.open(tmp_path / "ws") as ws:
        report = ws.ingest(path, camera="door", start=START, fps=10)
        assert report.accepted == len(frames) + 1
        visits = ws.visits(as_="polars").sort("person_id")
        assert visits["dwell_s"].to_list() == pytest.approx([4.0, 4.0])
        summary = ws.summary()
        assert (summary["sightings"], summary["unique_visitors"], summary["peak_occupancy"]) == (2, 2, 2)
        ws.erase("door:1")
        assert ws.summary()["unique_visitors"] == 1
        assert ws.positions(as_="polars")["person_id"].drop_nulls().unique().to_list() == ["door:2"]
        ws.undo(report.upload_id)
        assert ws.summary()["sightings"] == 0


def test_a_gap_without_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tracks.txt"
    path.write_text("1,1,10,20,30,60,1,-1,-1,-1\n")
    with dk.open(tmp_path / "ws") as ws:
        with pytest.raises(FilterError, match="stay_gap cannot be"):
            ws.ingest(path, camera="door", start=START, fps=10, stay_gap=float("nan"))
        assert ws.snapshot_id == 0
