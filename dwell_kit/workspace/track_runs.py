"""A run of tracking: what is watched and how, and by what the very same run is known again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from blake3 import blake3

from dwell_kit.errors import InputError
from dwell_kit.schema.geometry import Zone
from dwell_kit.store.raw import hash_file
from dwell_kit.vision.packages import not_installed
from dwell_kit.workspace.spreading import Spread

if TYPE_CHECKING:
    from dwell_kit.vision.joining import PipelineRules

WHO: Final = "dwell track"
"""Who says so, of links that runs make."""
STORE_EVERY_S: Final = 300.0
_FILES: Final = ("video", "calibration", "detections", "weights")
_NO_MATTER: Final = ("device",)


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
    zones : of the floor, in metres. seconds : of media time after which the run ends; live
        cameras go on without, until somebody ends it. store_every_s : media time after which what live cameras saw
        is stored while they go on. lag_s : how far paths look ahead to be smooth; 0 gives raw places at once, None
        is the rules' own.
    embedder : by name, takes looks of persons, which are kept for later runs; None takes none, and place and time
        alone say who is who.
    embedder_weights : folder or name, for embedders that need some. device : where it runs, as a camera's.
    look_threshold : cosine from which a person seen anew is one who was there before; None: the rules' own, 0.8.
    spread : where it is watched. It does not make another run of it: the very same videos are tracked once.
    """

    cameras: tuple[TrackedCamera, ...]
    start: datetime | str | None
    zones: tuple[Zone, ...] = ()
    seconds: float | None = None
    store_every_s: float = STORE_EVERY_S
    lag_s: float | None = None
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


def rules_of(run: Run) -> PipelineRules:
    """The pipeline's rules, with what the run says of them."""
    from dwell_kit.vision.association_rules import AssociationRules
    from dwell_kit.vision.joining import PipelineRules

    association = AssociationRules()
    if run.look_threshold is not None:
        association = AssociationRules(look_threshold=run.look_threshold)
    rules = PipelineRules(association=association)
    return rules if run.lag_s is None else replace(rules, lag_s=run.lag_s)


def run_hash(run: Run) -> str | None:
    """Of all that decides what a run finds: bytes of videos and files, and parameters; None if it is live."""
    with vision_packages():
        from dwell_kit.vision.offline_rules import OfflineRules

        rules = rules_of(run)
    said: list[Any] = [repr(run.zones), str(run.start), run.seconds, repr(OfflineRules()), repr(rules)]
    if run.embedder is not None:
        said += [run.embedder, said_by(run.embedder_weights)]
    for camera in run.cameras:
        contents = [_content(camera.video)]
        if contents[0] is None:
            return None
        contents += [said_by(path) for path in (camera.calibration, camera.detections, camera.weights) if path]
        plain = {field.name: str(getattr(camera, field.name)) for field in fields(camera)}
        said.append([contents, {k: v for k, v in plain.items() if k not in _FILES + _NO_MATTER}])
    return blake3(json.dumps(said).encode()).hexdigest()


def said_by(given: str | Path | None) -> str | None:
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


def title(run: Run) -> str:
    """What the upload is called: the videos' names, without what an address hides."""
    names = [
        Path(str(camera.video)).name if "://" not in str(camera.video) else camera.camera_id
        for camera in run.cameras
    ]
    return "+".join(names)[:120].replace(os.sep, "_") or "video"
