"""MOT text: every detection and every tracked box is a position; only tracked ones have a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dwell_kit.errors import AskError
from dwell_kit.ingest.batches import Batch, ReadOptions
from dwell_kit.ingest.mot import reader
from dwell_kit.ingest.sources import Source
from dwell_kit.ingest.stays import sightings_from_positions
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS, validate

START = datetime(2025, 8, 1, 10, tzinfo=UTC)
SAID: dict[str, Any] = {"camera": "cam", "start": START, "fps": 25.0}


def read(path: Path, **options: Any) -> list[Batch]:
    batches = list(reader.read(Source(path), ReadOptions(**{**SAID, **options})))
    for batch in batches:
        validate(batch.rows, POSITIONS)
    return batches


def rows(batches: list[Batch]) -> pl.DataFrame:
    return pl.concat(b.rows for b in batches)


def rejects(batches: list[Batch]) -> pl.DataFrame:
    return pl.concat(b.rejects for b in batches)


def write(folder: Path, *lines: str) -> Path:
    path = folder / "tracks.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_fields_and_times(tmp_path: Path) -> None:
    got = read(
        write(tmp_path, "1,3,10.5,20,30,40,0.9,-1,-1,-1", "26,-1,1,2,3,4,-1,-1,-1,-1", "51,7.0,1,2,3,4,1,-1,-1,-1")
    )
    assert rows(got).rows() == [
        ("cam:3", "cam", START, 1, None, None, 10.5, 20.0, 30.0, 40.0, 0.9, 1),
        (None, "cam", START + timedelta(seconds=1), 26, None, None, 1.0, 2.0, 3.0, 4.0, None, 2),
        ("cam:7", "cam", START + timedelta(seconds=2), 51, None, None, 1.0, 2.0, 3.0, 4.0, 1.0, 3),
    ]
    assert all(b.payload is None for b in got)


def test_frames_that_count_from_zero(tmp_path: Path) -> None:
    got = read(write(tmp_path, "0,1,1,1,1,1,1", "25,1,1,1,1,1,1"))
    assert rows(got)[c.TIME].to_list() == [START, START + timedelta(seconds=1)]
    assert "counted from 0" in "\n".join(got[0].notes)


@pytest.mark.parametrize("name", ["camera", "start", "fps"])
def test_what_the_file_does_not_say_is_asked_for(tmp_path: Path, name: str) -> None:
    with pytest.raises(AskError) as caught:
        read(write(tmp_path, "1,1,1,1,1,1,1"), **{name: None})
    assert f"option {name}" in str(caught.value)
    assert caught.value.hint == f"{name}="


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none(tmp_path: Path, fps: float) -> None:
    with pytest.raises(AskError, match="frames"):
        read(write(tmp_path, "1,1,1,1,1,1,1"), fps=fps)


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        ("x,1,1,1,1,1,1", "frame", "whole number"),
        ("1.5,1,1,1,1,1,1", "frame", "whole number"),
        ("-3,1,1,1,1,1,1", "frame", "0 or more"),
        ("1e300,1,1,1,1,1,1", "frame", "whole number"),
        ("2,a,1,1,1,1,1", "id", "whole number"),
        ("2,1,nan,1,1,1,1", "box_x", "not a number"),
        ("2,1,1,inf,1,1,1", "box_y", "not a number"),
        ("2,1,1,1,0,1,1", "box_w", "above 0"),
        ("2,1,1,1,1,-5,1", "box_h", "above 0"),
        ("2,1,1,1,1", "box_h", "above 0"),
        ("2,1,1,1,1,1,1,9,9", None, "more fields"),
    ],
)
def test_what_is_rejected_and_why(tmp_path: Path, line: str, column: str | None, reason: str) -> None:
    got = read(write(tmp_path, "1,1,1,1,1,1,1", line, "", "3,1,1,1,1,1,1"))
    assert rows(got)[c.FRAME].to_list() == [1, 3]
    (row,) = rejects(got).rows(named=True)
    assert (row[c.ROW_NO], row[c.COLUMN], row[c.RAW].rstrip(",")) == (2, column, line)
    assert reason in row[c.REASON]
    assert sum(b.rows_read for b in got) == 3


def test_fields_after_the_confidence_are_kept(tmp_path: Path) -> None:
    (mot16, *_) = read(write(tmp_path, "1,1,1,1,1,1,1,2,0.5", "2,1,1,1,1,1,1,7,0.1"))
    assert mot16.payload is not None
    assert mot16.payload.rows() == [(1, "2", "0.5"), (2, "7", "0.1")]
    assert mot16.payload.columns == [c.ROW_NO, "class", "visibility"]


@pytest.mark.parametrize(
    ("name", "count", "people"),
    [
        ("tud/TUD-Campus/gt.txt", 359, 8),
        ("tud/TUD-Campus/det.txt", None, 0),
        ("tud/TUD-Stadtmitte/gt.txt", 1156, 10),
        ("tud/TUD-Stadtmitte/test.txt", None, None),
        ("pets2009_s2l1/det.txt", None, 0),
    ],
)
def test_real_files_lose_no_row(testdata: Path, name: str, count: int | None, people: int | None) -> None:
    path = testdata / name
    lines = [line.split(",") for line in path.read_text().split()]
    assert reader.claims(Source(path).head()) > 0.5
    got = read(path, block_bytes=20_000)
    frame = rows(got)
    assert rejects(got).is_empty()
    assert frame.height == len(lines) == (count or len(lines))
    assert frame[c.BOX_X].to_list() == [float(line[2]) for line in lines]
    assert frame[c.ROW_NO].to_list() == list(range(1, len(lines) + 1))
    ids = {line[1] for line in lines if not line[1].startswith("-")}
    assert set(frame[c.PERSON].drop_nulls()) == {f"cam:{one}" for one in ids}
    assert people is None or len(ids) == people
    last = max(int(line[0]) for line in lines)
    assert frame[c.TIME].max() == START + timedelta(seconds=(last - 1) / 25)


def test_stays_of_real_tracks_last_from_the_first_to_the_last_frame(testdata: Path) -> None:
    path = testdata / "tud" / "TUD-Stadtmitte" / "gt.txt"
    frame = rows(read(path))
    step = timedelta(seconds=1 / 25)
    stays = sightings_from_positions(frame, max_gap=timedelta(hours=1), step=step)
    frames: dict[str, list[int]] = {}
    for line in path.read_text().split():
        number, one, *_ = line.split(",")
        frames.setdefault(f"cam:{one}", []).append(int(number))
    got = dict(zip(stays[c.PERSON], (stays[c.ENDED] - stays[c.STARTED]).dt.total_microseconds(), strict=True))
    assert got == {one: (max(seen) - min(seen) + 1) * 40_000 for one, seen in frames.items()}


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("1,1,1,1,1,1,1,-1,-1,-1\n", True),
        ("1,-1,1.5,1,1,1\n", True),
        ("1;1;1;1;1;1\n", True),
        ("1.5,1,1,1,1,1\n", False),
        ("1,1,1,1,1\n", False),
        ("frame,id,x,y,w,h\n1,1,1,1,1,1\n", False),
        ("a,1,1,1,1,1\n", False),
    ],
)
def test_what_it_claims(tmp_path: Path, text: str, sure: bool) -> None:
    path = tmp_path / "tracks.txt"
    path.write_text(text * 3)
    assert (reader.claims(Source(path).head()) > 0.5) is sure
