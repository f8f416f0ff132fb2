"""`dwell calibration`: what a calibration file is, and how far it is to be trusted."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dwell_kit.cli.options import Json
from dwell_kit.cli.output import show
from dwell_kit.vision.packages import not_installed

if TYPE_CHECKING:
    from dwell_kit.vision.calibrate import CalibrationReport
    from dwell_kit.vision.ground import Calibration

_UNJUDGED: Final = "not judged: only point pairs say how well they fit"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("calibration")(calibration)


def calibration(
    file: Annotated[
        Path, typer.Argument(help="Point pairs (CSV, JSON), Tsai or OpenCV/ROS XML, nine numbers of a homography.")
    ],
    camera: Annotated[str | None, typer.Option("--camera", help="Which one, if the file has several.")] = None,
    unit: Annotated[str | None, typer.Option(help="m, cm or mm, of files that do not say.")] = None,
    as_json: Json = False,
) -> None:
    """How well a camera's calibration fits: verdict, residuals and leave-one-out errors of its point pairs."""
    try:
        from dwell_kit.vision.calibration_files import load_calibration
    except ModuleNotFoundError as missing:
        raise not_installed("reading calibrations", missing) from missing
    found = load_calibration(file, camera=camera, unit=unit)
    pairs = [] if found.report is None else _pairs(found.report)
    if as_json:
        show(_quality(found) | {"pairs": pairs}, as_json=True)
        return
    said = _quality(found)
    said |= {"verdict": said["verdict"] or _UNJUDGED, "reasons": "; ".join(said["reasons"])}
    show({name: value for name, value in said.items() if value != ""}, as_json=False, title=file.name)
    if pairs:
        show(pairs, as_json=False, title="point pairs")


def _quality(found: Calibration) -> dict[str, Any]:
    """Kind of the file, what the camera adds to any place on the floor, and how well it fits if that is known."""
    judged = {"verdict": None, "reasons": []} if found.report is None else found.report.as_dict()
    plain = {"kind": found.kind, "model": type(found.camera).__name__, "sigma_m": found.sigma_m, **judged}
    return {name: _known(value) for name, value in plain.items()}


def _pairs(report: CalibrationReport) -> list[dict[str, Any]]:
    """One row for each pair, so that a bad click is found."""
    columns = zip(report.inlier, report.residual_m, report.residual_px, report.leave_one_out_m, strict=True)
    return [
        {
            "pair": at,
            "fits": bool(inlier),
            "residual_m": _known(float(off_m)),
            "residual_px": _known(float(off_px)),
            "leave_one_out_m": _known(float(left_out_m)),
        }
        for at, (inlier, off_m, off_px, left_out_m) in enumerate(columns, start=1)
    ]


def _known(value: Any) -> Any:
    """An error without end is one that could not be told."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
