"""Identity: IDF1 and its two sides (Ristani et al., 2016), within one camera and across cameras."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from dwell_kit.vision.timeline import Timeline, best_pairs
from dwell_kit.vision.track_table import TrackTable


@dataclass(frozen=True)
class Identity:
    """How long tracks are the person that they are paired with, one track to one person for the whole recording.

    idf1 : 2·IDTP / (2·IDTP + IDFP + IDFN); idp : IDTP / track boxes; idr : IDTP / true boxes.
    """

    idf1: float
    idp: float
    idr: float
    idtp: int
    idfp: int
    idfn: int


def compute_identity(timeline: Timeline, *, least_iou: float = 0.5) -> Identity:
    """Identity figures of a timeline: the pairing of identities that explains most boxes."""
    t = timeline.coded
    shared = np.zeros((len(timeline.truth_boxes), len(timeline.track_boxes)))
    for true, found, similarity in zip(t.truth, t.tracks, t.similarity, strict=True):
        rows, columns = np.nonzero(similarity >= least_iou)
        shared[true[rows], found[columns]] += 1
    rows, columns = best_pairs(shared)
    idtp = int(shared[rows, columns].sum())
    true_boxes, track_boxes = int(timeline.truth_boxes.sum()), int(timeline.track_boxes.sum())
    return Identity(
        idf1=2 * idtp / max(1, true_boxes + track_boxes),
        idp=idtp / max(1, track_boxes),
        idr=idtp / max(1, true_boxes),
        idtp=idtp, idfp=track_boxes - idtp, idfn=true_boxes - idtp,
    )  # fmt: skip


def compute_cross_camera_identity(
    cameras: Iterable[tuple[TrackTable, TrackTable]], *, least_iou: float = 0.5
) -> Identity:
    """Identity figures over cameras that share their ids: their timelines one after the other.

    Parameters
    ----------
    cameras : truth and tracks of each camera, both with ids that mean the same person everywhere.

    A person whose id differs from camera to camera keeps the boxes of one camera only.
    """
    nothing = Timeline((), (), ())
    return compute_identity(reduce(add, (Timeline.of(*pair) for pair in cameras), nothing), least_iou=least_iou)
