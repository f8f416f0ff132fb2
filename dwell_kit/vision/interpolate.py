"""Gaps of tracks filled afterwards: for recordings, where one may look ahead; never live."""

from __future__ import annotations

import numpy as np

from dwell_kit.errors import ContractError
from dwell_kit.vision.track_table import TrackTable


def fill_gaps(table: TrackTable, *, max_gap_s: float, fps: float) -> TrackTable:
    """The same tracks with boxes on the straight line across each gap of at most `max_gap_s`.

    Parameters
    ----------
    table : tracks; boxes without an identity are kept as they are.
    max_gap_s : the longest time without a box that is filled.
    fps : frames per second of the recording.

    Returns
    -------
    TrackTable sorted by frame; a filled box has the lower of the confidences at the two ends of its gap.

    Raises
    ------
    ContractError : if `fps` is not above 0 or `max_gap_s` is below 0.

    >>> seen = TrackTable(xyxy=[[0, 0, 2, 4], [4, 0, 6, 4]], frame=[1, 3], track_id=[5, 5], confidence=[0.9, 0.8])
    >>> filled = fill_gaps(seen, max_gap_s=1, fps=25)
    >>> filled.frame.tolist(), filled.xyxy[1].tolist(), filled.confidence.tolist()
    ([1, 2, 3], [2.0, 0.0, 4.0, 4.0], [0.9, 0.8, 0.8])
    """
    if not 0 < fps < np.inf or not max_gap_s >= 0:
        raise ContractError(
            "gaps are measured in time",
            expected="fps above 0, max_gap_s 0 or more",
            found=f"{fps:g}, {max_gap_s:g}",
        )
    order = np.lexsort((table.frame, table.track_id))
    rows = table[order]
    missing = np.diff(rows.frame) - 1
    same = (np.diff(rows.track_id) == 0) & (rows.track_id[1:] >= 0)
    before = np.flatnonzero(same & (missing > 0) & (missing <= max_gap_s * fps + 1e-9))
    times = missing[before]
    start = np.repeat(before, times)
    step = np.arange(1, times.sum() + 1) - np.repeat(np.cumsum(times) - times, times)
    share = (step / np.repeat(times + 1, times))[:, None]
    added = TrackTable(
        xyxy=(1 - share) * rows.xyxy[start] + share * rows.xyxy[start + 1],
        frame=rows.frame[start] + step,
        track_id=rows.track_id[start],
        confidence=np.minimum(rows.confidence[start], rows.confidence[start + 1]),
    )
    both = TrackTable(
        *(
            np.concatenate((getattr(rows, name), getattr(added, name)))
            for name in ("xyxy", "frame", "track_id", "confidence")
        )
    )
    return both[np.argsort(both.frame, kind="stable")]
