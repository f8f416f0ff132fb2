"""Silence, gaps, clocks."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from dwell_kit.ingest import rhythm
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import SIGHTINGS

DAY0 = 20_000 * 24
"""An hour that begins a day."""


def days(counts: list[int], hour: int = 10) -> dict[int, int]:
    """One count a day at the same hour, zeros left out; an hour before and after frame them."""
    found = {DAY0 + 24 * day + hour: count for day, count in enumerate(counts) if count}
    return {DAY0 - 1: 1, **found, DAY0 + 24 * len(counts): 1}


def state(hourly: rhythm.Hourly, hour: int, camera: str = "a") -> tuple[str, float | None]:
    frame = rhythm.coverage_by_hour(hourly)
    moment = datetime.fromtimestamp(hour * 3600, tz=UTC)
    row = frame.filter(pl.col(c.CAMERA) == camera, pl.col(c.HOUR) == moment).row(0, named=True)
    return row["state"], row["odds"]


def test_the_odds_by_hand() -> None:
    # Other days 8, 12, 10: mean 10, variance 8/3 < mean, so φ = 1 and the odds are exp(-10).
    hourly = {"a": days([8, 12, 0, 10])}
    assert state(hourly, DAY0 + 48 + 10) == ("silent", pytest.approx(math.exp(-10)))
    assert state(hourly, DAY0 + 10) == ("up", None)


def test_bursts_are_no_rhythm() -> None:
    # Other days 0, 0, 40: mean 13.3, variance 355.6, φ = 26.7: odds exp(-0.5).
    assert state({"a": days([0, 0, 40, 0])}, DAY0 + 72 + 10) == ("unknown", pytest.approx(math.exp(-0.5)))


def test_three_other_days_are_needed() -> None:
    assert state({"a": days([50, 0, 50])}, DAY0 + 24 + 10) == ("unknown", None)


def test_hours_that_are_always_empty_are_unknown() -> None:
    assert state({"a": days([9, 9, 9, 9, 9])}, DAY0 + 24 + 3) == ("unknown", 1.0)


def test_the_first_and_the_last_hour_may_be_cut() -> None:
    hourly = {"a": {DAY0 + 24 * d: 50 for d in range(1, 6)}, "b": {DAY0: 1, DAY0 + 24 * 6: 1}}
    assert state(hourly, DAY0) == ("unknown", None)
    assert state(hourly, DAY0 + 24 * 6) == ("unknown", None)


def test_every_camera_and_hour_is_there_once() -> None:
    frame = rhythm.coverage_by_hour({"a": {5: 1, 8: 2}, "b": {6: 1}})
    assert frame.height == 8
    assert frame["sightings"].sum() == 4
    assert frame.filter(pl.col("state") == "up").height == 3


def test_gaps_are_silent_hours_of_the_whole_site() -> None:
    busy = {DAY0 + 24 * day + hour: 20 for day in range(6) for hour in range(24)}
    for hour in range(24 * 3 + 9, 24 * 3 + 12):
        del busy[DAY0 + hour]
    half = {hour: count for hour, count in busy.items() if hour % 2}
    (gap,) = rhythm.gaps({"a": busy, "b": half})
    first = datetime.fromtimestamp((DAY0 + 24 * 3 + 9) * 3600, tz=UTC)
    assert gap == {"from": first.isoformat(), "to": (first + timedelta(hours=3)).isoformat(), "hours": 3}
    assert rhythm.gaps({}) == []


def pairs(apart_s: list[float], cameras: tuple[str, str] = ("a", "b")) -> pl.DataFrame:
    start = datetime(2025, 5, 1, 9, tzinfo=UTC)
    rows = []
    for i, apart in enumerate(apart_s):
        for camera, shift in zip(cameras, (0.0, apart), strict=True):
            begin = start + timedelta(minutes=i, seconds=shift)
            rows.append(
                (str(len(rows)), f"p{i}", camera, begin, begin + timedelta(seconds=50), False, False, len(rows))
            )
    names = [c.KEY, c.PERSON, c.CAMERA, c.STARTED, c.ENDED, c.OPEN_START, c.OPEN_END, c.ROW_NO]
    return SIGHTINGS.conform(pl.DataFrame(rows, schema=names, orient="row"))


ON_THE_WAY = [-20 * math.log(1 - (i + 0.5) / 40) % 49 for i in range(40)]
"""Exponential delays of 20 s: people come from one camera to the other, each at their pace."""


def test_clocks_that_differ() -> None:
    clocks = rhythm.Clocks()
    clocks.add(pairs([-7.0 + 0.1 * (i % 5) for i in range(30)]))
    assert clocks.hints() == [{"cameras": ["a", "b"], "apart_s": -6.8, "sightings": 30}]


@pytest.mark.parametrize(
    "apart",
    [[0.5] * 30, [9.0] * 10, [(-1) ** i * 25.0 + 3 for i in range(40)], [60.0] * 30, ON_THE_WAY],
    ids=["the same", "too few", "chance", "never at once", "one camera after the other"],
)
def test_clocks_of_which_nothing_can_be_said(apart: list[float]) -> None:
    clocks = rhythm.Clocks()
    clocks.add(pairs(apart))
    assert clocks.hints() == []


def test_nobody_known_is_no_hint() -> None:
    clocks = rhythm.Clocks()
    clocks.add(pairs([7.0] * 30).with_columns(pl.lit(None, dtype=pl.String).alias(c.PERSON)))
    assert clocks.hints() == []
