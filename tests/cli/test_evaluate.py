"""`dwell evaluate`, as a user types it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from dwell_kit.workspace import exporting
from tests.cli.typed import typed


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path, exits: int = 0) -> tuple[str, str]:
    return typed(capsys, "evaluate", *arguments, exits=exits)


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    path = tmp_path / "gt.txt"
    path.write_text("1,1,0,0,10,20,1,-1,-1,-1\n2,1,2,0,10,20,1,-1,-1,-1\n")
    return path


def test_published_figures(capsys: pytest.CaptureFixture[str], testdata: Path) -> None:
    folder = testdata / "tud" / "TUD-Campus"
    said = json.loads(run(capsys, "--gt", folder / "gt.txt", "--pred", folder / "test.txt", "--json")[0])
    assert (round(said["idf1"], 3), round(said["mota"], 3), said["idsw"], said["least_iou"]) == (
        0.558,
        0.526,
        7,
        0.5,
    )
    assert {"hota", "det_a", "ass_a", "loc_a", "ap", "f1", "precision", "recall"} <= set(said)


def test_cvml_and_mot_agree(capsys: pytest.CaptureFixture[str], testdata: Path) -> None:
    folder = testdata / "pets2009_s2l1"
    given = ("--gt", folder / "PETS2009-S2L1.xml", "--pred")
    assert json.loads(run(capsys, *given, folder / "PETS2009-S2L1.xml", "--json")[0])["hota"] == pytest.approx(1)
    found = json.loads(run(capsys, *given, folder / "det.txt", "--json")[0])
    assert (found["untracked_boxes"], round(found["f1"], 2)) == (4359, 0.79)


def test_exported_positions_are_scored(capsys: pytest.CaptureFixture[str], truth: Path, tmp_path: Path) -> None:
    at = datetime(2025, 5, 1, tzinfo=UTC)
    rows = [
        {"person_id": "person-7", "camera_id": "door", "t": at, "frame": f, "x_m": None, "y_m": None,
         "box_x": 2.0 * (f - 1), "box_y": 0.0, "box_w": 10.0, "box_h": 20.0, "confidence": 0.9, "row_no": f}
        for f in (1, 2)
    ]  # fmt: skip
    for suffix in (".csv", ".parquet"):
        path = exporting.write(pl.DataFrame(rows), tmp_path / f"positions{suffix}")
        found = json.loads(run(capsys, "--gt", truth, "--pred", path, "--json")[0])
        assert (found["hota"], found["idf1"], found["tracks"]) == (pytest.approx(1), 1, 1)
    shifted = exporting.write(pl.DataFrame(rows).with_columns(pl.col("frame") - 1), tmp_path / "zero.csv")
    out, err = run(capsys, "--gt", truth, "--pred", shifted, "--json")
    assert (json.loads(out)["idf1"], "zero.csv: frames are counted from 0" in err) == (1, True)
    both = exporting.write(pl.DataFrame([rows[0], {**rows[1], "camera_id": "hall"}]), tmp_path / "both.csv")
    _, err = run(capsys, "--gt", truth, "--pred", both, exits=3)
    assert "door, hall" in err
    floor = exporting.write(pl.DataFrame([rows[0], {**rows[1], "box_w": None}]), tmp_path / "floor.csv")
    _, err = run(capsys, "--gt", truth, "--pred", floor, exits=3)
    assert "floor.csv, row 2" in err
    bad = tmp_path / "bad.csv"
    bad.write_text("person_id,frame,box_x,box_y,box_w,box_h\np,one,0,0,1,1\n")
    _, err = run(capsys, "--gt", truth, "--pred", bad, exits=3)
    assert "cannot be read" in err
    bad.write_text("person_id,frame\np,1\n")
    _, err = run(capsys, "--gt", truth, "--pred", bad, exits=3)
    assert "box_x" in err


def test_boxes_without_ids_have_no_figures_of_tracks(
    capsys: pytest.CaptureFixture[str], truth: Path, tmp_path: Path
) -> None:
    boxes = tmp_path / "det.txt"
    boxes.write_text("1,-1,0,0,10,20,0.9\n2,-1,2,0,10,20,0.9\n")
    out, err = run(capsys, "--gt", truth, "--pred", boxes, "--json")
    found = json.loads(out)
    assert "det.txt: no box has an id, so these are no tracks" in err
    assert [found[name] for name in ("hota", "idf1", "mota", "idsw")] == [None] * 4
    assert (found["f1"], found["precision"], found["tracks"]) == (1, 1, 0)
    out, _ = run(capsys, "--gt", truth, "--pred", boxes)
    assert re.search(r"hota +│ +–", out)


@pytest.mark.parametrize("text", ["", "1,-1,0,0,10,20,1\n", "1,1,0,0,10,20,0,-1,-1,-1\n"])
def test_a_truth_of_nobody_is_refused(
    capsys: pytest.CaptureFixture[str], truth: Path, tmp_path: Path, text: str
) -> None:
    nobody = tmp_path / "nobody.txt"
    nobody.write_text(text)
    _, err = run(capsys, "--gt", nobody, "--pred", truth, exits=3)
    assert "the ground truth has nobody" in err
    found = run(capsys, "--gt", truth, "--pred", nobody, "--json")[0] if not text else ""
    assert not found or json.loads(found)["hota"] == 0  # who found nobody is scored


def test_tables_and_notes(capsys: pytest.CaptureFixture[str], truth: Path, tmp_path: Path) -> None:
    tracks = tmp_path / "from_zero.txt"
    tracks.write_text("0,4,0,0,10,20\n1,4,4,0,10,20\n2,4,4,0,10,20\n")
    out, err = run(capsys, "--gt", truth, "--pred", tracks)
    assert "idf1" in out
    assert "from_zero.txt: frames are counted from 0" in err
    assert "1 boxes are in frames after the last one" in err
    strict = json.loads(run(capsys, "--gt", truth, "--pred", tracks, "--iou", "0.9", "--json")[0])
    assert (strict["tp"], strict["fp"], strict["fn"]) == (1, 2, 1)


def test_errors_say_where(capsys: pytest.CaptureFixture[str], truth: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text("1,1,0,0,10,20,1\n2,one,0,0,10,20,1\n")
    out, err = run(capsys, "--gt", truth, "--pred", bad, "--json", exits=3)
    assert json.loads(out)["where"] == "bad.txt, line 2"
    assert "frame, id, x, y, w, h" in err
    _, err = run(capsys, "--gt", truth, "--pred", tmp_path / "none.txt", exits=4)
    assert "no such file" in err
    bad.write_text("1,1,0,0,10,20,1\n1,1,5,0,10,20,1\n")
    _, err = run(capsys, "--gt", truth, "--pred", bad, exits=3)
    assert "the tracks, frame 1" in err
    _, err = run(capsys, "--gt", truth, "--pred", truth, "--iou", "50", exits=2)
    assert "--iou" in err
    run(capsys, "--gt", truth, exits=2)
