from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.analytics.crowd import (
    compute_crowd_camera_hour,
    compute_crowd_occupancy,
    compute_crowd_per_hour,
    compute_lead_lag,
)
from dwell_kit.analytics.events import select_events
from dwell_kit.errors import ContractError, FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.tables import CROWD_EVENTS
from tests.analytics.brute import CAMERAS, at, minutes_of, rows_of, specs_with_nobody, visits_of


def events_of(spec) -> pl.DataFrame:
    """Crowd events from (camera, recorded minute, duration in minutes | None, person | None)."""
    rows = [
        {
            c.KEY: f"e{i}", c.EVENT_TYPE: "crowd", c.CAMERA: camera, c.RECORDED: at(recorded), c.PERSON: person,
            c.STARTED: at(recorded - (duration or 0)), c.ROW_NO: i,
            c.LOITERING_S: None if duration is None else 60.0 * duration,
        }
        for i, (camera, recorded, duration, person) in enumerate(spec)
    ]  # fmt: skip
    if not rows:
        return CROWD_EVENTS.empty()
    return CROWD_EVENTS.conform(
        pl.DataFrame(rows, schema_overrides={c.PERSON: pl.String, c.LOITERING_S: pl.Float64})
    )


def test_events_per_camera_and_local_hour():
    events = events_of([("a", 0, 1, "p"), ("a", 59, 1, "p"), ("a", 60, 1, None), ("b", 5, 1, "q")])
    assert compute_crowd_per_hour(events).rows() == [
        (at(0), "a", "crowd", 2, 1),
        (at(0), "b", "crowd", 1, 1),
        (at(60), "a", "crowd", 1, 0),
    ]
    assert compute_crowd_per_hour(events, by=("event_type",)).rows() == [
        (at(0), "crowd", 3, 2),
        (at(60), "crowd", 1, 0),
    ]
    assert compute_crowd_per_hour(events, by=()).rows() == [(at(0), 3, 2), (at(60), 1, 0)]
    with pytest.raises(FilterError, match="no such key"):
        compute_crowd_per_hour(events, by=("shoe",))
    only = compute_crowd_per_hour(events, filters=Filters.of(camera="a", since=at(30), until=at(60)))
    assert only[c.COUNT].to_list() == [1]
    assert compute_crowd_per_hour(events, filters=Filters.of(hours=(21, 22)))[c.CAMERA].to_list() == ["a"]
    assert compute_crowd_per_hour(events, filters=Filters.of(hours=(23, 21)))[c.COUNT].sum() == 3


def test_an_event_goes_by_the_words_of_its_person():
    # p is male and q female by their sightings, r is neither; z was never sighted, and nobody has no person.
    events = events_of([("a", minute, 1, who) for minute, who in enumerate(("p", "q", "r", "z", None))])
    words = pl.Series(c.GENDER, ["female", "female", "male", "M", "male"])
    events = events.with_columns(words, pl.Series(c.AGE_GROUP, ["0-2", "70-", "0-2", "70-", None]))
    sightings = rows_of([("p", "a", 0, 9), ("q", "a", 0, 9), ("r", "a", 0, 9)])

    def chosen(known, **filters):
        rows = select_events(events, filters=Filters.of(**filters), tz="UTC", sightings=known)
        return rows[c.PERSON].to_list()

    assert chosen(sightings, gender="male") == ["p", "z", None]
    assert chosen(sightings, gender="other") == ["r"]
    assert chosen(None, gender="male") == ["r", "z", None]
    assert chosen(sightings, age_group="70-") == ["z"]  # no sighting says an age: those three are `other`
    assert chosen(sightings, attributes={c.CATEGORY: "other"}) == ["p", "q", "r"]
    for compute in (compute_crowd_occupancy, compute_lead_lag):
        compute(events, sightings, filters=Filters.of(gender="male"))
    counts = compute_crowd_per_hour(events, sightings=sightings, filters=Filters.of(gender="male"))
    assert counts.select(c.COUNT, c.UNIQUE_VISITORS).rows() == [(3, 2)]
    with pytest.raises(FilterError, match="attributes"):
        chosen(None, attributes={c.CATEGORY: "other"})


def test_events_by_camera_and_clock_hour_add_up_over_days():
    day = 24 * 60
    events = events_of(
        [("a", 0, 1, "p"), ("a", day + 5, 1, "p"), ("a", day + 6, 1, None), ("a", 60, 1, "q"), ("b", 0, 1, None)]
    )
    hour = at(0).hour
    assert compute_crowd_camera_hour(events).rows() == [
        ("a", hour, "crowd", 3, 1),
        ("a", (hour + 1) % 24, "crowd", 1, 1),
        ("b", hour, "crowd", 1, 0),
    ]
    berlin = compute_crowd_camera_hour(events.filter(pl.col(c.CAMERA) == "b"), tz="Europe/Berlin")
    assert berlin[c.HOUR].to_list() == [hour + 1]  # not summer yet
    assert compute_crowd_camera_hour(CROWD_EVENTS.empty()).is_empty()


@given(
    specs_with_nobody,
    st.lists(
        st.tuples(
            st.sampled_from(CAMERAS),
            st.integers(0, 160),
            st.integers(0, 40),
            st.sampled_from(["p", "q", "z", None]),
        ),
        max_size=6,
    ),
)
def test_occupancy_of_an_event_equals_looking_at_every_minute(spec, events):
    table = compute_crowd_occupancy(events_of(events), rows_of(spec))
    assert table[c.KEY].to_list() == [f"e{i}" for i in range(len(events))]
    seen = {row[1] for row in spec}
    for (camera, recorded, duration, person), row in zip(events, table.iter_rows(named=True), strict=True):
        if camera not in seen:
            assert row[c.OCCUPANCY_MAX] is None
            assert row[c.OCCUPANCY] is None
            continue
        levels = [_occupancy(spec, camera, minute) for minute in range(recorded - duration, recorded + 1)]
        assert (row[c.OCCUPANCY_MAX], row[c.OCCUPANCY]) == (max(levels), levels[-1])
        own = [
            rows
            for who, rows in visits_of(spec)
            if who == person
            and min(r[2] for r in rows) <= recorded
            and max(r[2] + r[3] for r in rows) >= recorded - duration
        ]
        assert row[c.VISIT_DWELL_S] == (60.0 * len(minutes_of(own[-1])) if own else None)


def _occupancy(spec, camera: str, minute: int) -> int:
    here = [row for row in spec if row[1] == camera and row[2] <= minute < row[2] + row[3]]
    return len({row[0] for row in here if row[0]}) + sum(row[0] is None for row in here)


def test_who_was_there_and_how_long_they_stayed():
    # p stays 0–30 at a and 30–60 at b (a visit of 60 min); q 10–20 at a; nobody 12–15; the event is at a, 10–15.
    spec = [("p", "a", 0, 30), ("p", "b", 30, 30), ("q", "a", 10, 10), (None, "a", 12, 3)]
    row = compute_crowd_occupancy(events_of([("a", 15, 5, "q")]), rows_of(spec)).row(0, named=True)
    assert (row[c.OCCUPANCY_MAX], row[c.OCCUPANCY], row[c.N_PERSONS]) == (3, 2, 2)
    assert row[c.PRESENT_DWELL_MEAN_S] == 60.0 * (60 + 10) / 2
    assert row[c.VISIT_DWELL_S] == 600.0
    assert row[c.STARTED] == at(10)


def test_without_a_duration_the_event_starts_when_it_says():
    events = events_of([("a", 15, None, None)]).with_columns(pl.lit(at(5)).alias(c.STARTED))
    assert compute_crowd_occupancy(events, rows_of([("p", "a", 0, 10)]))[c.OCCUPANCY_MAX].to_list() == [1]


def test_lead_and_lag():
    # Every crowd follows its event by two quarters of an hour.
    spec = [("p", "a", start + 30, 15) for start in (0, 150, 345)] + [("q", "b", 0, 1), ("q", "b", 479, 1)]
    events = events_of([("a", start, 1, None) for start in (0, 150, 345)])
    table = compute_lead_lag(events, rows_of(spec), max_lag=3)
    best = table.sort(c.CORRELATION, descending=True, nulls_last=True).row(0, named=True)
    assert (best[c.LAG], best[c.LAG_S]) == (2, 1800.0)
    assert best[c.CORRELATION] > 0.99
    x = np.zeros(32)
    y = np.zeros(32)
    x[[0, 10, 23]] = 1
    y[[2, 12, 25]] = 1
    y[[0, 31]] += 1 / 15
    for lag in (-3, 0, 1):
        a, b = x[max(0, -lag) : 32 - max(0, lag)], y[max(0, lag) : 32 - max(0, -lag)]
        row = table.filter(pl.col(c.LAG) == lag).row(0, named=True)
        assert row[c.CORRELATION] == pytest.approx(np.corrcoef(a, b)[0, 1])
        assert row[c.COUNT] == 32 - abs(lag)


def test_nothing_is_invented():
    none, nobody = events_of([]), rows_of([])
    assert compute_crowd_per_hour(none).is_empty()
    assert compute_crowd_occupancy(none, nobody).is_empty()
    assert compute_lead_lag(none, nobody).is_empty()
    quiet = compute_lead_lag(none, rows_of([("p", "a", 0, 200)]), max_lag=1)
    assert quiet[c.CORRELATION].to_list() == [None] * 3
    alone = compute_crowd_occupancy(events_of([("a", 5, 1, "p")]), nobody).row(0, named=True)
    assert [alone[name] for name in (c.OCCUPANCY_MAX, c.N_PERSONS, c.VISIT_DWELL_S)] == [None] * 3


def test_refuses_what_it_cannot_know():
    with pytest.raises(FilterError, match="events"):
        compute_crowd_per_hour(events_of([]), filters=Filters.of(zone="z"))
    with pytest.raises(ContractError):
        compute_crowd_per_hour(pl.DataFrame({"x": [1]}))
    with pytest.raises(FilterError):
        compute_lead_lag(events_of([]), rows_of([]), max_lag=-1)


def test_keeps_the_kind_of_frame():
    pandas = events_of([("a", 5, 1, "p")]).to_pandas()
    sightings = rows_of([("p", "a", 0, 10)])
    assert type(compute_crowd_per_hour(pandas)) is type(pandas)
    assert type(compute_crowd_occupancy(pandas, sightings)) is type(pandas)
    assert type(compute_lead_lag(pandas, sightings)) is type(pandas)
