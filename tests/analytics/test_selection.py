"""Filters compiled to masks and intervals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from dwell_kit.analytics.coding import encode
from dwell_kit.analytics.selection import Selection, compile
from dwell_kit.analytics.visits import compute_visits
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.hours import OpeningHours
from dwell_kit.schema.time import MAX_US, MIN_US, to_us

SUNDAY = datetime(2025, 3, 30, tzinfo=UTC)


@pytest.fixture
def coded() -> Coded:
    rows = [
        ("ann", "door", "north", "20-29", "female", "vip"),
        ("bob", "hall", "south", "30-39", "male", "known"),
        ("cem", "lift", None, None, None, None),
        (None, None, "north", None, None, None),
    ]
    names = [c.PERSON, c.CAMERA, c.ZONE, c.AGE_GROUP, c.GENDER, c.CATEGORY]
    times = {c.STARTED: SUNDAY, c.ENDED: SUNDAY + timedelta(hours=47)}
    return encode(pl.DataFrame(rows, schema=names, orient="row").with_columns(**times))


def chosen(coded: Coded, **given: object) -> Selection:
    return compile(Filters.of(**given), coded, groups={"shop": ["door", "hall"]})


def persons(coded: Coded, **given: object) -> list[str]:
    return [coded.persons[i] for i in np.flatnonzero(chosen(coded, **given).person)]


def test_without_filters_everything_is_chosen(coded: Coded) -> None:
    found = chosen(coded)
    assert found.camera.all()
    assert found.zone.all()
    assert found.person.all()
    assert found.intervals.tolist() == [[MIN_US, MAX_US]]
    assert found.anonymous


def test_places(coded: Coded) -> None:
    assert chosen(coded, camera="hall").camera.tolist() == [False, True, False, False]
    assert chosen(coded, group="shop").camera.tolist() == [True, True, False, False]
    assert chosen(coded, group="shop", camera=["hall", "lift"]).camera.tolist() == [False, True, False, False]
    assert chosen(coded, group="no such").camera.any() == np.False_
    assert chosen(coded, zone="north").zone.tolist() == [True, False, False]


def test_persons_and_their_words(coded: Coded) -> None:
    assert persons(coded, person=["bob", "nobody"]) == ["bob"]
    assert persons(coded, age_group=["20-29", "other"]) == ["ann", "cem"]
    assert persons(coded, gender="male", age_group="30-39") == ["bob"]
    assert persons(coded, attributes={c.CATEGORY: ["VIP", "other"]}) == ["ann", "cem"]
    assert persons(coded, attributes={c.MASK: "mask"}) == []


def test_anonymous_sightings_have_nothing_that_only_persons_have(coded: Coded) -> None:
    assert chosen(coded, camera="door", since=SUNDAY, touching=True).anonymous
    for given in ({"gender": "male"}, {"person": "ann"}, {"min_dwell": 5}, {"attributes": {c.MASK: "x"}}):
        assert not chosen(coded, **given).anonymous


def test_a_person_sequence_may_find_positions_itself(coded: Coded) -> None:
    class Lazy(tuple):
        def positions(self, ids: tuple[str, ...]) -> list[int]:
            return [self.index(i) for i in ids if i in self]

    lazy = Coded(**{**coded.__dict__, "persons": Lazy(coded.persons)})
    assert persons(lazy, person=["cem", "nobody"]) == ["cem"]


def test_listed_persons_are_left_out_unless_asked_for(coded: Coded) -> None:
    for listed in ([1], np.array([False, True, False])):
        assert compile(Filters(), coded, listed=listed).person.tolist() == [True, False, True]
        assert compile(Filters(include_listed=True), coded, listed=listed).person.all()


def hours(selection: Selection) -> list[tuple[float, float]]:
    """Intervals as hours after the first midnight UTC."""
    return [tuple(((t - to_us(SUNDAY)) / 3.6e9) for t in pair) for pair in selection.intervals.tolist()]


def test_clock_hours_skip_the_hour_that_a_clock_change_skips(coded: Coded) -> None:
    berlin = compile(Filters(hours=(2, 4)), coded, tz="Europe/Berlin")
    assert hours(berlin) == [(1, 2), (24, 26)]  # 03:00–04:00 CEST is all there is of it on Sunday
    assert hours(compile(Filters(hours=(2, 3)), coded, tz="Europe/Berlin")) == [(24, 25)]


def test_times_weekdays_and_hours_are_cut_together(coded: Coded) -> None:
    found = compile(Filters(since="2025-03-30T22:30", weekdays=(7,), hours=(21, 24)), coded, tz="Europe/Berlin")
    assert hours(found) == [(20.5, 22)]
    assert compile(Filters(since="2025-05-01", until="2025-05-01"), coded).intervals.shape == (0, 2)
    assert compute_visits(coded, filters=Filters(since="2025-05-01", until="2025-05-01")).is_empty()


def test_opening_hours(coded: Coded) -> None:
    week = OpeningHours(weekly={7: (("09:00", "12:00"),), 1: (("22:00", "01:00"),)})
    found = compile(Filters(open_hours=True), coded, open_hours=week)
    assert hours(found) == [(9, 12), (46, pytest.approx(47, abs=1e-6))]
    with pytest.raises(FilterError, match="no opening hours"):
        compile(Filters(open_hours=True), coded)
