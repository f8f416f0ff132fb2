"""One small scripted day, with every figure worked out by hand from the table below.

Thursday 2025-05-01, UTC; cameras door, hall, cafe; coverage ends at 12:55; max_gap 10 min.

    person            camera  from   to
    anna  female 20s  door    09:00  09:10
                      hall    09:05  09:20   overlaps the door
                      cafe    09:40  10:00   after 20 min: a second visit
    ben   male 30s    door    09:10  09:20
                      hall    09:25  09:45   after 5 min: the same visit
    cleo  female 20s  hall    09:30  10:30
    dan   male ?      door    10:00  10:10
                      hall    10:20  10:30   after 10 min exactly: the same visit
    eli   ? ?         cafe    10:15  10:15   seen in one frame only
    finn  male 70-    door    11:00  11:30
                      cafe    12:00  12:50   open: 12:50 is within 10 min of 12:55
    gia   female 3-9  hall    10:20  10:40
    hugo  male 20s    cafe    09:50  10:20
    nobody            hall    10:25  10:35   anonymous

Visits, with dwell: anna 20 min and 20 min, ben 30, cleo 60, dan 20, eli 0, finn 30 and 50 (open), gia 20, hugo 30.
That is 10 visits of 8 people, 280 min in all. Sorted: 0, 20, 20, 20, 20, 30, 30, 30, 50, 60 min.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import SIGHTINGS

DAY = datetime(2025, 5, 1, tzinfo=UTC)
_ROWS = [
    ("anna", "female", "20-29", "door", "09:00", "09:10"),
    ("anna", "female", "20-29", "hall", "09:05", "09:20"),
    ("anna", "female", "20-29", "cafe", "09:40", "10:00"),
    ("ben", "male", "30-39", "door", "09:10", "09:20"),
    ("ben", "male", "30-39", "hall", "09:25", "09:45"),
    ("cleo", "female", "20-29", "hall", "09:30", "10:30"),
    ("dan", "male", None, "door", "10:00", "10:10"),
    ("dan", "male", "inconclusive", "hall", "10:20", "10:30"),
    ("eli", "not_determined", None, "cafe", "10:15", "10:15"),
    ("finn", "male", "70-", "door", "11:00", "11:30"),
    ("finn", "male", "70-", "cafe", "12:00", "12:50"),
    ("gia", "female", "3-9", "hall", "10:20", "10:40"),
    ("hugo", "male", "20-29", "cafe", "09:50", "10:20"),
    (None, "male", "20-29", "hall", "10:25", "10:35"),
]


def clock(text: str) -> datetime:
    """That day's instant, from HH:MM."""
    hours, minutes = text.split(":")
    return DAY + timedelta(hours=int(hours), minutes=int(minutes))


@pytest.fixture(scope="session")
def day() -> pl.DataFrame:
    """The sightings of the scripted day, in the contract."""
    rows = pl.DataFrame(
        [
            {
                c.KEY: f"s{number}", c.PERSON: person, c.GENDER: gender, c.AGE_GROUP: age, c.CAMERA: camera,
                c.STARTED: clock(start), c.ENDED: clock(end), c.OPEN_START: False, c.OPEN_END: False,
                c.ROW_NO: number,
            }
            for number, (person, gender, age, camera, start, end) in enumerate(_ROWS, start=1)
        ]
    )  # fmt: skip
    return SIGHTINGS.conform(rows)


@pytest.fixture(scope="session")
def covered_until() -> datetime:
    """The end of every camera's coverage."""
    return clock("12:55")
