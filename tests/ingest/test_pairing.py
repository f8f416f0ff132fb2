"""Entries and exits become the sessions that a person with pencil and paper would write down."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.ingest.pairing import AT, IS_ENTRY, pair, repeats
from dwell_kit.schema import columns as c

Event = tuple[str, str | None, int, bool]
SCHEMA = {c.PERSON: pl.String, c.CAMERA: pl.String, AT: pl.Int64, IS_ENTRY: pl.Boolean, c.ROW_NO: pl.Int64}


def frame(events: list[Event]) -> pl.DataFrame:
    rows = [(*event, number) for number, event in enumerate(events, start=1)]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def sessions(events: list[Event]) -> list[tuple[Any, ...]]:
    return pair(frame(events)).select(c.STARTED, c.ENDED, c.OPEN_START, c.OPEN_END, c.ROW_NO).rows()


def one(text: str) -> list[Event]:
    """'+3 -5' is an entry at 3 and an exit at 5 of one person at one camera."""
    return [("p", "c", int(word[1:]), word[0] == "+") for word in text.split()]


def brute(events: list[Event]) -> list[tuple[Any, ...]]:
    """One person and camera after the other, one instant after the other, with a stack."""
    numbered: dict[Event, int] = {}
    for number, event in enumerate(events, start=1):
        numbered.setdefault(event, number)
    found: list[tuple[Any, ...]] = []
    place = sorted(numbered, key=lambda e: (e[0], e[1] is not None, e[1] or "", e[2]))
    for (person, camera), group in groupby(place, key=lambda e: (e[0], e[1])):
        stack: list[Event] = []
        for at, instant in groupby(group, key=lambda e: e[2]):
            kinds = {e[3]: e for e in instant}
            order = [True, False] if not stack and len(kinds) == 2 else [False, True]
            for kind in order:
                if kind not in kinds:
                    continue
                if kind:
                    stack.append(kinds[kind])
                elif stack:
                    entry = stack.pop()
                    found.append((person, camera, entry[2], at, False, False, numbered[entry]))
                else:
                    found.append((person, camera, at, at, True, False, numbered[kinds[kind]]))
        found += [(person, camera, e[2], e[2], False, True, numbered[e]) for e in stack]
    return sorted(found, key=lambda r: (r[0], r[1] is not None, r[1] or "", r[6]))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+1 -4", [(1, 4, False, False, 1)]),
        ("-4 +1", [(1, 4, False, False, 2)]),
        ("+1 -4 +10 -11", [(1, 4, False, False, 1), (10, 11, False, False, 3)]),
        ("+1 +3 -5 -9", [(1, 9, False, False, 1), (3, 5, False, False, 2)]),
        ("+1", [(1, 1, False, True, 1)]),
        ("-1", [(1, 1, True, False, 1)]),
        ("+1 +50 -60", [(1, 1, False, True, 1), (50, 60, False, False, 2)]),
        ("+1 -5 -9", [(1, 5, False, False, 1), (9, 9, True, False, 3)]),
        ("-1 -2 +3", [(1, 1, True, False, 1), (2, 2, True, False, 2), (3, 3, False, True, 3)]),
        ("+7 -7", [(7, 7, False, False, 1)]),
        ("-7 +7", [(7, 7, False, False, 2)]),
        ("+1 -7 +7 -9", [(1, 7, False, False, 1), (7, 9, False, False, 3)]),
        ("+1 +1 -5", [(1, 5, False, False, 1)]),
        ("", []),
    ],
)
def test_by_hand(text: str, expected: list[tuple[Any, ...]]) -> None:
    assert sessions(one(text)) == expected


def test_people_and_cameras_are_apart() -> None:
    events = [("a", "x", 1, True), ("b", "x", 2, False), ("a", "y", 3, False), ("a", None, 4, True)]
    assert sorted(r[-1] for r in sessions(events) if r[2] or r[3]) == [1, 2, 3, 4]


def test_an_event_that_stands_twice_is_counted() -> None:
    events = frame(one("+1 +1 -5 -5 -5 +9"))
    assert repeats(events.height, pair(events)) == 3


events = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "y", None]), st.integers(0, 9), st.booleans()),
    max_size=30,
)


@given(events)
def test_as_brute_force_says(events: list[Event]) -> None:
    got = pair(frame(events)).select(c.PERSON, c.CAMERA, c.STARTED, c.ENDED, c.OPEN_START, c.OPEN_END, c.ROW_NO)
    assert got.rows() == brute(events)


@given(events, st.randoms(use_true_random=False))
def test_the_order_in_the_file_does_not_matter(events: list[Event], random: Any) -> None:
    shuffled = events[:]
    random.shuffle(shuffled)
    assert sorted(r[:-1] for r in sessions(shuffled)) == sorted(r[:-1] for r in sessions(events))


@given(events)
def test_no_event_is_lost(events: list[Event]) -> None:
    got = pair(frame(events))
    ends = got.height * 2 - got[c.OPEN_START].sum() - got[c.OPEN_END].sum()
    assert ends == len(set(events))
