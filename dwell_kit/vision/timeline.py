"""Truth and tracks side by side, frame by frame: what every tracking figure is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy.optimize import linear_sum_assignment

from dwell_kit.errors import ContractError
from dwell_kit.vision.boxes import Floats, Integers, iou
from dwell_kit.vision.track_table import TrackTable

EPSILON = float(np.finfo(np.float64).eps)
"""How far below a threshold a similarity may be by rounding, as trackeval has it."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """One entry per frame that has a box.

    Parameters
    ----------
    truth : ids of the true persons of each frame, (g,) each.
    tracks : ids of the tracks, (p,) each.
    similarity : IoU, (g, p) each.
    """

    truth: tuple[Integers, ...]
    tracks: tuple[Integers, ...]
    similarity: tuple[Floats, ...]

    @classmethod
    def of(cls, truth: TrackTable, tracks: TrackTable) -> Self:
        """Align two tables by frame.

        Raises
        ------
        ContractError : if an id appears twice in a frame.
        """
        _check_once(truth, "the ground truth")
        _check_once(tracks, "the tracks")
        true, found = dict(truth.by_frame()), dict(tracks.by_frame())
        nobody = TrackTable.empty()
        pairs = [(true.get(f, nobody), found.get(f, nobody)) for f in sorted(true.keys() | found.keys())]
        return cls(
            tuple(t.track_id for t, _ in pairs),
            tuple(p.track_id for _, p in pairs),
            tuple(iou(t.xyxy, p.xyxy) for t, p in pairs),
        )

    def __add__(self, other: Self) -> Self:
        """Both, one after the other; an id is the same identity in both."""
        return type(self)(self.truth + other.truth, self.tracks + other.tracks, self.similarity + other.similarity)

    @cached_property
    def coded(self) -> Timeline:
        """The same with ids replaced by 0 … k - 1, in the order of the ids."""
        return Timeline(_coded(self.truth), _coded(self.tracks), self.similarity)

    @cached_property
    def truth_boxes(self) -> Integers:
        """(k,) boxes of each true identity, by its code."""
        return _counts(self.coded.truth)

    @cached_property
    def track_boxes(self) -> Integers:
        """(k,) boxes of each track, by its code."""
        return _counts(self.coded.tracks)


def best_pairs(score: Floats) -> tuple[Integers, Integers]:
    """Rows and columns of the one-to-one pairing with the highest total `score`."""
    rows, columns = linear_sum_assignment(score, maximize=True)
    return rows, columns


def pairs_above(similarity: Floats, least: float) -> tuple[Integers, Integers]:
    """The one-to-one pairing with the highest total similarity among pairs of at least `least`.

    >>> pairs_above(np.array([[0.6, 0.9], [0.2, 0.7]]), 0.65)[1].tolist()
    [1]
    """
    kept = np.where(similarity >= least - EPSILON, similarity, 0.0)
    rows, columns = best_pairs(kept)
    real = kept[rows, columns] > EPSILON
    return rows[real], columns[real]


def _coded(ids: tuple[Integers, ...]) -> tuple[Integers, ...]:
    if not ids:
        return ()
    together = np.concatenate(ids)
    codes = np.unique(together, return_inverse=True)[1].astype(np.int64)
    return tuple(np.split(codes, np.cumsum([len(part) for part in ids])[:-1]))


def _counts(codes: tuple[Integers, ...]) -> Integers:
    return np.bincount(np.concatenate(codes)) if codes else np.empty(0, np.int64)


def _check_once(table: TrackTable, what: str) -> None:
    keys = np.column_stack((table.frame, table.track_id))
    unique, times = np.unique(keys, axis=0, return_counts=True)
    if (times > 1).any():
        frame, track = unique[times > 1][0]
        raise ContractError(
            "an identity is in one place at a time",
            where=f"{what}, frame {frame}",
            expected="each id once a frame",
            found=f"id {track} {times[times > 1][0]} times",
        )
