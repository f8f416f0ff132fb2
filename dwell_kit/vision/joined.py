"""A run over cameras, instant by instant, wherever their frames are watched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dwell_kit.vision.instants import instants
from dwell_kit.vision.joining import Joining, Positions
from dwell_kit.vision.portraits import Portrait
from dwell_kit.vision.video import Frame, Video

_SILENT_S: Final = 2.0
"""How long a camera may show nothing and count as watched all the same: dropped frames, a short break."""


@dataclass
class CameraStatus:
    """How a camera is doing.

    Parameters
    ----------
    frames : read and looked at. dropped : left out, since newer ones had come. reconnects : of a live stream.
    ms_per_frame : running mean of what a frame costs, decoding not included. persons : in the newest frame.
    at_s : media time of the newest frame. watched_s : from when till when it was watched, media time.
    note : what the detector, or the embedder, says of itself, such as that the GPU's memory ran out.
    """

    camera_id: str
    frames: int = 0
    dropped: int = 0
    reconnects: int = 0
    ms_per_frame: float = 0.0
    persons: int = 0
    at_s: float = 0.0
    watched_s: list[tuple[float, float]] = field(default_factory=list)
    note: str = ""

    def saw(self, at_s: float, step_s: float, *, frames: int = 1, persons: int = 0) -> None:
        """A frame of media time `at_s` was looked at, and with it `frames` since the one before."""
        since, until = at_s - (frames - 1) * step_s, at_s + step_s
        if self.watched_s and since <= self.watched_s[-1][1] + _SILENT_S:
            since = self.watched_s.pop()[0]
        self.watched_s.append((since, until))
        self.frames, self.persons, self.at_s = self.frames + frames, persons, at_s


class JoinedRun:
    """What runs have in common; each says by `_step` what an instant brings.

    Parameters
    ----------
    videos, offsets_s : of each camera, and how much later than the run it begins. joining : of their persons.
    """

    def __init__(self, videos: Sequence[Video], offsets_s: Sequence[float], joining: Joining) -> None:
        self._videos, self._offsets_s, self._joining = videos, offsets_s, joining
        self._stopping = False

    @property
    def status(self) -> list[CameraStatus]:
        """How each camera is doing."""
        raise NotImplementedError

    @property
    def live(self) -> bool:
        """Whether the cameras go on whether or not anybody looks."""
        return any(video.live for video in self._videos)

    @property
    def step_s(self) -> float:
        """Media time between two instants: a frame of the slowest camera."""
        return 1 / min(video.fps for video in self._videos)

    def stop(self) -> None:
        """End the run after this instant; what is on its way is still given out."""
        self._stopping = True

    def __iter__(self) -> Iterator[Positions]:
        """Batches of positions, until the recordings end or `stop`."""
        at_s = 0.0
        try:
            for at_s, frames in instants(self._videos, self._offsets_s):
                yield self._step(at_s, frames)
                if self._stopping:
                    break
            yield self._joining.rest(at_s)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of what the run holds."""
        raise NotImplementedError

    def resolve(self, persons: Sequence[str]) -> list[str]:
        """As `Joining.resolve`."""
        return self._joining.resolve(persons)

    def merged(self, since: int) -> tuple[list[tuple[str, str]], int]:
        """As `Joining.merged`."""
        return self._joining.merged(since)

    def alike(self) -> list[tuple[str, str, float]]:
        """As `Joining.alike`."""
        return self._joining.alike()

    def portraits(self, since_s: float = -np.inf) -> list[Portrait]:
        """How each person who was seen since looked to each camera, under the names that `resolve` gives; none
        without looks.
        """
        return self._joining.portraits.of(self._joining.resolve, since_s)

    def _step(self, at_s: float, frames: list[list[Frame]]) -> Positions:
        """What the frames of an instant, of each camera, bring."""
        raise NotImplementedError
