"""Opening hours and clock ranges against the local clock, minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwell_kit.errors import FilterError
from dwell_kit.schema.hours import OpeningHours, clock_intervals, intersect, offsets
from dwell_kit.schema.time import from_us, to_us

MINUTE = 60_000_000
CHANGES = [
    ("Europe/Berlin", date(2025, 3, 30)),  # 02:00 → 03:00
    ("Europe/Berlin", date(2025, 10, 26)),  # 03:00 → 02:00
    ("Australia/Lord_Howe", date(2025, 4, 6)),  # half an hour back
    ("America/Havana", date(2025, 3, 9)),  # at midnight
    ("Asia/Kathmandu", date(2025, 5, 1)),
]


def minutes(intervals: np.ndarray) -> set[int]:
    return {t for a, b in intervals.tolist() for t in range(a, b, MINUTE)}


@pytest.mark.parametrize(("tz", "day"), CHANGES)
@settings(max_examples=25)
@given(hours=st.tuples(st.integers(0, 23), st.integers(1, 24)), weekdays=st.sets(st.integers(1, 7), max_size=3))
def test_clock_ranges_are_what_the_local_clock_reads(
    tz: str, day: date, hours: tuple[int, int], weekdays: set[int]
) -> None:
    a, b = hours
    b += a == b
    start = to_us(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(tz))) - 180 * MINUTE
    end = start + 33 * 60 * MINUTE
    found = clock_intervals(start, end, tz=tz, weekdays=tuple(weekdays), hours=(a, b))
    expected = set()
    for t in range(start, end, MINUTE):
        local = from_us(t).astimezone(ZoneInfo(tz))
        inside = a <= local.hour < b if a < b else local.hour >= a or local.hour < b
        if inside and (not weekdays or local.isoweekday() in weekdays):
            expected.add(t)
    assert minutes(found) == expected
    assert np.all(found[1:, 0] > found[:-1, 1])


@pytest.mark.parametrize(("tz", "day"), CHANGES)
def test_offsets_cover_the_time_and_say_what_the_clock_says(tz: str, day: date) -> None:
    start = to_us(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(tz))) - 86_400_000_000
    parts = offsets(start, start + 3 * 86_400_000_000, tz)
    assert (parts[0][0], parts[-1][1]) == (start, start + 3 * 86_400_000_000)
    for since, until, offset in parts:
        for t in (since, (since + until) // 2, until - 1):
            assert from_us(t).astimezone(ZoneInfo(tz)).utcoffset() == timedelta(microseconds=offset)


def test_opening_hours_over_midnight_and_closed_days() -> None:
    week = OpeningHours(
        weekly={5: (("18:00", "02:00"),), 6: (("10:00", "24:00"),)}, closed=frozenset([date(2025, 5, 3)])
    )
    start, end = (to_us(datetime(2025, 5, day, tzinfo=UTC)) for day in (1, 12))
    found = [
        [from_us(t).strftime("%d %H:%M") for t in pair] for pair in week.intervals(start, end, "UTC").tolist()
    ]
    assert found == [["02 18:00", "03 02:00"], ["09 18:00", "10 02:00"], ["10 10:00", "11 00:00"]]


def test_opening_hours_that_began_the_day_before() -> None:
    week = OpeningHours(weekly={4: (("22:00", "06:00"),)})
    start = to_us(datetime(2025, 5, 2, 1, tzinfo=UTC))
    assert week.intervals(start, start + 60 * MINUTE, "UTC").tolist() == [[start, start + 60 * MINUTE]]
    assert week.intervals(start, start, "UTC").shape == (0, 2)


@pytest.mark.parametrize(
    "weekly", [{0: (("09:00", "10:00"),)}, {1: (("9", "10:00"),)}, {1: (("09:00", "24:01"),)}]
)
def test_hours_that_mean_nothing_are_refused(weekly: dict[int, tuple[tuple[str, str], ...]]) -> None:
    with pytest.raises(FilterError):
        OpeningHours(weekly=weekly)


@given(
    st.lists(st.integers(0, 40), max_size=8, unique=True),
    st.lists(st.integers(0, 40), max_size=8, unique=True),
)
def test_an_intersection_is_what_both_have(a: list[int], b: list[int]) -> None:
    first, second = (np.array(sorted(x)[: len(x) // 2 * 2], np.int64).reshape(-1, 2) for x in (a, b))
    inside = [{t for low, high in pairs for t in range(low, high)} for pairs in (first, second)]
    assert {t for low, high in intersect(first, second) for t in range(low, high)} == inside[0] & inside[1]
