"""Every quantity on the scripted day of conftest.py, against numbers worked out by hand from its table."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from dwell_kit.analytics.crowd import compute_crowd_occupancy, compute_crowd_per_hour
from dwell_kit.analytics.crowding import compute_crowding, compute_loitering
from dwell_kit.analytics.demographics import compute_demographics
from dwell_kit.analytics.footfall import compute_footfall
from dwell_kit.analytics.occupancy import compute_occupancy, compute_occupancy_at, compute_peak
from dwell_kit.analytics.peaks import compute_camera_hour, compute_peak_hour, compute_series, compute_weekday_hour
from dwell_kit.analytics.sensitivity import compute_fragmentation_sensitivity, compute_gap_sensitivity
from dwell_kit.analytics.suppress import suppress
from dwell_kit.analytics.survival import compute_survival_summary
from dwell_kit.analytics.visitors import (
    compute_inter_visit,
    compute_new_returning,
    compute_recency_frequency,
    compute_repeat_visitors,
    compute_top_visitors,
    compute_unique_visitors,
)
from dwell_kit.analytics.visits import compute_visits
from dwell_kit.schema import columns as c
from dwell_kit.schema.coverage import Coverage
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.tables import CROWD_EVENTS
from dwell_kit.schema.time import to_us
from tests.reference.conftest import clock

MIN = 60.0


@pytest.fixture
def covered(covered_until):
    """09:00 to 12:55: 60, 60, 60 and 55 minutes of the four hours."""
    return [[to_us(clock("09:00")), to_us(covered_until)]]


def test_visits(day, covered_until):
    visits = compute_visits(day, coverage=Coverage.until(covered_until))
    assert visits.select(c.PERSON, c.VISIT, c.DWELL_S, c.SPAN_S, c.N_SIGHTINGS, c.N_CAMERAS, c.OPEN).rows() == [
        ("anna", 1, 20 * MIN, 20 * MIN, 2, 2, False),
        ("anna", 2, 20 * MIN, 20 * MIN, 1, 1, False),
        ("ben", 1, 30 * MIN, 35 * MIN, 2, 2, False),
        ("cleo", 1, 60 * MIN, 60 * MIN, 1, 1, False),
        ("dan", 1, 20 * MIN, 30 * MIN, 2, 2, False),
        ("eli", 1, 0.0, 0.0, 1, 1, False),
        ("finn", 1, 30 * MIN, 30 * MIN, 1, 1, False),
        ("finn", 2, 50 * MIN, 50 * MIN, 1, 1, True),
        ("gia", 1, 20 * MIN, 20 * MIN, 1, 1, False),
        ("hugo", 1, 30 * MIN, 30 * MIN, 1, 1, False),
    ]


def test_survival(day, covered_until):
    # Closed: 0, 20 ×4, 30 ×3, 60 min. Finn's open visit is known until 12:45 (coverage less max_gap): 45 min.
    # At risk 10: one ends at 0 (S = 9/10), four of 9 at 20 (5/10), so the median is 20 min. Three of 5 at 30
    # (2/10), one censored at 45, the last one ends at 60: restricted mean 20 · 0.9 + 10 · 0.5 + 30 · 0.2 = 29 min.
    visits = compute_visits(day, coverage=Coverage.until(covered_until))
    row = compute_survival_summary(visits, known_until=covered_until - timedelta(minutes=10)).row(0, named=True)
    assert (row[c.VISITS], row[c.OPEN]) == (10, 1)
    assert row["km_median_s"] == 20 * MIN
    assert row["km_mean_s"] == pytest.approx(29 * MIN)
    # Naive, closed only: 230 min over 9, median 20. Naive, as if closed: 280 over 10, median (20 + 30) / 2.
    assert row["naive_closed_only_mean_s"] == pytest.approx(230 / 9 * MIN)
    assert row["naive_closed_only_median_s"] == 20 * MIN
    assert row["naive_as_if_closed_mean_s"] == 28 * MIN
    assert row["naive_as_if_closed_median_s"] == 25 * MIN


def test_occupancy(day, covered):
    # Hour 9: anna 20 + 20, ben 10 + 20, cleo 30, hugo 10 = 110 person-minutes. Hour 10: cleo 30, dan 10 + 10,
    # gia 20, hugo 20 = 90. Hour 11: finn 30. Hour 12: finn 50, of 55 covered minutes.
    # The anonymous one is not in it.
    table = compute_occupancy(day, coverage=covered)
    assert table[c.PERSON_SECONDS].to_list() == [110 * MIN, 90 * MIN, 30 * MIN, 50 * MIN]
    assert table[c.OCCUPANCY_MEAN].to_list() == pytest.approx([110 / 60, 90 / 60, 30 / 60, 50 / 55])
    # 09:40 anna, ben, cleo = 3 is the most; nobody is there twice on two cameras.
    assert table[c.OCCUPANCY_MAX].to_list() == [3, 3, 1, 1]
    assert compute_peak(day) == (3, clock("09:40"))
    # At the hall from 10:25: cleo, dan, gia and somebody anonymous.
    at_hall = compute_occupancy_at(day, times=[clock("10:25")], by="camera").filter(pl.col(c.CAMERA) == "hall")
    assert at_hall[c.OCCUPANCY].item() == 4


def test_footfall_and_visitors(day):
    # 9: anna twice, ben, cleo, hugo. 10: dan, eli, gia. 11: finn. 12: finn.
    footfall = compute_footfall(day, every="hour")
    assert footfall.select(c.VISITS, c.UNIQUE_VISITORS).rows() == [(5, 4), (3, 3), (1, 1), (1, 1)]
    assert set(footfall[c.BASIS]) == {"visits started"}
    assert compute_unique_visitors(day).row(0) == (8, 10)
    # door: anna, ben, dan, finn; hall: anna, ben, cleo, dan, gia; cafe: anna, eli, finn, hugo.
    assert compute_unique_visitors(day, by=c.CAMERA).rows() == [("cafe", 4, 4), ("door", 4, 4), ("hall", 5, 5)]
    assert compute_repeat_visitors(day).row(0) == (8, 2, 0.25, 0, 0.0)
    # In the afternoon of a day that began at 12:00, finn is back and nobody else came.
    after_noon = compute_new_returning(day, filters=Filters.of(since=clock("12:00")))
    assert after_noon.row(0) == (1, 0, 1, 1.0)
    # Six came once and two came twice, all on the last day.
    assert compute_recency_frequency(day).rows() == [(0, 1, 6, 0.75), (0, 2, 2, 0.25)]
    # anna 09:20 to 09:40, finn 11:30 to 12:00.
    between = compute_inter_visit(day).row(0, named=True)
    assert (between[c.COUNT], between[c.MEAN_S], between[c.MAX_S]) == (2, 25 * MIN, 30 * MIN)
    top = compute_top_visitors(day, n=3)
    assert top.select(c.PERSON, c.VISITS, c.SUM_S, c.AGE_GROUP).rows() == [
        ("finn", 2, 80 * MIN, "70+"),
        ("anna", 2, 40 * MIN, "20-29"),
        ("cleo", 1, 60 * MIN, "20-29"),
    ]


def test_peaks(day, covered):
    assert compute_peak_hour(day, coverage=covered).row(0) == (9, pytest.approx(110 / 60))
    # By Berlin's clock it is two hours later.
    assert compute_peak_hour(day, coverage=covered, tz="Europe/Berlin")[c.HOUR].item() == 11
    series = compute_series(day, every="day", coverage=covered).row(0, named=True)
    assert (series[c.VISITS], series[c.UNIQUE_VISITORS], series[c.OCCUPANCY_MAX]) == (10, 8, 3)
    assert series[c.OCCUPANCY_MEAN] == pytest.approx(280 / 235)
    thursday = compute_weekday_hour(day, coverage=covered).filter(pl.col(c.VISITS) > 0)
    assert thursday.select(c.WEEKDAY, c.HOUR, c.VISITS).rows() == [(4, 9, 5), (4, 10, 3), (4, 11, 1), (4, 12, 1)]
    # hall at 9: anna 15, ben 20, cleo 30 = 65 of 60 minutes. At 10: cleo 30, dan 10, gia 20, nobody 10 = 70.
    hall = compute_camera_hour(day, coverage=covered).filter(
        (pl.col(c.CAMERA) == "hall") & (pl.col(c.COVERED_S) > 0)
    )
    assert hall[c.OCCUPANCY_MEAN].to_list() == pytest.approx([65 / 60, 70 / 60, 0, 0])
    assert hall[c.VISITS].to_list() == [3, 2, 0, 0]


def test_demographics(day):
    # Women: anna 2, cleo 1, gia 1 visits; men: ben, dan, hugo 1 each, finn 2; eli is not known: 7 of 8 are.
    table = compute_demographics(day, by=c.GENDER)
    assert table.select(c.GENDER, c.VISITS, c.UNIQUE_VISITORS, c.SUM_S, c.MEDIAN_S).rows() == [
        ("male", 5, 4, 160 * MIN, 30 * MIN),
        ("female", 4, 3, 120 * MIN, 20 * MIN),
        ("other", 1, 1, 0.0, 0.0),
    ]
    assert set(table[c.SHARE_DETERMINED]) == {7 / 8}
    # dan's age is inconclusive: 6 of 8 are known by age and gender. 3-9, 20-29 ×2, 30-39, 70+, other ×2.
    crossed = compute_demographics(day)
    assert set(crossed[c.SHARE_DETERMINED]) == {6 / 8}
    assert crossed.height == 7
    # Nobody may be shown with k = 5: every group is smaller.
    assert suppress(table, by=c.GENDER)[c.UNIQUE_VISITORS].null_count() == 3
    # With k = 2 only eli's row is small; the women's goes with it, or 8 − 4 − 3 would give it away.
    shown = suppress(table, by=c.GENDER, k=2)
    assert shown[c.UNIQUE_VISITORS].to_list() == [4, None, None]


def test_crowding(day):
    # hall, 3 or more: 10:20 (cleo, dan, gia), 4 from 10:25, until cleo and dan leave at 10:30.
    table = compute_crowding(day, at_least=3, for_at_least=timedelta(minutes=5))
    assert table.rows() == [("hall", clock("10:20"), clock("10:30"), 10 * MIN, 4)]
    assert compute_crowding(day, at_least=3, for_at_least=timedelta(minutes=11)).is_empty()
    stays = compute_loitering(day, min_stay=timedelta(minutes=30))
    assert stays.select(c.PERSON, c.CAMERA, c.DWELL_S).rows() == [
        ("cleo", "hall", 60 * MIN),
        ("hugo", "cafe", 30 * MIN),
        ("finn", "door", 30 * MIN),
        ("finn", "cafe", 50 * MIN),
    ]


def test_crowd_events(day):
    # The hall's server reports a crowd at 10:31 that lasted 6 minutes, and gia loitering at 10:35 for 15.
    events = CROWD_EVENTS.conform(
        pl.DataFrame(
            [
                {c.KEY: "e1", c.EVENT_TYPE: "crowd", c.CAMERA: "hall", c.RECORDED: clock("10:31"),
                 c.STARTED: clock("10:25"), c.LOITERING_S: 360.0, c.ROW_NO: 1},
                {c.KEY: "e2", c.EVENT_TYPE: "loitering", c.CAMERA: "hall", c.RECORDED: clock("10:35"),
                 c.STARTED: clock("10:20"), c.LOITERING_S: 900.0, c.PERSON: "gia", c.ROW_NO: 2},
            ]
        )
    )  # fmt: skip
    assert compute_crowd_per_hour(events)[c.COUNT].to_list() == [1, 1]
    crowd, gia = compute_crowd_occupancy(events, day).iter_rows(named=True)
    # Four at 10:25; at 10:31 gia and the anonymous one are left; cleo, dan and gia stay 60, 20 and 20 min in all.
    assert (crowd[c.OCCUPANCY_MAX], crowd[c.OCCUPANCY], crowd[c.N_PERSONS]) == (4, 2, 3)
    assert crowd[c.PRESENT_DWELL_MEAN_S] == pytest.approx(100 / 3 * MIN)
    assert crowd[c.VISIT_DWELL_S] is None
    # The anonymous one leaves at 10:35, which is half-open: only gia is there.
    assert (gia[c.OCCUPANCY_MAX], gia[c.OCCUPANCY], gia[c.VISIT_DWELL_S]) == (4, 1, 20 * MIN)


def test_sensitivity(day):
    # With 1 min, ben and dan come apart: 12 visits; with 20 min, anna's two are one: 9; finn's 30 min stay apart.
    gaps = compute_gap_sensitivity(day, max_gaps=(MIN, 10 * MIN, 20 * MIN))
    assert gaps[c.VISITS].to_list() == [12, 10, 9]
    assert gaps[c.REPEAT_VISITORS].to_list() == [4, 2, 1]
    # 280 min of dwell at 0.3 switches an hour: 1.4 pieces too many.
    row = compute_fragmentation_sensitivity(day, switches_per_hour=(0.3,)).row(0, named=True)
    assert row[c.UNIQUE_VISITORS] == pytest.approx(8 - 1.4)
    assert row[c.MEAN_S] == pytest.approx(280 * MIN / 8.6)
