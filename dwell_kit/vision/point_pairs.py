"""Point pairs in JSON or CSV: the same places in the picture and on the floor."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from dwell_kit.errors import AskError, FormatError, HeaderError, NotFoundError
from dwell_kit.schema.geometry import Homography
from dwell_kit.schema.outlines import Points, as_points
from dwell_kit.vision.calibrate import CalibrationReport, calibrate

COLUMNS: Final = ("x_px", "y_px", "x_m", "y_m")


def from_csv(path: Path, text: str, camera: str | None) -> tuple[Homography, CalibrationReport]:
    """From the columns x_px, y_px, x_m, y_m, and `camera` if there are several.

    Raises
    ------
    HeaderError, FormatError : if a column or a number is missing. AskError, NotFoundError : about the camera.
    """
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    names = [name.strip() for name in reader.fieldnames or ()]
    if missing := [name for name in COLUMNS if name not in names]:
        raise HeaderError(
            "point pairs lack a column", str(path), ", ".join(COLUMNS), f"without {', '.join(missing)}"
        )
    reader.fieldnames = names
    cameras: dict[str, list[list[float]]] = {}
    for row in reader:
        try:
            pair = [float(row[name]) for name in COLUMNS]
        except (TypeError, ValueError) as error:
            found = str({name: row[name] for name in COLUMNS})
            raise FormatError(
                "a point pair cannot be read", f"{path}, line {reader.line_num}", "four numbers", found
            ) from error
        cameras.setdefault((row.get("camera") or "").strip(), []).append(pair)
    pairs = np.array(_one(cameras, camera, path))
    return calibrate(pairs[:, :2], pairs[:, 2:])


def from_json(path: Path, text: str, camera: str | None) -> tuple[Homography, CalibrationReport]:
    """From {"image_points": [[x, y], …], "floor_points": [[x, y], …]}, metres; or from {"cameras": [{"id": …,
    "source_points": …, "destination_points": …}, …], "ground_plane": {"pixels_per_meter": …}}, pixels of a plan.

    Raises
    ------
    FormatError : if neither is there. AskError, NotFoundError : about the camera.
    """
    try:
        given = json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError("point pairs are not JSON", f"{path}, line {error.lineno}", "JSON", error.msg) from error
    if "cameras" not in given:
        return calibrate(_points(given, "image_points", path), _points(given, "floor_points", path))
    scale = _scale(given, path)
    try:
        cameras = {str(one["id"]): one for one in given["cameras"]}
    except (TypeError, KeyError) as error:
        raise FormatError("cameras without an id", str(path), '[{"id": …}, …]') from error
    chosen = _one(cameras, camera, path)
    return calibrate(_points(chosen, "source_points", path), _points(chosen, "destination_points", path) / scale)


def _scale(given: dict[str, Any], path: Path) -> float:
    plane = given.get("ground_plane")
    scale = plane.get("pixels_per_meter") if isinstance(plane, dict) else None
    if not isinstance(scale, int | float) or not scale > 0:
        where = f"{path}, ground_plane.pixels_per_meter"
        raise FormatError("the plan's scale is missing", where, "pixels of the plan per metre", repr(scale))
    return float(scale)


def _points(given: dict[str, Any], name: str, path: Path) -> Points:
    if not isinstance(given.get(name), list):
        found = ", ".join(map(str, given)) if isinstance(given, dict) else type(given).__name__
        raise FormatError("point pairs lack a part", f"{path}, {name}", "[[x, y], …]", found)
    return as_points(given[name])


def _one(cameras: dict[str, Any], camera: str | None, path: Path) -> Any:
    known = ", ".join(cameras)
    if camera is not None:
        if camera not in cameras:
            raise NotFoundError("there is no such camera in the file", str(path), known or "a camera", camera)
        return cameras[camera]
    if len(cameras) != 1:
        hint = "say which one: camera=…" if cameras else "add point pairs"
        raise AskError("the file has not one camera", str(path), "one", known or "none", hint)
    return next(iter(cameras.values()))
