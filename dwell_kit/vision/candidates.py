"""What networks of the YOLO family answer, read as boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import FormatError
from dwell_kit.vision.boxes import Floats, Integers, iou

_MOST: Final = 300
"""Boxes of one picture, as many as Ultralytics keeps."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Boxes of one picture in the network's input.

    Parameters
    ----------
    xyxy : (n, 4) px of the input. score : (n,) 0 to 1. class_id : (n,) the network's class.
    """

    xyxy: Floats
    score: Floats
    class_id: Integers

    def of_class(self, wanted: int, *, overlap: float | None) -> Candidates:
        """Those of one class, best first; with `overlap`, none overlaps a better one by more."""
        fine = np.isfinite(self.xyxy).all(axis=1) & (self.xyxy[:, 2:] >= self.xyxy[:, :2]).all(axis=1)
        rows = np.flatnonzero(fine & (self.class_id == wanted))
        rows = rows[np.argsort(-self.score[rows], kind="stable")]
        rows = rows[:_MOST] if overlap is None else rows[best(self.xyxy[rows], overlap)]
        return Candidates(self.xyxy[rows], self.score[rows], self.class_id[rows])


def read_answer(
    answer: NDArray[Any], *, classes: int, shape: tuple[int, int], detr: bool, least: float
) -> tuple[list[Candidates], bool]:
    """The candidates of each picture, and whether several of them may be of one person.

    Parameters
    ----------
    answer : of n pictures, one of four layouts:
        YOLO, (n, 4 + classes, a): centre and size in px, a score per class;
        YOLO that needs no suppression, (n, k, 6): corners in px, score, class;
        RT-DETR, (n, k, 6): centre and size as shares of the input, score, class;
        RT-DETR as older releases export it, (n, k, 4 + classes): scores per class.
    shape : (height, width) of the input, px. detr : it is an RT-DETR. least : boxes must score more.

    Raises
    ------
    FormatError : if it is none of these.
    """
    if answer.ndim == 3 and detr and answer.shape[2] in {6, 4 + classes}:
        told = answer.shape[2] == 6
        shares = [_told(one, least) if told else _scored(one.T, least) for one in answer]
        size = np.array([shape[1], shape[0]] * 2, np.float64)
        return [Candidates(_corners(one.xyxy) * size, one.score, one.class_id) for one in shares], False
    if answer.ndim == 3 and not detr and answer.shape[1] == 4 + classes:
        found = [_scored(one, least) for one in answer]
        return [Candidates(_corners(one.xyxy), one.score, one.class_id) for one in found], True
    if answer.ndim == 3 and not detr and answer.shape[2] == 6:
        return [_told(one, least) for one in answer], False
    raise FormatError(
        "the network answers something else than boxes",
        expected=f"(n, {4 + classes}, …) or (n, …, 6) numbers, for {classes} classes",
        found=str(answer.shape),
        hint="weights of a YOLO or RT-DETR for detection; not of poses, outlines or classes of whole pictures",
    )


def best(xyxy: Floats, overlap: float) -> Integers:
    """Rows of boxes (n, 4), best first, that overlap no better one by more than an IoU; 300 at most.

    >>> best(np.array([[0.0, 0, 4, 8], [0, 0, 4, 7], [9, 0, 13, 8]]), 0.7).tolist()
    [0, 2]
    """
    left = np.arange(len(xyxy))
    kept: list[int] = []
    while len(left) and len(kept) < _MOST:
        kept.append(int(left[0]))
        left = left[1:][iou(xyxy[left[:1]], xyxy[left[1:]])[0] <= overlap]
    return np.array(kept, np.int64)


def _scored(columns: NDArray[Any], least: float) -> Candidates:
    """Of (4 + classes, k): each box with its best class. The boxes stay as they are."""
    score = columns[4:].max(axis=0)
    some = score > least
    boxes, scores = columns[:4, some].T, columns[4:, some]
    return Candidates(boxes.astype(np.float64), score[some].astype(np.float64), scores.argmax(axis=0))


def _told(rows: NDArray[Any], least: float) -> Candidates:
    """Of (k, 6): boxes with score and class. The boxes stay as they are."""
    some = rows[rows[:, 4] > least].astype(np.float64)
    return Candidates(some[:, :4], some[:, 4], some[:, 5].astype(np.int64))


def _corners(boxes: Floats) -> Floats:
    """(k, 4) left, top, right, bottom of centre and size."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
