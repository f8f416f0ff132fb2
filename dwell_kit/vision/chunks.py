"""A recording in pieces that can be watched at the same time, on any machine."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import cv2
import numpy as np

from dwell_kit.errors import InputError
from dwell_kit.vision import detect, embedders
from dwell_kit.vision.boxes import Floats, Tracks
from dwell_kit.vision.detect import DetectorOptions, Learning, Numbered
from dwell_kit.vision.embed import Embedder
from dwell_kit.vision.embedders import EmbedderOptions
from dwell_kit.vision.looks import Looks
from dwell_kit.vision.track import Tracker, TrackerSettings
from dwell_kit.vision.track_table import TrackTable
from dwell_kit.vision.video import Frame, open_video

SETTLE_S: Final = 4.0
"""What a tracker takes, beyond the time for which it remembers the lost, until its boxes are those of another one
that began long before."""

_BATCH: Final = 16
"""Pictures that a detector which keeps nothing of them gets at once."""


@dataclass(frozen=True, kw_only=True)
class LookOptions:
    """Who takes looks, in words that another process understands.

    Parameters
    ----------
    embedder, options : by name, and what it is made with. every_s : how old a look may become, media time.
    """

    embedder: str
    options: EmbedderOptions
    every_s: float


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A recording and who watches it, in words that another process understands.

    Parameters
    ----------
    camera_id : whose it is. video : a path that is the same wherever chunks are watched. fps : of its frames.
    frames : how many there are, as far as is known. detector, options : what finds persons.
    settings : of the tracker. looks : who takes looks of persons; None: nobody does.
    """

    camera_id: str
    video: str
    fps: float
    frames: int | None
    detector: str
    options: DetectorOptions
    settings: TrackerSettings = field(default_factory=TrackerSettings)
    looks: LookOptions | None = None


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """A piece of a recording.

    Parameters
    ----------
    first, last : the frames whose tracks it is for, the first of a video being 1; None: to the end.
    shared : as many frames before `first` are tracked too: tracks are stitched by what both pieces say of them.
    seek : leap to the beginning, instead of decoding all that is before.
    """

    recording: Recording
    first: int
    last: int | None
    shared: int
    seek: bool = True

    @property
    def name(self) -> str:
        """For people.

        >>> options = DetectorOptions(fps=5)
        >>> door = Recording(
        ...     camera_id="door", video="d.mp4", fps=5, frames=50, detector="offline", options=options
        ... )
        >>> [chunk.name for chunk in cut(door, chunk_s=6)]
        ['door from 0 s', 'door from 6 s']
        """
        return f"{self.recording.camera_id} from {(self.first - 1) / self.recording.fps:g} s"


@dataclass(frozen=True, eq=False)
class Watched:
    """What was seen in a chunk.

    Parameters
    ----------
    chunk : which. tracks : of the shared frames and the chunk's own; ids are the chunk's.
    frames : how many of its own there were. ms_per_frame : what one took, decoding not included.
    looks : those that were taken, as (frame, track id of the chunk, look).
    note : what the detector and the embedder say of themselves, as `detect.Noted`.
    before, end : checksums of the picture before its first and of its last one; None where there is none.
    """

    chunk: Chunk
    tracks: TrackTable
    frames: int
    ms_per_frame: float
    before: int | None
    end: int | None
    looks: Sequence[tuple[int, int, Floats]] = ()
    note: str = ""


def cut(recording: Recording, *, chunk_s: float, until_s: float | None = None) -> list[Chunk]:
    """The chunks of a recording, in order. A recording whose length is not known is one chunk.

    The tracker watches for as long before a chunk as it remembers somebody whom it lost, and `SETTLE_S`: so
    whoever may come back in the chunk is known in it.

    Parameters
    ----------
    chunk_s : length of each, media time. until_s : what begins later is not watched.

    Raises
    ------
    InputError : if a chunk has no frame.
    """
    length = chunk_s * recording.fps
    if not (math.isfinite(length) and round(length) >= 1):
        raise InputError("a chunk has no frame", "chunk_s", f"{1 / recording.fps:g} s or more", f"{chunk_s} s")
    step, frames, end = round(length), recording.frames or 1, None
    if until_s is not None and math.ceil(until_s * recording.fps) < (recording.frames or math.inf):
        end = max(1, math.ceil(until_s * recording.fps))
        frames = min(frames, end)
    settings = recording.settings
    shared = math.ceil((settings.keep_lost_s + settings.confirm_s + SETTLE_S) * recording.fps)
    firsts = range(1, frames + 1, step)
    return [
        Chunk(
            recording=recording,
            first=first,
            last=end if first == firsts[-1] else first + step - 1,
            shared=min(shared, first - 1),
        )
        for first in firsts
    ]


def watch(chunk: Chunk) -> Watched:
    """Track the persons of a chunk. The same chunk gives the same again.

    A detector that must learn first (`detect.Learning`) gets the pictures before the shared frames too.

    Raises
    ------
    InputError, FormatError, NotFoundError : (and their kinds) as the video and the detector say.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # chunks are what is done at the same time
    try:
        return _watch(chunk)
    finally:
        cv2.setNumThreads(threads)


def _watch(chunk: Chunk) -> Watched:
    recording, tracked_from = chunk.recording, chunk.first - chunk.shared
    detector = detect.make(recording.detector, recording.options)
    warm_up_s = detector.warm_up_s if isinstance(detector, Learning) else 0.0
    tracker = Tracker(recording.camera_id, fps=recording.fps, settings=recording.settings)
    looking = _Looking(chunk)
    tracks: list[tuple[int, Tracks]] = []
    took_s, looked_at = 0.0, 0
    before: Frame | None = None
    end: Frame | None = None
    begin = max(1, tracked_from - math.ceil(warm_up_s * recording.fps))
    for frames in _batches(chunk, begin, _BATCH if detector.shared else 1):
        began = time.perf_counter()
        if isinstance(detector, Numbered):
            detector.seek(frames[0].number)
        found = detector.detect([frame.image for frame in frames])
        for frame, one in zip(frames, found, strict=True):
            if frame.number >= tracked_from:
                seen = tracker.step(one)
                tracks.append((frame.number, seen))
                looking.at(frame, seen)
        took_s, looked_at = took_s + time.perf_counter() - began, looked_at + len(frames)
        before = next((frame for frame in frames if frame.number == chunk.first - 1), before)
        end = frames[-1]
    own = 0 if end is None else max(0, end.number - chunk.first + 1)
    return Watched(
        chunk,
        TrackTable.of(tracks),
        own,
        1000 * took_s / max(1, looked_at),
        _checksum(before),
        _checksum(end if own else None),
        looking.taken,
        detect.notes(detector, looking.embedder),
    )


class _Looking:
    """Takes the looks of a chunk's persons.

    It begins as long before the chunk as a look may be old: whoever was there has one at the chunk's first frame.
    """

    def __init__(self, chunk: Chunk) -> None:
        self.taken: list[tuple[int, int, Floats]] = []
        self.embedder: Embedder | None = None
        self._first = chunk.first
        if (asked := chunk.recording.looks) is not None:
            self.embedder = embedders.make(asked.embedder, asked.options)
            self._looks = Looks(self.embedder, every_s=asked.every_s)
            self._from = chunk.first - math.ceil(asked.every_s * chunk.recording.fps)

    def at(self, frame: Frame, seen: Tracks) -> None:
        """What a frame shows."""
        if self.embedder is None or frame.number < self._from:
            return
        self._looks.of(frame.at_s, frame.image, seen)
        if frame.number >= self._first:
            self.taken += [(frame.number, track, look) for track, look in self._looks.news()]


def _batches(chunk: Chunk, first: int, size: int) -> Iterator[list[Frame]]:
    """The frames from `first` to the chunk's last, so many at once."""
    recording = chunk.recording
    video = open_video(recording.video, fps=recording.fps, first=first, seek=chunk.seek)
    try:
        frames = iter(video)
        if chunk.last is not None:
            frames = islice(frames, chunk.last - first + 1)
        while batch := list(islice(frames, size)):
            yield batch
    finally:
        video.close()


def _checksum(frame: Frame | None) -> int | None:
    return None if frame is None else zlib.crc32(np.ascontiguousarray(frame.image).data)
