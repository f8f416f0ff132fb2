"""The period before: local lengths, coverage, the same filters otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import dwell_kit as dk
from dwell_kit.schema.filters import Filters
from dwell_kit.workspace.comparing import period_before
from tests.workspace.exports import START, write

HOUR = 3600.0


def test_the_same_local_length_across_a_clock_change() -> None:
    # Berlin, 30 March 2025: a day of 23 hours; the day before it has 24
    found = period_before(Filters(since="2025-03-30", until="2025-03-31"), "Europe/Berlin")
    assert found == (datetime(2025, 3, 28, 23, tzinfo=UTC), datetime(2025, 3, 29, 23, tzinfo=UTC))
    after = period_before(Filters(since="2025-03-31", until="2025-04-01"), "Europe/Berlin")
    assert after == (datetime(2025, 3, 29, 23, tzinfo=UTC), datetime(2025, 3, 30, 22, tzinfo=UTC))
    assert period_before(Filters(since="2025-03-31"), "UTC") is None


def test_figures_beside_those_before_if_enough_of_it_is_covered(tmp_path: Path) -> None:
    rows = [
        ("anna", "door", "1", 0, HOUR),
        ("bob", "door", "2", 24 * HOUR, 26 * HOUR),
        ("bob", "hall", "3", 27 * HOUR, 28 * HOUR),
    ]
    with dk.open(tmp_path / "ws") as ws:
        since, until = START + timedelta(hours=24), START + timedelta(hours=48)
        ws.ingest(write(tmp_path / "a.csv", rows), window=(START, until))
        found = ws.compare(since=since, until=until, camera="door")
        assert (found.figures["dwell_sum_s"], found.before["dwell_sum_s"]) == (2 * HOUR, HOUR)
        assert found.period_before == (START, since)
        early = ws.compare(since=START, until=since)
        assert early.before is None
        assert "0 %" in early.reason
        assert ws.compare().before is None


@pytest.mark.parametrize("hours", [19, 20])
def test_four_fifths_are_enough(hours: int, tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        since = START + timedelta(hours=24)
        ws.ingest(
            write(tmp_path / "a.csv", [("anna", "door", "1", 24 * HOUR, 25 * HOUR)]),
            window=(since - timedelta(hours=hours), since + timedelta(hours=24)),
        )
        found = ws.compare(since=since, until=since + timedelta(hours=24))
        assert (found.before is not None) == (hours >= 0.8 * 24)


def test_figures_that_are_kept_are_those_of_now(tmp_path: Path) -> None:
    rows = [("anna", "door", "1", 0, HOUR), ("bob", "door", "2", 2 * HOUR, 3 * HOUR)]
    with dk.open(tmp_path / "ws") as ws, dk.open(tmp_path / "ws") as other:
        ws.ingest(write(tmp_path / "a.csv", rows))
        first = ws.compare()
        first.figures["visits"] = 99  # whoever asked may do with it what they want
        assert ws.compare().figures == ws.summary()
        other.set_list("staff", ["anna"], rule="badges")
        assert ws.compare().figures == ws.summary()
        assert ws.compare().figures["visits"] == 1
        other.ingest(write(tmp_path / "b.csv", [("cleo", "door", "3", 5 * HOUR, 6 * HOUR)]))
        assert ws.compare().figures["visits"] == 2
        other.set_environment("main", tz="Asia/Tokyo")
        assert ws.compare().figures["peak_hour"] == ws.summary()["peak_hour"]
        for hour in range(100):
            ws.compare(hours=(hour % 24, 24), max_gap=60 + hour)
        assert len(ws._handle.compared) <= 64
