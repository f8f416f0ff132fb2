"""Files of boxes with identities, read to be scored: MOT text, CVML, exported positions; the format is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dwell_kit.errors import InputError, NotFoundError
from dwell_kit.vision import cvml, mot_text, position_rows
from dwell_kit.vision.boxes import Floats, Integers, iou
from dwell_kit.vision.mot_text import MotRows
from dwell_kit.vision.timeline import pairs_above
from dwell_kit.vision.track_table import TrackTable

PEDESTRIAN = 1
DISTRACTORS = (2, 7, 8, 12)
"""MOT16 and later: person on vehicle, static person, distractor, reflection. A track on one is no error."""
_DISTRACTED_IOU = 0.5
_FILES = "MOT text, CVML, or positions as `dwell export` writes them"


@dataclass(frozen=True)
class Pair:
    """Truth and tracks that may be compared, and what had to be done for it."""

    truth: TrackTable
    tracks: TrackTable
    notes: tuple[str, ...]


def read_tracks(path: Path) -> MotRows:
    """The rows of MOT text, CVML or exported positions; frames count from 1, whatever the file counts from.

    Raises
    ------
    NotFoundError : if there is no such file. InputError : if it is a folder.
    FormatError : if it is neither, with the line at fault.
    """
    if path.is_dir():
        raise InputError("this is a folder, not a file", where=str(path), expected=_FILES)
    if not path.is_file():
        raise NotFoundError("no such file", where=str(path), expected=_FILES)
    raw = path.read_bytes()
    if raw.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return MotRows(cvml.read_cvml(raw, name=path.name))
    if position_rows.is_positions(raw):
        return position_rows.read_positions(raw, name=path.name)
    return mot_text.read_mot(raw, name=path.name)


def read_pair(truth: Path, tracks: Path) -> Pair:
    """Ground truth and tracks, prepared as trackeval prepares MOT Challenge files.

    Truth with classes (MOT16 and later: 8 or 9 fields a row): tracks whose best partner, at an IoU of 0.5 or more,
    is of the classes in `DISTRACTORS` are left out; then only rows of class 1 (pedestrian) whose flag, the seventh
    field, is not 0 are truth. Truth without classes (2D MOT 2015: 10 fields, or 6 or 7; CVML): every row whose
    flag is not 0 is truth.

    Raises
    ------
    NotFoundError, InputError, FormatError : as `read_tracks`.
    """
    true, found = read_tracks(truth), read_tracks(tracks)
    notes = [f"{path.name}: {note}" for path, rows in ((truth, true), (tracks, found)) for note in rows.notes]
    kept = found.table
    if true.class_id is not None:
        kept = kept[~_distracted(true.table, true.class_id, kept)]
        if len(kept) < len(found.table):
            notes.append(f"{len(found.table) - len(kept)} boxes on distractors are left out")
    persons = _persons(true)
    late = int((kept.frame > persons.frame.max(initial=0)).sum())
    if late:
        notes.append(f"{late} boxes are in frames after the last one of the ground truth: false positives")
    return Pair(persons, kept, tuple(notes))


def _persons(true: MotRows) -> TrackTable:
    counted = np.ones(len(true.table), bool) if true.flag is None else np.trunc(true.flag) != 0
    if true.class_id is not None:
        counted &= true.class_id == PEDESTRIAN
    return true.table[counted]


def _distracted(
    true: TrackTable, class_id: Integers, found: TrackTable
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(n,) whether a found box belongs to something that looks like a person and is not to be found."""
    marked = np.zeros(len(found), bool)
    for frame in np.intersect1d(true.frame, found.frame):
        there, here = np.flatnonzero(true.frame == frame), np.flatnonzero(found.frame == frame)
        overlap: Floats = iou(true.xyxy[there], found.xyxy[here])
        rows, columns = pairs_above(overlap, _DISTRACTED_IOU)
        marked[here[columns[np.isin(class_id[there[rows]], DISTRACTORS)]]] = True
    return marked
