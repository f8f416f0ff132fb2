"""The assignment in numba is exact: as good as scipy's on any graph."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from dwell_kit.vision.assignment import best_matching


def match(dense: np.ndarray) -> np.ndarray:
    """The matching of a matrix whose zeros are pairs without an edge."""
    row, column = np.nonzero(dense)
    return best_matching(row, column, dense[row, column], *dense.shape)


def check(dense: np.ndarray) -> None:
    partner = match(dense)
    rows = np.flatnonzero(partner >= 0)
    assert len(set(partner[rows])) == len(rows)
    assert (dense[rows, partner[rows]] > 0).all()
    best = dense[linear_sum_assignment(dense, maximize=True)].sum()
    assert dense[rows, partner[rows]].sum() == pytest.approx(best, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12), st.sampled_from([0.1, 0.3, 0.7, 1.0]))
def test_no_matching_weighs_more(seed: int, rows: int, columns: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.choice([rng.random((rows, columns)), rng.integers(1, 4, (rows, columns)) / 4])  # ties, too
    check(np.where(rng.random((rows, columns)) < share, weight + 1e-6, 0.0))


def test_a_crowd_is_one_part_and_still_exact() -> None:
    rng = np.random.default_rng(3)
    check(rng.random((80, 120)))
    check(rng.random((120, 80)))


def test_the_greedy_choice_is_not_taken() -> None:
    assert match(np.array([[0.9, 0.8], [0.85, 0.0]])).tolist() == [1, 0]


def test_nothing_matches_nothing() -> None:
    none = np.empty(0, np.int64)
    assert best_matching(none, none, np.empty(0), 3, 2).tolist() == [-1, -1, -1]
    assert best_matching(none, none, np.empty(0), 0, 0).tolist() == []
