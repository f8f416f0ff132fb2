from __future__ import annotations

from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from dwell_kit.analytics.suppress import suppress
from dwell_kit.errors import ContractError, FilterError
from dwell_kit.schema import columns as c

N = c.UNIQUE_VISITORS


def table(counts: np.ndarray, *, totals: bool = False) -> pl.DataFrame:
    """A frame with keys a, b, … from an array of persons; with `totals`, rows for every total, marked "all"."""
    names = "abc"[: counts.ndim]
    rows = [(*map(str, place), int(counts[place])) for place in np.ndindex(counts.shape)]
    if totals:
        for kept in product((True, False), repeat=counts.ndim):
            if all(kept):
                continue
            summed = counts.sum(axis=tuple(i for i, keep in enumerate(kept) if not keep), keepdims=True)
            rows += [
                (*(str(p) if keep else "all" for p, keep in zip(place, kept, strict=True)), int(summed[place]))
                for place in np.ndindex(summed.shape)
            ]
    schema = dict.fromkeys(names, pl.String) | {N: pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns((pl.col(N) * 60.0).alias(c.SUM_S))


def attack(
    shown: pl.DataFrame, counts: np.ndarray, *, totals_known: bool
) -> dict[tuple[int, ...], tuple[float, float]]:
    """The range each hidden cell can lie in, for someone who adds and subtracts all that is shown.

    Unknowns are the cells and all totals; each total equals the sum of its cells, each shown figure is known,
    hidden ones are known to be at least 1.
    """
    names = list("abc"[: counts.ndim])
    spots = list(np.ndindex(tuple(size + 1 for size in counts.shape)))
    index = {spot: i for i, spot in enumerate(spots)}
    equations, values = [], []
    for spot in spots:
        for axis, size in enumerate(counts.shape):
            if spot[axis] == size:
                row = np.zeros(len(spots))
                row[index[spot]] = -1
                for p in range(size):
                    row[index[(*spot[:axis], p, *spot[axis + 1 :])]] = 1
                equations.append(row)
                values.append(0.0)
    bounds = [(0.0, None)] * len(spots)
    for row in shown.iter_rows(named=True):
        spot = tuple(counts.shape[i] if row[k] == "all" else int(row[k]) for i, k in enumerate(names))
        bounds[index[spot]] = (1.0, None) if row[c.SUPPRESSED] else (row[N], row[N])
    if totals_known:
        for spot in spots:
            axes = tuple(i for i, size in enumerate(counts.shape) if spot[i] == size)
            if axes:
                kept = tuple(0 if i in axes else p for i, p in enumerate(spot))
                total = float(counts.sum(axis=axes, keepdims=True)[kept])
                bounds[index[spot]] = (total, total)
    found = {}
    for spot in np.ndindex(counts.shape):
        if counts[spot] and bounds[index[spot]] == (1.0, None):
            aim = np.zeros(len(spots))
            aim[index[spot]] = 1
            limits = []
            for sign in (1, -1):
                solved = linprog(sign * aim, A_eq=np.array(equations), b_eq=values, bounds=bounds)
                assert solved.status in {0, 3}, solved.message
                limits.append(np.inf if solved.status == 3 else sign * solved.fun)
            found[spot] = (limits[0], limits[1])
    return found


def hidden(frame: pl.DataFrame) -> list[tuple[str, ...]]:
    return frame.filter(c.SUPPRESSED).select(pl.exclude(N, c.SUM_S, c.SUPPRESSED)).rows()


def test_one_small_cell_takes_the_cheapest_other_with_it():
    # 3 people alone could be had as total − 40 − 9; so the 9 go too, and every figure of both rows.
    out = suppress(table(np.array([40, 3, 9])), by="a")
    assert hidden(out) == [("1",), ("2",)]
    assert out[N].to_list() == [40, None, None]
    assert out[c.SUM_S].to_list() == [2400.0, None, None]


def test_a_row_and_column_form_a_rectangle():
    # The 2 at (0, 0): (0, 1) and (1, 0) would each be given away by the other line, so (1, 1) goes too.
    out = suppress(table(np.array([[2, 10, 50], [10, 10, 50], [50, 50, 50]])), by=["a", "b"])
    assert sorted(hidden(out)) == [("0", "0"), ("0", "1"), ("1", "0"), ("1", "1")]


def test_two_small_cells_do_not_hide_each_other():
    # 1 + 1 = 2: someone who knows that a hidden cell holds at least one person would have both.
    assert len(hidden(suppress(table(np.array([1, 1, 30, 8])), by="a"))) == 3


def test_empty_cells_and_big_tables_stay():
    out = suppress(table(np.array([0, 5, 60])), by="a")
    assert hidden(out) == []
    assert out[N].to_list() == [0, 5, 60]


def test_totals_in_the_frame_are_hidden_in_step():
    out = suppress(table(np.array([3, 0]), totals=True), by="a", totals="all")
    assert sorted(hidden(out)) == [("0",), ("all",)]


def test_unpublished_totals_cost_nothing():
    assert hidden(suppress(table(np.array([[2, 10], [10, 10]])), by=["a", "b"], published=[])) == [("0", "0")]
    columns_known = suppress(table(np.array([[2, 10], [10, 10]])), by=["a", "b"], published=[["b"]])
    assert sorted(hidden(columns_known)) == [("0", "0"), ("1", "0")]


def test_with_the_grand_total_alone_one_more_cell_is_enough():
    # The 2 stands alone in its row and column: whatever other cell is hidden, the total cannot tell them apart.
    out = suppress(table(np.array([[2, 0, 0], [0, 50, 7], [0, 60, 80]])), by=["a", "b"], published=[[]])
    assert sorted(hidden(out)) == [("0", "0"), ("1", "2")]
    three = table(np.array([[[2, 0], [0, 9]], [[0, 30], [40, 0]]]))
    assert len(hidden(suppress(three, by=["a", "b", "c"], published=[[], ["a"]]))) == 2


def test_a_key_with_one_word_does_not_count():
    frame = table(np.array([40, 3, 9])).with_columns(b=pl.lit("only"))
    assert len(hidden(suppress(frame, by=["a", "b"]))) == 2


def test_where_nothing_protects_everything_is_hidden():
    out = suppress(table(np.array([[3, 0], [9, 9]])), by=["a", "b"])
    assert sorted(hidden(out)) == [("0", "0"), ("1", "0"), ("1", "1")]


def test_unknown_persons_and_null_keys_are_cells_too():
    frame = pl.DataFrame({"a": [None, "x", "y"], N: [None, 30, 40]}, schema={"a": pl.String, N: pl.Int64})
    out = suppress(frame, by="a")
    assert out[c.SUPPRESSED].to_list() == [True, True, False]


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=2, max_size=4),
    st.integers(2, 6),
)
def test_an_attacker_with_totals_in_the_frame_cannot_tell_a_small_cell(rows, k):
    counts = np.array(rows)
    out = suppress(table(counts, totals=True), by=["a", "b"], k=k, totals="all")
    assert not any(0 < n < k for n in out[N] if n is not None)
    for spot, (low, high) in attack(out, counts, totals_known=False).items():
        assert high - low > 0.5, spot


@settings(max_examples=60)
@given(st.lists(st.lists(st.integers(1, 30), min_size=4, max_size=4), min_size=3, max_size=4))
def test_an_attacker_with_every_total_cannot_tell_a_small_cell(rows):
    counts = np.array(rows)
    out = suppress(table(counts), by=["a", "b"])
    everything = out[c.SUPPRESSED].all()
    for spot, (low, high) in attack(out, counts, totals_known=True).items():
        assert everything or high - low > 0.5, spot


@settings(max_examples=15)
@given(st.lists(st.integers(0, 12), min_size=12, max_size=12))
def test_three_keys(cells):
    counts = np.array(cells).reshape(2, 2, 3)
    out = suppress(table(counts, totals=True), by=["a", "b", "c"], totals="all")
    for spot, (low, high) in attack(out, counts, totals_known=False).items():
        assert high - low > 0.5, spot


def test_the_attack_works():
    # Primary suppression alone is given away at once: the test above can fail.
    counts = np.array([[2, 10], [10, 10]])
    naive = table(counts).with_columns(pl.Series(c.SUPPRESSED, [True, False, False, False]))
    assert attack(naive, counts, totals_known=True) == {(0, 0): (2.0, 2.0)}


def test_refuses_nonsense():
    with pytest.raises(ContractError, match="keys do not name"):
        suppress(pl.concat([table(np.array([3])), table(np.array([3]))]), by="a")
    with pytest.raises(ContractError):
        suppress(table(np.array([3])), by="z")
    with pytest.raises(FilterError):
        suppress(table(np.array([3, 9])), by="a", published=[["z"]])
    with pytest.raises(FilterError):
        suppress(table(np.array([3])), by="a", k=0)


def test_keeps_the_kind_of_frame_and_the_input():
    pandas = table(np.array([40, 3, 9])).to_pandas()
    before = pandas.copy()
    assert type(suppress(pandas, by="a")) is type(pandas)
    assert pandas.equals(before)


def test_few_at_one_instant_and_who_did_not_arrive_are_hidden():
    hours = pl.DataFrame(
        {
            c.HOUR: [9, 10, 11, 12],
            c.OCCUPANCY_MAX: [7, 3, 0, 2],
            c.OCCUPANCY_MEAN: [1.5, 0.5, 0.0, 0.2],
            N: [9, 6, 0, 0],  # nobody began a visit at 12, and two were still there
        }
    )
    shown = suppress(hours, by=c.HOUR, published=[])
    assert shown[c.SUPPRESSED].to_list() == [False, False, False, True]
    assert shown[c.OCCUPANCY_MAX].to_list() == [7, None, 0, None]
    assert shown[c.OCCUPANCY_MEAN].to_list() == [1.5, 0.5, 0.0, None]
    assert suppress(hours, by=c.HOUR, k=1, published=[]).drop(c.SUPPRESSED).equals(hours)
