"""What a run says of its calibrations: figures in metres are as good as the camera's place on the floor."""

from __future__ import annotations

from pathlib import Path

from dwell_kit.errors import AskError
from dwell_kit.workspace.track_runs import Run, TrackedCamera, vision_packages


def calibration_notes(run: Run) -> tuple[str, ...]:
    """A sentence for each camera whose calibration is poor, or that sees no zone for want of one.

    Raises
    ------
    AskError : if there are zones and no camera has a calibration: nobody could be in one.
    InputError, NotFoundError : as `vision.calibration_files.load_calibration`.
    """
    poor = [note for camera in run.cameras if (note := _poor(camera)) is not None]
    return (*poor, *_without_zones(run))


def _without_zones(run: Run) -> list[str]:
    blind = [camera.camera_id for camera in run.cameras if camera.calibration is None]
    if not run.zones or not blind:
        return []
    if len(blind) == len(run.cameras):
        raise AskError(
            "zones are on the floor, and no camera says where on the floor it looks",
            where="option calibration",
            expected="the calibration of one camera at least",
            hint="calibration=, --calibration",
        )
    return [f"{name}: nobody is in a zone by this camera, which has no calibration" for name in blind]


def _poor(camera: TrackedCamera) -> str | None:
    if camera.calibration is None:
        return None
    with vision_packages():
        from dwell_kit.vision.calibrate import POOR
        from dwell_kit.vision.calibration_files import load_calibration
    found = load_calibration(camera.calibration, camera=camera.calibration_camera, unit=camera.unit).report
    if found is None or found.verdict != POOR:
        return None
    name = Path(camera.calibration).name
    return (
        f"{camera.camera_id}: its calibration is poor ({'; '.join(found.reasons)}). Places, distances and stays in"
        f" zones are off by as much: add point pairs, 8 or more spread over the floor, and track it again;"
        f" `dwell calibration {name}` shows each pair"
    )
