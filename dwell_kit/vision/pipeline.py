"""Cameras in, positions out: frames → detections → tracks → feet on the floor → one person over all cameras.

Nothing is written here, and nothing grows with the length of a video but the persons: their names, and where looks
are taken one of each by each camera.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from dwell_kit.vision.boxes import Detections, Floats, Tracks
from dwell_kit.vision.detect import Detector, Numbered, notes
from dwell_kit.vision.embed import Embedder
from dwell_kit.vision.ground import Calibration
from dwell_kit.vision.joined import CameraStatus, JoinedRun
from dwell_kit.vision.joining import Joining, PipelineRules, Positions
from dwell_kit.vision.looks import Looks, looks_of
from dwell_kit.vision.track import Tracker
from dwell_kit.vision.video import Frame, Video

_RECENT: Final = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class CameraInput:
    """One camera of a run.

    Parameters
    ----------
    camera_id : its name. video : where its frames come from. detector : its own, or one that is `shared`.
    calibration : where on the floor its pixels are; without it positions are in the picture only.
    offset_s : how much later than the run its recording begins.
    """

    camera_id: str
    video: Video
    detector: Detector
    calibration: Calibration | None = None
    offset_s: float = 0.0


@dataclass(frozen=True, eq=False)
class _Seen:
    """A frame, what was found in it, and what that took."""

    frame: Frame
    found: Detections
    ms: float


@dataclass(eq=False)
class _Camera:
    """A camera at work."""

    given: CameraInput
    tracker: Tracker
    status: CameraStatus
    looks: Looks | None = None
    last: int = 0

    def detect(self, frames: Sequence[Frame]) -> list[_Seen]:
        """What the camera's own detector finds."""
        detector = self.given.detector
        seen = []
        for frame in frames:
            began = time.perf_counter()
            if isinstance(detector, Numbered):
                detector.seek(frame.number)
            (found,) = detector.detect([frame.image])
            seen.append(_Seen(frame, found, 1000 * (time.perf_counter() - began)))
        return seen

    def follow(self, seen: Sequence[_Seen]) -> Tracks:
        """The persons in the last of some frames; all are tracked."""
        tracks = Tracks.empty()
        for one in seen:
            began = time.perf_counter()
            tracks = self.tracker.step(one.found, frames=max(1, one.frame.number - self.last))
            self._count(one.frame, len(tracks), one.ms + 1000 * (time.perf_counter() - began))
        return tracks

    def _count(self, frame: Frame, persons: int, ms: float) -> None:
        said, video = self.status, self.given.video
        share = max(_RECENT, 1 / (said.frames + 1))
        said.ms_per_frame += share * (ms - said.ms_per_frame)
        said.saw(frame.at_s, 1 / video.fps, persons=persons)
        said.dropped, said.reconnects = video.dropped, getattr(video, "reconnects", 0)
        self.last = frame.number


class Pipeline(JoinedRun):
    """A run over one or several cameras; who is one person over them is `Joining`'s.

    Parameters
    ----------
    cameras : with different names. start : aware instant of media time 0.
    embedder : takes looks of persons, which help to tell who is who over cameras that share a floor, and make
        `portraits`, by which who comes back later can be known.

    Raises
    ------
    InputError : if there is no camera, two have one name, or `start` has no zone.
    """

    def __init__(
        self,
        cameras: Sequence[CameraInput],
        *,
        start: datetime,
        rules: PipelineRules | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        self.rules = rules or PipelineRules()
        joining = Joining(
            [(camera.camera_id, camera.calibration) for camera in cameras], start=start, rules=self.rules
        )
        super().__init__([camera.video for camera in cameras], [camera.offset_s for camera in cameras], joining)
        self._cameras = [
            _Camera(
                given,
                Tracker(given.camera_id, fps=given.video.fps, settings=self.rules.tracker),
                CameraStatus(given.camera_id),
                None if embedder is None else Looks(embedder, every_s=self.rules.look_every_s),
            )
            for given in cameras
        ]
        self._embedder = embedder
        own = sum(not given.detector.shared for given in cameras)
        self._hands = ThreadPoolExecutor(min(own, os.cpu_count() or 1), "dwell-detect") if own > 1 else None

    @property
    def status(self) -> list[CameraStatus]:
        """How each camera is doing."""
        return [camera.status for camera in self._cameras]

    def close(self) -> None:
        """Let go of the videos."""
        for camera in self._cameras:
            camera.given.video.close()
        if self._hands is not None:
            self._hands.shutdown(cancel_futures=True)

    def _step(self, at_s: float, frames: list[list[Frame]]) -> Positions:
        seen_by = self._detect(frames)
        tracks = [camera.follow(seen) for camera, seen in zip(self._cameras, seen_by, strict=True)]
        newest = [mine[-1] if mine else None for mine in frames]
        positions = self._joining.step(at_s, newest, tracks, self._looks(at_s, newest, tracks))
        self._note()
        return positions

    def _detect(self, frames: list[list[Frame]]) -> list[list[_Seen]]:
        """What is found in each camera's frames, by their detectors at the same time; one that cameras share gets
        the frames of all at once."""
        seen: list[list[_Seen]] = [[] for _ in frames]
        busy: dict[int, Future[list[_Seen]]] = {}
        batches: dict[int, list[tuple[int, Frame]]] = {}
        for i, (camera, mine) in enumerate(zip(self._cameras, frames, strict=True)):
            if camera.given.detector.shared:
                batches.setdefault(id(camera.given.detector), []).extend((i, frame) for frame in mine)
            elif self._hands is not None and mine:
                busy[i] = self._hands.submit(camera.detect, mine)
            else:
                seen[i] = camera.detect(mine)
        for i, one in busy.items():
            seen[i] = one.result()
        for batch in filter(None, batches.values()):
            began = time.perf_counter()
            found = self._cameras[batch[0][0]].given.detector.detect([frame.image for _, frame in batch])
            ms = 1000 * (time.perf_counter() - began) / len(batch)
            for (i, frame), boxes in zip(batch, found, strict=True):
                seen[i].append(_Seen(frame, boxes, ms))
        return seen

    def _note(self) -> None:
        """Pass on what detectors and the embedder say of themselves."""
        said: dict[int, str] = {}  # many cameras share a detector
        for camera in self._cameras:
            detector = camera.given.detector
            if id(detector) not in said:
                said[id(detector)] = notes(detector, self._embedder)
            camera.status.note = said[id(detector)]

    def _looks(self, at_s: float, newest: Sequence[Frame | None], tracks: Sequence[Tracks]) -> list[Floats] | None:
        """The looks of each camera's tracks; None without an embedder."""
        if self._embedder is None:
            return None
        found = [np.empty((0, self._embedder.size))] * len(tracks)
        seen = {
            i: (camera.looks, frame.image, tracks[i])
            for i, (camera, frame) in enumerate(zip(self._cameras, newest, strict=True))
            if camera.looks is not None and frame is not None and len(tracks[i])
        }
        for i, looks in zip(seen, looks_of(self._embedder, at_s, list(seen.values())), strict=True):
            found[i] = looks
        return found
