"""Boxes without identities: precision, recall, F1, average precision, and how far feet are off on the floor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from dwell_kit.vision.boxes import Floats, Integers, iou
from dwell_kit.vision.timeline import EPSILON, pairs_above
from dwell_kit.vision.track_table import TrackTable


class Floor(Protocol):
    """A camera's geometry."""

    def to_floor(self, points: Floats) -> Floats:
        """Image points (n, 2) px → floor (n, 2) m."""


@dataclass(frozen=True)
class Detection:
    """How well boxes are found at one IoU threshold.

    precision, recall, f1 : one box to one true box, the pairing with the highest total IoU.
    ap : area under the precision–recall curve, every point of it, boxes taken from the most confident down
    and each matched to the free true box that it overlaps most (PASCAL VOC 2010 and later).
    """

    precision: float
    recall: float
    f1: float
    ap: float


@dataclass(frozen=True)
class GroundError:
    """Distance on the floor between the feet of true positives and of their true boxes; None without any."""

    boxes: int
    median_m: float | None
    mean_m: float | None
    p95_m: float | None


def compute_detection(truth: TrackTable, found: TrackTable, *, least_iou: float = 0.5) -> Detection:
    """Detection figures; identities are not looked at."""
    hits = sum(len(rows) for _, _, rows, _ in _paired(truth, found, least_iou))
    return Detection(
        precision=hits / max(1, len(found)),
        recall=hits / max(1, len(truth)),
        f1=2 * hits / max(1, len(truth) + len(found)),
        ap=_average_precision(truth, found, least_iou),
    )


def compute_ground_error(
    truth: TrackTable, found: TrackTable, floor: Floor, *, least_iou: float = 0.5
) -> GroundError:
    """How far the feet of true positives are off, both boxes projected by the same geometry."""
    pairs = list(_paired(truth, found, least_iou))
    true = np.concatenate([np.empty((0, 2)), *(t.feet[rows] for t, _, rows, _ in pairs)])
    seen = np.concatenate([np.empty((0, 2)), *(f.feet[columns] for _, f, _, columns in pairs)])
    if not len(true):
        return GroundError(boxes=0, median_m=None, mean_m=None, p95_m=None)
    off = np.linalg.norm(floor.to_floor(true) - floor.to_floor(seen), axis=1)
    return GroundError(
        boxes=len(off),
        median_m=float(np.median(off)),
        mean_m=float(off.mean()),
        p95_m=float(np.percentile(off, 95)),
    )


def _paired(
    truth: TrackTable, found: TrackTable, least: float
) -> Iterator[tuple[TrackTable, TrackTable, Integers, Integers]]:
    """Each frame that has both: its true boxes, the boxes found, and the rows of each that belong together."""
    seen = dict(found.by_frame())
    for frame, true in truth.by_frame():
        if frame in seen:
            yield true, seen[frame], *pairs_above(iou(true.xyxy, seen[frame].xyxy), least)


def _average_precision(truth: TrackTable, found: TrackTable, least: float) -> float:
    true = dict(truth.by_frame())
    marks = [(box.confidence, _hits(true.get(frame), box, least)) for frame, box in found.by_frame()]
    if not marks or not len(truth):
        return 0.0
    order = np.argsort(-np.concatenate([confidence for confidence, _ in marks]), kind="stable")
    hits = np.cumsum(np.concatenate([hit for _, hit in marks])[order])
    precision = np.maximum.accumulate((hits / np.arange(1, len(hits) + 1))[::-1])[::-1]
    return float((np.diff(hits, prepend=0) * precision).sum() / len(truth))


def _hits(true: TrackTable | None, found: TrackTable, least: float) -> Integers:
    """(n,) 1 where a box, taken by falling confidence, overlaps a true box that is still free, else 0."""
    hits = np.zeros(len(found), np.int64)
    if true is None:
        return hits
    overlap = iou(found.xyxy, true.xyxy)
    for row in np.argsort(-found.confidence, kind="stable"):
        best = int(overlap[row].argmax())
        if overlap[row, best] >= least - EPSILON:
            hits[row] = 1
            overlap[:, best] = -1.0
    return hits
