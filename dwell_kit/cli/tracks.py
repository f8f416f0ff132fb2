"""`dwell track`: videos into a workspace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

from dwell_kit.cli.options import Environment, Json, WorkspaceDir
from dwell_kit.cli.output import show

_T = TypeVar("_T")
_UNUSED: Final[dict[str | None, tuple[str, ...]]] = {
    "offline": ("--weights", "--detections"),
    "yolo": ("--detections",),
    "faster-rcnn": ("--detections",),
    "replay": ("--weights",),
    "colours": ("--embedder-weights",),
    None: ("--embedder-weights",),
}
"""Options that detectors and embedders of ours do not look at."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("track")(track)


def track(
    videos: Annotated[
        list[str], typer.Argument(help="Video files, folders of pictures, rtsp:// or http:// URLs.")
    ],
    camera: Annotated[
        list[str] | None, typer.Option("--camera", help="Camera id of each video, in their order; else its name.")
    ] = None,
    calibration: Annotated[
        list[str] | None, typer.Option("--calibration", help="Calibration file of each video, in their order.")
    ] = None,
    calibration_camera: Annotated[
        list[str] | None,
        typer.Option(
            "--calibration-camera", help="Which camera of its file each calibration is, if it has several."
        ),
    ] = None,
    unit: Annotated[str | None, typer.Option(help="m, cm or mm, of calibrations that do not say.")] = None,
    detector: Annotated[
        str, typer.Option(help="Which one finds persons: offline, yolo, faster-rcnn, replay, …")
    ] = "offline",
    detections: Annotated[
        list[str] | None, typer.Option("--detections", help="Recorded detections of each video, for replay.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="File or folder of weights, for networks: .pt, .onnx, OpenVINO, .pth.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Where networks run: cpu, cuda, cuda:1 …; else a GPU if there is one.")
    ] = None,
    embedder: Annotated[
        str | None, typer.Option(help="Takes looks, by which who was lost or comes again is known: clip, colours.")
    ] = None,
    embedder_weights: Annotated[
        str | None, typer.Option(help="Folder of weights of the embedder, or its name on Hugging Face's hub.")
    ] = None,
    look_threshold: Annotated[
        float, typer.Option(help="Cosine from which somebody looks like who was there before.")
    ] = 0.8,
    fps: Annotated[
        list[float] | None,
        typer.Option("--fps", help="Frames per second, if files are wrong: once for all, or of each in order."),
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Instant of the first frame (ISO; local without a zone).")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Stop after so much media time; live cameras go on without.", min=0)
    ] = None,
    store_every: Annotated[
        float, typer.Option(help="Seconds after which what live cameras saw is stored, while they go on.", min=1)
    ] = 300,
    lag: Annotated[
        float | None,
        typer.Option(help="Seconds that paths look ahead to be smooth; 0: places as seen.", min=0),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Watch recordings in so many processes of this machine.", min=1)
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Watch them on a Dask cluster: its scheduler's address, tcp://host:8786.")
    ] = None,
    chunk_seconds: Annotated[
        float | None, typer.Option(help="Media time that is one task; 300 by default.", min=0.1)
    ] = None,
    zone: Annotated[
        list[str] | None,
        typer.Option("--zone", help="name=x,y x,y x,y … corners on the floor, metres (repeatable)."),
    ] = None,
    workspace: WorkspaceDir = Path("workspace"),
    environment: Environment = None,
    source: Annotated[str, typer.Option(help="Namespace of person ids and keys.")] = "main",
    tz: Annotated[str | None, typer.Option(help="IANA time zone of the environment.")] = None,
    notes: Annotated[str | None, typer.Option(help="A remark to keep with the upload.")] = None,
    as_json: Json = False,
) -> None:
    """Track persons in videos; positions, sightings and stays in zones go into the workspace."""
    import dwell_kit as dk

    _check_used(detector, {"--weights": weights, "--detections": detections})
    _check_used(embedder, {"--embedder-weights": embedder_weights})
    if calibration_camera and not calibration:
        raise typer.BadParameter("there is no --calibration", param_hint="--calibration-camera")
    per_video: dict[str, list[Any] | None] = {
        "camera_id": _each(camera, videos, "--camera") or [_name(video) for video in videos],
        "calibration": _each(calibration, videos, "--calibration"),
        "calibration_camera": _each(calibration_camera, videos, "--calibration-camera"),
        "detections": _each(detections, videos, "--detections"),
        "fps": _each(fps * len(videos) if fps and len(fps) == 1 else fps, videos, "--fps"),
    }
    cameras = [
        {
            "video": video, "unit": unit, "detector": detector, "weights": weights, "device": device,
            **{name: given[at] for name, given in per_video.items() if given},
        }
        for at, video in enumerate(videos)
    ]  # fmt: skip
    with dk.open(workspace) as ws, _progress(quiet=as_json) as progress:
        report = ws.track(
            cameras, start=start, seconds=seconds, store_every_s=store_every, lag_s=lag,
            zones=[_zone(text) for text in zone or []], device=device,
            embedder=embedder, embedder_weights=embedder_weights, look_threshold=look_threshold,
            workers=workers, cluster=cluster, chunk_s=chunk_seconds,
            environment=environment, source=source, tz=tz, notes=notes, progress=progress,
        )  # fmt: skip
        band = ws.compute("person_band", environment=environment, as_="polars").row(0, named=True)
    if as_json:
        show(report.as_dict() | {"persons": band}, as_json=True)
        return
    result = "already there, nothing changed" if report.repeated else f"upload {str(report.upload_id)[:8]}"
    show([{"result": result, "positions": report.accepted, "rejected": report.rejected}], as_json=False)
    fewest = f"; at least {band['low']}: some tracks may be of one person, or of nobody"
    typer.echo(f"persons in the environment: {band['high']}{fewest if band['low'] < band['high'] else ''}")
    for note in report.notes:
        typer.echo(note, err=True)


def _check_used(name: str | None, given: dict[str, Any]) -> None:
    """That what was given is something that the detector or embedder called `name` looks at."""
    for option, value in given.items():
        if value and option in _UNUSED.get(name, ()):
            told = f"{name!r} takes none" if name else "there is no --embedder that would take them"
            raise typer.BadParameter(told, param_hint=option)


def _each(given: list[_T] | None, videos: list[str], option: str) -> list[_T] | None:
    """One value for each video, if any was given."""
    if given and len(given) != len(videos):
        raise typer.BadParameter(
            f"expected one for each of {len(videos)} videos, found {len(given)}", param_hint=option
        )
    return given or None


def _name(video: str) -> str:
    """A camera's id when none is given: the file's name without its ending."""
    return Path(video).stem if "://" not in video else video.rpartition("@")[2].replace("/", "-")


def _zone(text: str) -> Any:
    from dwell_kit.schema.geometry import Zone

    name, equals, corners = text.partition("=")
    try:
        points = tuple((float(x), float(y)) for x, y in (corner.split(",") for corner in corners.split()))
    except ValueError:
        points = ()
    if not equals or not points:
        raise typer.BadParameter(f"expected name=x,y x,y x,y, found {text!r}", param_hint="--zone")
    return Zone(name, points)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Any]:
    """Media time on standard error, which scripts do not see."""
    if quiet:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("tracking", total=None)

        def tell(at_s: float, length_s: float | None, cameras: list[Any]) -> None:
            persons = sum(one.persons for one in cameras)
            speed = max(one.ms_per_frame for one in cameras)
            said = f"tracking: {persons} in view, {speed:.0f} ms a frame"
            if silent := [one.camera_id for one in cameras if not one.frames]:
                said += f", nothing yet from {', '.join(silent)}"
            bar.update(task, description=said, completed=at_s, total=length_s)

        yield tell
