"""Movement against a twin that walks each visit's sightings, and by hand."""

from __future__ import annotations

import itertools
from collections import defaultdict
from datetime import UTC, datetime
from statistics import median

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.analytics.movement import compute_origin_destination, compute_transitions
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters

from .strategies import COARSE, Row, World, filters, frame, sightings


@given(rows=sightings(), chosen=filters(COARSE), by=st.sampled_from(("camera", "zone")))
def test_transitions_equal_the_twin(rows: list[Row], chosen: Filters, by: str) -> None:
    gaps: dict[tuple[str, str], list[float]] = defaultdict(list)
    people: dict[tuple[str, str], set[str]] = defaultdict(set)
    for twin in World(rows, COARSE, chosen).visits():
        placed = [row for row in twin.rows if getattr(row, by) is not None]
        for a, b in itertools.pairwise(placed):
            pair = (getattr(a, by), getattr(b, by))
            if pair[0] != pair[1]:
                gaps[pair].append((b.start - a.end) * COARSE.tick.total_seconds())
                people[pair].add(twin.person)
    found = compute_transitions(frame(rows, COARSE), by=by, filters=chosen)
    assert {(r[0], r[1]): r[2:4] for r in found.rows()} == {p: (len(g), len(people[p])) for p, g in gaps.items()}
    assert dict(zip(zip(found["origin"], found["destination"], strict=True), found[c.MEDIAN_S], strict=True)) == {
        pair: pytest.approx(median(held)) for pair, held in gaps.items()
    }
    if found.height:
        assert found.group_by("origin").agg(pl.col(c.SHARE).sum())[c.SHARE].to_list() == pytest.approx(
            [1.0] * found["origin"].n_unique()
        )


@given(rows=sightings(), chosen=filters(COARSE), by=st.sampled_from(("camera", "zone")))
def test_origins_and_destinations_equal_the_twin(rows: list[Row], chosen: Filters, by: str) -> None:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for twin in World(rows, COARSE, chosen).visits():
        places = [getattr(row, by) for row in twin.rows if getattr(row, by) is not None]
        if places:
            counts[places[0], places[-1]] += 1
    found = compute_origin_destination(frame(rows, COARSE), by=by, filters=chosen)
    assert {(r[0], r[1]): r[2] for r in found.rows()} == dict(counts)


def at(hour: int, minute: int) -> datetime:
    return datetime(2025, 5, 1, hour, minute, tzinfo=UTC)


HAND = pl.DataFrame(
    [
        ("ann", "door", at(9, 0), at(9, 5)),
        ("ann", "hall", at(9, 7), at(9, 20)),
        ("ann", "door", at(9, 20), at(9, 21)),
        ("bob", "door", at(9, 0), at(9, 10)),
        ("bob", "hall", at(9, 6), at(9, 12)),  # both cameras at once: a gap of −4 min
        ("cem", "lift", at(9, 0), at(9, 1)),
    ],
    schema=[c.PERSON, c.CAMERA, c.STARTED, c.ENDED],
    orient="row",
)


def test_by_hand() -> None:
    assert compute_transitions(HAND).rows() == [
        ("door", "hall", 2, 2, 1.0, (120 - 240) / 2),
        ("hall", "door", 1, 1, 1.0, 0.0),
    ]
    assert compute_origin_destination(HAND).select(pl.exclude(c.MEDIAN_S)).rows() == [
        ("door", "door", 1, 1, 0.5),
        ("door", "hall", 1, 1, 0.5),
        ("lift", "lift", 1, 1, 1.0),
    ]


def test_nothing_is_nothing_and_nonsense_is_refused() -> None:
    assert compute_transitions(HAND.clear()).is_empty()
    assert compute_origin_destination(HAND, filters=Filters.of(camera="nowhere")).is_empty()
    with pytest.raises(FilterError, match="no place"):
        compute_transitions(HAND, by="floor")
