from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from dwell_kit.analytics.suppress import suppress
from dwell_kit.analytics.suppress_curve import suppress_curve
from dwell_kit.errors import ContractError
from dwell_kit.schema import columns as c

EDGES = np.arange(0, 660, 60)


def bars(dwell_s: list[float]) -> pl.DataFrame:
    counts = np.histogram(dwell_s, EDGES)[0]
    return pl.DataFrame({c.FROM_S: EDGES[:-1], c.TILL_S: EDGES[1:], "count": counts, c.UNIQUE_VISITORS: counts})


def hide(bins: pl.DataFrame) -> pl.DataFrame:
    return suppress(bins, by=[c.FROM_S, c.TILL_S], published=[[]])


def curve(dwell_s: list[float], times: list[float]) -> pl.DataFrame:
    return pl.DataFrame({c.T_S: times, c.SURVIVAL: [float(np.mean(np.array(dwell_s) > t)) for t in times]})


def bounds(shown: pl.DataFrame, points: pl.DataFrame, visits: int) -> list[tuple[float, float]]:
    """The least and the most of each hidden bin, for somebody who has the bars, the curve and how many visits."""
    edges = sorted({*EDGES.tolist(), *points[c.T_S]})
    parts = list(pairwise(edges))
    knowns = [(np.ones(len(parts)), visits)]
    knowns += [
        (np.array([end <= t for _, end in parts]), visits * (1 - share))
        for t, share in points.select(c.T_S, c.SURVIVAL).rows()
    ]
    hidden = []
    for row in shown.iter_rows(named=True):
        inside = np.array([row[c.FROM_S] <= a and b <= row[c.TILL_S] for a, b in parts], float)
        if row[c.SUPPRESSED]:
            hidden.append(inside)
        else:
            knowns.append((inside, row["count"]))
    exact = {"A_eq": np.array([a for a, _ in knowns], float), "b_eq": [b for _, b in knowns]}
    someone = {"A_ub": -np.array(hidden), "b_ub": -np.ones(len(hidden))}
    found = [[linprog(sign * aim, **exact, **someone) for sign in (1, -1)] for aim in hidden]
    assert all(solved.status == 0 for pair in found for solved in pair)
    return [(low.fun, -high.fun) for low, high in found]


LEAKS = [*[30.0] * 20, 80.0, 110.0, *[200.0] * 8, *[260.0] * 9]


def test_a_point_beyond_a_hidden_bin_goes():
    # 22 visits ended by 155 s, 20 of them in the first minute that is shown: two in the second, that is hidden.
    bins, points = bars(LEAKS), curve(LEAKS, [0, 40, 155, 230, 280])
    shown = hide(bins)
    assert shown.filter(c.SUPPRESSED)[c.FROM_S].to_list() == [60, 180]
    assert bounds(shown, points, len(LEAKS))[0] == pytest.approx((2, 2))
    told = suppress_curve(points, bins=bins, shown=shown)
    assert told[c.T_S].to_list() == [0, 40, 280]
    assert bounds(shown, told, len(LEAKS))[0] == pytest.approx((1, 9))


def test_all_points_stay_where_nothing_is_hidden():
    bins = bars([30.0] * 9 + [100.0] * 7)
    points = curve([30.0] * 9 + [100.0] * 7, [0, 65, 110])
    assert suppress_curve(points, bins=bins, shown=hide(bins)).equals(points)
    assert suppress_curve(points.clear(), bins=bins, shown=hide(bins)).is_empty()
    with pytest.raises(ContractError):
        suppress_curve(points, bins=bins, shown=bins)


def test_a_bin_without_end_is_hidden_to_its_end():
    bins = bars(LEAKS).with_columns(pl.when(pl.col(c.FROM_S) < 240).then(c.TILL_S).alias(c.TILL_S))[:5]
    shown = bins.with_columns(pl.Series(c.SUPPRESSED, [False, True, False, False, True]))
    told = suppress_curve(curve(LEAKS, [0, 60, 155, 250, 900]), bins=bins, shown=shown)
    assert told[c.T_S].to_list() == [0, 60]


@given(
    st.lists(st.integers(0, 9), min_size=10, max_size=10), st.lists(st.integers(0, 600), unique=True, max_size=8)
)
def test_whoever_adds_and_subtracts_cannot_tell_that_a_bin_holds_few(counts, times):
    dwell = [60.0 * i + 5 + 5 * j for i, n in enumerate(counts) for j in range(n)]
    if not dwell:
        return
    bins = bars(dwell)
    shown = hide(bins)
    alone = bounds(shown, curve(dwell, [0.0]), len(dwell))
    told = suppress_curve(curve(dwell, sorted({0, *times})), bins=bins, shown=shown)
    for (low, high), (_, most) in zip(bounds(shown, told, len(dwell)), alone, strict=True):
        assert high >= min(5, most) - 1e-6
        assert high - low > 0.5 or most < 5
