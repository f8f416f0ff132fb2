"""MOT text with its flags and classes: frame, id, x, y, w, h[, flag or confidence[, class[, visibility]]]."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from dwell_kit.errors import FormatError
from dwell_kit.vision.boxes import Floats, Integers
from dwell_kit.vision.track_table import UNTRACKED, TrackTable

_LEAST, _MOST = 6, 10
_CLASSED: Final = (8, 9)
"""Numbers of fields a row whose eighth is a class; ten are 2D MOT 2015's, which end with a place in the world."""
_EXPECTED: Final = "frame, id, x, y, w, h, confidence …: 6 to 10 numbers separated by commas"
FROM_ZERO: Final = "frames are counted from 0 in this file"


@dataclass(frozen=True)
class MotRows:
    """A file of boxes, with what its format says beside them.

    Parameters
    ----------
    table : the boxes, frames from 1; `UNTRACKED` where the file has a negative id.
    flag : (n,) the seventh field, or None where there is none: of truth whether the row counts, else a confidence.
    class_id : (n,) the eighth field, or None where the format has no classes.
    notes : what had to be assumed.
    """

    table: TrackTable
    flag: Floats | None = None
    class_id: Integers | None = None
    notes: tuple[str, ...] = ()


def read_mot(raw: bytes, *, name: str) -> MotRows:
    """Read MOT text; a file with a frame 0 counts from 0, and its notes say so.

    Raises
    ------
    FormatError : with the line at fault.

    >>> rows = read_mot(b"1,3,10,20,5,10,0.5,-1,-1,-1", name="det.txt")
    >>> rows.table.xyxy.tolist(), rows.class_id
    ([[10.0, 20.0, 15.0, 30.0]], None)
    """
    numbers = _numbers(raw, name)
    fields = numbers.shape[1]
    frame = numbers[:, 0].astype(np.int64)
    from_zero = bool((frame == 0).any())
    flag = numbers[:, 6] if fields > 6 else None
    table = TrackTable(
        xyxy=np.column_stack((numbers[:, 2:4], numbers[:, 2:4] + numbers[:, 4:6])),
        frame=frame + from_zero,
        track_id=np.where(numbers[:, 1] < 0, UNTRACKED, numbers[:, 1]).astype(np.int64),
        confidence=np.ones(len(numbers)) if flag is None else np.where(flag == -1, 1.0, flag),
    )
    notes = (FROM_ZERO,) if from_zero else ()
    classes = numbers[:, 7].astype(np.int64) if fields in _CLASSED else None
    return MotRows(table, flag, classes if classes is None or (classes != -1).any() else None, notes)


def _numbers(raw: bytes, name: str) -> Floats:
    """(n, fields) of all lines that are not blank."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FormatError("not a text file", where=name, expected="MOT text or CVML") from None
    rows: list[list[float]] = []
    for at, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            row = _row(line, f"{name}, line {at}")
            if rows and len(row) != len(rows[0]):
                raise FormatError(
                    "the lines of a file have the same number of fields",
                    where=f"{name}, line {at}",
                    expected=f"{len(rows[0])} fields",
                    found=f"{len(row)}",
                )
            rows.append(row)
    return np.array(rows) if rows else np.empty((0, _LEAST))


def _row(line: str, where: str) -> list[float]:
    fields = line.strip().rstrip(",").split(",") if "," in line else line.split()
    try:
        row = [float(field) for field in fields]
    except ValueError:
        raise FormatError("not MOT text", where=where, expected=_EXPECTED, found=line.strip()[:80]) from None
    wrong = _fault(row)
    if wrong:
        raise FormatError(wrong, where=where, expected=_EXPECTED, found=line.strip()[:80])
    return row


def _fault(row: list[float]) -> str | None:
    """What is wrong with a row, if anything."""
    if not _LEAST <= len(row) <= _MOST:
        return "not MOT text"
    if not all(map(math.isfinite, row)):
        return "a field is not a finite number"
    if row[0] < 0 or row[0] != int(row[0]) or row[1] != int(row[1]):
        return "frame and id are whole numbers, a frame 0 or more"
    if row[4] < 0 or row[5] < 0:
        return "a box has no negative width or height"
    return None
