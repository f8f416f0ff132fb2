"""Calibrations from files: point pairs, Tsai (PETS), OpenCV/ROS (WILDTRACK), a bare 3×3; which is found out."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import AskError, FormatError, InputError, NotFoundError
from dwell_kit.schema.geometry import Homography
from dwell_kit.vision.camera_models import PinholeCamera, TsaiCamera
from dwell_kit.vision.ground import ASSUMED_SIGMA_M, Calibration
from dwell_kit.vision.point_pairs import from_csv, from_json

_LARGEST: Final = 4 << 20
METRES_PER: Final = {"m": 1.0, "cm": 0.01, "mm": 0.001}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a caller said besides the path; see `load_calibration`."""

    camera: str | None
    unit: str | None
    extrinsic: Path | None
    axes: str
    sigma_m: float


@dataclass(frozen=True)
class CalibrationFormat:
    """One kind of file: its name, whether a text is of it, and what makes the calibration of it."""

    name: str
    fits: Callable[[Path, str], bool]
    load: Callable[[Path, str, Asked], Calibration]


def load_calibration(
    path: Path | str,
    *,
    camera: str | None = None,
    unit: str | None = None,
    extrinsic: Path | str | None = None,
    axes: str = "xy",
    sigma_m: float = ASSUMED_SIGMA_M,
) -> Calibration:
    """The camera that a file describes.

    Parameters
    ----------
    path : point pairs (.json, .csv), Tsai XML, OpenCV/ROS XML of the intrinsics, or text with the nine numbers
        of a homography.
    camera : which one, if the file has several.
    unit : "m", "cm" or "mm", of the world of an OpenCV/ROS file, which does not say.
    extrinsic : the file with rvec and tvec; without it `…/extrinsic/extr_NAME.xml` beside `…/intr_NAME.xml`.
    axes : of a bare homography: "xy", or "row_col" if it takes (row, column) as ETH's H.txt does.
    sigma_m : what the calibration is off by, if the file does not say; point pairs do, by leave-one-out.

    Raises
    ------
    FormatError : if it is none of those, or a part is missing. AskError : if it leaves open what must be said.
    NotFoundError : if there is no such file or camera. InputError : if the numbers are no camera.
    """
    path = Path(path)
    text = _text(path)
    asked = Asked(
        camera=camera, unit=unit, extrinsic=Path(extrinsic) if extrinsic else None, axes=axes, sigma_m=sigma_m
    )
    for kind in FORMATS:
        if kind.fits(path, text):
            return kind.load(path, text, asked)
    raise FormatError(
        "this is no calibration that is known",
        str(path),
        ", ".join(kind.name for kind in FORMATS),
        repr(text[:60]),
        "a CSV with the columns x_px, y_px, x_m, y_m is the simplest",
    )


def _text(path: Path) -> str:
    if not path.is_file():
        raise NotFoundError("there is no such calibration file", str(path))
    if path.stat().st_size > _LARGEST:
        raise FormatError("a calibration file is too big to be one", str(path), "up to 4 MiB")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError("a calibration file is not text", str(path), "UTF-8", f"byte {error.start}") from error


def _tsai(path: Path, text: str, asked: Asked) -> Calibration:
    root = _xml(path, text)
    parts = {name: root.find(name) for name in ("Geometry", "Intrinsic", "Extrinsic")}

    def number(part: str, name: str) -> float:
        element = parts[part]
        found = None if element is None else element.get(name)
        return _float(found, f"{path}, {part} {name}")

    camera = TsaiCamera(
        focal_mm=number("Intrinsic", "focal"),
        kappa1_per_mm2=number("Intrinsic", "kappa1"),
        cx=number("Intrinsic", "cx"),
        cy=number("Intrinsic", "cy"),
        sx=number("Intrinsic", "sx"),
        dpx_mm=number("Geometry", "dpx"),
        dpy_mm=number("Geometry", "dpy"),
        rotation_rad=(number("Extrinsic", "rx"), number("Extrinsic", "ry"), number("Extrinsic", "rz")),
        translation_mm=(number("Extrinsic", "tx"), number("Extrinsic", "ty"), number("Extrinsic", "tz")),
    )
    return Calibration(camera=camera, kind="tsai", sigma_m=asked.sigma_m)


def _opencv(path: Path, text: str, asked: Asked) -> Calibration:
    root = _xml(path, text)
    if asked.unit not in METRES_PER:
        raise AskError(
            "the file does not say in which unit its world is",
            str(path),
            "unit: " + ", ".join(METRES_PER),
            repr(asked.unit),
            'WILDTRACK\'s is unit="cm"',
        )
    second = asked.extrinsic or path.parent.parent / "extrinsic" / path.name.replace("intr_", "extr_", 1)
    if second == path or not second.is_file():
        raise NotFoundError(
            "the file with the camera's place is not there", str(second), hint="name it: extrinsic=…"
        )
    place = _xml(second, _text(second))
    camera = PinholeCamera(
        intrinsic=_array(root, "camera_matrix/data", path, (3, 3)),
        distortion=_array(root, "distortion_coefficients/data", path, None),
        rotation=cv2.Rodrigues(_array(place, "rvec", second, (3,)))[0],
        translation_m=_array(place, "tvec", second, (3,)) * METRES_PER[asked.unit],
    )
    return Calibration(camera=camera, kind="opencv", sigma_m=asked.sigma_m)


def _homography(path: Path, text: str, asked: Asked) -> Calibration:
    if asked.axes not in ("xy", "row_col"):
        raise AskError("axes that are not known", str(path), "xy or row_col", repr(asked.axes))
    rows = _nine(text)
    make = Homography if asked.axes == "xy" else Homography.of_rows_and_columns
    return Calibration(camera=make(rows), kind="homography", sigma_m=asked.sigma_m)  # type: ignore[arg-type]


def _nine(text: str) -> NDArray[np.float64] | None:
    try:
        numbers = np.array(text.replace(",", " ").split(), dtype=np.float64)
    except ValueError:
        return None
    return numbers.reshape(3, 3) if numbers.size == 9 else None


def _xml(path: Path, text: str) -> ET.Element:
    # Entities are how XML makes a small file fill the memory; no calibration has any.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise FormatError("a calibration has a document type, which is not read", str(path), "plain XML")
    try:
        return ET.fromstring(text)  # noqa: S314
    except ET.ParseError as error:
        raise FormatError(
            "a calibration's XML cannot be read", str(path), "well-formed XML", str(error)
        ) from error


def _array(root: ET.Element, name: str, path: Path, shape: tuple[int, ...] | None) -> Any:
    where, found = f"{path}, {name}", root.findtext(name)
    if found is None:
        raise FormatError("a calibration lacks a part", where, name, ", ".join(child.tag for child in root))
    numbers = np.array([_float(word, where) for word in found.split()])
    if shape is not None and numbers.size != np.prod(shape):
        raise FormatError("a calibration's part has another size", where, str(shape), f"{numbers.size} numbers")
    return numbers if shape is None else numbers.reshape(shape)


def _float(found: str | None, where: str) -> float:
    try:
        return float(found or "")
    except ValueError as error:
        raise FormatError("a calibration's number cannot be read", where, "a number", repr(found)) from error


def _pairs_of(
    read: Callable[[Path, str, str | None], Any], kind: str
) -> Callable[[Path, str, Asked], Calibration]:
    def load(path: Path, text: str, asked: Asked) -> Calibration:
        try:
            camera, report = read(path, text, asked.camera)
        except InputError as error:
            if error.where is None or str(path) not in error.where:
                error.where = f"{path}, {error.where}" if error.where else str(path)
            raise
        return Calibration(camera=camera, kind=kind, sigma_m=report.sigma_m, report=report)

    return load


def _starts(tag: str) -> Callable[[Path, str], bool]:
    return lambda _path, text: text.lstrip().startswith("<") and f"<{tag}" in text


FORMATS: Final = (
    CalibrationFormat("Tsai XML", _starts("Camera"), _tsai),
    CalibrationFormat("OpenCV/ROS XML", _starts("opencv_storage"), _opencv),
    CalibrationFormat(
        "point pairs as JSON", lambda _, text: text.lstrip().startswith("{"), _pairs_of(from_json, "point pairs")
    ),
    CalibrationFormat("nine numbers of a homography", lambda _, text: _nine(text) is not None, _homography),
    CalibrationFormat(
        "point pairs as CSV", lambda _, text: "x_px" in text.partition("\n")[0], _pairs_of(from_csv, "point pairs")
    ),
)
