"""Dwell against a twin that counts ticks, numpy's quantiles, and by hand."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from math import comb
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.analytics.dwell import compute_dwell, compute_dwell_histogram
from dwell_kit.analytics.quantiles import grouped_quantiles_s
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c

from .strategies import COARSE, Row, Twin, World, filters, frame, sightings

GROUPS = {"ground": ["door", "hall"], "shop": ["hall"], "none": ["elsewhere"]}
TICK_S = COARSE.tick / timedelta(seconds=1)
FIGURES = {c.MEDIAN_S: 0.5, c.P90_S: 0.9, c.P95_S: 0.95}


def clock_keys(tick: int, tz: str) -> dict[str, Any]:
    local = COARSE.at(tick).astimezone(ZoneInfo(tz))
    day = local.date()
    return {
        c.HOUR: local.hour,
        c.WEEKDAY: local.isoweekday(),
        c.DAY: day,
        c.WEEK: day - timedelta(days=day.weekday()),
        c.MONTH: day.replace(day=1),
    }


def places_of(row: Row, by: tuple[str, ...]) -> list[dict[str, Any]]:
    """The places that a sighting counts at: one for each group of its camera."""
    base = {c.CAMERA: row.camera, c.ZONE: row.zone}
    wanted = [{k: v for k, v in base.items() if k in by}]
    if c.GROUP in by:
        held = [g for g, cameras in GROUPS.items() if row.camera in cameras]
        wanted = [{**wanted[0], c.GROUP: g} for g in held]
    return [place for place in wanted if None not in place.values()]


def entries(world: World, twin: Twin, by: tuple[str, ...], grain: str) -> list[tuple[dict[str, Any], int, int]]:
    """(place, first tick, ticks of dwell) of a visit, or of its sightings."""

    def seen(row: Row) -> list[int]:
        ticks = list(range(row.start, row.end)) or [row.start]
        return ticks if world.filters.touching else world.touched(row)

    found: dict[tuple[Any, ...], tuple[dict[str, Any], int, set[int]]] = {}
    for number, row in enumerate(twin.rows):
        for place in places_of(row, by):
            key = (*place.values(), number) if grain == "sighting" else tuple(place.values())
            _, first, ticks = found.setdefault(key, (place, seen(row)[0], set()))
            ticks |= {t for t in seen(row) if row.start <= t < row.end}
            found[key] = (place, min(first, seen(row)[0]), ticks)
    return [(place, first, len(ticks)) for place, first, ticks in found.values()]


BY = st.lists(
    st.sampled_from((c.PERSON, c.CAMERA, c.ZONE, c.GROUP, c.HOUR, c.WEEKDAY, c.DAY, c.WEEK, c.MONTH)),
    max_size=3, unique=True,
)  # fmt: skip


@given(rows=sightings(), chosen=filters(COARSE), by=BY, grain=st.sampled_from(("visit", "sighting", "person")))
def test_dwell_equals_the_twin(rows: list[Row], chosen: Any, by: list[str], grain: str) -> None:
    tz = "Europe/Berlin"
    world = World(rows, COARSE, chosen, tz=tz)
    cells: dict[tuple[Any, ...], list[tuple[str, int]]] = defaultdict(list)
    for twin in world.visits():
        for place, first, ticks in entries(world, twin, tuple(by), grain):
            known = {c.PERSON: twin.person, **place, **clock_keys(first, tz)}
            cells[tuple(known[name] for name in by)].append((twin.person, ticks))
    found = compute_dwell(frame(rows, COARSE), by=by, grain=grain, filters=chosen, tz=tz, groups=GROUPS)
    assert [tuple(row[name] for name in by) for row in found.to_dicts()] == sorted(cells)
    for row, (_, held) in zip(found.to_dicts(), sorted(cells.items()), strict=True):
        ticks = [n for _, n in held]
        if grain == "person":
            ticks = [sum(n for who, n in held if who == person) for person in {who for who, _ in held}]
        values = np.array(ticks) * TICK_S
        assert (row[c.COUNT], row[c.UNIQUE_VISITORS]) == (len(values), len({who for who, _ in held}))
        assert (row[c.SUM_S], row[c.MAX_S], row[c.GRAIN]) == (values.sum(), values.max(), grain)
        assert row[c.MEAN_S] == pytest.approx(values.mean())
        for name, q in FIGURES.items():
            assert row[name] == pytest.approx(np.quantile(values, q))


@given(st.lists(st.lists(st.integers(0, 10**12), max_size=20), min_size=1, max_size=5), st.floats(0, 1))
def test_quantiles_are_linear(groups: list[list[int]], q: float) -> None:
    offsets = np.cumsum([0, *map(len, groups)])
    ordered = np.array([v for group in groups for v in sorted(group)], np.int64)
    found = grouped_quantiles_s(ordered, offsets, [q])[0]
    for group, value in zip(groups, found, strict=True):
        assert np.isnan(value) if not group else value == pytest.approx(np.quantile(group, q) / 1e6, abs=1e-6)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2025, 5, 1, hour, minute, tzinfo=UTC)


HAND = pl.DataFrame(
    [
        ("ann", "door", at(9), at(9, 10), "20-29"),
        ("ann", "hall", at(9, 5), at(9, 30), "20-29"),
        ("ann", "door", at(12), at(12, 20), "20-29"),
        ("bob", "door", at(9), at(9, 40), "30-39"),
        (None, "door", at(9), at(10), "30-39"),
    ],
    schema=[c.PERSON, c.CAMERA, c.STARTED, c.ENDED, c.AGE_GROUP],
    orient="row",
)


def test_by_hand() -> None:
    row = compute_dwell(HAND).to_dicts()[0]
    assert (row[c.COUNT], row[c.SUM_S], row[c.MEDIAN_S]) == (3, 90 * 60, 30 * 60)
    assert row[c.P90_S] == pytest.approx(38 * 60)  # 30 + 0.8 × (40 − 30) minutes
    person = compute_dwell(HAND, grain="person").to_dicts()[0]
    assert (person[c.COUNT], person[c.MEAN_S], person[c.GRAIN]) == (2, 45 * 60, "person")


def test_dwell_at_cameras_does_not_add_up() -> None:
    found = compute_dwell(HAND, by=c.CAMERA).select(c.CAMERA, c.COUNT, c.SUM_S)
    assert found.rows() == [("door", 3, 70 * 60.0), ("hall", 1, 25 * 60.0)]


def test_words_of_the_person() -> None:
    found = compute_dwell(HAND, by=[c.AGE_GROUP, c.HOUR]).select(c.AGE_GROUP, c.HOUR, c.COUNT)
    assert found.rows() == [("20-29", 9, 1), ("20-29", 12, 1), ("30-39", 9, 1)]
    assert compute_dwell(HAND, by=c.MASK)[c.MASK].to_list() == ["other"]


def test_max_gap_overrides_the_filters() -> None:
    assert compute_dwell(HAND, max_gap=timedelta(hours=5))[c.COUNT].to_list() == [2]


def stays(lengths: list[int]) -> pl.DataFrame:
    people = [f"p{i}" for i in range(len(lengths))]
    return pl.DataFrame({c.PERSON: people, c.CAMERA: "door", c.STARTED: at(9)}).with_columns(
        (pl.col(c.STARTED) + pl.duration(seconds=pl.Series(lengths))).alias(c.ENDED)
    )


def test_the_median_interval_is_exact() -> None:
    # n = 10: P(Binomial(10, ½) < 2) = 11/1024 ≤ 2.5 % < P(< 3): the second smallest and second largest
    row = compute_dwell(stays(list(range(1, 11))), confidence=0.95).to_dicts()[0]
    assert (row[c.MEDIAN_LOW_S], row[c.MEDIAN_HIGH_S]) == (2, 9)
    few = compute_dwell(stays([1, 2, 3, 4, 5]), confidence=0.95).to_dicts()[0]  # 2 / 2⁵ > 5 %
    assert (few[c.MEDIAN_LOW_S], few[c.MEDIAN_HIGH_S]) == (None, None)


@pytest.mark.parametrize("n", [6, 37, 500, 1999])
def test_the_rank_is_the_largest_that_keeps_the_tail(n: int) -> None:
    row = compute_dwell(stays(list(range(1, n + 1))), confidence=0.9).to_dicts()[0]
    k = int(row[c.MEDIAN_LOW_S])
    below = sum(comb(n, i) for i in range(k))
    assert below * 20 <= 2**n < (below + comb(n, k)) * 20


def test_many_values_take_about_the_same_rank() -> None:
    row = compute_dwell(stays(list(range(1, 3001))), confidence=0.95).to_dicts()[0]
    assert row[c.MEDIAN_LOW_S] == pytest.approx(1500 - 1.96 * 3000**0.5 / 2, abs=1.5)
    assert row[c.MEDIAN_LOW_S] + row[c.MEDIAN_HIGH_S] == 3001


def test_the_mean_interval_is_the_normal_one() -> None:
    row = compute_dwell(stays([10, 20, 30, 40]), confidence=0.95).to_dicts()[0]
    half = 1.959964 * np.std([10, 20, 30, 40], ddof=1) / 2
    assert (row[c.MEAN_LOW_S], row[c.MEAN_HIGH_S]) == pytest.approx((25 - half, 25 + half))


def test_histogram() -> None:
    table = stays([0, 59, 60, 600, 4000])
    found = compute_dwell_histogram(table, bins_s=[0, 60, 600])
    assert found.select(c.FROM_S, c.TILL_S, c.COUNT, c.SHARE).rows() == [
        (0, 60, 2, 0.4), (60, 600, 1, 0.2), (600, None, 2, 0.4),
    ]  # fmt: skip
    equal = compute_dwell_histogram(table, n=4)
    assert equal.select(c.FROM_S, c.TILL_S, c.COUNT).rows() == [
        (0, 1800, 4), (1800, 3600, 0), (3600, 5400, 1),
    ]  # fmt: skip
    by = compute_dwell_histogram(HAND, by=c.CAMERA, bins_s=[0, 1200, 9000])
    assert by.select(c.CAMERA, c.COUNT, c.UNIQUE_VISITORS).rows() == [
        ("door", 1, 1), ("door", 2, 2), ("hall", 0, 0), ("hall", 1, 1),
    ]  # fmt: skip


@given(rows=sightings(), n=st.integers(1, 9))
def test_a_histogram_loses_nothing(rows: list[Row], n: int) -> None:
    table = frame(rows, COARSE)
    counted = compute_dwell(table)[c.COUNT].sum()
    assert compute_dwell_histogram(table, n=n)[c.COUNT].sum() == counted
    assert compute_dwell_histogram(table, bins_s=[0, 301])[c.COUNT].sum() == counted


def test_days_are_local() -> None:
    table = HAND.head(1).with_columns(
        pl.lit(datetime(2025, 5, 1, 22, 30, tzinfo=UTC)).alias(c.STARTED),
        pl.lit(datetime(2025, 5, 1, 22, 40, tzinfo=UTC)).alias(c.ENDED),
    )
    found = compute_dwell(table, by=[c.DAY, c.WEEK, c.MONTH], tz="Europe/Berlin").row(0)
    assert found[:3] == (date(2025, 5, 2), date(2025, 4, 28), date(2025, 5, 1))


def test_kinds_and_emptiness() -> None:
    assert isinstance(compute_dwell(HAND.to_pandas(), by=c.CAMERA), pd.DataFrame)
    for by in ([], [c.CAMERA, c.DAY], [c.GROUP, c.PERSON], [c.HOUR, c.GENDER]):
        full = compute_dwell(HAND, by=by, groups=GROUPS, confidence=0.9)
        assert compute_dwell(HAND.clear(), by=by, groups=GROUPS, confidence=0.9).schema == full.schema
        full = compute_dwell_histogram(HAND, by=by, groups=GROUPS)
        assert compute_dwell_histogram(HAND.clear(), by=by, groups=GROUPS).schema == full.schema


@pytest.mark.parametrize(
    "wrong",
    [{"by": "mood"}, {"by": [c.HOUR, c.HOUR]}, {"grain": "minute"}, {"confidence": 95}, {"by": c.GROUP}],
)
def test_what_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(FilterError):
        compute_dwell(HAND, **wrong)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"bins_s": [0]}, {"bins_s": [0, 5, 5]}, {"bins_s": [1, 2]}])
def test_edges_that_make_no_bins_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(FilterError):
        compute_dwell_histogram(HAND, **wrong)
