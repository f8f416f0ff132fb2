"""Recorded detections in place of a detector: what is downstream runs without weights, a GPU or the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from dwell_kit.errors import AskError
from dwell_kit.vision.background import Image
from dwell_kit.vision.boxes import Detections
from dwell_kit.vision.detect import DetectorOptions
from dwell_kit.vision.ground_truth import read_tracks
from dwell_kit.vision.track_table import TrackTable


class ReplayDetector:
    """Gives back the boxes of a table, frame by frame; frames without any are empty.

    >>> table = TrackTable(xyxy=[[0, 0, 4, 8]], frame=[2], track_id=[-1], confidence=[0.8])
    >>> [len(found) for found in ReplayDetector(table).detect([np.zeros((9, 9, 3), np.uint8)] * 3)]
    [0, 1, 0]
    """

    shared = False

    def __init__(self, table: TrackTable, *, least_confidence: float = 0.0) -> None:
        self._frames = dict(table[table.confidence >= least_confidence].by_frame())
        self._next = 1

    @classmethod
    def of(cls, options: DetectorOptions) -> Self:
        """From a file of MOT text or CVML.

        Raises
        ------
        AskError : if no file was named. NotFoundError, InputError, FormatError : as `ground_truth.read_tracks`.
        """
        if options.detections is None:
            raise AskError(
                "replay needs recorded detections: say which",
                where="option detections",
                expected="MOT text (frame, id, x, y, w, h, confidence) or CVML",
                hint="--detections FILE, detections=",
            )
        return cls(read_tracks(options.detections).table, least_confidence=options.least_confidence or 0.0)

    def seek(self, number: int) -> None:
        """The next picture is frame `number`."""
        self._next = number

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The recorded boxes of the next pictures, which are not looked at."""
        found = [self._of(number) for number in range(self._next, self._next + len(images))]
        self._next += len(images)
        return found

    def _of(self, number: int) -> Detections:
        rows = self._frames.get(number)
        if rows is None:
            return Detections.empty()
        return Detections(rows.xyxy, np.clip(rows.confidence, 0, 1), np.zeros(len(rows), np.int64))
