"""Recordings that were watched in chunks, as one run: what `Pipeline` gives, from work done anywhere."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from dwell_kit.errors import FormatError
from dwell_kit.vision.boxes import Floats, Tracks
from dwell_kit.vision.chunks import Chunk, Recording, Watched, cut
from dwell_kit.vision.ground import Calibration
from dwell_kit.vision.joined import CameraStatus, JoinedRun
from dwell_kit.vision.joining import Joining, PipelineRules, Positions
from dwell_kit.vision.stitch import Seams
from dwell_kit.vision.video import Frame

Look = Callable[[Sequence[Chunk]], Iterator[Watched]]
"""What has chunks watched, and gives what was seen in their order."""
_NO_PICTURE: Final = np.zeros((0, 0, 3), np.uint8)


@dataclass(frozen=True, kw_only=True)
class RecordedCamera:
    """One camera of a run: as `pipeline.CameraInput`, but for a recording that is watched elsewhere."""

    recording: Recording
    calibration: Calibration | None = None
    offset_s: float = 0.0


class _Stitched:
    """A video whose frames are those of its chunks, without their pictures."""

    live = False
    dropped = 0

    def __init__(self, given: RecordedCamera, pull: Callable[[], bool]) -> None:
        recording = given.recording
        self.given, self.fps, self.frames = given, recording.fps, recording.frames
        self.name = Path(recording.video).name
        self.status = CameraStatus(recording.camera_id)
        self._pull, self._seams = pull, Seams(fps=recording.fps)
        self.left = 0
        """How many of its chunks are still to come."""
        self._newest: Watched | None = None
        self._due: deque[int] = deque()
        self._seen: dict[int, Tracks] = {}
        self._taken: dict[int, list[tuple[int, Floats]]] = {}
        self._looks: dict[int, Floats] = {}

    def __iter__(self) -> Iterator[Frame]:
        while self._due or (self.left and self._pull()):
            while self._due:
                number = self._due.popleft()
                yield Frame(number, (number - 1) / self.fps, _NO_PICTURE)

    def close(self) -> None:
        """Nothing is held."""

    def take(self, watched: Watched, look: Look) -> None:
        """The next chunk; one that did not begin where the one before ends is watched again, decoding up to there.

        Raises
        ------
        FormatError : if that does not help.
        """
        self.left -= 1
        before = self._newest
        if before is not None and not _goes_on(before, watched):
            (watched,) = look([replace(watched.chunk, seek=False)])
            if watched.frames and not _goes_on(before, watched):
                raise FormatError(
                    "a video is not the same each time it is decoded, so that it cannot be cut",
                    where=f"{self.name}, frame {watched.chunk.first}", hint="track it without workers",
                )  # fmt: skip
        self._newest = watched
        first = watched.chunk.first
        said = self.status
        said.note = watched.note or said.note
        if watched.frames:
            said.ms_per_frame += (watched.ms_per_frame - said.ms_per_frame) / (1 + said.frames / watched.frames)
        self._due.extend(range(first, first + watched.frames))
        joined = self._seams.join(watched.tracks, first=first)
        for number, rows in joined.by_frame():
            self._seen[number] = Tracks(rows.xyxy, rows.track_id, rows.confidence)
        own = watched.tracks[watched.tracks.frame >= first]
        names = dict(zip(own.track_id.tolist(), joined.track_id.tolist(), strict=True))
        for number, track, taken in watched.looks:
            if track in names:
                self._taken.setdefault(number, []).append((names[track], taken))
        waiting = {track for rows in self._seen.values() for track in rows.track_id.tolist()}
        self._looks = {track: held for track, held in self._looks.items() if track in waiting}

    def tracks(self, frames: Sequence[Frame]) -> Tracks:
        """The persons in the last of some frames, which are forgotten."""
        tracks = Tracks.empty()
        for frame in frames:
            tracks = self._seen.pop(frame.number, Tracks.empty())
            self._looks.update(self._taken.pop(frame.number, ()))
        if frames:
            self.status.saw(frames[-1].at_s, 1 / self.fps, frames=len(frames), persons=len(tracks))
        return tracks

    def looks(self, tracks: Tracks, size: int) -> Floats:
        """(n, size) the newest look of each, NaN for who has not shown any."""
        nothing = np.full(size, np.nan)
        found = [self._looks.get(track, nothing) for track in tracks.track_id.tolist()]
        return np.array(found, np.float64).reshape(len(found), size)


def _goes_on(before: Watched, after: Watched) -> bool:
    """Whether a chunk begins where the one before ends: with the very same picture in the same place."""
    last = before.chunk.last
    if last is not None and before.frames < last - before.chunk.first + 1:
        return after.frames == 0  # the video ended earlier than it said
    return after.before is not None and after.before == before.end and after.frames > 0


class ChunkedPipeline(JoinedRun):
    """A run over recordings, as `Pipeline`, whose frames are watched in chunks.

    Chunks are taken in the order of media time, and no more of them are held than cameras have frames in a chunk.

    Parameters
    ----------
    cameras : with different names. start : aware instant of media time 0.
    look : has chunks watched (`chunks.watch`), and gives what was seen in their order.
    chunk_s : length of a chunk. until_s : media time after which nothing is watched.
    look_size : how many numbers a look has, where chunks take looks: as `Pipeline` does, but that each chunk looks
        at everybody anew shortly before it begins.

    Raises
    ------
    InputError : as `Joining`, or if a chunk has no frame.
    """

    def __init__(
        self,
        cameras: Sequence[RecordedCamera],
        *,
        start: datetime,
        look: Look,
        chunk_s: float,
        until_s: float | None = None,
        rules: PipelineRules | None = None,
        look_size: int | None = None,
    ) -> None:
        self.rules = rules or PipelineRules()
        joining = Joining(
            [(camera.recording.camera_id, camera.calibration) for camera in cameras],
            start=start,
            rules=self.rules,
        )
        self._cameras = [_Stitched(camera, self._pull) for camera in cameras]
        super().__init__(self._cameras, [camera.offset_s for camera in cameras], joining)
        self._look, self._look_size = look, look_size
        self._whose = self._plan(chunk_s, until_s)
        self._coming = look([chunk for _, chunk in self._whose])
        self._taken = 0

    @property
    def status(self) -> list[CameraStatus]:
        """How each camera is doing."""
        return [camera.status for camera in self._cameras]

    def close(self) -> None:
        """Let go of chunks that nobody needs any more."""
        if isinstance(self._coming, Generator):
            self._coming.close()

    def _step(self, at_s: float, frames: list[list[Frame]]) -> Positions:
        tracks = [camera.tracks(mine) for camera, mine in zip(self._cameras, frames, strict=True)]
        looks = None
        if (size := self._look_size) is not None:
            looks = [camera.looks(mine, size) for camera, mine in zip(self._cameras, tracks, strict=True)]
        return self._joining.step(at_s, [mine[-1] if mine else None for mine in frames], tracks, looks)

    def _plan(self, chunk_s: float, until_s: float | None) -> list[tuple[int, Chunk]]:
        """Which camera's chunk comes when, by the media time at which it begins."""
        planned: list[tuple[float, int, Chunk]] = []
        for i, camera in enumerate(self._cameras):
            recording, offset_s = camera.given.recording, camera.given.offset_s
            chunks = cut(recording, chunk_s=chunk_s, until_s=None if until_s is None else until_s - offset_s)
            planned += [(offset_s + (chunk.first - 1) / recording.fps, i, chunk) for chunk in chunks]
            camera.left = len(chunks)
        return [(i, chunk) for _, i, chunk in sorted(planned, key=lambda one: one[:2])]

    def _pull(self) -> bool:
        watched = next(self._coming, None)
        if watched is None:
            return False
        self._cameras[self._whose[self._taken][0]].take(watched, self._look)
        self._taken += 1
        return True
