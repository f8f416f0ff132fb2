"""Visits against a twin that counts ticks, and by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.analytics import sweep
from dwell_kit.analytics.coding import encode
from dwell_kit.analytics.selection import compile
from dwell_kit.analytics.visits import compute_visits, compute_zone_visits
from dwell_kit.schema import columns as c
from dwell_kit.schema.coverage import Coverage
from dwell_kit.schema.filters import Filters

from .strategies import CAMERAS, COARSE, FINE, Clock, Row, Twin, World, filters, frame, sightings

ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe")


def expected(twins: list[Twin], clock: Clock) -> list[dict[str, object]]:
    second = timedelta(seconds=1)
    return [
        {
            c.PERSON: t.person,
            c.VISIT: t.visit,
            c.STARTED: clock.at(t.first),
            c.ENDED: clock.at(t.last),
            c.DWELL_S: len(t.present) * clock.tick / second,
            c.SPAN_S: (t.last - t.first) * clock.tick / second,
            c.N_SIGHTINGS: len(t.rows),
            c.N_CAMERAS: len({r.camera for r in t.rows} - {None}),
            c.FIRST_CAMERA: t.first_camera,
            c.LAST_CAMERA: t.last_camera,
            c.OPEN: t.open,
            c.OPEN_START: False,
            c.CUT_START: t.cut_start,
            c.CUT_END: t.cut_end,
            c.KNOWN_UNTIL: None if t.known is None else clock.at(t.known),
        }
        for t in twins
    ]


@pytest.mark.parametrize("clock", [COARSE, FINE], ids=["coarse", "fine"])
@given(data=st.data())
def test_visits_equal_the_twin(clock: Clock, data: st.DataObject) -> None:
    rows, chosen = data.draw(sightings()), data.draw(filters(clock))
    tz = data.draw(st.sampled_from(ZONES))
    found = compute_visits(frame(rows, clock), filters=chosen, tz=tz)
    twins = World(rows, clock, chosen, tz=tz).visits()
    assert found.drop(c.AGE_GROUP, c.GENDER).to_dicts() == expected(twins, clock)


@given(rows=sightings(), gap=st.integers(0, 4), stay=st.integers(0, 3), chosen=filters(COARSE))
def test_zone_visits_equal_the_twin(rows: list[Row], gap: int, stay: int, chosen: Filters) -> None:
    tick = COARSE.tick
    found = compute_zone_visits(frame(rows, COARSE), filters=chosen, zone_max_gap=gap * tick, min_stay=stay * tick)
    world = World(rows, COARSE, chosen.but(max_gap=gap * tick))
    twins = [t for t in world.visits(key=("person", "zone")) if len(t.present) >= stay]
    assert found.drop(c.ZONE, c.AGE_GROUP, c.GENDER).to_dicts() == expected(twins, COARSE)
    assert found[c.ZONE].to_list() == [t.rows[0].zone for t in twins]


STRETCHES = st.lists(st.tuples(st.integers(-5, 180), st.integers(1, 60)), max_size=4)


@given(rows=sightings(), given_stretches=st.tuples(STRETCHES, STRETCHES, STRETCHES), chosen=filters(COARSE))
def test_open_is_judged_by_the_coverage_of_the_camera_that_saw_the_person_last(
    rows: list[Row], given_stretches: tuple[list[tuple[int, int]], ...], chosen: Filters
) -> None:
    ticks = {q: [(a, a + n) for a, n in held] for q, held in zip(CAMERAS, given_stretches, strict=True)}
    coverage = {q: [(COARSE.at(a), COARSE.at(b)) for a, b in held] for q, held in ticks.items()}
    found = compute_visits(frame(rows, COARSE), filters=chosen, coverage=coverage)
    anywhere = [pair for held in ticks.values() for pair in held]
    twins = World(rows, COARSE, chosen).visits({**ticks, None: anywhere})
    names = (c.OPEN, c.CUT_START, c.CUT_END)
    assert found.select(names).rows() == [(t.open, t.cut_start, t.cut_end) for t in twins]
    for row, twin in zip(found.iter_rows(named=True), twins, strict=True):
        if twin.known is not None:
            assert row[c.KNOWN_UNTIL] == COARSE.at(twin.known)


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Row(f"p{i % 37}", "door", None, (i * 7919) % 5000, (i * 7919) % 5000 + i % 9) for i in range(2000)]
    table = frame(rows, FINE)
    alone = compute_visits(table)
    monkeypatch.setattr(sweep, "_MANY", 10)
    monkeypatch.setattr(sweep, "threads", lambda: 5)
    assert compute_visits(table).equals(alone)
    assert alone[c.PERSON].n_unique() == 37


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2025, 5, 1, hour, minute, second, tzinfo=UTC)


HAND = pl.DataFrame(
    [
        ("ann", "door", at(9), at(9, 10)),
        ("ann", "hall", at(9, 5), at(9, 30)),  # overlaps: united
        ("ann", "door", at(9, 40), at(9, 41)),  # gap of exactly 10 min: the same visit
        ("ann", "door", at(9, 51, 1), at(9, 52)),  # one second more: another visit
        (None, "door", at(9), at(9, 30)),  # anonymous: in no visit
    ],
    schema=[c.PERSON, c.CAMERA, c.STARTED, c.ENDED],
    orient="row",
)


def test_by_hand() -> None:
    first, second = compute_visits(HAND).to_dicts()
    assert (first[c.DWELL_S], first[c.SPAN_S]) == (31 * 60, 41 * 60)
    assert (first[c.N_SIGHTINGS], first[c.N_CAMERAS], first[c.LAST_CAMERA]) == (3, 2, "door")
    assert (second[c.VISIT], second[c.DWELL_S]) == (2, 59)


def test_a_nested_long_sighting_keeps_the_visit_together() -> None:
    rows = [Row("ann", "door", None, 0, 100), Row("ann", "hall", None, 10, 12), Row("ann", "hall", None, 101, 102)]
    assert compute_visits(frame(rows, COARSE), max_gap=COARSE.tick).height == 1


def test_place_and_time_clip_but_the_visit_number_stays() -> None:
    chosen = Filters.of(camera="door", since=at(9, 5))
    assert compute_visits(HAND, filters=chosen).select(c.VISIT, c.STARTED, c.DWELL_S).rows() == [
        (1, at(9, 5), 6 * 60.0),
        (2, at(9, 51, 1), 59.0),
    ]


def test_a_visit_that_was_cut_is_not_open() -> None:
    table = HAND.head(1)
    assert compute_visits(table)[c.OPEN].to_list() == [True]
    assert compute_visits(table, filters=Filters(until=at(9, 9)))[c.OPEN].to_list() == [False]
    assert compute_visits(table, coverage=Coverage.until(at(12)))[c.OPEN].to_list() == [False]
    flagged = table.with_columns(pl.lit(True).alias(c.OPEN_END))
    assert compute_visits(flagged, coverage=Coverage.until(at(12)))[c.OPEN].to_list() == [True]


@pytest.mark.parametrize(
    ("kind", "make"), [(pd.DataFrame, pl.DataFrame.to_pandas), (pa.Table, pl.DataFrame.to_arrow)]
)
def test_the_same_kind_of_frame_comes_back(kind: type, make: object) -> None:
    given_frame = make(HAND)  # type: ignore[operator]
    found = compute_visits(given_frame)
    assert isinstance(found, kind)
    assert pl.DataFrame(found).drop(c.STARTED, c.ENDED).equals(compute_visits(HAND).drop(c.STARTED, c.ENDED))


def test_coded_sightings_and_a_compiled_selection() -> None:
    coded = encode(HAND)
    selection = compile(Filters.of(camera="hall"), coded)
    assert compute_visits(coded, selection=selection)[c.DWELL_S].to_list() == [25 * 60.0]


def test_without_data_there_are_columns_only() -> None:
    assert compute_visits(HAND.clear()).schema == compute_visits(HAND).schema
    assert compute_zone_visits(HAND.clear()).columns == compute_zone_visits(HAND).columns


@given(rows=sightings(), gap=st.integers(0, 3))
def test_visits_of_unsorted_arrays_are_the_same(rows: list[Row], gap: int) -> None:
    table = frame(rows, FINE)
    known = sorted({r.person for r in rows if r.person})
    found = sweep.visits_of_unsorted(
        person=np.array([known.index(r.person) if r.person else -1 for r in rows], np.int32),
        camera=np.array([CAMERAS.index(r.camera) if r.camera else -1 for r in rows], np.int16),
        start=table[c.STARTED].to_physical().to_numpy(),
        end=table[c.ENDED].to_physical().to_numpy(),
        max_gap_us=gap * 125_000,
    )
    visits = compute_visits(table, max_gap=gap * FINE.tick)
    assert [known[g] for g in found.group] == visits[c.PERSON].to_list()
    assert (found.dwell / 1e6).tolist() == visits[c.DWELL_S].to_list()
    assert found.cameras.tolist() == visits[c.N_CAMERAS].to_list()
