from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from dwell_kit.analytics.suppress_hours import suppress_camera_hours
from dwell_kit.errors import ContractError
from dwell_kit.schema import columns as c

KEYS = (c.CAMERA, c.HOUR)


def cameras(**counts: list[int]) -> pl.DataFrame:
    """Persons of each camera at 9, 10, 11, …; everybody stays for six minutes."""
    rows = [(camera, 9 + i, n / 10, n) for camera, persons in counts.items() for i, n in enumerate(persons)]
    return pl.DataFrame(rows, schema=[*KEYS, c.OCCUPANCY_MEAN, c.UNIQUE_VISITORS], orient="row")


def environment(*hidden: int, day: int = 5) -> pl.DataFrame:
    hours = [datetime(2025, 5, day, hour, tzinfo=UTC) for hour in range(9, 13)]
    return pl.DataFrame({c.BUCKET: hours, c.SUPPRESSED: [hour.hour in hidden for hour in hours]})


def hidden(table: pl.DataFrame) -> list[tuple[str, int]]:
    return table.filter(c.SUPPRESSED).select(KEYS).rows()


def test_what_the_environment_hides_is_hidden_at_every_camera():
    out = suppress_camera_hours(cameras(door=[20, 2, 9, 30], hall=[20, 0, 8, 30]), occupancy=environment(10, 11))
    assert hidden(out) == [("door", 10), ("door", 11), ("hall", 11)]  # nobody was in the hall at 10
    assert out.filter(c.SUPPRESSED).select(c.OCCUPANCY_MEAN, c.UNIQUE_VISITORS).null_count().row(0) == (3, 3)


def test_an_hour_that_one_day_hides_is_hidden_in_the_sum_of_the_days():
    week = pl.concat([environment(day=5), environment(10, 12, day=6)])
    assert hidden(suppress_camera_hours(cameras(door=[50, 60, 70, 80]), occupancy=week)) == [
        ("door", 10),
        ("door", 12),
    ]


def test_hours_are_those_of_the_local_clock():
    out = suppress_camera_hours(cameras(door=[50, 60, 70]), occupancy=environment(9), tz="Europe/Berlin")
    assert hidden(out) == [("door", 11)]


def test_a_camera_of_few_is_not_what_the_others_leave_of_the_hour():
    out = suppress_camera_hours(cameras(door=[3, 40, 6], hall=[30, 50, 60]), occupancy=environment())
    assert {("door", 9), ("hall", 9)} <= set(hidden(out))


def test_the_visits_of_one_camera_are_not_what_other_hours_leave_of_all():
    out = suppress_camera_hours(cameras(door=[3, 40, 6]), occupancy=environment())
    assert hidden(out) == [("door", 9), ("door", 11)]


def test_where_no_camera_is_beside_it_only_that_hour_is_hidden():
    out = suppress_camera_hours(cameras(door=[3, 40, 6, 50], hall=[0, 50, 60, 70]), occupancy=environment())
    assert hidden(out) == [("door", 9), ("door", 11)]


def test_nothing_is_hidden_that_needs_not_be():
    table = cameras(door=[0, 40, 6], hall=[30, 50, 60])
    out = suppress_camera_hours(table, occupancy=environment())
    assert out.drop(c.SUPPRESSED).equals(table)
    assert (
        suppress_camera_hours(cameras(door=[1, 2]), occupancy=environment(), k=1)[c.SUPPRESSED].to_list()
        == [False] * 2
    )
    assert suppress_camera_hours(table.clear(), occupancy=environment()).is_empty()
    assert isinstance(suppress_camera_hours(table.to_pandas(), occupancy=environment()), type(table.to_pandas()))


def test_the_environment_has_to_be_suppressed_before():
    with pytest.raises(ContractError, match="suppressed"):
        suppress_camera_hours(cameras(door=[3]), occupancy=environment().drop(c.SUPPRESSED))
