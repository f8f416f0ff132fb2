from __future__ import annotations

from collections import defaultdict
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from dwell_kit.analytics.footfall import compute_footfall
from dwell_kit.analytics.occupancy import compute_occupancy
from dwell_kit.analytics.peaks import (
    compute_camera_hour,
    compute_hour_profile,
    compute_peak_hour,
    compute_series,
    compute_weekday_hour,
    hour_means,
    peak_hour_of,
)
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import to_us
from tests.analytics.brute import CAMERAS, at, minutes_of, rows_of, specs, specs_with_nobody, visits_of

BERLIN = "Europe/Berlin"


def clock(minute):
    local = at(minute).astimezone(ZoneInfo(BERLIN))
    return local.isoweekday(), local.hour


def span(spec) -> range:
    return range(min(r[2] for r in spec), max(r[2] + r[3] for r in spec))


def persons_at(spec, minute, camera=None) -> int:
    here = [r for r in spec if r[2] <= minute < r[2] + r[3] and camera in {None, r[1]}]
    return len({r[0] for r in here if r[0]}) + (sum(r[0] is None for r in here) if camera else 0)


@settings(max_examples=50)
@given(specs)
def test_weekday_hour_equals_looking_at_every_minute(spec):
    present, covered, visits = defaultdict(int), defaultdict(int), defaultdict(int)
    for minute in span(spec) if spec else ():
        covered[clock(minute)] += 1
        present[clock(minute)] += persons_at(spec, minute)
    for _, rows in visits_of(spec):
        visits[clock(rows[0][2])] += 1
    table = compute_weekday_hour(rows_of(spec), tz=BERLIN)
    assert table.height == 7 * 24
    for row in table.iter_rows(named=True):
        cell = (row[c.WEEKDAY], row[c.HOUR])
        assert row[c.COVERED_S] == 60.0 * covered[cell]
        assert row[c.VISITS] == visits[cell]
        mean = present[cell] / covered[cell] if covered[cell] else None
        assert row[c.OCCUPANCY_MEAN] == (mean if mean is None else pytest.approx(mean))
    hours = {h: sum(present[d, h] for d in range(1, 8)) for h in range(24)}
    minutes = {h: sum(covered[d, h] for d in range(1, 8)) for h in range(24)}
    means = [hours[h] / minutes[h] if minutes[h] else 0.0 for h in range(24)]
    peak = compute_peak_hour(rows_of(spec), tz=BERLIN).row(0, named=True)
    if max(means) == 0:
        assert peak[c.HOUR] is None
    else:
        assert means[peak[c.HOUR]] == pytest.approx(max(means))
        assert peak[c.OCCUPANCY_MEAN] == pytest.approx(max(means))


@settings(max_examples=50)
@given(specs_with_nobody)
def test_camera_hour_equals_looking_at_every_minute(spec):
    present, covered, visits, people = defaultdict(int), defaultdict(int), defaultdict(int), defaultdict(set)
    for minute in span(spec) if spec else ():
        covered[clock(minute)[1]] += 60
        for camera in CAMERAS:
            present[camera, clock(minute)[1]] += 60 * persons_at(spec, minute, camera)
    for person, rows in visits_of(spec):
        for camera in {r[1] for r in rows}:
            cell = (camera, clock(min(r[2] for r in rows if r[1] == camera))[1])
            visits[cell] += 1
            people[cell].add(person)
    table = compute_camera_hour(rows_of(spec), tz=BERLIN)
    assert table.height == 24 * len({r[1] for r in spec})
    for row in table.iter_rows(named=True):
        cell = (row[c.CAMERA], row[c.HOUR])
        assert (row[c.VISITS], row[c.UNIQUE_VISITORS]) == (visits[cell], len(people[cell]))
        mean = present[cell] / covered[cell[1]] if covered[cell[1]] else None
        assert row[c.OCCUPANCY_MEAN] == (mean if mean is None else pytest.approx(mean))


def test_camera_hour_keeps_to_the_filters():
    spec = [("p", "a", 0, 60), ("q", "b", 0, 60), (None, "a", 0, 60)]
    table = compute_camera_hour(rows_of(spec), filters=Filters.of(camera="a")).filter(pl.col(c.COVERED_S) > 0)
    assert table.select(c.CAMERA, c.OCCUPANCY_MEAN, c.VISITS).rows() == [("a", 2.0, 1)]
    women = compute_camera_hour(rows_of(spec), filters=Filters.of(gender="female"))
    assert women.filter(pl.col(c.VISITS) > 0).select(c.CAMERA, c.OCCUPANCY_MEAN).rows() == [("b", 1.0)]


@settings(max_examples=50)
@given(specs_with_nobody)
def test_camera_hour_of_whole_visits(spec):
    # A dwell range that everybody meets takes the way over visits: it has to come to the same.
    rows = rows_of([row for row in spec if row[0]])
    always = Filters.of(min_dwell=0.0)
    assert compute_camera_hour(rows, filters=always).rows() == compute_camera_hour(rows).rows()
    long = [r for _, visit in visits_of(spec) if len(minutes_of(visit)) >= 20 for r in visit]
    table = compute_camera_hour(rows, filters=Filters.of(min_dwell=1200.0))
    assert table[c.VISITS].sum() == sum(len({r[1] for r in visit}) for _, visit in visits_of(long))


@settings(max_examples=50)
@given(specs_with_nobody)
def test_camera_hour_clips_to_several_spans(spec):
    hours = Filters.of(hours=(20, 21))
    table = compute_camera_hour(rows_of(spec), filters=hours).filter(pl.col(c.COVERED_S) > 0)
    for camera, hour, mean, seconds in table.select(c.CAMERA, c.HOUR, c.OCCUPANCY_MEAN, c.COVERED_S).iter_rows():
        assert hour == 20
        present = sum(persons_at(spec, minute, camera) for minute in span(spec) if minute < 60)
        assert mean * seconds == pytest.approx(60.0 * present)


def test_series_is_footfall_beside_occupancy():
    rows = rows_of([("p", "a", 0, 90), ("q", "b", 200, 10), (None, "a", 0, 5)])
    for every in ("hour", "day", "week"):
        table = compute_series(rows, every=every, tz=BERLIN)
        arrivals = compute_footfall(rows, every=every, tz=BERLIN)
        present = compute_occupancy(rows, every=every, tz=BERLIN)
        assert table[c.VISITS].to_list() == arrivals[c.VISITS].to_list()
        assert table[c.OCCUPANCY_MAX].to_list() == present[c.OCCUPANCY_MAX].to_list()
        assert table.columns[0] == c.BUCKET


def test_mean_is_over_covered_time_and_ties_go_to_the_earliest():
    # One person in each of two hours; the second hour was covered for 30 minutes of it only.
    rows = rows_of([("p", "a", 0, 30), ("p", "a", 60, 30)])
    covered = np.array([[to_us(at(0)), to_us(at(60))], [to_us(at(60)), to_us(at(90))]])
    assert compute_peak_hour(rows, coverage=covered).row(0) == (21, 1.0)
    whole = np.array([[to_us(at(0)), to_us(at(120))]])
    assert compute_peak_hour(rows, coverage=whole).row(0) == (20, 0.5)


def test_the_profile_of_the_day_has_its_top_at_the_peak_hour():
    # Local 21:00: one person for half of an hour covered by half; 22:00: two persons for all of it.
    rows = rows_of([("p", "a", 0, 30), ("p", "a", 60, 60), ("q", "b", 60, 60)])
    covered = np.array([[to_us(at(0)), to_us(at(30))], [to_us(at(60)), to_us(at(120))]])
    table = compute_hour_profile(rows, tz=BERLIN, coverage=covered)
    assert table[c.HOUR].to_list() == list(range(24))
    assert table.drop_nulls().rows() == [(21, 1.0, 1800.0), (22, 2.0, 3600.0)]
    peak = compute_peak_hour(rows, tz=BERLIN, coverage=covered)
    assert table.sort(c.OCCUPANCY_MEAN, descending=True, nulls_last=True).row(0)[:2] == peak.row(0)
    assert compute_hour_profile(rows_of([]))[c.OCCUPANCY_MEAN].null_count() == 24


def test_hours_of_a_day_that_loses_one():
    # Berlin's 30 March 2025 has no 2 o'clock: seen from 0 to 4 local (23:00 to 02:00 UTC), three hours long.
    rows = rows_of([("p", "a", 180, 180)])
    table = compute_weekday_hour(rows, tz=BERLIN).filter(pl.col(c.COVERED_S) > 0)
    assert table.select(c.WEEKDAY, c.HOUR, c.COVERED_S).rows() == [(7, 0, 3600.0), (7, 1, 3600.0), (7, 3, 3600.0)]


def test_peak_of_means():
    assert peak_hour_of(np.array([0.0, 2.0, 2.0, np.nan])) == 1
    assert peak_hour_of(np.full(24, np.nan)) is None
    none = np.empty(0, np.int64)
    assert np.isnan(hour_means(np.zeros(1, np.int64), none, none, tz="UTC")).all()


def test_nothing_is_invented():
    empty = rows_of([])
    assert compute_series(empty).is_empty()
    assert compute_camera_hour(empty).is_empty()
    assert compute_peak_hour(empty).row(0) == (None, None)
    week = compute_weekday_hour(empty)
    assert week[c.OCCUPANCY_MEAN].null_count() == week.height


def test_keeps_the_kind_of_frame():
    pandas = rows_of([("p", "a", 0, 30)]).to_pandas()
    for compute in (
        compute_series, compute_weekday_hour, compute_camera_hour, compute_peak_hour, compute_hour_profile,
    ):  # fmt: skip
        assert type(compute(pandas)) is type(pandas)
