"""Coded columns: order, words of the person, and what is refused."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.analytics import ordering
from dwell_kit.analytics.coding import encode, frame_of
from dwell_kit.analytics.ordering import dominant_words, time_order, time_sorted
from dwell_kit.errors import ContractError
from dwell_kit.schema import columns as c
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS

from .strategies import COARSE, Row, frame, sightings


def at(minute: int) -> datetime:
    return datetime(2025, 5, 1, 9, tzinfo=UTC) + timedelta(minutes=minute)


@given(rows=sightings())
def test_rows_come_back_sorted_by_person_start_and_end(rows: list[Row]) -> None:
    table = frame(rows, COARSE)
    coded = encode(table)
    keys = [c.PERSON, c.STARTED, c.ENDED]
    expected = table.sort(keys, nulls_last=True, maintain_order=True)
    found = frame_of(coded)
    assert found.select(table.columns).equals(expected)
    assert coded.n_identified == table[c.PERSON].len() - table[c.PERSON].null_count()
    for person, (a, b) in enumerate(zip(coded.offsets, coded.offsets[1:], strict=False)):
        assert set(found[c.PERSON][int(a) : int(b)]) == {coded.persons[person]}


@given(
    rows=st.lists(st.tuples(st.integers(-1, 5), st.integers(0, 30), st.integers(0, 9)), max_size=300),
)
def test_time_order_is_a_stable_sort(rows: list[tuple[int, int, int]]) -> None:
    group, start, length = (
        (np.array(column, np.int64) for column in zip(*rows, strict=True)) if rows else ([],) * 3
    )
    end = np.asarray(start) + np.asarray(length)
    order, offsets = time_order(np.asarray(group, np.int32), np.asarray(start, np.int64), end, 6)
    expected = sorted(range(len(rows)), key=lambda i: (group[i] if group[i] >= 0 else 9, start[i], end[i]))
    assert order.tolist() == expected
    assert offsets.tolist() == [sum(0 <= g < k for g in group) for k in range(7)]


@given(
    said=st.lists(st.tuples(st.integers(0, 2), st.sampled_from([-1, 0, 1, 2, 3]), st.integers(0, 3)), max_size=20)
)
def test_the_word_with_most_time_wins_and_a_tie_is_other(said: list[tuple[int, int, int]]) -> None:
    said.sort(key=lambda row: row[0])
    person, word, length = (np.array([row[k] for row in said], np.int64) for k in range(3))
    offsets = np.searchsorted(person, range(4))
    found = dominant_words(word, np.zeros(len(said), np.int64), length, offsets, 4)
    for p in range(3):
        time: dict[int, int] = defaultdict(int)
        for who, what, how_long in said:
            if who == p and what in {0, 1, 2}:
                time[what] += how_long
        best = [w for w, t in time.items() if t == max(time.values())]
        assert found[p] == (best[0] if len(best) == 1 else 3)


def people(*rows: tuple[str | None, int, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [(person, "door", at(0), at(length), age, age) for person, length, age in rows],
        schema={
            c.PERSON: pl.String, c.CAMERA: pl.String, c.STARTED: pl.Datetime("us", "UTC"),
            c.ENDED: pl.Datetime("us", "UTC"), c.AGE_GROUP: pl.String, c.CATEGORY: pl.String,
        },
        orient="row",
    )  # fmt: skip


def test_undetermined_words_do_not_outvote_determined_ones() -> None:
    coded = encode(people(("ann", 9, "inconclusive"), ("ann", 1, "70-"), ("bob", 0, "20-29"), ("cem", 3, "who?")))
    assert [AGE_GROUPS[code] for code in coded.person_age] == ["70+", "20-29", "other"]
    assert [GENDERS[code] for code in coded.person_gender] == ["other"] * 3


def test_other_words_of_the_person() -> None:
    table = people(("ann", 5, " VIP "), ("ann", 2, "known"), ("bob", 1, "null"), (None, 9, "known"))
    category = encode(table).attributes[c.CATEGORY]
    assert [category.words[code] for code in category.codes] == ["vip", "other"]
    assert category.words[-1] == "other"


def test_kinds_give_the_same_columns() -> None:
    table = people(("ann", 5, "20-29"), (None, 2, None))
    coded = [encode(made) for made in (table, table.lazy(), table.to_pandas(), table.to_arrow())]
    for other in coded[1:]:
        assert other.person.tolist() == coded[0].person.tolist()
        assert other.start.tolist() == coded[0].start.tolist()
        assert other.age.tolist() == coded[0].age.tolist()


def test_nanoseconds_and_other_zones_become_utc_microseconds() -> None:
    local = pd.DataFrame(
        {
            c.PERSON: ["ann"],
            c.CAMERA: [7],
            c.STARTED: pd.to_datetime(["2025-05-01T11:00:00.000001"]).tz_localize("Europe/Berlin").as_unit("ns"),
            c.ENDED: [datetime(2025, 5, 1, 11, 1, tzinfo=timezone(timedelta(hours=2)))],
        }
    )
    coded = encode(local)
    assert frame_of(coded)[c.STARTED][0] == at(0) + timedelta(microseconds=1)
    assert frame_of(coded)[c.ENDED][0] == at(1)
    assert coded.cameras == ("7",)


def test_what_breaks_the_contract_is_refused() -> None:
    table = people(("ann", 5, None), ("bob", 1, None))
    with pytest.raises(ContractError, match="lacks columns") as missing:
        encode(table.drop(c.CAMERA))
    assert missing.value.where == c.CAMERA
    with pytest.raises(ContractError, match="no time zone"):
        encode(table.with_columns(pl.col(c.STARTED).dt.replace_time_zone(None)))
    with pytest.raises(ContractError, match="1 sightings end before") as late:
        encode(
            table.with_columns(pl.when(pl.col(c.PERSON) == "bob").then(at(2)).otherwise(at(0)).alias(c.STARTED))
        )
    assert late.value.where == "row 1"
    with pytest.raises(ContractError, match="missing"):
        encode(table.with_columns(pl.lit(None, pl.Datetime("us", "UTC")).alias(c.ENDED)))
    with pytest.raises(ContractError, match="not a datetime"):
        encode(table.with_columns(pl.lit(5).alias(c.ENDED)))
    with pytest.raises(ContractError, match="not a frame"):
        encode([1, 2])


def test_nothing_is_coded_too() -> None:
    coded = encode(people())
    assert (len(coded), coded.n_persons, coded.extent) == (0, 0, None)
    assert frame_of(coded).is_empty()


def test_a_tie_among_many_rows_of_one_person_keeps_their_order() -> None:
    n = 500
    rng = np.random.default_rng(1)
    start = rng.integers(0, 40, n)
    order, _ = time_order(np.zeros(n, np.int32), start, start + 1, 1)
    assert order.tolist() == sorted(range(n), key=lambda i: start[i])


@pytest.mark.parametrize(("n_groups", "workers"), [(1, 3), (700, 1), (700, 3), (100_000, 3)])
def test_sorting_by_parts_and_in_threads(n_groups: int, workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "_MANY", 10)
    monkeypatch.setattr(ordering, "_ROWS_PER_PART", 64)
    monkeypatch.setattr(ordering, "threads", lambda: workers)
    rng = np.random.default_rng(n_groups + workers)
    group = rng.integers(-1, n_groups, 5_000)
    start = rng.integers(0, 300, 5_000)
    end = start + rng.integers(0, 3, 5_000)
    made = time_sorted(group, start, end, n_groups)
    expected = np.lexsort((end, start, np.where(group < 0, n_groups, group)))
    assert np.array_equal(made.order, expected)
    assert np.array_equal(made.start, start[expected])
    assert np.array_equal(made.end, end[expected])
    assert np.array_equal(made.offsets, np.searchsorted(np.sort(group[group >= 0]), np.arange(n_groups + 1)))
