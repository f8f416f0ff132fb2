from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.utils import median_survival_times

from dwell_kit.analytics.survival import compute_survival, compute_survival_summary
from dwell_kit.analytics.visits import compute_visits
from dwell_kit.errors import ContractError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coverage import Coverage
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.tables import SIGHTINGS

NINE = datetime(2025, 5, 1, 9, tzinfo=UTC)


def frame(dwell: list[float], open_: list[bool]) -> pl.DataFrame:
    return pl.DataFrame({c.DWELL_S: dwell, c.OPEN: open_}, schema={c.DWELL_S: pl.Float64, c.OPEN: pl.Boolean})


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def test_worked_by_hand():
    # Four visits: 10 s, 20 s and open, 30 s, 40 s.
    # At 10 s four are at risk and one ends: S = 3/4. At 20 s one is censored: S stays.
    # At 30 s two are at risk and one ends: S = 3/4 · 1/2 = 3/8. At 40 s the last one ends: S = 0.
    curve = compute_survival(frame([10, 20, 30, 40], [False, True, False, False]))
    assert curve.rows()[0] == (0.0, 4, 0, 0, 1.0, 1.0, 1.0)
    assert curve.select(c.T_S, c.AT_RISK, c.EVENTS, c.CENSORED, c.SURVIVAL).rows()[1:] == [
        (10.0, 4, 1, 0, 0.75),
        (20.0, 3, 0, 1, 0.75),
        (30.0, 2, 1, 0, 0.375),
        (40.0, 1, 1, 0, 0.0),
    ]
    # Restricted mean: 10 · 1 + 20 · 0.75 + 10 · 0.375 = 28.75 s. Naive: (10, 30, 40) and (10, 20, 30, 40).
    row = compute_survival_summary(frame([10, 20, 30, 40], [False, True, False, False])).row(0, named=True)
    assert (row[c.VISITS], row[c.OPEN], row[c.SHARE]) == (4, 1, 0.25)
    assert row["km_median_s"] == 30.0
    assert row["km_mean_s"] == pytest.approx(28.75)
    assert row["km_mean_until_s"] == 40.0
    assert row["naive_closed_only_median_s"] == 30.0
    assert row["naive_closed_only_mean_s"] == pytest.approx(80 / 3)
    assert row["naive_as_if_closed_median_s"] == 25.0
    assert row["naive_as_if_closed_mean_s"] == 25.0


def test_published_six_mercaptopurine_arm():
    # Freireich et al. 1963, remission in weeks; the values printed in every textbook: 0.857 … 0.448, median 23.
    ended = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    censored = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    visits = frame([*ended, *censored], [False] * len(ended) + [True] * len(censored))
    curve = compute_survival(visits).filter(pl.col(c.EVENTS) > 0)
    assert curve[c.SURVIVAL].round(3).to_list() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert compute_survival_summary(visits)["km_median_s"].item() == 23.0


@given(
    st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=60),
    st.sampled_from([0.8, 0.95, 0.99]),
)
def test_equals_lifelines(rows, confidence):
    t, open_ = (list(column) for column in zip(*rows, strict=True))
    ours = compute_survival(frame(t, open_), confidence=confidence)
    theirs = KaplanMeierFitter(alpha=1 - confidence).fit(t, [not o for o in open_])
    times = ours[c.T_S].to_list()
    assert ours[c.SURVIVAL].to_list() == pytest.approx(theirs.survival_function_at_times(times).to_list())
    band = theirs.confidence_interval_survival_function_.loc[times]
    inner = ((ours[c.SURVIVAL] > 0) & (ours[c.SURVIVAL] < 1)).to_numpy()
    assert ours[c.LOW].to_numpy()[inner] == pytest.approx(band.iloc[:, 0].to_numpy()[inner])
    assert ours[c.HIGH].to_numpy()[inner] == pytest.approx(band.iloc[:, 1].to_numpy()[inner])
    if np.isclose(ours[c.SURVIVAL].to_numpy(), 0.5).any():
        return  # lifelines misses a curve that touches one half by rounding
    median = compute_survival_summary(frame(t, open_))["km_median_s"].item()
    assert (np.inf if median is None else median) == theirs.median_survival_time_


def test_median_interval_equals_lifelines():
    rng = np.random.default_rng(5)
    t, open_ = rng.lognormal(3, 1, 200).tolist(), (rng.random(200) < 0.3).tolist()
    row = compute_survival_summary(frame(t, open_)).row(0, named=True)
    fit = KaplanMeierFitter().fit(t, [not o for o in open_])
    low, high = median_survival_times(fit.confidence_interval_).iloc[0]
    assert (row["km_median_low_s"], row["km_median_high_s"]) == pytest.approx((low, high))
    assert row["km_median_low_s"] < row["km_median_s"] < row["km_median_high_s"]


def window(seed: int, *, n: int = 600, hours: float = 2.0) -> tuple[float, pl.DataFrame]:
    """True median and the sightings of a two-hour window: lognormal dwell (median 20 min), cut by its end.

    Everybody is seen by one or two cameras without a break until they leave or the window ends.
    """
    rng = np.random.default_rng(seed)
    arrived = rng.uniform(0, hours * 3600, n)
    dwell = rng.lognormal(np.log(1200), 1.0, n)
    left = np.minimum(arrived + dwell, hours * 3600)
    turn = arrived + (left - arrived) * rng.uniform(0, 1, n)

    def us(s):
        return pl.Series((s * 1e6).astype(np.int64)).cast(pl.Datetime("us", "UTC")) + (
            NINE - datetime(1970, 1, 1, tzinfo=UTC)
        )

    ids = [f"p{i}" for i in range(n)]
    rows = pl.concat([
        pl.DataFrame({c.PERSON: ids, c.CAMERA: "door", c.STARTED: us(arrived), c.ENDED: us(turn)}),
        pl.DataFrame({c.PERSON: ids, c.CAMERA: "hall", c.STARTED: us(turn), c.ENDED: us(left)}),
    ])  # fmt: skip
    rows = rows.with_columns(
        pl.int_range(pl.len()).cast(pl.String).alias(c.KEY),
        pl.int_range(1, pl.len() + 1).alias(c.ROW_NO),
        pl.lit(False).alias(c.OPEN_START),
        pl.lit(False).alias(c.OPEN_END),
    )
    return float(np.median(dwell)), SIGHTINGS.conform(rows)


@pytest.mark.parametrize("max_gap_s", [10, 600])
def test_two_hour_window_through_the_whole_chain(max_gap_s):
    found = []
    for seed in range(60):
        truth, sightings = window(seed)
        visits = compute_visits(sightings, max_gap=timedelta(seconds=max_gap_s), coverage=Coverage.until(at(120)))
        row = compute_survival_summary(visits).row(0, named=True)
        names = ("km_median_s", "naive_closed_only_median_s", "naive_as_if_closed_median_s")
        found.append([row[c.SHARE], *(row[name] / truth - 1 for name in names)])
    share, km, closed_only, as_if_closed = np.mean(found, axis=0)
    assert share == pytest.approx(0.25 if max_gap_s < 60 else 0.33, abs=0.02)
    assert abs(km) < 0.03
    assert -0.30 < closed_only < -0.18
    assert -0.30 < as_if_closed < -0.15


def test_open_visits_are_censored_where_the_state_was_known():
    # Coverage ends at 60 min, max_gap 10 min, so everybody's state is known until 50 min. A visit 0–40 ended;
    # 30–55 and 20–60 are open: known to last 20 and 30 min; 52–58 started later and says nothing.
    visits = pl.DataFrame({
        c.STARTED: [at(0), at(30), at(20), at(52)],
        c.ENDED: [at(40), at(55), at(60), at(58)],
        c.DWELL_S: [2400.0, 1500.0, 2400.0, 360.0],
        c.OPEN: [False, True, True, True],
    })  # fmt: skip
    curve = compute_survival(visits, known_until=at(50))
    assert curve.select(c.T_S, c.EVENTS, c.CENSORED).rows()[1:] == [(1200.0, 0, 1), (1800.0, 0, 1), (2400.0, 1, 0)]
    # Without being told, the last end of a closed visit (40 min) is the horizon.
    assert compute_survival(visits)[c.T_S].to_list() == [0.0, 600.0, 1200.0, 2400.0]
    row = compute_survival_summary(visits).row(0, named=True)
    assert row["naive_as_if_closed_mean_s"] == pytest.approx((2400 + 1500 + 2400 + 360) / 4)


@pytest.mark.parametrize("mark", [c.OPEN_START, c.CUT_START])
def test_a_visit_whose_beginning_is_unknown_says_nothing_of_its_length(mark):
    visits = frame([10, 20], [False, False]).with_columns(pl.Series(mark, [True, False]))
    assert compute_survival(visits).select(c.T_S, c.AT_RISK, c.EVENTS).rows()[1:] == [(20.0, 1, 1)]
    row = compute_survival_summary(visits).row(0, named=True)
    assert (row[c.VISITS], row[c.UNKNOWN_START], row["naive_as_if_closed_median_s"]) == (2, 1, 15.0)


def test_a_visit_that_the_selected_time_cuts_did_not_end_there():
    visits = frame([10, 20], [False, False]).with_columns(pl.Series(c.CUT_END, [True, False]))
    assert compute_survival(visits).select(c.T_S, c.EVENTS, c.CENSORED).rows()[1:] == [(10.0, 0, 1), (20.0, 1, 0)]
    row = compute_survival_summary(visits).row(0, named=True)
    assert (row[c.CUT_END], row["naive_closed_only_median_s"], row["km_median_s"]) == (1, 20.0, 20.0)


@pytest.mark.parametrize(("since", "until"), [(None, 120), (30, 150), (20, 260)])
def test_a_time_filter_censors_what_it_cuts(since, until):
    found = []
    for seed in range(60):
        truth, sightings = window(seed, hours=6)
        chosen = Filters(since=None if since is None else at(since), until=at(until))
        visits = compute_visits(sightings, filters=chosen, coverage=Coverage.until(at(360)))
        row = compute_survival_summary(visits).row(0, named=True)
        found.append([row["km_median_s"] / truth - 1, row["naive_as_if_closed_median_s"] / truth - 1])
    km, as_if_closed = np.mean(found, axis=0)
    assert abs(km) < 0.03
    assert as_if_closed < -0.04


def test_one_curve_per_group():
    visits = frame([10, 20, 30], [False] * 3).with_columns(camera_id=pl.Series(["b", "a", "a"]))
    summary = compute_survival_summary(visits, by=c.CAMERA)
    assert summary.select(c.CAMERA, c.VISITS, "km_median_s").rows() == [("a", 2, 20.0), ("b", 1, 10.0)]
    assert compute_survival(visits, by=[c.CAMERA])[c.CAMERA].unique().sort().to_list() == ["a", "b"]


def test_nothing_is_invented():
    empty = frame([], [])
    assert compute_survival(empty).select(c.T_S, c.AT_RISK).rows() == [(0.0, 0)]
    row = compute_survival_summary(empty).row(0, named=True)
    assert row[c.VISITS] == 0
    assert row["km_median_s"] is None
    assert row["km_mean_s"] is None
    all_open = compute_survival_summary(frame([10, 20], [True, True])).row(0, named=True)
    assert all_open["km_median_s"] is None
    assert all_open["naive_closed_only_median_s"] is None


def test_keeps_the_kind_of_frame():
    pandas = frame([10, 20], [False, True]).to_pandas()
    before = pandas.copy()
    assert type(compute_survival(pandas)) is type(pandas)
    assert type(compute_survival_summary(pandas)) is type(pandas)
    assert pandas.equals(before)


def test_says_what_is_missing():
    with pytest.raises(ContractError, match="lacks columns"):
        compute_survival(pl.DataFrame({c.DWELL_S: [1.0]}))


def test_a_thinned_curve_is_exact_where_it_is_given():
    rng = np.random.default_rng(8)
    visits = frame(rng.lognormal(6, 1, 500).tolist(), (rng.random(500) < 0.2).tolist())
    whole, thin = compute_survival(visits), compute_survival(visits, points=40)
    assert thin.height == 40
    assert (thin[c.T_S][0], thin[c.T_S][-1]) == (0.0, whole[c.T_S][-1])
    for name in (c.SURVIVAL, c.LOW, c.HIGH):
        expected = [whole.filter(pl.col(c.T_S) <= t)[name][-1] for t in thin[c.T_S]]
        assert thin[name].to_list() == expected
    assert (thin[c.EVENTS].sum(), thin[c.CENSORED].sum()) == (whole[c.EVENTS].sum(), whole[c.CENSORED].sum())
    assert compute_survival(visits, points=10_000).equals(whole)
