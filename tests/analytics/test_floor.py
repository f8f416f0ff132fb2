from __future__ import annotations

import polars as pl
import pytest

from dwell_kit.analytics.floor import compute_floor_map
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS
from dwell_kit.schema.time import to_us

from .walks import after, positions

WALK = positions(
    [
        *[("p", float(t), t + 0.5, 0.5) for t in range(4)],
        *[("q", float(t), 2.5, -0.5) for t in range(10)],
        ("r", 0.0, 2.2, -0.1),
    ]
)
"""p walks through four cells at 1 m/s, q stands in one for 10 s, r is seen there once."""


def test_by_hand() -> None:
    found = compute_floor_map(WALK)
    assert found.select(c.X_M, c.Y_M, c.PERSON_SECONDS, c.UNIQUE_VISITORS, c.OCCUPANCY_MAX).rows() == [
        (2.5, -0.5, 11.0, 2, 2), (0.5, 0.5, 1.0, 1, 1), (1.5, 0.5, 1.0, 1, 1), (2.5, 0.5, 1.0, 1, 1),
        (3.5, 0.5, 1.0, 1, 1),
    ]  # fmt: skip
    assert found[c.DENSITY_MEAN].to_list() == pytest.approx([1.1, 0.1, 0.1, 0.1, 0.1])
    assert found[c.SPEED_MEAN_M_S].to_list() == pytest.approx([0.0, 1.0, 1.0, 1.0, 1.0])
    coarse = compute_floor_map(WALK, cell_m=4)
    assert coarse[c.DENSITY_MEAN].to_list() == pytest.approx([11 / 160, 4 / 160])
    assert coarse[c.X_M].to_list() == [2.0, 2.0]


def test_density_is_over_watched_time_and_speed_may_be_unknown() -> None:
    twice = compute_floor_map(WALK, coverage=[(to_us(after(0)), to_us(after(20)))])
    assert twice[c.DENSITY_MEAN].to_list() == pytest.approx([0.55, 0.05, 0.05, 0.05, 0.05])
    half = compute_floor_map(WALK, coverage=[(to_us(after(0)), to_us(after(2)))])
    assert half[c.PERSON_SECONDS].to_list() == [3.0, 1.0, 1.0]
    alone = compute_floor_map(positions([("p", 0.0, 0.5, 0.5), ("q", 0.0, 5.0, 5.0), ("q", 1.0, 5.0, 5.0)]))
    assert alone[c.SPEED_MEAN_M_S].to_list() == [None, 0.0]


def test_nothing_is_nothing_and_nonsense_is_refused() -> None:
    empty = compute_floor_map(POSITIONS.empty())
    assert (empty.height, empty.columns) == (0, compute_floor_map(WALK).columns)
    assert type(compute_floor_map(WALK.to_pandas())).__module__.startswith("pandas")
    for wrong in (0, -1, float("inf")):
        with pytest.raises(FilterError, match="size of a cell"):
            compute_floor_map(WALK, cell_m=wrong)
    with pytest.raises(FilterError, match="too many cells"):
        compute_floor_map(pl.concat([WALK, positions([("s", 0.0, 1e5, 1e5)])]))
