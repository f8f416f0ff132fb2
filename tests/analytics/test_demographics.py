from __future__ import annotations

import polars as pl
import pytest

from dwell_kit.analytics.demographics import compute_demographics
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters
from tests.analytics.brute import at, rows_of

SPEC = [
    ("p", "a", 0, 10), ("p", "a", 60, 30),  # male
    ("q", "a", 0, 20), ("q", "b", 15, 15),  # female
    ("r", "b", 1500, 40),  # not known
    (None, "a", 0, 500),
]  # fmt: skip


def test_by_gender():
    # Visits: p 10 and 30 min, q 0–30, r 40. Two of three persons are known.
    table = compute_demographics(rows_of(SPEC), by=c.GENDER)
    names = (c.GENDER, c.VISITS, c.UNIQUE_VISITORS, c.SUM_S, c.MEAN_S, c.MEDIAN_S)
    assert table.select(names).rows() == [
        ("male", 2, 1, 2400.0, 1200.0, 1200.0),
        ("female", 1, 1, 1800.0, 1800.0, 1800.0),
        ("other", 1, 1, 2400.0, 2400.0, 2400.0),
    ]
    assert table[c.SHARE].to_list() == pytest.approx([1 / 3] * 3)
    assert table[c.SHARE_DETERMINED].to_list() == pytest.approx([2 / 3] * 3)


def test_by_day_shares_are_of_the_day():
    table = compute_demographics(rows_of(SPEC), by=c.GENDER, every="day")
    assert table.select(c.GENDER, c.SHARE).rows() == [("male", 0.5), ("female", 0.5), ("other", 1.0)]
    assert table[c.BUCKET].n_unique() == 2


def test_by_camera_dwell_is_that_at_the_camera():
    table = compute_demographics(rows_of(SPEC), by=["camera", c.GENDER])
    assert table.select(c.CAMERA, c.GENDER, c.SUM_S, c.SHARE).rows() == [
        ("a", "male", 2400.0, 0.5),
        ("a", "female", 1200.0, 0.5),
        ("b", "female", 900.0, 0.5),
        ("b", "other", 2400.0, 0.5),
    ]


def test_other_words_and_crossings():
    rows = rows_of(SPEC).with_columns(
        pl.when(pl.col(c.PERSON) == "p").then(pl.lit(" VIP ")).otherwise(None).alias(c.CATEGORY)
    )
    table = compute_demographics(rows, by=[c.CATEGORY, c.GENDER])
    assert table.select(c.CATEGORY, c.GENDER, c.VISITS).rows() == [
        ("vip", "male", 2),
        ("other", "female", 1),
        ("other", "other", 1),
    ]
    assert table[c.SHARE_DETERMINED].to_list() == pytest.approx([1 / 3] * 3)
    assert compute_demographics(rows, by=c.MASK)[c.MASK].to_list() == ["other"]


def test_filters_select_people_and_clip_time():
    filters = Filters.of(gender="male", since=at(75))
    table = compute_demographics(rows_of(SPEC), by=c.GENDER, filters=filters)
    assert table.select(c.GENDER, c.VISITS, c.SUM_S).rows() == [("male", 1, 900.0)]


def test_median_of_an_even_number_is_the_middle_of_two():
    spec = [("p", "a", 100 * i, length) for i, length in enumerate((5, 50, 10, 20))]
    assert compute_demographics(rows_of(spec), by=c.GENDER)[c.MEDIAN_S].item() == 900.0


def test_nothing_is_invented():
    assert compute_demographics(rows_of([])).is_empty()
    assert compute_demographics(rows_of([(None, "a", 0, 5)]), every="hour").is_empty()


def test_refuses_groupings_without_a_word():
    for by in ((), c.CAMERA, "colour"):
        with pytest.raises(FilterError):
            compute_demographics(rows_of([]), by=by)


def test_keeps_the_kind_of_frame():
    pandas = rows_of(SPEC).to_pandas()
    assert type(compute_demographics(pandas)) is type(pandas)


def test_how_many_of_each_group_are_there_at_once():
    # Male p is there 0–10 and 60–90, female q 0–30; 20:00 UTC is minute 0.
    table = compute_demographics(rows_of(SPEC[:4]), by=c.GENDER, every="hour", occupancy=True)
    names = (c.BUCKET, c.GENDER, c.VISITS, c.OCCUPANCY_MAX, c.PERSON_SECONDS, c.OCCUPANCY_MEAN)
    assert table.select(names).rows() == [
        (at(0), "male", 1, 1, 600.0, 600 / 3600),
        (at(0), "female", 1, 1, 1800.0, 0.5),
        (at(60), "male", 1, 1, 1800.0, 1.0),  # the data end after half an hour
    ]
    whole = compute_demographics(rows_of(SPEC[:4]), by=c.GENDER, occupancy=True)
    assert whole.select(c.GENDER, c.VISITS, c.PERSON_SECONDS, c.COVERED_S).rows() == [
        ("male", 2, 2400.0, 5400.0),
        ("female", 1, 1800.0, 5400.0),
    ]
    plain = compute_demographics(rows_of(SPEC[:4]), by=c.GENDER)
    assert whole.select(plain.columns).equals(plain)


def test_who_stays_on_into_an_hour_is_there_without_a_visit():
    table = compute_demographics(rows_of([("p", "a", 50, 20)]), by=[c.GENDER], every="hour", occupancy=True)
    names = (c.BUCKET, c.VISITS, c.UNIQUE_VISITORS, c.PERSON_SECONDS, c.SHARE, c.SHARE_DETERMINED)
    assert table.select(names).rows() == [(at(0), 1, 1, 600.0, 1.0, 1.0), (at(60), 0, 0, 600.0, 0.0, 1.0)]
    for by in ([c.GENDER], [c.CAMERA, c.GENDER]):
        assert compute_demographics(rows_of([]), by=by, every="hour", occupancy=True).is_empty()
        nobody = Filters.of(person="z")
        assert compute_demographics(rows_of(SPEC), by=by, occupancy=True, filters=nobody).is_empty()
