from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.analytics.drift import compute_counter_balance, compute_counter_days
from dwell_kit.errors import ContractError, FilterError
from dwell_kit.schema import columns as c

MIDNIGHT = datetime(2025, 5, 1, tzinfo=UTC)


def counts(rows: list[tuple[float, int, int]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(MIDNIGHT + timedelta(hours=hour), n_in, n_out) for hour, n_in, n_out in rows],
        schema={c.TIME: pl.Datetime("us", "UTC"), c.N_IN: pl.Int64, c.N_OUT: pl.Int64},
        orient="row",
    )


def test_worked_by_hand():
    # Day 1: 10 in, 8 out: outs are scaled by 10/8 = 1.25: 10, 10 − 5, 5 − 5.
    # Day 2 (from 4 o'clock) starts from 0 again, though the naive count still carries the 2 that were missed.
    balance = compute_counter_balance(
        counts([(8, 10, 0), (12, 0, 4), (18, 0, 4), (27.5, 0, 0), (28, 3, 0), (40, 0, 3)])
    )
    assert balance[c.OCCUPANCY_NAIVE].to_list() == [10, 6, 2, 2, 5, 2]
    assert balance[c.DRIFT].to_list() == [0, 0, 0, 0, 2, 2]
    assert balance[c.OUT_SCALE].to_list() == [1.25] * 4 + [1.0] * 2
    assert balance[c.OCCUPANCY].to_list() == [10.0, 5.0, 0.0, 0.0, 3.0, 0.0]


def test_never_negative_and_the_rest_is_reported():
    # 2 leave before 4 come in; 4 ins over 4 outs: scale 1. The two that were missed are added: residual 2.
    days = compute_counter_days(counts([(8, 0, 2), (9, 4, 0), (17, 0, 2)]))
    row = days.row(0, named=True)
    assert (row[c.N_IN], row[c.N_OUT], row[c.DRIFT], row[c.OCCUPANCY_MAX], row[c.RESIDUAL]) == (4, 4, 0, 4.0, 2.0)


def test_a_day_without_outs_is_not_scaled():
    assert compute_counter_balance(counts([(8, 3, 0)]))[c.OCCUPANCY].to_list() == [3.0]


def test_the_empty_hour_is_local():
    rows = [(1.5, 2, 0), (2.5, 1, 0)]
    assert compute_counter_balance(counts(rows), tz="Europe/Berlin")[c.OCCUPANCY].to_list() == [2.0, 1.0]
    assert compute_counter_balance(counts(rows))[c.OCCUPANCY].to_list() == [2.0, 3.0]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=80))
def test_equals_stepping_through(pairs):
    frame = counts([(hour, n_in, n_out) for hour, (n_in, n_out) in enumerate(pairs)])
    balance = compute_counter_balance(frame)
    day_of = [(hour - 4) // 24 for hour in range(len(pairs))]
    now, day, expected = 0.0, None, []
    for hour, (n_in, n_out) in enumerate(pairs):
        if day_of[hour] != day:
            now, day = 0.0, day_of[hour]
        ins = sum(p[0] for p, d in zip(pairs, day_of, strict=True) if d == day)
        outs = sum(p[1] for p, d in zip(pairs, day_of, strict=True) if d == day)
        now = max(0.0, now + n_in - (ins / outs if outs else 1.0) * n_out)
        expected.append(now)
    assert balance[c.OCCUPANCY].to_list() == pytest.approx(expected)
    assert balance[c.OCCUPANCY_NAIVE].to_list() == np.cumsum([a - b for a, b in pairs]).tolist()


def test_nothing_is_invented():
    empty = counts([])
    assert compute_counter_balance(empty).is_empty()
    assert compute_counter_days(empty).is_empty()


def test_refuses_what_no_counter_says():
    with pytest.raises(ContractError, match="impossible"):
        compute_counter_balance(counts([(8, -1, 0)]))
    with pytest.raises(ContractError, match="lacks columns"):
        compute_counter_balance(counts([(8, 1, 0)]).drop(c.N_OUT))
    with pytest.raises(FilterError):
        compute_counter_balance(counts([(8, 1, 0)]), empty_hour=24)


def test_keeps_the_kind_of_frame():
    pandas = counts([(8, 3, 0)]).to_pandas()
    assert type(compute_counter_balance(pandas)) is type(pandas)
    assert type(compute_counter_days(pandas)) is type(pandas)
