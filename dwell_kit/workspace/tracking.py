"""Videos in: tracked, numbered, and stored as any file of positions is."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dwell_kit.errors import AskError, DwellError, InputError
from dwell_kit.ingest.quality import Report
from dwell_kit.ingest.stays import Stays
from dwell_kit.schema.time import parse_moment
from dwell_kit.store import registry, runs, uploads
from dwell_kit.workspace.calibrations import calibration_notes, check_zones
from dwell_kit.workspace.handle import Handle
from dwell_kit.workspace.ingesting import Target
from dwell_kit.workspace.instalments import READER, Instalments
from dwell_kit.workspace.publishing import Step, no_step
from dwell_kit.workspace.recognising import Recognition
from dwell_kit.workspace.recovering import recover
from dwell_kit.workspace.run_state import Stored
from dwell_kit.workspace.spreading import spread_over
from dwell_kit.workspace.stopping import when_told
from dwell_kit.workspace.storing import Storing
from dwell_kit.workspace.sweeping import claim, sweep, tracks_folder
from dwell_kit.workspace.track_runs import Run, TrackedCamera, rules_of, run_hash, title, vision_packages

if TYPE_CHECKING:
    from dwell_kit.vision.chunked import RecordedCamera
    from dwell_kit.vision.chunks import LookOptions
    from dwell_kit.vision.detect import Detector, DetectorOptions
    from dwell_kit.vision.embed import Embedder
    from dwell_kit.vision.ground import Calibration
    from dwell_kit.vision.joined import CameraStatus, JoinedRun
    from dwell_kit.vision.pipeline import CameraInput
    from dwell_kit.vision.video import Video

_HAIR_S: Final = 1e-6

Progress = Callable[[float, float | None, "list[CameraStatus]"], None]
"""Called with media time (s), the length of the longest recording if it is known, and how each camera is doing."""


def track(
    ws: Handle, run: Run, *, target: Target, tz: str, progress: Progress | None = None, step: Step = no_step
) -> Report:
    """Track the videos of a run and store positions and sightings, through the same validation as files.

    The very same videos with the same parameters again change nothing and return the first report with `repeated`
    set. Persons are numbered through within the environment; no run gives a number that another one gave.

    Raises
    ------
    AskError : if the start of a recording is not said.
    DwellError : if the packages for vision are not installed, or no camera showed anything.
    InputError : as the videos and calibrations say.
    """
    ws.writable()
    registry.check_environment_name(target.environment)
    Stays(zones=run.zones)  # before hours of video: whether stays can be cut at these zones
    check_zones(run)
    known_by = run_hash(run)
    before = _seen_before(ws, target, known_by)
    if before is not None:
        return before
    recovered = recover(ws)
    with vision_packages():
        cameras = [_open(camera) for camera in run.cameras]
    noticed = calibration_notes(run, [one.calibration for one in cameras])
    said_start, length_s = _span(run, cameras, tz)
    embedder = _embedder(run)
    recognition = None
    if embedder is not None:
        recognition = Recognition.of(ws, run, target, start=said_start or ws.now(), size=embedder.size)
    sweep(ws)
    with _pipeline(run, cameras, said_start or ws.now, embedder) as (pipeline, start, note):
        if recognition is not None:
            recognition.start = start
        noticed = [*noticed, *([note] if note else [])]
        run_id = uuid.uuid4().hex
        folder = tracks_folder(ws, run_id)
        stored = Stored(
            title=title(run),
            start=start,
            target=replace(target, said=tuple(noticed)),
            tz=tz,
            zones=run.zones,
            known_by=known_by,
        )
        with claim(ws, run_id):
            done, storing = False, None
            try:
                folder.mkdir()
                storing = Storing(
                    Instalments(ws, folder, stored, lasting=pipeline.live),
                    pipeline,
                    start=start,
                    every_s=run.store_every_s if pipeline.live else None,
                    recognition=recognition,
                    first=recovered,
                    step=step,
                )
                said = _watch(pipeline, run, storing, length_s, progress)
                report = storing.finish(said)
                done = True
            finally:
                if storing is not None:
                    storing.close()
                if done or storing is None or storing.forgettable:
                    shutil.rmtree(folder, ignore_errors=True)
    return report


def _seen_before(ws: Handle, target: Target, run_hash: str | None) -> Report | None:
    """The report of the same run, if what it stored is there."""
    if run_hash is None:
        return None
    with ws.database.read() as connection:
        for content_hash in runs.contents(connection, target.environment, target.source, run_hash):
            found = uploads.same_content(connection, target.environment, target.source, content_hash, READER)
            if found is not None:
                return Report.from_dict({**found["report"], "repeated": True})
    return None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Opened:
    """A camera whose files are there."""

    given: TrackedCamera
    video: Video
    calibration: Calibration | None
    options: DetectorOptions


def _embedder(run: Run) -> Embedder | None:
    from dwell_kit.vision import embedders

    asked = _looks(run)
    return None if asked is None else embedders.make(asked.embedder, asked.options)


def _looks(run: Run) -> LookOptions | None:
    """Who takes looks, if anybody does."""
    from dwell_kit.vision.chunks import LookOptions
    from dwell_kit.vision.embedders import EmbedderOptions

    if run.embedder is None:
        return None
    options = EmbedderOptions(weights=run.embedder_weights, device=run.device)
    return LookOptions(embedder=run.embedder, options=options, every_s=rules_of(run).look_every_s)


def _open(given: TrackedCamera) -> _Opened:
    from dwell_kit.vision import detect
    from dwell_kit.vision.calibration_files import load_calibration
    from dwell_kit.vision.video import open_video

    detect.get(given.detector)
    calibration = None
    if given.calibration is not None:
        calibration = load_calibration(given.calibration, camera=given.calibration_camera, unit=given.unit)
    video = open_video(given.video, fps=given.fps)
    options = detect.DetectorOptions(
        fps=video.fps,
        detections=Path(given.detections) if given.detections is not None else None,
        weights=given.weights,
        device=given.device,
    )
    return _Opened(given=given, video=video, calibration=calibration, options=options)


def _span(run: Run, cameras: Sequence[_Opened], tz: str) -> tuple[datetime | None, float | None]:
    """The instant at which the run starts, None for now, and its length in seconds if that is known."""
    live = any(camera.video.live for camera in cameras)
    if run.start is None and not live:
        raise AskError(
            "a video counts from its own beginning: say when that was",
            where="option start",
            expected="the instant of the first frame, such as 2025-08-01T10:00:00+02:00",
            hint="start=, --start",
        )
    if not run.store_every_s >= 1:
        raise InputError(
            "a live run cannot be stored as often",
            "option store_every_s",
            "1 s or more",
            f"{run.store_every_s:g} s",
        )
    if live and not run.spread.whole:
        raise InputError(
            "a live camera is not cut in chunks", "option workers, cluster, chunk_s", "recordings",
            hint="track it without them; live cameras go on in one process",
        )  # fmt: skip
    start = None if run.start is None else parse_moment(run.start, tz)
    ends = [
        one.given.offset_s + one.video.frames / one.video.fps for one in cameras if one.video.frames is not None
    ]
    length_s = run.seconds if len(ends) < len(cameras) else min(max(ends), run.seconds or max(ends))
    return start, length_s


@contextmanager
def _pipeline(
    run: Run, cameras: Sequence[_Opened], start: datetime | Callable[[], datetime], embedder: Embedder | None
) -> Iterator[tuple[JoinedRun, datetime, str | None]]:
    """The run ready to go, when it starts, and what is to be said about where it is watched.

    `start` : or a clock that says so once detectors are made, which may take long.
    """
    if run.spread.whole:
        from dwell_kit.vision.pipeline import Pipeline

        shared: dict[Any, Detector] = {}
        inputs = [_input(camera, shared) for camera in cameras]
        begin = start() if callable(start) else start
        yield Pipeline(inputs, start=begin, rules=rules_of(run), embedder=embedder), begin, None
        return
    begin = start() if callable(start) else start
    recorded = [_recorded(camera, _looks(run)) for camera in cameras]
    size = None if embedder is None else embedder.size
    with spread_over(
        run.spread, recorded, start=begin, until_s=run.seconds, rules=rules_of(run), look_size=size
    ) as (pipeline, note):
        yield pipeline, begin, note


def _input(opened: _Opened, shared: dict[Any, Detector]) -> CameraInput:
    """A camera ready to go; a detector that serves all cameras is made once, and kept in `shared`."""
    from dwell_kit.vision import detect
    from dwell_kit.vision.pipeline import CameraInput

    key = opened.given.detector, replace(opened.options, fps=1.0)
    detector = shared.get(key) or detect.make(opened.given.detector, opened.options)
    if detector.shared:
        shared[key] = detector
    return CameraInput(
        camera_id=opened.given.camera_id,
        video=opened.video,
        detector=detector,
        calibration=opened.calibration,
        offset_s=opened.given.offset_s,
    )


def _recorded(opened: _Opened, looks: LookOptions | None) -> RecordedCamera:
    from dwell_kit.vision.chunked import RecordedCamera
    from dwell_kit.vision.chunks import Recording

    given, video = opened.given, opened.video
    video.close()
    recording = Recording(
        camera_id=given.camera_id,
        video=str(given.video),
        fps=video.fps,
        frames=video.frames,
        detector=given.detector,
        options=opened.options,
        looks=looks,
    )
    return RecordedCamera(recording=recording, calibration=opened.calibration, offset_s=given.offset_s)


def _watch(
    pipeline: JoinedRun, run: Run, storing: Storing, length_s: float | None, progress: Progress | None
) -> tuple[str, ...]:
    """Hand over the positions of a run until it ends; what is to be said of it.

    A live run that somebody ends (Ctrl-C) keeps what was seen, which nobody can see again, and says so.

    Raises
    ------
    DwellError : if no camera showed anything.
    """
    with when_told(pipeline.stop) if pipeline.live else nullcontext() as told:
        for batch in pipeline:
            storing.add(batch)
            if progress is not None:
                progress(batch.until_s, length_s, pipeline.status)
            if run.seconds is not None and batch.until_s + pipeline.step_s >= run.seconds - _HAIR_S:
                pipeline.stop()
    silent = [one.camera_id for one in pipeline.status if not one.frames]
    if len(silent) == len(pipeline.status):
        raise DwellError(
            "no frame came from any camera",
            where=", ".join(silent),
            expected="pictures" + (f" within {run.seconds:g} s" if run.seconds is not None else ""),
            found="none",
            hint="is the camera on, is the address right, and can it be played elsewhere, as with ffplay?",
        )
    said = [f"no frame came from {', '.join(silent)}"] if silent else []
    if told is not None and told.is_set():
        said.append(f"ended by hand after {max(one.at_s for one in pipeline.status):.0f} s")
    return tuple(said)
