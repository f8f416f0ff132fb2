from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import dwell_kit as dk
from dwell_kit.workspace.judging import DOWN, NOBODY, SEEN, SILENT, UNCOVERED
from tests.workspace.exports import START, write

HOUR = 3600.0


def week(path: Path, *, gap_on: int = -1) -> Path:
    """Twenty people an hour from 8:00 to 10:00 at one camera on each of eight days, but for an hour of one day."""
    rows = [
        (
            f"p{day}-{hour}-{i}",
            "door",
            f"a{day}-{hour}-{i}",
            at := day * 24 * HOUR + hour * HOUR + 60.0 * i,
            at + 30,
        )
        for day in range(8)
        for hour in (0, 1, 2)
        for i in range(20)
        if (day, hour) != (gap_on, 1)
    ]
    return write(path, rows)


def test_hours_are_seen_silent_empty_or_unknown(tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(week(tmp_path / "a.csv", gap_on=3))
        found = ws.quality(since=START - timedelta(hours=2), until=START + timedelta(days=8))
        states = found.stretches.select("state", "started_at", "hours").rows()
        assert states[:3] == [
            (UNCOVERED, START - timedelta(hours=2), 2),
            (SEEN, START, 3),
            (NOBODY, START + timedelta(hours=3), 21),
        ]
        silent = [row for row in states if row[0] == SILENT]
        assert silent == [(SILENT, START + timedelta(days=3, hours=1), 1)]
        (row,) = found.cameras.rows(named=True)
        assert row["silent_h"] == 1
        # from two hours before to 8 days after, the export covers from the first row to the last one's hour
        assert row["covered_share"] == pytest.approx((7 * 24 + 3) / (8 * 24 + 2))
        assert sum(hours for *_, hours in states) == 8 * 24 + 2


def test_reasons_and_score_of_the_uploads_that_touch_the_time(tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(write(tmp_path / "a.csv", [("p", "door", "a1", 0, 60)]), environment="shop")
        late = write(
            tmp_path / "b.csv",
            [("q", "door", "b1", 48 * HOUR, 48 * HOUR + 60)],
            extra=["p1,door,x,never,never,never,red"]
        )  # fmt: skip
        ws.ingest(late, environment="shop")
        both = ws.quality(environment="shop")
        assert (both.report.rows_read, both.report.rejected, len(both.uploads)) == (3, 1, 2)
        assert both.reasons["rows"].to_list() == [1]
        assert both.reasons["share"].to_list() == [pytest.approx(1 / 3)]
        early = ws.quality(until=START + timedelta(hours=1))
        assert (early.report.rejected, early.reasons.height, early.report.score) == (
            0,
            0,
            ws.uploads()[1]["report"]["score"],
        )
        ws.undo(ws.uploads()[0]["upload_id"])
        assert ws.quality().report.rejected == 0
        assert ws.quality(camera="door").cameras["camera_id"].to_list() == ["door"]


def test_a_camera_that_was_stated_to_be_down_is_not_silent(tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(week(tmp_path / "a.csv", gap_on=3))
        out = START + timedelta(days=3, hours=1)
        ws.set_camera_status("door", out, out + timedelta(hours=1), state="down", reason="power cut")
        found = ws.quality()
        stretches = found.stretches.select("state", "started_at", "hours").rows()
        assert (DOWN, out, 1) in stretches
        assert SILENT not in {state for state, *_ in stretches}
        assert found.cameras["covered_share"].to_list() == [pytest.approx((7 * 24 + 2) / (7 * 24 + 3))]
