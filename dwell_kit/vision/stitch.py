"""Tracks of two chunks that share some frames become those of one recording."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from dwell_kit.vision.boxes import Floats, Integers, iou
from dwell_kit.vision.track_table import TrackTable

LEAST_IOU: Final = 0.5
"""From which the boxes of two tracks in a frame are one person's."""


def agreement(before: TrackTable, after: TrackTable, *, half_life: float) -> tuple[Integers, Integers, Floats]:
    """How much tracks of two tables are one person's, by the frames that both have.

    Sum of IoU over the frames where it reaches `LEAST_IOU`. A frame counts half as much as one that is `half_life`
    frames later: what matters is who a track is at the seam, not whom it was taken for long before.

    Returns
    -------
    (n,) ids of `before`, (m,) ids of `after`, (n, m) agreement; 0: none.
    """
    old, new = np.unique(before.track_id), np.unique(after.track_id)
    total = np.zeros((len(old), len(new)))
    if not total.size:
        return old, new, total
    theirs = dict(after.by_frame())
    newest = max(theirs)
    for frame, mine in before.by_frame():
        if frame in theirs:
            likeness = iou(mine.xyxy, theirs[frame].xyxy)
            likeness[likeness < LEAST_IOU] = 0
            rows = np.searchsorted(old, mine.track_id)
            columns = np.searchsorted(new, theirs[frame].track_id)
            np.add.at(total, np.ix_(rows, columns), likeness * 0.5 ** ((newest - frame) / half_life))
    return old, new, total


def same(before: TrackTable, after: TrackTable, *, half_life: float) -> dict[int, int]:
    """Which track of `after` goes on which track of `before`: one to one, so that most agrees.

    >>> box, two = [[0.0, 0, 4, 8]], [1.0, 1.0]
    >>> first = TrackTable(box * 2, [1, 2], [7, 7], two)
    >>> second = TrackTable(box * 2, [2, 3], [1, 1], two)
    >>> same(first, second, half_life=5)
    {1: 7}
    """
    old, new, total = agreement(before, after, half_life=half_life)
    rows, columns = linear_sum_assignment(total, maximize=True)
    return {
        int(new[column]): int(old[row])
        for row, column in zip(rows, columns, strict=True)
        if total[row, column] > 0
    }


class Seams:
    """The chunks of one recording, handed over in order; ids go on over their seams.

    Parameters
    ----------
    fps : of the recording; frames one second apart count 1 : 2.
    """

    def __init__(self, *, fps: float) -> None:
        self._half_life = fps
        self._next_id = 1
        self._tail = TrackTable.empty()

    def join(self, tracks: TrackTable, *, first: int) -> TrackTable:
        """The tracks of a chunk under the recording's ids, from frame `first` on.

        Parameters
        ----------
        tracks : with the chunk's own ids. Frames before `first` are those that the chunk before has too.

        A track that nobody had before gets the next number, in order of its first own frame; one that is only in
        the shared frames is dropped, since the chunk before says what was there.
        """
        shared = tracks.frame < first
        names = same(self._tail, tracks[shared], half_life=self._half_life)
        own = tracks[~shared]
        for one in own.track_id[np.sort(np.unique(own.track_id, return_index=True)[1])].tolist():
            if one not in names:
                names[one], self._next_id = self._next_id, self._next_id + 1
        numbered = TrackTable(
            own.xyxy, own.frame, np.array([names[one] for one in own.track_id.tolist()], np.int64), own.confidence
        )
        self._tail = numbered
        return numbered
