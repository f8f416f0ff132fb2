"""Occupancy against a twin that counts ticks, and by hand."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.analytics import bins, presence, sweep
from dwell_kit.analytics.capacity import compute_capacity_share
from dwell_kit.analytics.occupancy import (
    compute_occupancy,
    compute_occupancy_at,
    compute_occupancy_steps,
    compute_peak,
)
from dwell_kit.analytics.peaks import compute_camera_hour, compute_weekday_hour
from dwell_kit.analytics.watched import overlap
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coverage import Coverage
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import to_us

from .strategies import (
    CAMERAS,
    COARSE,
    FINE,
    WORDS_OF,
    ZONES,
    Clock,
    Row,
    World,
    filters,
    frame,
    sightings,
    with_words,
)

PLACES = {None: (None, (None,)), "camera": ("camera", CAMERAS), "zone": ("zone", ZONES)}
BY = st.sampled_from(tuple(PLACES))
TZ = st.sampled_from(("UTC", "Europe/Berlin", "Asia/Kathmandu"))


def bucket_of(clock: Clock, tick: int, every: str, tz: str) -> datetime:
    local = clock.at(tick).astimezone(ZoneInfo(tz))
    if every == "day":
        return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
    step = timedelta(hours=1) if every == "hour" else timedelta(minutes=15)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0).astimezone(UTC)
    return midnight + (clock.at(tick) - midnight) // step * step


@pytest.mark.parametrize(("clock", "every"), [(COARSE, "hour"), (COARSE, "day"), (FINE, "15min")])
@given(data=st.data())
def test_occupancy_equals_the_twin(clock: Clock, every: str, data: st.DataObject) -> None:
    rows, chosen = data.draw(sightings()), data.draw(filters(clock))
    by, tz = data.draw(BY), data.draw(TZ)
    found = compute_occupancy(frame(rows, clock), every=every, by=by, tz=tz, filters=chosen)
    world = World(rows, clock, chosen, tz=tz)
    key, places = PLACES[by]
    for place in places:
        area: dict[datetime, int] = defaultdict(int)
        most: dict[datetime, int] = defaultdict(int)
        for tick, level in world.occupancy(key, place).items():
            bucket = bucket_of(clock, tick, every, tz)
            area[bucket] += level
            most[bucket] = max(most[bucket], level)
        mine = found if by is None else found.filter(pl.col(f"{by}_id") == place)
        seconds = {b: n * clock.tick / timedelta(seconds=1) for b, n in area.items()}
        assert {b: s for b, s in mine.select(c.BUCKET, c.PERSON_SECONDS).rows() if s} == seconds
        assert {b: m for b, m in mine.select(c.BUCKET, c.OCCUPANCY_MAX).rows() if m} == most
    with_mean = found.filter(pl.col(c.COVERED_S) > 0)
    assert (with_mean[c.OCCUPANCY_MEAN] * with_mean[c.COVERED_S] - with_mean[c.PERSON_SECONDS]).abs().sum() < 1e-6
    assert found.filter(pl.col(c.COVERED_S) == 0)[c.OCCUPANCY_MEAN].null_count() == found.height - with_mean.height


@pytest.mark.parametrize("by", [None, "camera"])
@given(data=st.data())
def test_means_are_over_covered_time_only(by: str | None, data: st.DataObject) -> None:
    known = [Row(None, q, None, 0, 0) for q in CAMERAS]  # every camera occurs; no length, so no presence
    rows, chosen = data.draw(sightings()) + known, data.draw(filters(COARSE))
    stretches = st.lists(st.tuples(st.integers(-5, 180), st.integers(1, 60)), max_size=3)
    ticks = {q: [(a, a + n) for a, n in data.draw(stretches)] for q in CAMERAS}
    coverage = Coverage.of({q: [(COARSE.at(a), COARSE.at(b)) for a, b in held] for q, held in ticks.items()})
    world = World(rows, COARSE, chosen)
    key, places = PLACES[by]
    found = compute_occupancy(frame(rows, COARSE), by=by, filters=chosen, coverage=coverage)
    for place in places:
        selected = [q for q in CAMERAS if not chosen.cameras or q in chosen.cameras]
        watching = selected if place is None else [place]
        covered = {t for q in watching for a, b in ticks[q] for t in range(a, b)}
        covered = {t for t in covered if chosen.touching or world.time(t)}
        level = world.occupancy(key, place)
        area: dict[datetime, list[int]] = defaultdict(list)
        for t in covered:
            area[bucket_of(COARSE, t, "hour", "UTC")].append(level.get(t, 0))
        mine = found if by is None else found.filter(pl.col("camera_id") == place)
        if mine.height:
            means = {b: sum(held) / len(held) for b, held in area.items()}
            pairs = mine.filter(pl.col(c.COVERED_S) > 0).select(c.BUCKET, c.OCCUPANCY_MEAN).rows()
            assert {b: pytest.approx(m) for b, m in pairs} == means
    if not chosen.touching or not len(coverage.anywhere):
        hours = compute_weekday_hour(frame(rows, COARSE), filters=chosen, coverage=coverage)
        env = compute_occupancy(frame(rows, COARSE), filters=chosen, coverage=coverage)
        assert hours[c.COVERED_S].sum() == pytest.approx(env[c.COVERED_S].sum())
        by_camera = compute_camera_hour(frame(rows, COARSE), filters=chosen, coverage=coverage)
        each = compute_occupancy(frame(rows, COARSE), by="camera", filters=chosen, coverage=coverage)
        seen = by_camera.select((pl.col(c.OCCUPANCY_MEAN) * pl.col(c.COVERED_S)).sum()).item()
        each = each.filter(pl.col(c.CAMERA).is_in(by_camera[c.CAMERA].implode()))
        assert seen == pytest.approx(each.select((pl.col(c.OCCUPANCY_MEAN) * pl.col(c.COVERED_S)).sum()).item())


@given(data=st.data())
def test_persons_there_equal_the_twin(data: st.DataObject) -> None:
    rows, chosen = data.draw(sightings()), data.draw(filters(COARSE))
    found = compute_occupancy(frame(rows, COARSE), filters=chosen, persons=True)
    there: dict[datetime, set[str]] = defaultdict(set)
    for twin in World(rows, COARSE, chosen).visits():
        for tick in twin.present:
            there[bucket_of(COARSE, tick, "hour", "UTC")].add(twin.person)
    counted = {b: n for b, n in found.select(c.BUCKET, c.UNIQUE_VISITORS).rows() if n}
    assert counted == {b: len(p) for b, p in there.items()}


def group_of(person: str, by: tuple[str, ...]) -> tuple[str, ...]:
    gender, age = WORDS_OF[person]
    words = {c.GENDER: gender or "other", c.AGE_GROUP: "70+" if age == "70-" else age or "other"}
    return tuple(words[name] for name in by)


@pytest.mark.parametrize("by", [(c.GENDER,), (c.AGE_GROUP,), (c.AGE_GROUP, c.GENDER)])
@given(data=st.data())
def test_groups_of_persons_equal_the_twin(by: tuple[str, ...], data: st.DataObject) -> None:
    rows, chosen, tz = data.draw(sightings()), data.draw(filters(COARSE)), data.draw(TZ)
    table = with_words(frame(rows, COARSE))
    coverage = data.draw(
        st.sampled_from((None, [(COARSE.at(-5), COARSE.at(40)), (COARSE.at(60), COARSE.at(200))]))
    )
    given_ = {"tz": tz, "filters": chosen, "coverage": coverage}
    found = compute_occupancy(table, by=by if len(by) > 1 else by[0], persons=True, **given_)
    level: dict[tuple[str, ...], dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for twin in World(rows, COARSE, chosen, tz=tz).visits():
        for tick in twin.present:
            level[group_of(twin.person, by)][tick].add(twin.person)
    assert set(level) <= set(found.select(by).rows())
    wanted = {
        group_of(p, by) for p in {r.person for r in rows} - {None} if not chosen.persons or p in chosen.persons
    }
    assert {g for g in found.select(by).rows() if g not in wanted} <= {("other",) * len(by)}
    for group, mine in found.group_by(by):
        area: dict[datetime, int] = defaultdict(int)
        most: dict[datetime, int] = defaultdict(int)
        there: dict[datetime, set[str]] = defaultdict(set)
        for tick, persons in level[group].items():
            bucket = bucket_of(COARSE, tick, "hour", tz)
            area[bucket] += len(persons)
            most[bucket] = max(most[bucket], len(persons))
            there[bucket] |= persons
        assert {b: s for b, s in mine.select(c.BUCKET, c.PERSON_SECONDS).rows() if s} == {
            b: n * COARSE.tick.total_seconds() for b, n in area.items()
        }
        assert {b: m for b, m in mine.select(c.BUCKET, c.OCCUPANCY_MAX).rows() if m} == most
        assert {b: n for b, n in mine.select(c.BUCKET, c.UNIQUE_VISITORS).rows() if n} == {
            b: len(p) for b, p in there.items()
        }
    if found.height:
        whole = compute_occupancy(table, **given_)
        parts = found.group_by(c.BUCKET).agg(
            pl.col(c.PERSON_SECONDS, c.OCCUPANCY_MEAN).sum(), pl.col(c.COVERED_S).first()
        )
        both = whole.join(parts, on=c.BUCKET, suffix="_parts")
        assert both.height == whole.height == parts.height
        assert both[c.PERSON_SECONDS].to_list() == both["person_seconds_parts"].to_list()
        assert both[c.COVERED_S].to_list() == both["covered_s_parts"].to_list()
        assert both[c.OCCUPANCY_MEAN].fill_null(0).to_list() == pytest.approx(
            both["occupancy_mean_parts"].to_list()
        )


def test_a_place_crossed_with_words_keeps_its_anonymous_people_as_other() -> None:
    rows = [Row("ann", "door", None, 0, 4), Row("bob", "door", None, 2, 4), Row(None, "door", None, 0, 3)]
    found = compute_occupancy(with_words(frame(rows, COARSE)), by=("camera", c.GENDER), every=None)
    ticks = COARSE.tick.total_seconds()
    assert found.select(c.CAMERA, c.GENDER, c.OCCUPANCY_MAX, c.PERSON_SECONDS).rows() == [
        ("door", "male", 1, 4 * ticks),
        ("door", "female", 1, 2 * ticks),
        ("door", "other", 1, 3 * ticks),
    ]
    alone = compute_occupancy(with_words(frame(rows, COARSE)), by=c.GENDER, every=None)
    assert alone[c.GENDER].to_list() == ["male", "female"]
    assert alone[c.PERSON_SECONDS].to_list() == [4 * ticks, 2 * ticks]
    with pytest.raises(FilterError, match="environment and its groups"):
        compute_occupancy(frame(rows, COARSE), by="camera", persons=True)


@given(data=st.data())
def test_only_selected_places_have_rows(data: st.DataObject) -> None:
    rows, chosen = data.draw(sightings()), data.draw(filters(COARSE))
    table = frame(rows, COARSE)
    for by, name, of, other in (("camera", c.CAMERA, "cameras", "zones"), ("zone", c.ZONE, "zones", "cameras")):
        key, other_key = of[:-1], other[:-1]
        wanted, others = getattr(chosen, of), getattr(chosen, other)
        places = {getattr(r, key) for r in rows if not others or getattr(r, other_key) in others}
        places = {p for p in places if p is not None and (not wanted or p in wanted)}
        if chosen.touching:
            places = {getattr(r, key) for r in rows} - {None}
        tables = [
            compute_occupancy(table, by=by, every="day", filters=chosen),
            compute_capacity_share(table, capacity=2, by=by, every="day", filters=chosen),
            compute_occupancy_at(table, times=[COARSE.at(3)], by=by, filters=chosen),
        ]
        if by == "camera":
            tables.append(compute_camera_hour(table, filters=chosen))
        for made in tables:
            assert set(made[name]) == (places if made.height else set())
        assert set(compute_occupancy_steps(table, by=by, filters=chosen)[name]) <= places


def test_places_that_were_not_selected_are_not_empty_halls() -> None:
    only = compute_occupancy(HAND, every="day", by="camera", filters=Filters(cameras=("hall",)))
    assert only.select(c.CAMERA, c.PERSON_SECONDS, c.COVERED_S).rows() == [("hall", 1200.0, 3000.0)]
    at_ten = compute_occupancy_at(HAND, times=[at(10)], by="camera", filters=Filters(cameras=("hall",)))
    assert at_ten.rows() == [("hall", at(10), 1)]


@given(data=st.data())
def test_steps_and_instants_equal_the_twin(data: st.DataObject) -> None:
    rows, chosen, by = data.draw(sightings()), data.draw(filters(FINE)), data.draw(BY)
    world, table = World(rows, FINE, chosen), frame(rows, FINE)
    key, places = PLACES[by]
    asked = range(-2, 180)
    instants = compute_occupancy_at(table, times=[FINE.at(t) for t in asked], by=by, filters=chosen)
    steps = compute_occupancy_steps(table, by=by, filters=chosen)
    for place in places:
        level = world.occupancy(key, place)
        mine = instants if by is None else instants.filter(pl.col(f"{by}_id") == place)
        if mine.height:  # a place that no sighting names has no rows
            assert mine[c.OCCUPANCY].to_list() == [level.get(t, 0) for t in asked]
        mine = steps if by is None else steps.filter(pl.col(f"{by}_id") == place)
        changes = [t for t in range(-1, 200) if level.get(t, 0) != level.get(t - 1, 0)]
        assert mine.select(c.TIME, c.OCCUPANCY).rows() == [(FINE.at(t), level.get(t, 0)) for t in changes]


@given(rows=sightings(), chosen=filters(FINE))
def test_peak_equals_the_twin(rows: list[Row], chosen: Filters) -> None:
    level = World(rows, FINE, chosen).occupancy()
    most = max(level.values(), default=0)
    first = min((t for t, n in level.items() if n == most), default=None)
    assert compute_peak(frame(rows, FINE), filters=chosen) == (most, None if first is None else FINE.at(first))


def crowd(n: int, *, seed: int, span_s: int) -> pl.DataFrame:
    """People with µs times: many events in each bin."""
    rng = np.random.default_rng(seed)
    start = to_us(datetime(2025, 5, 1, tzinfo=UTC)) + rng.integers(0, span_s * 1_000_000, n)
    return pl.DataFrame(
        {
            c.PERSON: [f"p{i}" for i in rng.integers(0, n // 3, n)],
            c.CAMERA: [CAMERAS[i] for i in rng.integers(0, 3, n)],
            c.STARTED: pl.Series(start).cast(pl.Datetime("us", "UTC")),
            c.ENDED: pl.Series(start + rng.integers(0, 600_000_000, n)).cast(pl.Datetime("us", "UTC")),
        }
    )


@pytest.mark.parametrize("span_s", [7_200, 200_000])
@pytest.mark.parametrize("parts", [1, 3])
def test_bounded_maxima_equal_the_steps(span_s: int, parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "_MANY", 100)
    monkeypatch.setattr(sweep, "threads", lambda: parts)
    table = crowd(6_000, seed=span_s + parts, span_s=span_s)
    steps = compute_occupancy_steps(table)
    by_hour = compute_occupancy(table, every="hour")
    starts = by_hour[c.BUCKET]
    carried = compute_occupancy_at(table, times=starts)[c.OCCUPANCY]
    inside = steps.group_by(pl.col(c.TIME).dt.truncate("1h").alias(c.BUCKET)).agg(pl.col(c.OCCUPANCY).max())
    expected = (
        pl.DataFrame({c.BUCKET: starts, "carried": carried})
        .join(inside, on=c.BUCKET, how="left", maintain_order="left")
        .select(pl.max_horizontal("carried", c.OCCUPANCY))
    )
    assert by_hour[c.OCCUPANCY_MAX].to_list() == expected.to_series().to_list()
    top = steps.filter(pl.col(c.OCCUPANCY) == pl.col(c.OCCUPANCY).max())
    assert compute_peak(table) == (top[c.OCCUPANCY][0], top[c.TIME][0])


def test_more_arrivals_in_a_bin_than_a_cell_holds() -> None:
    n = 70_000
    table = pl.DataFrame({c.PERSON: [f"p{i}" for i in range(n)]}).with_columns(
        pl.lit("door").alias(c.CAMERA),
        pl.lit(at(9)).alias(c.STARTED).cast(pl.Datetime("us", "UTC")),
        pl.lit(at(9, 1)).alias(c.ENDED).cast(pl.Datetime("us", "UTC")),
    )
    assert compute_peak(table) == (n, at(9))
    assert compute_occupancy(table)[c.OCCUPANCY_MAX].to_list() == [n]


def test_an_overflow_is_found_out() -> None:
    cells = np.array([3 << 16, 3, 0, 3], np.uint32)
    assert presence._candidates(cells, np.array([0, 3]), 0)[0]
    assert not presence._candidates(cells - np.array([0, 0, 0, 1], np.uint32), np.array([0, 3]), 0)[0]


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2025, 5, 1, hour, minute, tzinfo=UTC)


HAND = pl.DataFrame(
    [
        ("ann", "door", at(9, 50), at(10, 10)),
        ("ann", "hall", at(10), at(10, 20)),  # on two cameras at once: one person
        ("bob", "door", at(10, 10), at(10, 40)),  # comes at the door as ann leaves it
        ("cem", "door", at(10, 30), at(10, 30)),  # no length: nobody
        (None, "door", at(10, 15), at(10, 20)),
    ],
    schema=[c.PERSON, c.CAMERA, c.STARTED, c.ENDED],
    orient="row",
)


def test_by_hand() -> None:
    first, second = compute_occupancy(HAND).to_dicts()
    assert (first[c.PERSON_SECONDS], first[c.COVERED_S], first[c.OCCUPANCY_MEAN]) == (600, 600, 1)
    assert (second[c.PERSON_SECONDS], second[c.COVERED_S]) == (50 * 60, 40 * 60)
    assert (second[c.OCCUPANCY_MEAN], second[c.OCCUPANCY_MAX]) == (1.25, 2)
    assert compute_peak(HAND) == (2, at(10, 10))


def test_cameras_count_each_for_itself_and_anonymous_people_too() -> None:
    found = compute_occupancy(HAND, every="day", by="camera").select(c.CAMERA, c.OCCUPANCY_MAX, c.PERSON_SECONDS)
    assert found.rows() == [("door", 2, 55 * 60.0), ("hall", 1, 20 * 60.0)]


def test_a_filter_of_persons_leaves_anonymous_people_out() -> None:
    found = compute_occupancy(HAND, every="day", by="camera", filters=Filters(persons=("bob",)))
    assert found[c.PERSON_SECONDS].to_list() == [30 * 60.0, 0.0]


def test_what_is_not_covered_has_no_mean() -> None:
    covered = [[to_us(at(10)), to_us(at(10, 30))]]
    first, second = compute_occupancy(HAND, coverage=covered).to_dicts()
    assert (first[c.OCCUPANCY_MEAN], first[c.OCCUPANCY_MAX], first[c.COVERED_S]) == (None, 1, 0)
    assert second[c.OCCUPANCY_MEAN] == pytest.approx(40 / 30)  # 50 person-minutes in the hour, 40 of them covered
    longer = compute_occupancy(HAND, coverage=[[to_us(at(8)), to_us(at(11))]])
    assert longer.select(c.OCCUPANCY_MEAN, c.OCCUPANCY_MAX).row(0) == (0.0, 0)


def test_a_clock_filter_leaves_the_other_hours_without_a_mean() -> None:
    found = compute_occupancy(HAND, filters=Filters(hours=(10, 11)))
    assert found[c.OCCUPANCY_MEAN].to_list() == [1.25]
    night = compute_occupancy(
        pl.concat([HAND, HAND.with_columns(pl.col(c.STARTED, c.ENDED) + pl.duration(days=1))]),
        filters=Filters(hours=(10, 11)),
    )
    assert night.height == 25
    assert night[c.OCCUPANCY_MEAN].null_count() == 23


def test_a_day_with_a_clock_change_is_one_hour_shorter() -> None:
    table = HAND.head(1).with_columns(
        pl.lit(datetime(2025, 3, 29, 23, tzinfo=UTC)).alias(c.STARTED),  # midnight in Berlin
        pl.lit(datetime(2025, 3, 30, 22, tzinfo=UTC)).alias(c.ENDED),
    )
    table = table.with_columns(pl.col(c.STARTED, c.ENDED).cast(pl.Datetime("us", "UTC")))
    day = compute_occupancy(table, every="day", tz="Europe/Berlin")
    assert day.select(c.COVERED_S, c.OCCUPANCY_MEAN).rows() == [(23 * 3600.0, 1.0)]
    assert compute_occupancy(table, tz="Europe/Berlin").height == 23


@given(
    cuts=st.lists(st.integers(0, 60), min_size=0, max_size=8, unique=True),
    edges=st.lists(st.integers(-5, 65), min_size=2, max_size=6, unique=True),
)
def test_overlap_counts_what_is_inside(cuts: list[int], edges: list[int]) -> None:
    cuts, edges = sorted(cuts)[: len(cuts) // 2 * 2], sorted(edges)
    pairs = np.array(cuts, np.int64).reshape(-1, 2)
    inside = {t for a, b in pairs for t in range(a, b)}
    found = overlap(pairs, np.array(edges, np.int64))
    assert found.tolist() == [len(inside & set(range(a, b))) for a, b in pairwise(edges)]


def test_kinds_and_emptiness() -> None:
    assert isinstance(compute_occupancy(HAND.to_pandas()), pd.DataFrame)
    for by in PLACES:
        assert compute_occupancy(HAND.clear(), by=by).columns == compute_occupancy(HAND, by=by).columns
        assert compute_occupancy_steps(HAND.clear(), by=by).schema == compute_occupancy_steps(HAND, by=by).schema
    assert compute_peak(HAND.clear()) == (0, None)


def test_what_means_nothing_is_refused() -> None:
    with pytest.raises(FilterError, match="by 'person'"):
        compute_occupancy(HAND, by="person")
    with pytest.raises(FilterError, match="too many buckets"):
        compute_occupancy(HAND, every="1min", coverage=[[0, to_us(datetime(2400, 1, 1, tzinfo=UTC))]])


@given(width=st.integers(1, 10**11), q=st.integers(0, 10**7), beyond=st.integers(-1, 0), wide=st.booleans())
def test_a_bin_is_found_without_a_division(width: int, q: int, beyond: int, wide: bool) -> None:
    t = q * width + beyond
    if t >= 0:
        m = q + 2
        scale = bins.scale_of(-5, width, m)._replace(wide=wide or (m * width) >= 1 << 49)
        assert bins.bin_of(scale, t - 5) == t // width


def test_presence_over_decades_is_exact() -> None:
    table = HAND.with_columns(
        pl.when(pl.col(c.PERSON) == "bob")
        .then(pl.lit(datetime(1970, 1, 1, tzinfo=UTC)))
        .otherwise(pl.col(c.STARTED))
        .cast(pl.Datetime("us", "UTC"))
        .alias(c.STARTED)
    )
    assert compute_peak(table) == (2, at(9, 50))
    assert compute_occupancy(table, every="month")[c.OCCUPANCY_MAX].to_list()[-1] == 2
