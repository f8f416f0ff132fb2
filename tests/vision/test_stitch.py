"""Tracks of chunks become tracks of the recording: against one tracker that saw it all, and by brute force."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.vision.stitch import LEAST_IOU, Seams, agreement, same
from dwell_kit.vision.track_table import TrackTable
from tests.vision.strategies import tables


@st.composite
def walks(draw: st.DrawFn) -> TrackTable:
    """People in lanes of their own, who come, are hidden for a while, and go; ids are those of the recording."""
    rows: list[tuple[int, int, float]] = []
    for person in range(draw(st.integers(0, 5))):
        first, length = draw(st.integers(1, 60)), draw(st.integers(1, 60))
        hidden, hidden_for = draw(st.integers(0, 60)), draw(st.integers(0, 9))
        speed = draw(st.sampled_from([-2.0, 0.0, 3.0]))
        rows += [
            (first + age, person, 200 + speed * age) for age in range(length) if not 0 <= age - hidden < hidden_for
        ]
    rows.sort()
    left = np.array([x for _, _, x in rows])
    top = np.array([100.0 * person for _, person, _ in rows])
    boxes = np.column_stack((left, top, left + 30, top + 80)).reshape(-1, 4)
    frames, persons = (np.array([row[i] for row in rows], np.int64) for i in (0, 1))
    return TrackTable(boxes, frames, persons + 1, np.ones(len(rows)))


def pieces(table: TrackTable, step: int, shared: int) -> Iterator[tuple[int, TrackTable]]:
    """What trackers of chunks would say that know everybody at once: ids are each chunk's own."""
    rng = np.random.default_rng(step)
    for first in range(1, int(table.frame.max(initial=0)) + 1, step):
        piece = table[(table.frame >= first - shared) & (table.frame < first + step)]
        names = rng.permutation(6) + 10
        yield first, TrackTable(piece.xyxy, piece.frame, names[piece.track_id], piece.confidence)


def rejoined(table: TrackTable, step: int, shared: int, jitter: float = 0.0) -> TrackTable:
    seams = Seams(fps=5)
    rng = np.random.default_rng(1)
    parts = []
    for first, piece in pieces(table, step, shared):
        boxes = piece.xyxy + rng.uniform(-jitter, jitter, piece.xyxy.shape)
        parts.append(seams.join(TrackTable(boxes, piece.frame, piece.track_id, piece.confidence), first=first))
    columns = ("xyxy", "frame", "track_id", "confidence")
    return TrackTable(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


@given(walks(), st.integers(12, 40), st.sampled_from([0.0, 2.0]))
def test_whoever_is_seen_in_the_shared_frames_keeps_their_number(
    table: TrackTable, step: int, jitter: float
) -> None:
    """Ten shared frames, nobody is hidden for longer: every person is one track, and no two are the same."""
    if not len(table):
        return
    found = rejoined(table, step, shared=10, jitter=jitter)
    assert found.frame.tolist() == table.frame.tolist()
    assert np.abs(found.xyxy - table.xyxy).max() <= jitter
    pairs = {(int(a), int(b)) for a, b in zip(table.track_id, found.track_id, strict=True)}
    assert len(pairs) == len(np.unique(table.track_id)) == len(np.unique(found.track_id))
    assert sorted(np.unique(found.track_id)) == list(range(1, len(pairs) + 1))


@given(walks(), st.integers(12, 40))
def test_whoever_was_hidden_for_longer_than_the_shared_frames_is_new(table: TrackTable, step: int) -> None:
    """No two persons are ever one track, however few frames are shared; none is joined without a shared frame."""
    if not len(table):
        return
    for shared in (0, 1, 4):
        found = rejoined(table, step, shared=shared)
        owner: dict[int, int] = {}
        for true, number in zip(table.track_id.tolist(), found.track_id.tolist(), strict=True):
            assert owner.setdefault(number, true) == true
        if shared == 0:
            chunks = {(int(f - 1) // step, int(i)) for f, i in zip(table.frame, table.track_id, strict=True)}
            assert len(np.unique(found.track_id)) == len(chunks)


@given(tables(), tables())
def test_most_agrees_of_all_ways_to_pair(before: TrackTable, after: TrackTable) -> None:
    old, new, total = agreement(before, after, half_life=3)
    pairs = same(before, after, half_life=3)
    assert len(set(pairs.values())) == len(pairs)
    row, column = ({int(one): i for i, one in enumerate(ids)} for ids in (old, new))
    found = sum(total[row[a], column[b]] for b, a in pairs.items())
    wide = total if total.shape[0] <= total.shape[1] else total.T
    best = max(
        (sum(wide[i, j] for i, j in enumerate(way)) for way in permutations(range(wide.shape[1]), wide.shape[0])),
        default=0.0,
    )
    assert found == pytest.approx(best)
    for b, a in pairs.items():
        assert total[row[a], column[b]] >= LEAST_IOU * 0.5 ** (6 / 3)


def test_who_a_track_is_at_the_seam_outweighs_who_it_was() -> None:
    """Before: one person for eight frames, another one for the last three. After: one track over all of it."""
    box = np.tile([10.0, 10, 40, 90], (11, 1))
    frames, sure = np.arange(1, 12), np.ones(11)
    before = TrackTable(box, frames, np.array([1] * 8 + [2] * 3), sure)
    after = TrackTable(box, frames, np.full(11, 5), sure)
    assert same(before, after, half_life=2) == {5: 2}


def test_a_track_of_the_shared_frames_alone_is_dropped() -> None:
    box, sure = np.tile([10.0, 10, 40, 90], (2, 1)), np.ones(2)
    seams = Seams(fps=5)
    seams.join(TrackTable(box, np.array([1, 2]), np.array([4, 4]), sure), first=1)
    moved = box + np.array([[500.0], [0.0]])
    joined = seams.join(TrackTable(moved, np.array([2, 3]), np.array([8, 9]), sure), first=3)
    assert (joined.frame.tolist(), joined.track_id.tolist()) == ([3], [2])


def test_a_chunk_without_anybody_ends_all_tracks() -> None:
    box, sure = np.tile([10.0, 10, 40, 90], (2, 1)), np.ones(2)
    seams = Seams(fps=5)
    seams.join(TrackTable(box, np.array([1, 2]), np.array([1, 1]), sure), first=1)
    assert len(seams.join(TrackTable.empty(), first=3)) == 0
    assert seams.join(TrackTable(box, np.array([4, 5]), np.array([1, 1]), sure), first=5).track_id.tolist() == [2]
