"""Positions become stays as brute force says, whole or batch by batch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.errors import FilterError
from dwell_kit.ingest import stays
from dwell_kit.ingest.stays import Stays, sightings_from_positions
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS, SIGHTINGS, validate

START = datetime(2025, 8, 1, 10, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


spots = st.lists(
    st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from(["x", None]), st.integers(0, 40)), max_size=40
)


def frame_of(found: list[tuple[str | None, str | None, int]]) -> pl.DataFrame:
    return POSITIONS.conform(
        pl.DataFrame(
            [(person, camera, after(t), n) for n, (person, camera, t) in enumerate(found, start=1)],
            schema={
                c.PERSON: pl.String,
                c.CAMERA: pl.String,
                c.TIME: pl.Datetime("us", "UTC"),
                c.ROW_NO: pl.Int64,
            },
            orient="row",
        )
    )


@given(spots, st.integers(0, 10), st.integers(0, 3))
def test_stays_as_brute_force_says(found: list[tuple[str | None, str | None, int]], gap: int, step: int) -> None:
    expected = []
    for person, camera in {(p, k) for p, k, _ in found if p is not None}:
        times = sorted(t for p, k, t in found if (p, k) == (person, camera))
        stay = [times[0], times[0]]
        for t in times[1:]:
            if t - stay[1] > gap:
                expected.append((person, camera, after(stay[0]), after(stay[1] + step)))
                stay = [t, t]
            stay[1] = t
        expected.append((person, camera, after(stay[0]), after(stay[1] + step)))
    got = sightings_from_positions(frame_of(found), max_gap=timedelta(seconds=gap), step=timedelta(seconds=step))
    validate(got, SIGHTINGS)
    assert set(got.select(c.PERSON, c.CAMERA, c.STARTED, c.ENDED).rows()) == set(expected)
    assert got.height == len(expected)
    assert got[c.KEY].n_unique() == got.height


def test_stays_by_hand() -> None:
    found = [("a", "x", 0), ("a", "x", 5), ("a", "x", 11), (None, "x", 3), ("a", "y", 5)]
    got = sightings_from_positions(frame_of(found), max_gap=timedelta(seconds=5), step=timedelta(seconds=1))
    assert got.select(c.CAMERA, c.STARTED, c.ENDED, c.ROW_NO).rows() == [
        ("x", after(0), after(6), 1),
        ("x", after(11), after(12), 3),
        ("y", after(5), after(6), 5),
    ]


def test_a_negative_gap_means_nothing() -> None:
    with pytest.raises(FilterError):
        sightings_from_positions(frame_of([]), max_gap=timedelta(seconds=-1))


@given(spots, st.lists(st.integers(0, 40), max_size=5), st.integers(0, 10))
def test_batch_by_batch_as_all_at_once(
    found: list[tuple[str | None, str | None, int]], cuts: list[int], gap: int
) -> None:
    frame = frame_of(found)
    edges = sorted({0, frame.height, *(cut for cut in cuts if cut < frame.height)})
    folded = Stays(max_gap=timedelta(seconds=gap))
    for a, b in pairwise(edges):
        folded.add(frame[a:b])
    got = folded.sightings()
    validate(got, SIGHTINGS)
    whole = sightings_from_positions(frame, max_gap=timedelta(seconds=gap), step=folded.step or timedelta())
    assert got.equals(whole)


def test_many_pieces_are_folded_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stays, "_MANY", 3)
    folded = Stays()
    for t in range(50):
        folded.add(frame_of([("a", "x", t), ("b", "x", t)]))
        assert sum(piece.height for piece in folded._pieces) <= 51
    assert folded.step is None  # no batch showed a person twice
    assert folded.sightings().select(c.PERSON, c.STARTED, c.ENDED).rows() == [
        ("a", after(0), after(49)),
        ("b", after(0), after(49)),
    ]


def test_the_step_is_the_usual_one_and_the_gap_follows_it() -> None:
    folded = Stays()
    folded.add(frame_of([("a", "x", t) for t in (0, 4, 8, 12, 20, 26)] + [("b", "x", t) for t in (1, 5)]))
    assert (folded.step, folded.max_gap) == (timedelta(seconds=4), timedelta(seconds=6))
    assert folded.sightings().select(c.PERSON, c.STARTED, c.ENDED).rows() == [
        ("a", after(0), after(16)),
        ("a", after(20), after(30)),
        ("b", after(1), after(9)),
    ]
    assert "6 s apart" in folded.notes()[0]
    assert "stands for 4 s" in folded.notes()[0]
