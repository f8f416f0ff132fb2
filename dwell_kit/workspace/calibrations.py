"""What a run says of its calibrations: figures in metres are as good as the camera's place on the floor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dwell_kit.errors import AskError
from dwell_kit.workspace.track_runs import Run, TrackedCamera

if TYPE_CHECKING:
    from dwell_kit.vision.ground import Calibration


def calibration_notes(run: Run, loaded: Sequence[Calibration | None]) -> list[str]:
    """A sentence for each camera whose calibration is poor, or that sees no zone for want of one.

    `loaded` are the calibrations of the run's cameras, one by one.
    """
    cameras = zip(run.cameras, loaded, strict=True)
    poor = [note for camera, found in cameras if (note := _poor(camera, found)) is not None]
    blind = _blind(run) if run.zones else []
    return poor + [f"{name}: nobody is in a zone by this camera, which has no calibration" for name in blind]


def check_zones(run: Run) -> None:
    """Refuse zones that nobody could be in.

    Raises
    ------
    AskError : if there are zones and no camera has a calibration.
    """
    if run.zones and len(_blind(run)) == len(run.cameras):
        raise AskError(
            "zones are on the floor, and no camera says where on the floor it looks",
            where="option calibration",
            expected="the calibration of one camera at least",
            hint="calibration=, --calibration",
        )


def _blind(run: Run) -> list[str]:
    return [camera.camera_id for camera in run.cameras if camera.calibration is None]


def _poor(camera: TrackedCamera, found: Calibration | None) -> str | None:
    from dwell_kit.vision.calibrate import POOR

    if found is None or found.report is None or found.report.verdict != POOR:
        return None
    name = Path(str(camera.calibration)).name
    why = "; ".join(found.report.reasons)
    return (
        f"{camera.camera_id}: its calibration is poor ({why}). Places, distances and stays in"
        f" zones are off by as much: add point pairs, 8 or more spread over the floor, and track it again;"
        f" `dwell calibration {name}` shows each pair"
    )
