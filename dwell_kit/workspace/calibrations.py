"""What a run says of its calibrations: figures in metres are as good as the camera's place on the floor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dwell_kit.workspace.track_runs import TrackedCamera, vision_packages


def calibration_notes(cameras: Sequence[TrackedCamera]) -> tuple[str, ...]:
    """A sentence for each camera whose calibration is poor, with the figures of its quality report.

    Raises
    ------
    InputError, AskError, NotFoundError : as `vision.calibration_files.load_calibration`.
    """
    return tuple(note for camera in cameras if (note := _note(camera)) is not None)


def _note(camera: TrackedCamera) -> str | None:
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
