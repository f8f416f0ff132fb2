"""Tracks of a whole recording as columns: what ground truth and trackers write, and what is scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from dwell_kit.vision.boxes import Boxed, Detections, Floats, Integers, Tracks

UNTRACKED = -1
"""The id of a box that no tracker took: a detection, never a person called -1."""


@dataclass(frozen=True, eq=False)
class TrackTable(Boxed):
    """Boxes with identities over frames; the order of the rows is kept.

    Parameters
    ----------
    xyxy : (n, 4) px.
    frame : (n,) whole numbers; the first frame of a video is 1.
    track_id : (n,) identity within the recording, `UNTRACKED` for none.
    confidence : (n,) 0 to 1; 1 where the source says none.

    Raises
    ------
    ContractError : as `Detections`.

    >>> table = TrackTable(xyxy=[[0, 0, 4, 8], [1, 0, 5, 8]], frame=[1, 2], track_id=[7, 7], confidence=[1.0, 1.0])
    >>> [(frame, len(rows)) for frame, rows in table.by_frame()]
    [(1, 1), (2, 1)]
    """

    frame: Integers
    track_id: Integers
    confidence: Floats

    @classmethod
    def empty(cls) -> Self:
        """Of a recording without anybody in it."""
        return cls(np.empty((0, 4)), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))

    @classmethod
    def of(cls, frames: Iterable[tuple[int, Tracks]]) -> Self:
        """The table of what a tracker said, frame by frame."""
        said = list(frames)
        if not said:
            return cls.empty()
        return cls(
            xyxy=np.concatenate([tracks.xyxy for _, tracks in said]),
            frame=np.repeat([frame for frame, _ in said], [len(tracks) for _, tracks in said]).astype(np.int64),
            track_id=np.concatenate([tracks.track_id for _, tracks in said]),
            confidence=np.concatenate([tracks.confidence for _, tracks in said]),
        )

    def tracked(self) -> Self:
        """The boxes that have an identity."""
        return self[self.track_id >= 0]

    def by_frame(self) -> Iterator[tuple[int, Self]]:
        """The boxes of each frame that has any, frames in order."""
        order = np.argsort(self.frame, kind="stable")
        frames, first = np.unique(self.frame[order], return_index=True)
        for frame, rows in zip(frames, np.split(order, first[1:]), strict=False):
            yield int(frame), self[rows]

    def detections(self) -> Iterator[tuple[int, Detections]]:
        """What a tracker is fed to replay this table: every frame from 1 to the last, empty ones too."""
        found = dict(self.by_frame())
        for frame in range(1, max(found, default=0) + 1):
            rows = found.get(frame)
            yield (
                frame,
                Detections.empty()
                if rows is None
                else Detections(rows.xyxy, rows.confidence, np.zeros(len(rows), np.int64)),
            )
