"""HOTA: higher-order tracking accuracy (Luiten et al., IJCV 2021), as trackeval computes it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dwell_kit.vision.boxes import Floats, Integers
from dwell_kit.vision.timeline import EPSILON, Timeline, best_pairs

ALPHAS = np.arange(0.05, 0.99, 0.05)
"""The IoU thresholds that HOTA is averaged over: 0.05, 0.10 … 0.95."""


@dataclass(frozen=True)
class Hota:
    """Averages over `ALPHAS`, each 0 to 1.

    hota : √(det_a · ass_a) at each threshold, then averaged.
    det_a, det_re, det_pr : accuracy TP / (TP + FN + FP) of the detections, recall, precision.
    ass_a, ass_re, ass_pr : the same of the association, averaged over the true positives.
    loc_a : mean IoU of the true positives.
    """

    hota: float
    det_a: float
    ass_a: float
    loc_a: float
    det_re: float
    det_pr: float
    ass_re: float
    ass_pr: float


def compute_hota(timeline: Timeline) -> Hota:
    """HOTA of a timeline. Without truth or without tracks all is 0 but `loc_a`, which nothing lowers: 1."""
    t = timeline.coded
    truths, tracks = timeline.truth_boxes, timeline.track_boxes
    if not len(truths) or not len(tracks):
        return Hota(hota=0, det_a=0, ass_a=0, loc_a=1, det_re=0, det_pr=0, ass_re=0, ass_pr=0)
    pair, similarity = _matches(t, _alignment(t, len(truths), len(tracks)))
    at_alpha = [
        _at(pair[close], similarity[close], truths, tracks)
        for close in (similarity >= alpha - EPSILON for alpha in ALPHAS)
    ]
    return Hota(**dict(zip(Hota.__dataclass_fields__, np.mean(at_alpha, axis=0).tolist(), strict=True)))


def _alignment(t: Timeline, truths: int, tracks: int) -> Floats:
    """(truths, tracks): how well two identities agree over the whole recording, before any one-to-one matching."""
    shared = np.zeros((truths, tracks))
    for true, found, similarity in zip(t.truth, t.tracks, t.similarity, strict=True):
        rest = similarity.sum(axis=0)[None, :] + similarity.sum(axis=1)[:, None] - similarity
        shared[np.ix_(true, found)] += np.divide(
            similarity, rest, out=np.zeros_like(similarity), where=rest > EPSILON
        )
    total = np.bincount(np.concatenate(t.truth))[:, None] + np.bincount(np.concatenate(t.tracks))[None, :]
    return shared / (total - shared)


def _matches(t: Timeline, alignment: Floats) -> tuple[Integers, Floats]:
    """(m, 2) codes of the matched identities and (m,) their IoU, of all frames; thresholds come later."""
    pairs, similarities = [np.empty((0, 2), np.int64)], [np.empty(0)]
    for true, found, similarity in zip(t.truth, t.tracks, t.similarity, strict=True):
        rows, columns = best_pairs(alignment[np.ix_(true, found)] * similarity)
        pairs.append(np.column_stack((true[rows], found[columns])))
        similarities.append(similarity[rows, columns])
    return np.concatenate(pairs), np.concatenate(similarities)


def _at(pair: Integers, similarity: Floats, truths: Integers, tracks: Integers) -> tuple[float, ...]:
    """The fields of `Hota` at one threshold."""
    hits = len(pair)
    missed, invented = truths.sum() - hits, tracks.sum() - hits
    unique, times = np.unique(pair, axis=0, return_counts=True)
    true, found = unique.T
    det_a = hits / (hits + missed + invented)

    def associated(of: Integers) -> float:
        return float((times * (times / of)).sum() / max(1, hits))

    ass_a = associated(truths[true] + tracks[found] - times)
    return (
        float(np.sqrt(det_a * ass_a)), det_a, ass_a, similarity.sum() / hits if hits else 1.0,
        hits / truths.sum(), hits / tracks.sum(), associated(truths[true]), associated(tracks[found]),
    )  # fmt: skip
