"""Cameras in, positions out: frames → detections → tracks → feet on the floor → one person over all cameras.

Nothing is written here, and nothing grows with the length of a video but the persons' names.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl

from dwell_kit.errors import InputError
from dwell_kit.schema.time import to_us
from dwell_kit.vision.associate import Associator
from dwell_kit.vision.association_rules import AssociationRules
from dwell_kit.vision.boxes import Detections, Floats, Integers, Tracks
from dwell_kit.vision.detect import Detector, Noted, Numbered
from dwell_kit.vision.embed import Embedder
from dwell_kit.vision.floor_boxes import on_shared_floor
from dwell_kit.vision.ground import Calibration
from dwell_kit.vision.instants import instants
from dwell_kit.vision.looks import Looks
from dwell_kit.vision.paths import Paths
from dwell_kit.vision.track import Tracker, TrackerSettings
from dwell_kit.vision.video import Frame, Video

NOBODY: Final = -1
SHARED: Final = "*"
"""Stands for the camera in the names of persons who are one over several cameras: `*:7`."""
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


@dataclass
class CameraStatus:
    """How a camera is doing.

    Parameters
    ----------
    frames : read and looked at. dropped : left out, since newer ones had come. reconnects : of a live stream.
    ms_per_frame : running mean of what a frame costs, decoding not included. persons : in the newest frame.
    at_s : media time of the newest frame.
    note : what the detector, or the embedder, says of itself, such as that the GPU's memory ran out.
    """

    camera_id: str
    frames: int = 0
    dropped: int = 0
    reconnects: int = 0
    ms_per_frame: float = 0.0
    persons: int = 0
    at_s: float = 0.0
    note: str = ""


@dataclass(frozen=True, eq=False)
class Positions:
    """Some of a run's positions.

    Parameters
    ----------
    rows : frame of POSITIONS. `person_id` is "<camera>:<track>", or "*:<number>" where cameras share a floor;
        `Pipeline.resolve` says who was found to be one person later. No two runs share names: whoever stores
        them must give their own.
    until_s : media time up to which the run has come.
    """

    rows: pl.DataFrame
    until_s: float


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
        said.frames, said.persons, said.at_s = said.frames + 1, persons, frame.at_s
        said.dropped, said.reconnects = video.dropped, getattr(video, "reconnects", 0)
        self.last = frame.number


@dataclass(frozen=True, kw_only=True)
class PipelineRules:
    """What may be set.

    Parameters
    ----------
    tracker, association : of each camera, and over them.
    lag_s : how far paths look ahead before they are given out smooth; 0 gives raw places at once.
    look_every_s : how old the look of a track may become before the embedder looks again.
    """

    tracker: TrackerSettings = field(default_factory=TrackerSettings)
    association: AssociationRules = field(default_factory=AssociationRules)
    lag_s: float = 2.0
    look_every_s: float = 2.0


class Pipeline:
    """A run over one or several cameras.

    Persons are one over those cameras that have a calibration, if there are two or more of them: all calibrations
    must then be of the same floor. Only confirmed tracks are positions.

    Parameters
    ----------
    cameras : with different names. start : aware instant of media time 0.
    embedder : takes looks of persons, which help to tell who is who over cameras that share a floor.

    Raises
    ------
    InputError : if there is no camera, two have one name, `start` has no zone, or there is an embedder and no
    floor that cameras share.
    """

    def __init__(
        self,
        cameras: Sequence[CameraInput],
        *,
        start: datetime,
        rules: PipelineRules | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        names = [camera.camera_id for camera in cameras]
        if not names or len(set(names)) < len(names):
            raise InputError("a run has cameras with different names", "cameras", found=", ".join(names) or "none")
        if start.tzinfo is None:
            raise InputError("the start of a run has no time zone", "start", "an aware instant", str(start))
        self.rules = rules or PipelineRules()
        self._start_us = to_us(start)
        self._cameras = [
            _Camera(
                given,
                Tracker(given.camera_id, fps=given.video.fps, settings=self.rules.tracker),
                CameraStatus(given.camera_id),
            )
            for given in cameras
        ]
        on_floor = [i for i, camera in enumerate(cameras) if camera.calibration is not None]
        self._together = on_floor if len(on_floor) > 1 else []
        self._embedder = embedder
        if embedder is not None:
            self._take_looks(embedder)
        self._associator = Associator(first_id=1, rules=self.rules.association)
        self._stopping = False
        self._paths = Paths([camera.calibration for camera in cameras], lag_s=self.rules.lag_s)

    @property
    def status(self) -> list[CameraStatus]:
        """How each camera is doing."""
        return [camera.status for camera in self._cameras]

    @property
    def step_s(self) -> float:
        """Media time between two instants: a frame of the slowest camera."""
        return 1 / min(camera.given.video.fps for camera in self._cameras)

    def stop(self) -> None:
        """End the run after this instant; what is on its way is still given out."""
        self._stopping = True

    def __iter__(self) -> Iterator[Positions]:
        """Batches of positions, until the recordings end or `stop`."""
        videos = [camera.given.video for camera in self._cameras]
        at_s = 0.0
        try:
            for at_s, frames in instants(videos, [camera.given.offset_s for camera in self._cameras]):
                self._step(at_s, frames)
                yield Positions(self._paths.ready(at_s, self._start_us, self._names()), at_s)
                if self._stopping:
                    break
            yield Positions(self._paths.rest(self._start_us, self._names()), at_s)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the videos."""
        for camera in self._cameras:
            camera.given.video.close()

    def resolve(self, persons: Sequence[str]) -> list[str]:
        """Who each name stands for, by all that is known now: people found in two places who were one."""
        said = [name.partition(":") for name in persons]
        numbers = [int(number) if place == SHARED else NOBODY for place, _, number in said]
        kept = self._associator.log.resolve(numbers).tolist()
        return [
            f"{SHARED}:{number}" if place == SHARED else name
            for name, (place, _, _), number in zip(persons, said, kept, strict=True)
        ]

    def _take_looks(self, embedder: Embedder) -> None:
        if not self._together:
            raise InputError(
                "looks say who is who over cameras that share a floor, and here no two do",
                where="embedder",
                expected="a calibration of two cameras or more",
                found=", ".join(camera.given.camera_id for camera in self._cameras),
                hint="calibrate them, or leave the embedder out",
            )
        for i in self._together:
            self._cameras[i].looks = Looks(embedder, every_s=self.rules.look_every_s)

    def _step(self, at_s: float, frames: list[list[Frame]]) -> None:
        seen_by = self._detect(frames)
        tracks = [camera.follow(seen) for camera, seen in zip(self._cameras, seen_by, strict=True)]
        persons = self._persons(at_s, tracks, frames)
        self._note()
        for i, (mine, seen, who) in enumerate(zip(frames, tracks, persons, strict=True)):
            if mine and len(seen):
                self._paths.add(i, mine[-1], seen, who)

    def _detect(self, frames: list[list[Frame]]) -> list[list[_Seen]]:
        """What is found in each camera's frames; a detector that cameras share gets the frames of all at once."""
        seen: list[list[_Seen]] = [[] for _ in frames]
        batches: dict[int, list[tuple[int, Frame]]] = {}
        for i, (camera, mine) in enumerate(zip(self._cameras, frames, strict=True)):
            if camera.given.detector.shared:
                batches.setdefault(id(camera.given.detector), []).extend((i, frame) for frame in mine)
            else:
                seen[i] = camera.detect(mine)
        for batch in filter(None, batches.values()):
            began = time.perf_counter()
            found = self._cameras[batch[0][0]].given.detector.detect([frame.image for _, frame in batch])
            ms = 1000 * (time.perf_counter() - began) / len(batch)
            for (i, frame), one in zip(batch, found, strict=True):
                seen[i].append(_Seen(frame, one, ms))
        return seen

    def _note(self) -> None:
        """Pass on what detectors and the embedder say of themselves."""
        for camera in self._cameras:
            mine: list[object] = [camera.given.detector, self._embedder if camera.looks is not None else None]
            said = [one.note for one in mine if isinstance(one, Noted)]
            camera.status.note = "; ".join(filter(None, said))

    def _persons(self, at_s: float, tracks: list[Tracks], frames: list[list[Frame]]) -> list[Integers]:
        """The number of each track's person: the track's own, or over all cameras; `NOBODY` if not confirmed."""
        numbers = [seen.track_id.copy() for seen in tracks]
        if not self._together:
            return numbers
        mine = [tracks[i] for i in self._together]
        boxes = on_shared_floor(
            [one for i in self._together if (one := self._cameras[i].given.calibration) is not None],
            [seen.xyxy for seen in mine],
            tracks=[seen.track_id for seen in mine],
            embeddings=self._looks(at_s, tracks, frames),
            across=self.rules.association.foot_across,
            along=self.rules.association.foot_along,
        )
        who = self._associator.step(at_s, boxes)
        kept = np.where(who.confirmed, who.raw_id, NOBODY)
        for i, part in zip(
            self._together, np.split(kept, np.cumsum([len(seen) for seen in mine])[:-1]), strict=True
        ):
            numbers[i] = part
        return numbers

    def _looks(self, at_s: float, tracks: list[Tracks], frames: list[list[Frame]]) -> list[Floats] | None:
        """The looks of the tracks of each camera on the floor; None without an embedder."""
        found = []
        for i in self._together:
            looks = self._cameras[i].looks
            if looks is None or self._embedder is None:
                return None
            mine = frames[i]
            none = np.empty((0, self._embedder.size))
            found.append(looks.of(at_s, mine[-1].image, tracks[i]) if mine and len(tracks[i]) else none)
        return found

    def _names(self) -> list[tuple[str, str]]:
        """Of each camera: its name, and what its persons' numbers are told apart by."""
        return [
            (camera.given.camera_id, SHARED if i in self._together else camera.given.camera_id)
            for i, camera in enumerate(self._cameras)
        ]
