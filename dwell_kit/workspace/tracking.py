"""Videos in: tracked, numbered, and stored as any file of positions is."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl
from blake3 import blake3

from dwell_kit.errors import AskError, InputError
from dwell_kit.ingest.batches import ReadOptions
from dwell_kit.ingest.quality import Report
from dwell_kit.ingest.stays import Stays
from dwell_kit.schema import columns as c
from dwell_kit.schema.geometry import Zone
from dwell_kit.schema.tables import POSITIONS
from dwell_kit.schema.time import parse_moment
from dwell_kit.store import registry, runs, uploads
from dwell_kit.store.raw import hash_file
from dwell_kit.vision.packages import not_installed
from dwell_kit.workspace.handle import Handle
from dwell_kit.workspace.ingesting import Target, ingest
from dwell_kit.workspace.publishing import Step, no_step
from dwell_kit.workspace.spreading import Spread, spread_over
from dwell_kit.workspace.sweeping import claim, sweep, tracks_folder

if TYPE_CHECKING:
    from dwell_kit.vision.chunked import ChunkedPipeline, RecordedCamera
    from dwell_kit.vision.detect import Detector, DetectorOptions
    from dwell_kit.vision.embed import Embedder
    from dwell_kit.vision.ground import Calibration
    from dwell_kit.vision.joining import PipelineRules
    from dwell_kit.vision.pipeline import CameraInput, CameraStatus, Pipeline
    from dwell_kit.vision.video import Video

READER: Final = "positions"
_FLUSH_ROWS: Final = 50_000
_PERSON: Final = "person-{}"
_FILES: Final = ("video", "calibration", "detections", "weights")
_NO_MATTER: Final = ("device",)

Progress = Callable[[float, float | None, "list[CameraStatus]"], None]
"""Called with media time (s), the length of the longest recording if it is known, and how each camera is doing."""


@dataclass(frozen=True, kw_only=True)
class TrackedCamera:
    """One camera of a run.

    Parameters
    ----------
    camera_id : its name in the environment.
    video : a file, a folder of pictures, an address, or the number of a camera of this machine.
    calibration : file that says where on the floor its pixels are (see `vision.calibration_files`); `unit` and
        `calibration_camera` where the file leaves them open. All calibrations of a run are of the same floor.
    fps : in place of the container's own. offset_s : how much later than `start` its recording begins.
    detector : by name. detections : file for `replay`. weights : file or folder, for networks.
    device : where networks run, such as cpu or cuda:0; None is a GPU if there is one. Cameras that name the same
        network share it.
    """

    camera_id: str
    video: str | Path
    calibration: str | Path | None = None
    unit: str | None = None
    calibration_camera: str | None = None
    fps: float | None = None
    offset_s: float = 0.0
    detector: str = "offline"
    detections: str | Path | None = None
    weights: str | Path | None = None
    device: str | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """What is tracked, and how long.

    Parameters
    ----------
    start : aware instant of media time 0; None for live cameras is now.
    zones : of the floor, in metres. seconds : of media time after which the run ends.
    embedder : by name, takes looks of persons; None takes none, and place and time alone say who is who.
    embedder_weights : folder or name, for embedders that need some. device : where it runs, as a camera's.
    look_threshold : cosine from which a person seen anew is one that was lost; None is the rules' own (0.8).
    spread : where it is watched. It does not make another run of it: the very same videos are tracked once.
    """

    cameras: tuple[TrackedCamera, ...]
    start: datetime | str | None
    zones: tuple[Zone, ...] = ()
    seconds: float | None = None
    embedder: str | None = None
    embedder_weights: str | None = None
    device: str | None = None
    look_threshold: float | None = None
    spread: Spread = field(default_factory=Spread)


def cameras_of(given: Sequence[TrackedCamera | Mapping[str, Any]]) -> tuple[TrackedCamera, ...]:
    """Cameras as they may be given: made, or as mappings of their parameters.

    Raises
    ------
    InputError : if a mapping has a key that is none.

    >>> cameras_of([{"camera_id": "door", "video": "door.mp4", "fps": 7}])[0].fps
    7
    """
    known = {field.name for field in fields(TrackedCamera)}
    made = []
    for one in given:
        if isinstance(one, TrackedCamera):
            made.append(one)
            continue
        unknown, missing = set(one) - known, {"camera_id", "video"} - set(one)
        if unknown or missing:
            raise InputError(
                "a camera is described by other words",
                where="cameras",
                expected=", ".join(sorted(known)),
                found=", ".join(sorted(one)),
            )
        made.append(TrackedCamera(**one))
    return tuple(made)


def track(
    ws: Handle, run: Run, *, target: Target, tz: str, progress: Progress | None = None, step: Step = no_step
) -> Report:
    """Track the videos of a run and store positions and sightings, through the same validation as files.

    The very same videos with the same parameters again change nothing and return the first report with `repeated`
    set. Persons are numbered through within the environment; no run gives a number that another one gave.

    Raises
    ------
    AskError : if the start of a recording, or the end of a live run, is not said.
    DwellError : if the packages for vision are not installed. InputError : as the videos and calibrations say.
    """
    ws.writable()
    registry.check_environment_name(target.environment)
    Stays(zones=run.zones)  # before hours of video: whether stays can be cut at these zones
    if run.embedder is not None and not run.spread.whole:
        raise InputError(
            "looks are not taken in chunks yet",
            where="option embedder",
            expected="no embedder beside workers, cluster or chunk_s",
            found=run.embedder,
            hint="track without workers, cluster and chunk_s, or leave the embedder out",
        )
    run_hash = _hash(run)
    before = _seen_before(ws, target, run_hash)
    if before is not None:
        return before
    with vision_packages():
        cameras = [_open(camera) for camera in run.cameras]
    start, length_s = _span(ws, run, cameras, tz)
    with _pipeline(run, cameras, start) as (pipeline, note):
        sweep(ws)
        run_id = uuid.uuid4().hex
        folder = tracks_folder(ws, run_id)
        with claim(ws, run_id):
            folder.mkdir()
            try:
                reached_s = _watch(pipeline, run, folder, length_s, progress)
                step("tracked")
                path = _numbered(ws, pipeline, folder, target, run, run_hash)
                report = ingest(
                    ws,
                    path,
                    target=replace(
                        target,
                        reader=READER,
                        window=(start, start + timedelta(seconds=reached_s)),
                    ),
                    options=ReadOptions(tz=tz, zones=run.zones),
                    step=step,
                )
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        report.notes += [_said(pipeline), *([note] if note else [])]
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


@contextmanager
def vision_packages() -> Iterator[None]:
    """Say which package is missing where vision is used and not installed.

    Raises
    ------
    DwellError : with the line that installs it.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        raise not_installed("tracking", missing) from missing


def _hash(run: Run) -> str | None:
    """Of all that decides what a run finds: bytes of videos and files, and parameters; None if it is live."""
    with vision_packages():
        from dwell_kit.vision.offline_rules import OfflineRules

        rules = _rules(run)
    said: list[Any] = [repr(run.zones), str(run.start), run.seconds, repr(OfflineRules()), repr(rules)]
    if run.embedder is not None:
        said += [run.embedder, _said_by(run.embedder_weights)]
    for camera in run.cameras:
        contents = [_content(camera.video)]
        if contents[0] is None:
            return None
        contents += [_said_by(path) for path in (camera.calibration, camera.detections, camera.weights) if path]
        plain = {field.name: str(getattr(camera, field.name)) for field in fields(camera)}
        said.append([contents, {k: v for k, v in plain.items() if k not in _FILES + _NO_MATTER}])
    return blake3(json.dumps(said).encode()).hexdigest()


def _said_by(given: str | Path | None) -> str | None:
    """The content of a file or folder, or the name itself of what is neither."""
    return None if given is None else _content(given) or str(given)


def _content(path: str | Path) -> str | None:
    """Hash of a file, or of a folder's files; None for what is neither."""
    if Path(path).is_file():
        return hash_file(Path(path))
    if not Path(path).is_dir():
        return None
    inside = sorted(p for p in Path(path).iterdir() if p.is_file())
    return blake3(json.dumps([(p.name, hash_file(p)) for p in inside]).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, eq=False)
class _Opened:
    """A camera whose files are there."""

    given: TrackedCamera
    video: Video
    calibration: Calibration | None
    options: DetectorOptions


def _rules(run: Run) -> PipelineRules:
    from dwell_kit.vision.association_rules import AssociationRules
    from dwell_kit.vision.joining import PipelineRules

    if run.look_threshold is None:
        return PipelineRules()
    return PipelineRules(association=AssociationRules(look_threshold=run.look_threshold))


def _embedder(run: Run) -> Embedder | None:
    from dwell_kit.vision import embedders

    if run.embedder is None:
        return None
    return embedders.make(run.embedder, embedders.EmbedderOptions(weights=run.embedder_weights, device=run.device))


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


def _span(ws: Handle, run: Run, cameras: Sequence[_Opened], tz: str) -> tuple[datetime, float | None]:
    """The instant at which the run starts, and its length in seconds if that is known."""
    live = any(camera.video.live for camera in cameras)
    if run.start is None and not live:
        raise AskError(
            "a video counts from its own beginning: say when that was",
            where="option start",
            expected="the instant of the first frame, such as 2025-08-01T10:00:00+02:00",
            hint="start=, --start",
        )
    if live and run.seconds is None:
        raise AskError("a live camera does not end: say how long it is tracked", "option seconds", "seconds=")
    if live and not run.spread.whole:
        raise InputError(
            "a live camera is not cut in chunks", "option workers, cluster, chunk_s", "recordings",
            hint="track it without them; live cameras go on in one process",
        )  # fmt: skip
    start = parse_moment(run.start, tz) if run.start is not None else ws.now()
    ends = [
        one.given.offset_s + one.video.frames / one.video.fps for one in cameras if one.video.frames is not None
    ]
    length_s = run.seconds if len(ends) < len(cameras) else min(max(ends), run.seconds or max(ends))
    return start, length_s


@contextmanager
def _pipeline(
    run: Run, cameras: Sequence[_Opened], start: datetime
) -> Iterator[tuple[Pipeline | ChunkedPipeline, str | None]]:
    """The run ready to go, and what is to be said about where it is watched."""
    if run.spread.whole:
        from dwell_kit.vision.pipeline import Pipeline

        shared: dict[Any, Detector] = {}
        inputs = [_input(camera, shared) for camera in cameras]
        yield Pipeline(inputs, start=start, rules=_rules(run), embedder=_embedder(run)), None
        return
    recorded = [_recorded(camera) for camera in cameras]
    with spread_over(run.spread, recorded, start=start, until_s=run.seconds, rules=_rules(run)) as found:
        yield found


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


def _recorded(opened: _Opened) -> RecordedCamera:
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
    )
    return RecordedCamera(recording=recording, calibration=opened.calibration, offset_s=given.offset_s)


def _watch(
    pipeline: Pipeline | ChunkedPipeline, run: Run, folder: Path, length_s: float | None, progress: Progress | None
) -> float:
    """Write the positions of a run into parts in a folder; returns the media time reached, seconds."""
    waiting: list[pl.DataFrame] = []
    parts, reached_s = 0, 0.0
    for batch in pipeline:
        reached_s = batch.until_s
        if batch.rows.height:
            waiting.append(batch.rows)
        if sum(rows.height for rows in waiting) >= _FLUSH_ROWS:
            pl.concat(waiting).write_parquet(folder / f"{parts:06}.part")
            parts, waiting = parts + 1, []
        if progress is not None:
            progress(reached_s, length_s, pipeline.status)
        if run.seconds is not None and reached_s + pipeline.step_s >= run.seconds:
            pipeline.stop()
    pl.concat([POSITIONS.empty(), *waiting]).write_parquet(folder / f"{parts:06}.part")
    return reached_s + pipeline.step_s


def _numbered(
    ws: Handle, pipeline: Pipeline | ChunkedPipeline, folder: Path, target: Target, run: Run, run_hash: str | None
) -> Path:
    """The run's positions as one file, its persons under numbers that are theirs alone."""
    rows = pl.scan_parquet(sorted(folder.glob("*.part")))
    seen = rows.select(pl.col(c.PERSON).unique(maintain_order=True)).collect()[c.PERSON].to_list()
    kept = pipeline.resolve(seen)
    order = list(dict.fromkeys(kept))
    with ws.database.write() as connection:
        run_row, first = runs.claim(
            connection, target.environment, target.source, persons=len(order), run_hash=run_hash, now=ws.now()
        )
    number = {name: first + at for at, name in enumerate(order)}
    names = [_PERSON.format(number[name]) for name in kept]
    path = folder / f"{_title(run)}.tracks.parquet"
    rows.with_columns(
        pl.col(c.PERSON).replace_strict(seen, names, return_dtype=pl.String) if seen else pl.col(c.PERSON)
    ).drop(c.ROW_NO).sink_parquet(path)
    with ws.database.write() as connection:
        runs.wrote(connection, run_row, hash_file(path))
    return path


def _title(run: Run) -> str:
    """What the upload is called: the videos' names, without what an address hides."""
    names = [
        Path(str(camera.video)).name if "://" not in str(camera.video) else camera.camera_id
        for camera in run.cameras
    ]
    return "+".join(names)[:120].replace(os.sep, "_") or "video"


def _said(pipeline: Pipeline | ChunkedPipeline) -> str:
    """How the cameras did, in a sentence."""
    return "; ".join(
        f"{one.camera_id}: {one.frames} frames, {one.dropped} dropped, {one.ms_per_frame:.0f} ms a frame"
        + (f", {one.note}" if one.note else "")
        for one in pipeline.status
    )
