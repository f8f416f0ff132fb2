from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.errors import FilterError
from dwell_kit.schema.time import bucket_edges, from_us, local_clock, parse_moment, to_us, union

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe")
moments = st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))


@given(moments, st.sampled_from(ZONES))
def test_the_local_clock_is_that_of_zoneinfo(moment: datetime, tz: str) -> None:
    days, hours, weekdays = local_clock(np.array([to_us(moment)]), tz)
    local = moment.astimezone(ZoneInfo(tz))
    assert (hours[0], weekdays[0]) == (local.hour, local.isoweekday())
    assert int(days[0]) == (local.date() - datetime(1970, 1, 1).date()).days


@given(moments, st.timedeltas(timedelta(), timedelta(days=40)), st.sampled_from(ZONES))
def test_days_begin_at_local_midnight(moment: datetime, length: timedelta, tz: str) -> None:
    edges = bucket_edges(to_us(moment), to_us(moment + length), every="day", tz=tz)
    assert edges[0] <= to_us(moment)
    assert to_us(moment + length) < edges[-1]
    for edge in edges.tolist():
        assert from_us(edge).astimezone(ZoneInfo(tz)).strftime("%H:%M") == "00:00"


def test_a_day_of_23_hours_has_23_buckets() -> None:
    start = to_us(datetime(2025, 3, 30, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC))
    edges = bucket_edges(start, start + 82_800_000_000 - 1, every="hour", tz="Europe/Berlin")
    assert len(edges) - 1 == 23


def test_weeks_are_iso_and_months_calendar() -> None:
    start, end = to_us(datetime(2025, 5, 8, tzinfo=UTC)), to_us(datetime(2025, 6, 2, tzinfo=UTC))
    weeks = bucket_edges(start, end, every="week", tz="UTC")
    assert [from_us(int(e)).strftime("%a %d %b") for e in weeks[:2]] == ["Mon 05 May", "Mon 12 May"]
    months = bucket_edges(start, end, every="month", tz="UTC")
    assert [from_us(int(e)).strftime("%d %b") for e in months] == ["01 May", "01 Jun", "01 Jul"]


@pytest.mark.parametrize("every", ["7min", "0min", "fortnight", "min", "7s", "0s", "s", "5"])
def test_a_bucket_that_does_not_divide_a_day_is_refused(every: str) -> None:
    with pytest.raises(FilterError, match="no bucket"):
        bucket_edges(0, 1, every=every, tz="UTC")


def test_buckets_of_seconds_for_short_videos() -> None:
    edges = bucket_edges(
        to_us(datetime(2025, 5, 8, 9, 0, 3, tzinfo=UTC)),
        to_us(datetime(2025, 5, 8, 9, 0, 16, tzinfo=UTC)),
        every="5s",
        tz="UTC",
    )
    assert [from_us(int(e)).strftime("%H:%M:%S") for e in edges] == [
        "09:00:00",
        "09:00:05",
        "09:00:10",
        "09:00:15",
        "09:00:20",
    ]


def test_moments_and_zones_that_mean_nothing() -> None:
    with pytest.raises(FilterError, match="cannot be read"):
        parse_moment("yesterday", "UTC")
    with pytest.raises(FilterError, match="no time zone"):
        parse_moment("2025-05-05", "Mars/Olympus")


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8))
def test_union_covers_the_same_instants(intervals: list[tuple[int, int]]) -> None:
    made = union(intervals)
    covered = {t for a, b in intervals for t in range(a, b)}
    assert {t for a, b in made.tolist() for t in range(a, b)} == covered
    assert all(made[i, 1] < made[i + 1, 0] for i in range(len(made) - 1))
