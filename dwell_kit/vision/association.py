"""One frame of tracking: predict, associate in stages, confirm, lose, remove; numba on the arrays of `Memory`.

Zhang et al., ByteTrack (ECCV 2022): confident boxes first, to tracks seen and lost; then doubtful boxes to tracks
that were seen in the frame before; then what is left of the confident ones to tentative tracks, and to new ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba as nb
import numpy as np

from dwell_kit.vision.assignment import best_matching
from dwell_kit.vision.filters import POSITION, VAR_POSITION, predict, start, to_box, update

TENTATIVE, CONFIRMED, LOST, REMOVED = range(4)
"""Tentative until seen for long enough, lost while nothing is found of it, removed when that lasts."""

NO_ID = -1
_HAIR = 1e-9


class Memory(NamedTuple):
    """The tracks of one camera, one slot each; the first n are in use."""

    state: Any
    box: Any
    phase: Any
    track_id: Any
    born: Any
    seen: Any
    confidence: Any


class Rules(NamedTuple):
    """`TrackerSettings` as numbers for the kernel."""

    high: float
    low: float
    new: float
    first_iou: float
    second_iou: float
    tentative_iou: float
    keep_lost_s: float
    confirm_s: float
    spread: float
    noise: Any


def room_for(slots: int) -> Memory:
    """Memory with `slots` empty slots."""
    return Memory(
        state=np.zeros((slots, 4, 5)),
        box=np.zeros((slots, 4)),
        phase=np.full(slots, REMOVED, np.int8),
        track_id=np.full(slots, NO_ID, np.int64),
        born=np.zeros(slots),
        seen=np.zeros(slots),
        confidence=np.zeros(slots),
    )


@nb.njit(cache=True, nogil=True)
def advance(
    memory: Memory, n: int, boxes: Any, confidence: Any, now: float, seconds: float, rules: Rules, next_id: int
) -> tuple[int, int]:
    """Take in the boxes (m, 4) of the frame at `now`, `seconds` after the one before.

    Memory needs n + m slots. Returns the number of slots in use and the next free id; the persons of this frame
    are the confirmed tracks seen `now`.
    """
    for i in range(n):
        predict(memory.state[i], seconds, rules.noise, memory.phase[i] == CONFIRMED)
        to_box(memory.state[i], memory.box[i])
    free = np.ones(len(boxes), np.bool_)
    waiting = memory.phase[:n] != TENTATIVE
    confident = confidence >= rules.high
    _associate(memory, waiting, boxes, confidence, free & confident, free, now, rules.first_iou, True, rules)
    waiting &= (memory.phase[:n] == CONFIRMED) & (memory.seen[:n] < now)
    doubtful = (confidence >= rules.low) & ~confident
    _associate(memory, waiting, boxes, confidence, doubtful, free, now, rules.second_iou, False, rules)
    waiting = memory.phase[:n] == TENTATIVE
    _associate(memory, waiting, boxes, confidence, free & confident, free, now, rules.tentative_iou, True, rules)
    next_id = _change_phases(memory, n, now, seconds, rules, next_id)
    n = _begin(memory, n, boxes, confidence, free & (confidence >= rules.new), now, rules)
    return _compact(memory, n), next_id


@nb.njit(cache=True, nogil=True)
def _associate(
    memory: Memory, waiting: Any, boxes: Any, confidence: Any, offered: Any, free: Any, now: float, least: float,
    by_confidence: bool, rules: Rules,
) -> None:  # fmt: skip
    """Match waiting tracks with offered boxes by IoU, weighted with the box's confidence in some stages."""
    tracks, found = np.flatnonzero(waiting), np.flatnonzero(offered)
    if not len(tracks) or not len(found):
        return
    row, column, weight = _edges(memory, tracks, boxes, confidence, found, least, by_confidence, rules.spread)
    partner = best_matching(row, column, weight, len(tracks), len(found))
    for a in range(len(tracks)):
        if partner[a] >= 0:
            i, j = tracks[a], found[partner[a]]
            free[j] = False
            update(memory.state[i], boxes[j], rules.noise)
            to_box(memory.state[i], memory.box[i])
            memory.seen[i], memory.confidence[i] = now, confidence[j]


@nb.njit(cache=True, nogil=True)
def _edges(
    memory: Memory,
    tracks: Any,
    boxes: Any,
    confidence: Any,
    found: Any,
    least: float,
    by_confidence: bool,
    spread: float,
) -> tuple[Any, Any, Any]:
    """Rows, columns and weights of the pairs that are alike enough.

    Boxes are looked at from left to right, and of each track only those that can reach it.
    """
    row = np.empty(4 * (len(tracks) + len(found)), np.int64)
    column, weight = np.empty(len(row), np.int64), np.empty(len(row))
    order = np.argsort(boxes[found, 0])
    lefts = boxes[found, 0][order]
    widest = (boxes[found, 2] - boxes[found, 0]).max()
    edges = 0
    for a in range(len(tracks)):
        i = tracks[a]
        box, across, along = (
            memory.box[i],
            _margin(memory.state[i], 0, spread),
            _margin(memory.state[i], 1, spread),
        )
        first = np.searchsorted(lefts, box[0] - widest - 2 * across)
        for k in range(first, np.searchsorted(lefts, box[2] + 2 * across)):
            j = found[order[k]]
            likeness = overlap(box, boxes[j], across, along) * (confidence[j] if by_confidence else 1.0)
            if likeness >= least:
                if edges == len(row):
                    row, column, weight = _twice(row), _twice(column), _twice(weight)
                row[edges], column[edges], weight[edges] = a, order[k], likeness - least + _HAIR
                edges += 1
    return row[:edges], column[:edges], weight[:edges]


@nb.njit(cache=True, nogil=True)
def _twice(column: Any) -> Any:
    larger = np.empty(2 * len(column), column.dtype)
    larger[: len(column)] = column
    return larger


@nb.njit(cache=True, nogil=True)
def _margin(state: Any, axis: int, spread: float) -> float:
    """How far a box is grown to each side: with the uncertainty of its place, by half its size at most."""
    return min(spread * np.sqrt(state[axis, VAR_POSITION]), state[axis + 2, POSITION] / 2)


@nb.njit(cache=True, nogil=True)
def overlap(a: Any, b: Any, across: float, along: float) -> float:
    """IoU of two boxes, both grown by a margin."""
    width = min(a[2], b[2]) - max(a[0], b[0]) + 2 * across
    height = min(a[3], b[3]) - max(a[1], b[1]) + 2 * along
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (_area(a, across, along) + _area(b, across, along) - shared)


@nb.njit(cache=True, nogil=True)
def _area(box: Any, across: float, along: float) -> float:
    return (box[2] - box[0] + 2 * across) * (box[3] - box[1] + 2 * along)


@nb.njit(cache=True, nogil=True)
def _change_phases(memory: Memory, n: int, now: float, seconds: float, rules: Rules, next_id: int) -> int:
    """Confirm, lose and remove by when a track was seen; only a confirmed track has an id."""
    for i in range(n):
        if memory.seen[i] == now:
            if memory.phase[i] == LOST:
                memory.phase[i] = CONFIRMED
            elif memory.phase[i] == TENTATIVE and now - memory.born[i] >= rules.confirm_s - seconds / 2:
                memory.phase[i] = CONFIRMED
                memory.track_id[i] = next_id
                next_id += 1
        elif memory.phase[i] == TENTATIVE or now - memory.seen[i] > rules.keep_lost_s:
            memory.phase[i] = REMOVED
        else:
            memory.phase[i] = LOST
    return next_id


@nb.njit(cache=True, nogil=True)
def _begin(memory: Memory, n: int, boxes: Any, confidence: Any, new: Any, now: float, rules: Rules) -> int:
    """Tentative tracks from boxes that nobody took."""
    for j in np.flatnonzero(new):
        start(memory.state[n], boxes[j], rules.noise)
        to_box(memory.state[n], memory.box[n])
        memory.phase[n], memory.track_id[n] = TENTATIVE, NO_ID
        memory.born[n] = memory.seen[n] = now
        memory.confidence[n] = confidence[j]
        n += 1
    return n


@nb.njit(cache=True, nogil=True)
def _compact(memory: Memory, n: int) -> int:
    """Close the gaps of removed tracks, order kept."""
    kept = 0
    for i in range(n):
        if memory.phase[i] != REMOVED:
            if kept < i:
                memory.state[kept], memory.box[kept] = memory.state[i], memory.box[i]
                memory.phase[kept], memory.track_id[kept] = memory.phase[i], memory.track_id[i]
                memory.born[kept], memory.seen[kept] = memory.born[i], memory.seen[i]
                memory.confidence[kept] = memory.confidence[i]
            kept += 1
    return kept


@nb.njit(cache=True, nogil=True)
def persons(memory: Memory, n: int, now: float) -> Any:
    """(k,) slots of the confirmed tracks seen in this frame."""
    return np.flatnonzero((memory.phase[:n] == CONFIRMED) & (memory.seen[:n] == now))
