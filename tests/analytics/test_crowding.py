from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.analytics.crowding import compute_crowding, compute_loitering
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters
from tests.analytics.brute import CAMERAS, at, minutes_of, rows_of, specs_with_nobody


def level(spec, camera, minute) -> int:
    here = [row for row in spec if (camera is None or row[1] == camera) and row[2] <= minute < row[2] + row[3]]
    return len({row[0] for row in here if row[0]}) + (sum(row[0] is None for row in here) if camera else 0)


@given(specs_with_nobody, st.integers(1, 3), st.integers(0, 15), st.booleans())
def test_crowding_equals_looking_at_every_minute(spec, n, minutes, whole):
    expected = []
    for camera in [None] if whole else CAMERAS:
        begin = None
        for minute in range(200):
            here = level(spec, camera, minute)
            if here >= n and begin is None:
                begin, most = minute, 0
            if here >= n:
                most = max(most, here)
            elif begin is not None:
                if minute - begin >= minutes:
                    expected.append((camera, at(begin), at(minute), 60.0 * (minute - begin), most))
                begin = None
    by = None if whole else c.CAMERA
    table = compute_crowding(rows_of(spec), at_least=n, for_at_least=60.0 * minutes, by=by)
    assert table.rows() == [row[1:] if whole else row for row in expected]


@given(specs_with_nobody, st.integers(1, 30))
def test_loitering_equals_merging_by_hand(spec, minutes):
    expected = []
    for camera in CAMERAS:
        for person in "pqr":
            rows = sorted((r for r in spec if r[0] == person and r[1] == camera), key=lambda r: (r[2], r[3]))
            stays: list[list] = []
            for row in rows:
                if stays and row[2] - max(r[2] + r[3] for r in stays[-1]) <= 2:
                    stays[-1].append(row)
                else:
                    stays.append([row])
            for stay in stays:
                dwell = len(minutes_of(stay))
                if dwell >= minutes:
                    begin, end = min(r[2] for r in stay), max(r[2] + r[3] for r in stay)
                    expected.append((person, camera, at(begin), at(end), 60.0 * dwell))
    table = compute_loitering(rows_of(spec), min_stay=60.0 * minutes).drop(c.OPEN)
    assert table.rows() == sorted(expected, key=lambda r: (r[2], r[0], r[1]))


def test_loitering_keeps_to_the_filters():
    spec = [("p", "a", 0, 30), ("p", "b", 0, 30), ("q", "a", 0, 30)]
    table = compute_loitering(rows_of(spec), min_stay=600.0, filters=Filters.of(camera="a", gender="male"))
    assert table.select(c.PERSON, c.CAMERA).rows() == [("p", "a")]


def test_nothing_is_invented():
    for by in (c.CAMERA, c.ZONE, None):
        assert compute_crowding(rows_of([]), at_least=1, by=by).is_empty()
    assert compute_crowding(rows_of([("p", "a", 0, 0)]), at_least=1).is_empty()
    assert compute_loitering(rows_of([]), min_stay=1.0).is_empty()


def test_refuses_nonsense():
    with pytest.raises(FilterError):
        compute_crowding(rows_of([]), at_least=0)
    with pytest.raises(FilterError):
        compute_crowding(rows_of([]), at_least=1, by="colour")
    with pytest.raises(FilterError):
        compute_loitering(rows_of([]), min_stay=1.0, by="colour")


def test_keeps_the_kind_of_frame():
    pandas = rows_of([("p", "a", 0, 10)]).to_pandas()
    assert type(compute_crowding(pandas, at_least=1)) is type(pandas)
    assert type(compute_loitering(pandas, min_stay=1.0)) is type(pandas)
