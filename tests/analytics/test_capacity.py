"""Capacity share by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from dwell_kit.analytics.capacity import compute_capacity_share
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2025, 5, 1, hour, minute, tzinfo=UTC)


HAND = pl.DataFrame(
    [
        ("ann", "door", at(9), at(10)),
        ("bob", "door", at(9, 30), at(10, 15)),
        ("cem", "door", at(9, 45), at(10, 30)),
        ("dee", "hall", at(10, 45), at(11)),
    ],
    schema=[c.PERSON, c.CAMERA, c.STARTED, c.ENDED],
    orient="row",
)


def test_by_hand() -> None:
    # 9:00–10:00: 60 + 30 + 15 = 105 person-minutes, more than one from 9:30 on, more than two from 9:45 on
    nine, ten = compute_capacity_share(HAND, capacity=2).to_dicts()
    assert (nine["capacity_share_mean"], nine["capacity_share_max"]) == (pytest.approx(105 / 60 / 2), 1.5)
    assert (nine["over_capacity_s"], ten["over_capacity_s"]) == (15 * 60, 0)
    # 10:00–10:15 two of them, 10:15–10:30 one
    assert compute_capacity_share(HAND, capacity=1)["over_capacity_s"].to_list() == [30 * 60, 15 * 60]


def test_each_camera_for_itself() -> None:
    found = compute_capacity_share(HAND, capacity=1, every="day", by="camera")
    assert found.select(c.CAMERA, "capacity_share_max", "over_capacity_s").rows() == [
        ("door", 3.0, 45 * 60),
        ("hall", 1.0, 0),
    ]


def test_what_is_not_covered_has_no_share() -> None:
    found = compute_capacity_share(HAND, capacity=2, coverage=[(at(10), at(11))])
    assert found["capacity_share_mean"].to_list() == [None, pytest.approx((15 + 30 + 15) / 60 / 2)]


def test_nonsense_is_refused_and_nothing_is_nothing() -> None:
    with pytest.raises(FilterError, match="capacity"):
        compute_capacity_share(HAND, capacity=0)
    assert compute_capacity_share(HAND.clear(), capacity=3).is_empty()
