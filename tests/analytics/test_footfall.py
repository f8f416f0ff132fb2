from __future__ import annotations

from collections import Counter
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given

from dwell_kit.analytics.demographics import compute_demographics
from dwell_kit.analytics.footfall import compute_footfall
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters
from tests.analytics.brute import at, minutes_of, rows_of, specs, visits_of

BERLIN = "Europe/Berlin"


def local_hour(minutes):
    return at(minutes).astimezone(ZoneInfo(BERLIN)).replace(minute=0)


@given(specs)
def test_counts_visits_by_the_hour_of_their_start(spec):
    table = compute_footfall(rows_of(spec), every="hour", tz=BERLIN)
    expected = Counter(local_hour(rows[0][2]) for _, rows in visits_of(spec))
    got = dict(zip(table[c.BUCKET], table[c.VISITS], strict=True))
    assert {k: v for k, v in got.items() if v} == dict(expected)
    assert table[c.BUCKET].is_sorted()


@given(specs)
def test_by_camera_a_visit_counts_once_where_it_was_seen(spec):
    table = compute_footfall(rows_of(spec), every="day", by=c.CAMERA, tz=BERLIN).filter(pl.col(c.VISITS) > 0)
    expected, people = Counter(), {}
    for person, rows in visits_of(spec):
        for camera in {row[1] for row in rows}:
            first = min(row[2] for row in rows if row[1] == camera)
            key = (local_hour(first).replace(hour=0), camera)
            expected[key] += 1
            people.setdefault(key, set()).add(person)
    keys = list(zip(table[c.BUCKET], table[c.CAMERA], strict=True))
    assert dict(zip(keys, table[c.VISITS], strict=True)) == dict(expected)
    assert dict(zip(keys, table[c.UNIQUE_VISITORS], strict=True)) == {k: len(v) for k, v in people.items()}


@given(specs)
def test_dwell_at_a_camera_is_the_union_there(spec):
    table = compute_demographics(rows_of(spec), by=[c.CAMERA, c.GENDER])
    expected = {}
    for _, rows in visits_of(spec):
        for camera in {row[1] for row in rows}:
            seconds = 60.0 * len(minutes_of([row for row in rows if row[1] == camera]))
            word = {"p": "male", "q": "female"}.get(rows[0][0], "other")
            expected.setdefault((camera, word), []).append(seconds)
    got = {row[:2]: row[2:] for row in table.select(c.CAMERA, c.GENDER, c.SUM_S, c.MEDIAN_S).rows()}
    assert got == {k: (sum(v), pl.Series(v).median()) for k, v in expected.items()}


def test_empty_buckets_are_listed():
    spec = [("p", "a", 0, 5), ("q", "b", 180, 5)]
    table = compute_footfall(rows_of(spec), every="hour")
    assert table[c.VISITS].to_list() == [1, 0, 0, 1]
    assert set(table[c.BASIS]) == {"visits started"}
    by_camera = compute_footfall(rows_of(spec), every="hour", by=c.CAMERA)
    assert by_camera.filter(pl.col(c.CAMERA) == "a")[c.VISITS].to_list() == [1, 0, 0, 0]
    only_women = compute_footfall(rows_of(spec), every="hour", filters=Filters.of(gender="female"))
    assert only_women[c.VISITS].to_list() == [0, 0, 0, 1]


def test_place_and_time_clip():
    spec = [("p", "a", 0, 60), ("p", "b", 65, 60)]
    inside = compute_footfall(rows_of(spec), every="hour", filters=Filters.of(since=at(30), until=at(90)))
    assert inside.select(c.BUCKET, c.VISITS).rows() == [(at(0), 1), (at(60), 0)]
    at_b = compute_footfall(rows_of(spec), every="hour", filters=Filters.of(camera="b"))
    assert at_b.filter(pl.col(c.VISITS) > 0)[c.BUCKET].to_list() == [at(60)]
    whole = compute_footfall(rows_of(spec), every="hour", filters=Filters.of(camera="b", touching=True))
    assert whole.filter(pl.col(c.VISITS) > 0)[c.BUCKET].to_list() == [at(0)]


def test_nothing_is_invented():
    assert compute_footfall(rows_of([])).is_empty()
    assert compute_footfall(rows_of([]), by=[c.CAMERA, c.GENDER]).is_empty()
    assert compute_footfall(rows_of([(None, "a", 0, 10)]))[c.VISITS].to_list() == [0]


def test_refuses_what_cannot_be_grouped():
    for by in ("colour", [c.CAMERA, c.ZONE], [c.GENDER, c.GENDER]):
        with pytest.raises(FilterError):
            compute_footfall(rows_of([]), by=by)


def test_keeps_the_kind_of_frame():
    frame = rows_of([("p", "a", 0, 5)])
    assert type(compute_footfall(frame.to_pandas())) is type(frame.to_pandas())
    assert type(compute_footfall(frame.to_arrow())) is type(frame.to_arrow())
