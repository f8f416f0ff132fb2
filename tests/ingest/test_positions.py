"""Tables of positions and obsmat files give each row its instant and place; stays are what brute force says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dwell_kit.errors import AskError, HeaderError
from dwell_kit.ingest.batches import Batch, ReadOptions
from dwell_kit.ingest.positions import reader
from dwell_kit.ingest.sources import Source
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS, validate

START = datetime(2025, 8, 1, 10, tzinfo=UTC)
T0 = 1_754_042_400


def read(path: Path, **options: Any) -> list[Batch]:
    batches = list(reader.read(Source(path), ReadOptions(**options)))
    for batch in batches:
        validate(batch.rows, POSITIONS)
    return batches


def rows(batches: list[Batch]) -> pl.DataFrame:
    return pl.concat(b.rows for b in batches)


def rejects(batches: list[Batch]) -> pl.DataFrame:
    return pl.concat(b.rejects for b in batches)


def write(folder: Path, *lines: str, name: str = "positions.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_a_table_of_instants(tmp_path: Path) -> None:
    got = read(
        write(
            tmp_path, "t,person_id,camera_id,x_m,y_m,mood", f"{T0}.25,ann,c1,1.5,-2,happy", f"{T0 + 1},,c1,3,4,"
        ),
        block_bytes=64,
    )
    names = (c.PERSON, c.CAMERA, c.TIME, c.X_M, c.Y_M, c.BOX_X, c.ROW_NO)
    assert rows(got).select(names).rows() == [
        ("ann", "c1", after(0.25), 1.5, -2.0, None, 1),
        (None, "c1", after(1), 3.0, 4.0, None, 2),
    ]
    payload = pl.concat(b.payload for b in got if b.payload is not None)
    assert payload.rows() == [(1, "happy"), (2, None)]


def test_a_table_of_frames(tmp_path: Path) -> None:
    path = write(tmp_path, "frame;id;x;y", "1;7;1,5;2", "26;7;2;2")
    got = read(path, columns={c.X_M: "x", c.Y_M: "y"}, start=START, fps=25, camera="c")
    names = (c.PERSON, c.CAMERA, c.TIME, c.FRAME, c.X_M)
    assert rows(got).select(names).rows() == [("7", "c", after(0), 1, 1.5), ("7", "c", after(1), 26, 2.0)]


def test_seconds_since_the_beginning(tmp_path: Path) -> None:
    path = write(tmp_path, "t,person_id,x_m,y_m", "0,a,1,1", "0.4,a,1,1")
    with pytest.raises(AskError, match="beginning"):
        read(path)
    assert rows(read(path, start=datetime(2025, 8, 1, 12), tz="Europe/Berlin"))[c.TIME].to_list() == [
        after(0),
        after(0.4),
    ]


def test_boxes_without_a_floor(tmp_path: Path) -> None:
    got = read(write(tmp_path, "t,id,bb_left,bb_top,bb_width,bb_height,conf", f"{T0},1,1,2,3,4,0.5"))
    assert rows(got).select(c.X_M, c.BOX_X, c.BOX_H, c.CONFIDENCE).row(0) == (None, 1.0, 4.0, 0.5)


def test_an_x_that_may_be_pixels_is_no_metre(tmp_path: Path) -> None:
    with pytest.raises(HeaderError) as caught:
        read(write(tmp_path, "t,person_id,x,y", f"{T0},a,1,1"))
    assert "metres" in str(caught.value)


@pytest.mark.parametrize(("name", "header"), [("start", "frame"), ("fps", "frame")])
def test_frames_need_a_start_and_a_rate(tmp_path: Path, name: str, header: str) -> None:
    said = {"start": START, "fps": 25.0, name: None}
    with pytest.raises(AskError) as caught:
        read(write(tmp_path, f"{header},id,x_m,y_m", "1,1,1,1"), **said)
    assert caught.value.hint == f"{name}="


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        ("soon,a,1,1", "t", "not a time"),
        (",a,1,1", "t", "no time"),
        (f"{T0},a,far,1", "x_m", "not a number"),
        (f"{T0},a,inf,1", "x_m", "not a number"),
        (f"{T0},a,,1", "x_m", "no place"),
        (f"{T0},a,1,1,1", None, "more fields"),
    ],
)
def test_what_is_rejected_and_why(tmp_path: Path, line: str, column: str | None, reason: str) -> None:
    got = read(write(tmp_path, "t,person_id,x_m,y_m", f"{T0},a,1,1", line, f"{T0},a,2,2"))
    assert rows(got)[c.X_M].to_list() == [1.0, 2.0]
    (row,) = rejects(got).rows(named=True)
    assert (row[c.ROW_NO], row[c.COLUMN], row[c.RAW]) == (2, column, line)
    assert reason in row[c.REASON]


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "p.parquet"
    pl.DataFrame({"t": [START], "person_id": [5], "x_m": [0.5], "y_m": [1]}).write_parquet(path)
    assert rows(read(path)).select(c.PERSON, c.TIME, c.X_M).row(0) == ("5", START, 0.5)


@pytest.mark.parametrize(
    ("name", "step", "people"), [("seq_eth", 6, 360), ("seq_hotel", 10, 390), ("zara01", 10, 148)]
)
def test_obsmat_as_numbers_say(testdata: Path, name: str, step: int, people: int) -> None:
    path = testdata / "eth_ucy" / name / "obsmat.txt"
    numbers = [[float(field) for field in line.split()] for line in path.read_text().splitlines() if line.strip()]
    assert reader.claims(Source(path).head()) > 0.5
    got = read(path, start=START, camera="floor")
    frame = rows(got)
    assert rejects(got).is_empty()
    assert frame[c.X_M].to_list() == [row[2] for row in numbers]
    assert frame[c.Y_M].to_list() == [row[4] for row in numbers]
    assert frame[c.PERSON].to_list() == [f"floor:{int(row[1])}" for row in numbers]
    assert frame[c.PERSON].n_unique() == len({row[1] for row in numbers}) == people
    fps = 2.5 * step
    expected = [round((row[0] - 1) * 1e6 / fps) for row in numbers]
    assert ((frame[c.TIME] - START).dt.total_microseconds() - pl.Series(expected)).abs().max() <= 1
    steps = frame.sort(c.PERSON, c.TIME).select(pl.col(c.TIME).diff().over(c.PERSON)).to_series().mode()
    assert steps.to_list() == [timedelta(seconds=0.4)]
    assert f"{fps:g} a second" in "\n".join(note for b in got for note in b.notes)


def test_obsmat_that_is_broken_here_and_there(tmp_path: Path) -> None:
    good = "  1.0e+00   2.0e+00   1   0   3   0.5   0   0.25  "
    path = write(
        tmp_path, good, "x 2 1 0 3 0 0 0", "11 2.5 1 0 3 0 0 0", "11 2 nan 0 3 0 0 0", "", "11 2 1", good + " 9"
    )
    got = read(path, start=START, fps=25)
    assert rows(got).select(c.PERSON, c.TIME, c.X_M, c.Y_M).rows() == [("2", START, 1.0, 3.0)]
    payload = got[0].payload
    assert payload is not None
    assert payload.row(0) == (1, "0.5", "0.25")
    said = rejects(got).select(c.COLUMN, c.REASON).rows()
    assert [column for column, _ in said] == ["frame", "id", "x_m", "y_m", None]
    assert sum(b.rows_read for b in got) == 6


def test_obsmat_needs_a_start(testdata: Path) -> None:
    with pytest.raises(AskError, match="beginning"):
        read(testdata / "eth_ucy" / "seq_eth" / "obsmat.txt")
