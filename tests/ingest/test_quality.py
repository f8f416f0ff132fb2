"""The report of a file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from dwell_kit.ingest.batches import Batch
from dwell_kit.ingest.quality import Collector, Report, combined, score
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import REJECTS, SIGHTINGS

T0 = datetime(2025, 5, 1, 9, 0, tzinfo=UTC)


def sightings(*rows: tuple[str | None, str | None, datetime, int, str | None]) -> pl.DataFrame:
    frame = pl.DataFrame(
        [
            (str(i), person, camera, start, start + timedelta(seconds=seconds), age, False, False, i)
            for i, (person, camera, start, seconds, age) in enumerate(rows)
        ],
        schema=[c.KEY, c.PERSON, c.CAMERA, c.STARTED, c.ENDED, c.AGE_GROUP, c.OPEN_START, c.OPEN_END, c.ROW_NO],
        orient="row",
    )
    return SIGHTINGS.conform(frame)


def batch(rows: pl.DataFrame, *reasons: str, notes: tuple[str, ...] = ()) -> Batch:
    rejects = REJECTS.conform(pl.DataFrame({c.ROW_NO: range(len(reasons)), c.REASON: list(reasons)}))
    return Batch(
        table="sightings", rows=rows, rejects=rejects, rows_read=rows.height + rejects.height, notes=notes
    )


def collect(*batches: Batch) -> Report:
    collector = Collector(reader="appearances", filename="a.csv")
    for one in batches:
        collector.add(one)
    return collector.report()


def test_sums_over_batches() -> None:
    first = sightings(("p", "a", T0, 10, "20-29"), (None, "a", T0 + timedelta(minutes=5), 10, "null"))
    second = sightings(
        ("q", "b", T0 + timedelta(hours=2), 60, None), ("q", "b", T0 + timedelta(hours=3), 0, "70-")
    )
    report = collect(batch(first, "no time", notes=("encoding: utf-8",)), batch(second, "no time", "NUL byte"))
    assert (report.rows_read, report.accepted, report.rejected) == (7, 4, 3)
    assert report.reasons == {"no time": 2, "NUL byte": 1}
    assert report.notes == ["encoding: utf-8"]
    assert report.first == "2025-05-01T09:00:00+00:00"
    assert report.last == "2025-05-01T12:00:00+00:00"
    assert report.anonymous_share == 0.25
    assert report.determined == {"age_group": 0.5}
    assert report.coverage == {"a": 1, "b": 2}
    assert report.score == score(accepted_share=4 / 7, determined_share=0.5, named_share=0.75)


def test_one_batch_or_many_say_the_same() -> None:
    rows = sightings(*[(f"p{i % 3}", "ab"[i % 2], T0 + timedelta(minutes=7 * i), 30, None) for i in range(60)])
    assert collect(*(batch(rows[i : i + 7]) for i in range(0, 60, 7))) == collect(batch(rows))


def test_a_report_survives_json() -> None:
    report = collect(batch(sightings(("p", "a", T0, 10, "20-29")), "no time"))
    again = Report.from_dict(json.loads(json.dumps(report.as_dict())))
    assert again == report
    assert again.coverage_by_hour().rows() == [("a", T0, 1, "up", None)]


def test_several_reports_together_weigh_rows_not_files() -> None:
    good = Report("r", "a", rows_read=90, accepted=90, anonymous_share=0.1, determined={"gender": 1.0},
                  hourly={"a": {"5": 3}})  # fmt: skip
    bad = Report("r", "b", rows_read=10, accepted=0, rejected=10, reasons={"no time": 10}, hourly={"a": {"5": 1}})
    both = combined([good, bad, Report("r", "c", rows_read=0)])
    assert (both.rows_read, both.accepted, both.rejected, both.reasons) == (100, 90, 10, {"no time": 10})
    assert (both.anonymous_share, both.determined) == (0.1, {"gender": 1.0})
    assert both.hourly == {"a": {"5": 4}}
    assert both.score == round(100 * 0.9**2 * (0.8 + 0.1 + 0.1 * 0.9), 1) == 80.2
    assert combined([]).score == 0.0


def test_nothing_read() -> None:
    report = collect(batch(SIGHTINGS.empty()))
    assert (report.rows_read, report.first, report.anonymous_share, report.score) == (0, None, None, 0.0)
    assert report.coverage_by_hour().is_empty()


def test_rows_without_a_camera_are_counted() -> None:
    assert collect(batch(sightings(("p", None, T0, 10, None)))).coverage == {"(none)": 1}


@pytest.mark.parametrize(
    ("accepted", "determined", "named", "expected"),
    [
        (1.0, 1.0, 1.0, 100.0),
        (1.0, None, 1.0, 100.0),
        (0.5, 1.0, 1.0, 25.0),
        (1.0, 0.0, 0.0, 80.0),
        (0.0, 1.0, 1.0, 0.0),
    ],
)
def test_score_by_hand(accepted: float, determined: float | None, named: float, expected: float) -> None:
    assert score(accepted_share=accepted, determined_share=determined, named_share=named) == expected
