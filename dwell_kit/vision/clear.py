"""CLEAR: MOTA, MOTP and the errors behind them (Bernardin and Stiefelhagen, 2008), as trackeval counts them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dwell_kit.vision.boxes import Floats, Integers
from dwell_kit.vision.timeline import EPSILON, Timeline, best_pairs

_KEEP = 1000.0
"""Worth of keeping a person's track, so much that no gain of IoU pays for a switch."""


@dataclass(frozen=True)
class Clear:
    """Errors of a tracker at one IoU threshold.

    mota : 1 - (FN + FP + IDSW) / true boxes; below 0 when there are more errors than persons, 0
    without any.
    motp : mean IoU of the true positives; moda : MOTA without switches.
    tp, fp, fn : boxes; idsw : a person's track is another than the last one it had.
    frag : a person's track was taken up again; mt, pt, ml : persons tracked for more than 80 %, 20–80 %, less.
    """

    mota: float
    motp: float
    moda: float
    tp: int
    fp: int
    fn: int
    idsw: int
    frag: int
    mt: int
    pt: int
    ml: int


def compute_clear(timeline: Timeline, *, least_iou: float = 0.5) -> Clear:
    """CLEAR figures of a timeline. A pair of the frame before is kept while its IoU is at least `least_iou`."""
    persons = _Persons(len(timeline.truth_boxes))
    overlap = 0.0
    t = timeline.coded
    for true, found, similarity in zip(t.truth, t.tracks, t.similarity, strict=True):
        if len(true) and len(found):  # an empty frame does not end what was tracked before it
            rows, columns = _pairs(similarity, found[None, :] == persons.before[true][:, None], least_iou)
            persons.see(true[rows], found[columns])
            overlap += float(similarity[rows, columns].sum())
    return _figures(timeline, persons, overlap)


class _Persons:
    """What is remembered of each true person on the way through the frames; -1 is no track."""

    def __init__(self, number: int) -> None:
        self.last = np.full(number, -1, np.int64)
        self.before = np.full(number, -1, np.int64)
        self.matched = np.zeros(number, np.int64)
        self.starts = np.zeros(number, np.int64)
        self.switches = 0

    def see(self, true: Integers, found: Integers) -> None:
        """Take in the pairs of one frame."""
        earlier = self.last[true]
        self.switches += int(((earlier >= 0) & (earlier != found)).sum())
        self.matched[true] += 1
        self.last[true] = found
        now = np.full_like(self.before, -1)
        now[true] = found
        self.starts += (self.before < 0) & (now >= 0)
        self.before = now


def _pairs(similarity: Floats, kept: Floats, least: float) -> tuple[Integers, Integers]:
    score = np.where(similarity >= least - EPSILON, _KEEP * kept + similarity, 0.0)
    rows, columns = best_pairs(score)
    real = score[rows, columns] > EPSILON
    return rows[real], columns[real]


def _figures(timeline: Timeline, persons: _Persons, overlap: float) -> Clear:
    tp = int(persons.matched.sum())
    boxes = int(timeline.truth_boxes.sum())
    fn, fp = boxes - tp, int(timeline.track_boxes.sum()) - tp
    share = persons.matched / np.maximum(1, timeline.truth_boxes)
    mt = int((share > 0.8).sum())
    pt = int((share >= 0.2).sum()) - mt
    return Clear(
        mota=(tp - fp - persons.switches) / boxes if boxes else 0.0,
        motp=overlap / max(1, tp),
        moda=(tp - fp) / boxes if boxes else 0.0,
        tp=tp, fp=fp, fn=fn, idsw=persons.switches,
        frag=int(np.maximum(persons.starts - 1, 0).sum()), mt=mt, pt=pt, ml=len(share) - mt - pt,
    )  # fmt: skip
