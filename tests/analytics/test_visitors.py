from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.analytics.coding import encode
from dwell_kit.analytics.visitors import (
    compute_inter_visit,
    compute_new_returning,
    compute_recency_frequency,
    compute_repeat_visitors,
    compute_top_visitors,
    compute_unique_visitors,
)
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters
from tests.analytics.brute import at, minutes_of, rows_of, specs, visits_of

BERLIN = "Europe/Berlin"


def local_day(minutes) -> date:
    return at(minutes).astimezone(ZoneInfo(BERLIN)).date()


def ends(rows) -> tuple[int, int]:
    return min(row[2] for row in rows), max(row[2] + row[3] for row in rows)


@given(specs)
def test_repeat_and_top(spec):
    visits, days, dwell = Counter(), defaultdict(set), Counter()
    for person, rows in visits_of(spec):
        visits[person] += 1
        days[person].add(local_day(rows[0][2]))
        dwell[person] += 60.0 * len(minutes_of(rows))
    row = compute_repeat_visitors(rows_of(spec), tz=BERLIN).row(0, named=True)
    repeat = sum(n > 1 for n in visits.values())
    assert (row[c.UNIQUE_VISITORS], row[c.REPEAT_VISITORS]) == (len(visits), repeat)
    assert row[c.REPEAT_DAY_VISITORS] == sum(len(d) > 1 for d in days.values())
    assert row[c.REPEAT_RATE] == (repeat / len(visits) if visits else None)

    top = compute_top_visitors(rows_of(spec), n=3, tz=BERLIN)
    expected = sorted(visits, key=lambda p: (-visits[p], -dwell[p], p))[:3]
    assert top.select(c.PERSON, c.VISITS, c.DAYS, c.SUM_S).rows() == [
        (p, visits[p], len(days[p]), dwell[p]) for p in expected
    ]
    often = compute_top_visitors(rows_of(spec), n=9, least=2)[c.PERSON].to_list()
    assert sorted(often) == sorted(p for p in visits if visits[p] > 1)
    longest = compute_top_visitors(rows_of(spec), n=2, order="sum_s")
    assert longest[c.PERSON].to_list() == sorted(visits, key=lambda p: (-dwell[p], -visits[p], p))[:2]
    for person, first, last in top.select(c.PERSON, c.FIRST_SEEN, c.LAST_SEEN).iter_rows():
        own = [ends(rows) for who, rows in visits_of(spec) if who == person]
        assert (first, last) == (at(min(a for a, _ in own)), at(max(b for _, b in own)))


@given(specs, st.integers(0, 3000))
def test_new_and_returning(spec, since):
    row = compute_new_returning(rows_of(spec), filters=Filters.of(since=at(since))).row(0, named=True)
    inside, before = set(), set()
    for person, rows in visits_of(spec):
        first, last = ends(rows)
        if any(r[2] + r[3] > since or r[2] >= since for r in rows):
            inside.add(person)
        if last <= since and first < since:
            before.add(person)
    assert row[c.UNIQUE_VISITORS] == len(inside)
    assert row[c.RETURNING_VISITORS] == len(inside & before)
    assert row[c.NEW_VISITORS] == len(inside - before)


@given(specs)
def test_new_and_returning_by_day(spec):
    table = compute_new_returning(rows_of(spec), every="day", tz=BERLIN)
    seen, back = defaultdict(set), defaultdict(set)
    for person, rows in visits_of(spec):
        day = local_day(rows[0][2])
        seen[day].add(person)
        midnight = at(rows[0][2]).astimezone(ZoneInfo(BERLIN)).replace(hour=0, minute=0)
        for other, earlier in visits_of(spec):
            first, last = ends(earlier)
            if other == person and at(last) <= midnight and at(first) < midnight:
                back[day].add(person)
    got = {
        bucket.astimezone(ZoneInfo(BERLIN)).date(): (unique, returning)
        for bucket, unique, returning in table.select(
            c.BUCKET, c.UNIQUE_VISITORS, c.RETURNING_VISITORS
        ).iter_rows()
        if unique
    }
    assert got == {day: (len(people), len(back[day])) for day, people in seen.items()}


@given(specs)
def test_time_between_visits(spec):
    gaps, people = [], set()
    last: dict[str, int] = {}
    for person, rows in visits_of(spec):
        first, end = ends(rows)
        if person in last:
            gaps.append(60.0 * (first - last[person]))
            people.add(person)
        last[person] = end
    row = compute_inter_visit(rows_of(spec)).row(0, named=True)
    assert (row[c.COUNT], row[c.UNIQUE_VISITORS]) == (len(gaps), len(people))
    if gaps:
        assert row[c.MEAN_S] == pytest.approx(np.mean(gaps))
        assert row[c.P90_S] == pytest.approx(np.quantile(gaps, 0.9))
        assert row[c.MAX_S] == max(gaps)
    else:
        assert row[c.MEDIAN_S] is None


def test_unique_visitors_do_not_add_up():
    # p comes on both days, q on the second only: 1 + 2 on the days, 2 in all.
    spec = [("p", "a", 0, 10), ("p", "b", 1440, 10), ("q", "b", 1440, 10)]
    days = compute_unique_visitors(rows_of(spec), every="day")
    assert days[c.UNIQUE_VISITORS].to_list() == [1, 2]
    assert compute_unique_visitors(rows_of(spec))[c.UNIQUE_VISITORS].item() == 2
    assert compute_unique_visitors(rows_of(spec), by="camera").rows() == [("a", 1, 1), ("b", 2, 2)]


def test_a_visit_that_goes_on_is_not_an_earlier_one():
    filters = Filters.of(since=at(30))
    still_there = compute_new_returning(rows_of([("p", "a", 0, 60)]), filters=filters)
    assert still_there[c.NEW_VISITORS].item() == 1
    elsewhere = rows_of([("p", "a", 0, 5), ("p", "b", 60, 5)])
    assert compute_new_returning(elsewhere, filters=filters.but(cameras=("b",)))[c.RETURNING_RATE].item() == 1.0


@pytest.mark.parametrize("clock", [{"weekdays": (5,)}, {"hours": (9, 17)}, {}])
def test_returning_is_since_whatever_weekdays_and_hours_leave_of_the_time(clock):
    # since Monday 2025-05-05; a's first visit is on that Monday at 08:00, b's on the Friday before
    since = datetime(2025, 5, 5, tzinfo=UTC)
    friday = (since + timedelta(days=4, hours=10) - at(0)).total_seconds() / 60
    monday = (since + timedelta(hours=8) - at(0)).total_seconds() / 60
    rows = rows_of(
        [("a", "c", monday, 10), ("a", "c", friday, 10), ("b", "c", friday - 7 * 1440, 10), ("b", "c", friday, 10)]
    )
    found = compute_new_returning(rows, filters=Filters.of(since=since, **clock)).row(0, named=True)
    assert (found[c.NEW_VISITORS], found[c.RETURNING_VISITORS]) == (1, 1)


def test_who_is_level_is_told_by_name_whatever_the_order_of_codes():
    coded = encode(rows_of([(name, "a", 0, 10) for name in "abcd"]))
    turned = replace(coded, persons=["d", "b", "a", "c"])
    assert compute_top_visitors(turned, n=2)[c.PERSON].to_list() == ["a", "b"]
    assert compute_top_visitors(turned, n=9)[c.PERSON].to_list() == ["a", "b", "c", "d"]


def test_recency_and_frequency():
    # The data end on day 9 (r). p: 2 visits, last on day 2; q: 1 visit on day 8; r: 12 visits on day 9.
    day = 1440
    spec = [("p", "a", 0, 5), ("p", "a", 2 * day, 5), ("q", "a", 8 * day, 5)]
    spec += [("r", "a", 9 * day + 15 * i, 1) for i in range(12)]
    table = compute_recency_frequency(rows_of(spec), most=10)
    assert table.rows() == [(0, 10, 1, 1 / 3), (1, 1, 1, 1 / 3), (7, 2, 1, 1 / 3)]


def test_nothing_is_invented():
    for rows in (rows_of([]), rows_of([(None, "a", 0, 10)])):
        assert compute_repeat_visitors(rows).row(0) == (0, 0, None, 0, None)
        assert compute_top_visitors(rows).is_empty()
        assert compute_recency_frequency(rows).is_empty()
        assert compute_unique_visitors(rows)[c.UNIQUE_VISITORS].to_list() == [0]
        assert compute_new_returning(rows).row(0) == (0, 0, 0, None)
        assert compute_inter_visit(rows)[c.COUNT].to_list() == [0]
    assert compute_new_returning(rows_of([]), every="day").is_empty()


def test_refuses_nonsense():
    with pytest.raises(FilterError):
        compute_top_visitors(rows_of([]), n=0)


def test_keeps_the_kind_of_frame():
    pandas = rows_of([("p", "a", 0, 5)]).to_pandas()
    for compute in (compute_unique_visitors, compute_repeat_visitors, compute_top_visitors, compute_new_returning):
        assert type(compute(pandas)) is type(pandas)
    assert isinstance(compute_inter_visit(rows_of([]).lazy().collect()), pl.DataFrame)
