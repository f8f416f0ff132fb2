"""Paths, speeds and distances: by hand, and against a twin that fits a line to each window."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.analytics.paths import compute_distance, compute_paths
from dwell_kit.errors import ContractError, FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS

from .walks import after, positions


def walk(person: str, steps: int, *, hz: float = 5.0, speed: float = 1.5, since: float = 0.0) -> list[Any]:
    """Straight along (0.6, 0.8)."""
    return [(person, since + n / hz, 0.6 * speed * n / hz, 0.8 * speed * n / hz) for n in range(steps)]


def test_a_straight_walk_has_its_speed_everywhere_and_its_length() -> None:
    frame = positions(walk("p", 26))
    paths = compute_paths(frame)
    assert paths[c.SPEED_M_S].to_list() == pytest.approx([1.5] * 26)
    assert paths[c.LASTS_S].to_list() == pytest.approx([0.2] * 26)
    assert set(paths[c.PATH]) == {1}
    (row,) = compute_distance(frame).rows(named=True)
    assert (row[c.PERSON], row[c.STARTED], row[c.ENDED], row[c.PATHS]) == ("p", after(0), after(5), 1)
    assert row[c.DURATION_S] == pytest.approx(5.0)
    assert row[c.DISTANCE_M] == pytest.approx(7.5)
    for name in (c.SPEED_MEAN_M_S, c.SPEED_MEDIAN_M_S, c.SPEED_P95_M_S):
        assert row[name] == pytest.approx(1.5)


def test_three_points_in_the_window_are_the_central_difference() -> None:
    x = [0.0, 0.3, 1.0, 1.4, 2.4]
    found = compute_paths(positions([("p", 0.4 * n, at, 0.0) for n, at in enumerate(x)]))[c.SPEED_M_S]
    assert found[1:4].to_list() == pytest.approx([1.0 / 0.8, 1.1 / 0.8, 1.4 / 0.8])
    assert found[0] == pytest.approx(1.0 / 0.8)  # 0 to 1 s holds the first three
    assert found[4] == pytest.approx(1.4 / 0.8)


def test_who_stands_walks_no_distance_that_jitter_makes() -> None:
    # ±0.1 m from point to point: added up it is 5 m of walking in 5 s
    frame = positions([("p", n / 5, 0.1 * (-1) ** n, 0.0) for n in range(26)])
    speed = compute_paths(frame)[c.SPEED_M_S]
    assert speed[3:23].to_list() == pytest.approx([0.0] * 20, abs=1e-12)
    # the first window holds 6 points at ±0.1, ±0.3, ±0.5 s: Σ s·x = −0.06, Σ s² = 0.7
    assert speed[0] == pytest.approx(0.06 / 0.7)
    assert compute_distance(frame)[c.DISTANCE_M][0] < 0.12


def test_the_error_of_a_speed_is_as_documented() -> None:
    rng = np.random.default_rng(7)
    frame = positions([(f"p{p}", n / 5, rng.normal(0, 0.1), 0.0) for p in range(3000) for n in range(5)])
    middle = compute_paths(frame).filter(pl.col(c.TIME) == after(0.4))[c.SPEED_M_S]
    assert np.sqrt((middle**2).mean()) == pytest.approx(0.1 * np.sqrt(12 / (5 * 24)) / 0.2, rel=0.05)


def test_a_gap_ends_a_path_and_is_no_distance() -> None:
    frame = positions([*walk("p", 6), *walk("p", 6, since=10.0)])
    paths = compute_paths(frame)
    assert paths[c.PATH].to_list() == [1] * 6 + [2] * 6
    assert paths[c.LASTS_S].to_list() == pytest.approx([0.2] * 12)
    found = compute_distance(frame).row(0, named=True)
    assert (found[c.PATHS], found[c.DURATION_S], found[c.DISTANCE_M]) == pytest.approx((2, 2.0, 3.0))
    joined = compute_paths(frame, max_gap=timedelta(seconds=20))
    assert set(joined[c.PATH]) == {1}
    assert joined[c.LASTS_S][5] == pytest.approx(9.0)


def test_nobody_jumps() -> None:
    rows = walk("p", 12)
    rows[6] = ("p", rows[6][1], 40.0, 40.0)
    paths = compute_paths(positions(rows))
    assert paths[c.PATH].to_list() == [1] * 6 + [2] + [3] * 5
    assert paths[c.SPEED_M_S][6] is None
    assert paths[c.SPEED_M_S].drop_nulls().to_list() == pytest.approx([1.5] * 11)
    assert compute_distance(positions(rows))[c.DISTANCE_M][0] == pytest.approx(1.5 * (1.0 + 0.8))
    assert compute_paths(positions(walk("p", 6)), max_speed=1.0)[c.PATH].to_list() == [1, 2, 3, 4, 5, 6]


def test_slow_positions_are_still_a_path() -> None:
    # one position in 2 s: a gap is 1.5 steps, and the window reaches the neighbours
    frame = positions([("p", 2.0 * n, 2.0 * n, 0.0) for n in range(4)])
    assert compute_paths(frame)[c.SPEED_M_S].to_list() == pytest.approx([1.0] * 4)


@pytest.mark.parametrize("late", [0.0, 0.05])
def test_cameras_that_see_one_person_say_it_once(late: float) -> None:
    here, there = walk("p", 11), [(p, t + late, x + 0.3, y) for p, t, x, y in walk("p", 11)]
    paths = compute_paths(pl.concat([positions(here), positions(there, camera="b")]))
    assert paths.height == 11
    assert paths[c.SPEED_M_S].to_list() == pytest.approx([1.5] * 11)
    assert paths[c.X_M].to_list() == pytest.approx([x + 0.15 for _, _, x, _ in here])
    assert paths[c.TIME][0] == after(late / 2)


def test_who_is_nobody_or_nowhere_is_left_out() -> None:
    rows = [(None, 0.0, 1.0, 1.0), ("q", 0.0, None, None), ("q", 1.0, float("nan"), 1.0), ("r", 5.0, 1.0, 2.0)]
    frame = positions(rows)
    assert compute_paths(frame).rows() == [("r", 1, after(5), 1.0, 2.0, None, 0.0)]
    row = compute_distance(frame).row(0, named=True)
    assert (row[c.DURATION_S], row[c.DISTANCE_M], row[c.SPEED_MEAN_M_S], row[c.SPEED_P95_M_S]) == (
        0,
        0,
        None,
        None,
    )
    for compute in (compute_paths, compute_distance):
        empty = compute(POSITIONS.empty())
        assert (empty.height, empty.columns) == (0, compute(frame).columns)


def test_kinds_and_errors() -> None:
    frame = positions(walk("p", 6))
    assert type(compute_paths(frame.to_pandas())).__module__.startswith("pandas")
    assert type(compute_distance(frame.to_arrow())).__module__.startswith("pyarrow")
    with pytest.raises(ContractError, match="lacks columns"):
        compute_paths(frame.drop(c.X_M))
    for wrong in (
        {"window": 0},
        {"max_gap": -1},
        {"window": "long"},
        {"max_speed": 0},
        {"max_speed": float("nan")},
    ):
        with pytest.raises(FilterError, match="this is no"):
            compute_paths(frame, **wrong)


spots = st.lists(
    st.tuples(st.sampled_from("pq"), st.integers(0, 60), st.integers(-3, 3), st.integers(-3, 3)),
    unique_by=lambda spot: spot[:2],
    max_size=40,
)


@given(spots, st.sampled_from([0.4, 1.0, 2.5]))
def test_speeds_equal_the_twin(found: list[tuple[str, int, int, int]], window: float) -> None:
    rows = [(p, t / 5, x / 4, y / 4) for p, t, x, y in found]
    paths = compute_paths(positions(rows), window=window, max_gap=1.0)
    for (_, _), path in paths.group_by(c.PERSON, c.PATH):
        t = np.array([round((at - after(0)).total_seconds() * 5) for at in path[c.TIME]]) / 5
        assert (np.diff(t).round(6) <= 1.0).all()
        for n in range(len(t)):
            since = min(max(t[n] - window / 2, t[0]), max(t[-1] - window, t[0]))
            near = (since - 1e-9 <= t) & (t <= since + window + 1e-9)
            near[max(n - 1, 0) : n + 2] = True
            if len(t) == 1:
                assert path[c.SPEED_M_S][n] is None
                continue
            slopes = [np.polyfit(t[near], path[name].to_numpy()[near], 1)[0] for name in (c.X_M, c.Y_M)]
            assert path[c.SPEED_M_S][n] == pytest.approx(np.hypot(*slopes), abs=1e-9)
    assert paths.height == len(found)
    # nobody is in two places: no point stands for time that the next one has
    ends = paths[c.TIME] + pl.Series([timedelta(seconds=s) for s in paths[c.LASTS_S]], dtype=pl.Duration("us"))
    same = paths[c.PERSON] == paths[c.PERSON].shift(-1)
    assert not ((ends > paths[c.TIME].shift(-1)) & same).any()
