from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given

from dwell_kit.analytics.sensitivity import compute_fragmentation_sensitivity, compute_gap_sensitivity
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from tests.analytics.brute import minutes_of, rows_of, specs, visits_of


@given(specs)
def test_gaps(spec):
    table = compute_gap_sensitivity(rows_of(spec), max_gaps=(60.0, timedelta(minutes=30)))
    for gap, row in zip((1, 30), table.iter_rows(named=True), strict=True):
        dwell = [60.0 * len(minutes_of(rows)) for _, rows in visits_of(spec, gap)]
        assert row[c.MAX_GAP_S] == 60.0 * gap
        assert row[c.VISITS] == len(dwell)
        assert row[c.MEAN_S] == (pytest.approx(np.mean(dwell)) if dwell else None)
        assert row[c.MEDIAN_S] == (pytest.approx(np.median(dwell)) if dwell else None)


def test_fragmentation_worked_by_hand():
    # Two persons, three visits of 60, 60 and 120 min: T = 4 h. At 0.25 switches an hour one piece is too much.
    rows = rows_of([("p", "a", 0, 60), ("p", "a", 400, 60), ("q", "a", 100, 120)])
    table = compute_fragmentation_sensitivity(rows, switches_per_hour=(0.0, 0.25, 10.0))
    assert table.rows() == [(0.0, 2.0, 3.0, 4800.0), (0.25, 1.0, 2.0, 7200.0), (10.0, 1.0, 1.0, 14400.0)]


def test_those_who_were_there_at_once_are_different_people():
    rows = rows_of([("p", "a", 0, 60), ("p", "a", 400, 60), ("q", "a", 30, 120), ("r", "a", 150, 10)])
    table = compute_fragmentation_sensitivity(rows, switches_per_hour=(0.0, 10.0))  # p and q; r comes as q leaves
    assert table.rows() == [(0.0, 3.0, 4.0, 3750.0), (10.0, 2.0, 2.0, 7500.0)]


def test_the_model_recovers_what_switches_broke():
    # 2,000 persons of one visit each, broken at 0.5 switches an hour: the corrected figures come back within 2 %.
    rng = np.random.default_rng(3)
    spec, names = [], 0
    for i in range(2000):
        length = int(rng.exponential(60)) + 1
        cuts = np.sort(rng.uniform(0, length, rng.poisson(0.5 * length / 60)))
        edges = np.unique(np.concatenate([[0, length], cuts.round()])).astype(int)
        for a, b in pairwise(edges):
            spec.append((f"x{names}", "a", 10 * i + int(a), int(b - a)))
            names += 1
    row = compute_fragmentation_sensitivity(rows_of(spec), switches_per_hour=(0.5,)).row(0, named=True)
    assert names > 2500
    assert row[c.UNIQUE_VISITORS] == pytest.approx(2000, rel=0.02)
    assert row[c.VISITS] == pytest.approx(2000, rel=0.02)


def test_nothing_is_invented():
    assert compute_gap_sensitivity(rows_of([]))[c.MEAN_S].null_count() == 7
    nothing = compute_fragmentation_sensitivity(rows_of([]), switches_per_hour=(0.0,))
    assert nothing.row(0) == (0.0, None, None, None)


def test_refuses_negative_rates():
    with pytest.raises(FilterError):
        compute_fragmentation_sensitivity(rows_of([]), switches_per_hour=(-1.0,))


def test_keeps_the_kind_of_frame():
    pandas = rows_of([("p", "a", 0, 5)]).to_pandas()
    assert type(compute_gap_sensitivity(pandas)) is type(pandas)
    assert isinstance(compute_fragmentation_sensitivity(rows_of([])), pl.DataFrame)
