from __future__ import annotations

import polars as pl
import pytest

from dwell_kit.analytics.points import compute_points, compute_position_counts
from dwell_kit.errors import ContractError
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS
from tests.analytics.brute import at


def positions() -> pl.DataFrame:
    """Two instants of p on the floor, one of q in camera b's image, one of nobody in both."""
    rows = [
        ("p", "a", 0, 1.0, 2.0, None),
        ("p", "a", 1, 1.5, 2.5, None),
        ("q", "b", 2, None, None, (10.0, 20.0, 4.0, 8.0)),
        (None, "b", 3, 3.0, 4.0, (0.0, 0.0, 2.0, 2.0)),
    ]
    made = [
        {
            c.PERSON: person, c.CAMERA: camera, c.TIME: at(minute), c.X_M: x, c.Y_M: y, c.ROW_NO: i, c.FRAME: i,
            **dict(zip((c.BOX_X, c.BOX_Y, c.BOX_W, c.BOX_H), box or (None,) * 4, strict=True)),
        }
        for i, (person, camera, minute, x, y, box) in enumerate(rows)
    ]  # fmt: skip
    return POSITIONS.conform(pl.DataFrame(made))


def test_points_on_the_floor_and_at_the_feet_in_an_image():
    assert compute_points(positions()).select("x", "y", c.CAMERA).rows() == [
        (1.0, 2.0, "a"), (1.5, 2.5, "a"), (3.0, 4.0, "b"),
    ]  # fmt: skip
    assert compute_points(positions(), camera="b").select("x", "y", c.PERSON).rows() == [
        (12.0, 28.0, "q"), (1.0, 2.0, None),
    ]  # fmt: skip
    assert compute_points(positions(), camera="a").is_empty()


def test_counts_by_camera():
    assert compute_position_counts(positions()).rows() == [
        ("a", 2, 1, at(0), at(1), 2, 0),
        ("b", 2, 1, at(2), at(3), 1, 2),
    ]
    assert compute_position_counts(POSITIONS.empty()).is_empty()


def test_keeps_the_kind_and_says_what_is_missing():
    assert type(compute_points(positions().to_pandas())).__name__ == "DataFrame"
    with pytest.raises(ContractError):
        compute_points(positions().drop(c.X_M))
