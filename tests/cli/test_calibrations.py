"""`dwell calibration`, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dwell_kit.simulate.scene import CAMERAS
from dwell_kit.simulate.video import write_pairs
from tests.cli.typed import typed


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path, exits: int = 0) -> tuple[str, str]:
    return typed(capsys, "calibration", *arguments, exits=exits)


def test_the_quality_of_each_camera_of_the_campus(capsys: pytest.CaptureFixture[str], testdata: Path) -> None:
    path = testdata / "homography_points" / "campus.json"
    said = json.loads(run(capsys, path, "--camera", "Cam 4", "--json")[0])
    assert (said["kind"], said["model"]) == ("point pairs", "Homography")
    assert (said["verdict"], said["points"]) == ("poor", 5)
    assert said["leave_one_out_worst_m"] == pytest.approx(17.85, abs=0.01)
    assert [pair["pair"] for pair in said["pairs"]] == [1, 2, 3, 4, 5]
    assert max(pair["leave_one_out_m"] for pair in said["pairs"]) == said["leave_one_out_worst_m"]
    out, _ = run(capsys, path, "--camera", "Cam 4")
    assert "5 point pairs only; a point left out is typically 1.29 m off; a point left out is up to 17.85 m" in out
    assert json.loads(run(capsys, path, "--camera", "Cam 1", "--json")[0])["verdict"] == "fair"
    _, err = run(capsys, path, exits=3)
    assert "--camera" in err


def test_other_files_say_which_kind_of_camera_they_are(capsys: pytest.CaptureFixture[str], testdata: Path) -> None:
    tsai = testdata / "pets2009_s2l1" / "calibration" / "View_001.xml"
    said = json.loads(run(capsys, tsai, "--json")[0])
    assert (said["kind"], said["model"], said["verdict"], said["pairs"]) == ("tsai", "TsaiCamera", None, [])
    assert "not judged" in run(capsys, tsai)[0]
    intrinsic = testdata / "wildtrack" / "calibrations" / "intrinsic_original" / "intr_IDIAP1.xml"
    assert json.loads(run(capsys, intrinsic, "--unit", "cm", "--json")[0])["kind"] == "opencv"


def test_pairs_that_fit_anything_have_no_error_that_could_be_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    lines = write_pairs(CAMERAS[0], tmp_path / "all.csv").read_text().splitlines(keepends=True)
    four = tmp_path / "four.csv"
    four.write_text("".join([lines[0], lines[1], lines[3], lines[-3], lines[-1]]))
    said = json.loads(run(capsys, four, "--json")[0])
    assert (said["verdict"], said["leave_one_out_worst_m"]) == ("poor", None)
    assert "others fit nothing" in said["reasons"][1]
    assert len(said["reasons"]) == 2
    run(capsys, tmp_path / "none.csv", exits=4)
