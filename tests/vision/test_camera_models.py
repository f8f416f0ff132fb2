"""Tsai's and OpenCV's cameras: points worked out by hand, the reference implementation, and there and back."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from benchmarks.wildtrack import CAMERAS, read
from dwell_kit.errors import InputError
from dwell_kit.schema.geometry import Camera
from dwell_kit.vision.calibration_files import load_calibration
from dwell_kit.vision.camera_models import PinholeCamera, TsaiCamera
from dwell_kit.vision.ground import feet

PIXELS = np.random.default_rng(0).uniform([0, 0], [720, 576], (2000, 2))
STRAIGHT_DOWN = {
    "focal_mm": 5.0,
    "cx": 360.0,
    "cy": 288.0,
    "sx": 1.0,
    "dpx_mm": 0.01,
    "dpy_mm": 0.01,
    # Turned by half a turn about x, it looks down from 10 m; x to the right stays, y is turned over.
    "rotation_rad": (math.pi, 0.0, 0.0),
    "translation_mm": (0.0, 0.0, 10_000.0),
}


def test_tsai_by_hand() -> None:
    """2 m to the right, 10 m below a 5 mm lens: 1 mm on the sensor, 100 px. 1 m up: 9 m below, 111.1 px."""
    camera = TsaiCamera(kappa1_per_mm2=0.0, **STRAIGHT_DOWN)
    np.testing.assert_allclose(camera.centre_m, [0, 0, 10], atol=1e-12)
    np.testing.assert_allclose(camera.to_image(np.array([[2.0, 0.0], [0.0, 1.0]])), [[460, 288], [360, 238]])
    np.testing.assert_allclose(camera.project(np.array([[2.0, 0.0, 1.0]])), [[360 + 1000 / 9, 288]])


def test_tsai_bends_the_right_way_round() -> None:
    """On the sensor xu = xd (1 + kappa1 xd²): with kappa1 = 0.25 and xd = 1 mm, xu = 1.25 mm, which is 2.5 m."""
    camera = TsaiCamera(kappa1_per_mm2=0.25, **STRAIGHT_DOWN)
    np.testing.assert_allclose(camera.to_floor(np.array([[460.0, 288.0]])), [[2.5, 0.0]], atol=1e-12)
    np.testing.assert_allclose(camera.to_image(np.array([[2.5, 0.0]])), [[460.0, 288.0]], atol=1e-9)


def test_the_origin_of_pets_view_001_by_hand(testdata) -> None:
    """The world's origin is at T in the camera: xu = f tx/tz = 0.12979 mm, yu = −0.49731 mm; bent inwards by
    1 + 0.0051113 · 0.26345 = 1.0013466; times sx / dpx = 213.325 and 1 / dpy = 215.054 px/mm from the middle."""
    camera = load_calibration(testdata / "pets2009_s2l1" / "calibration" / "View_001.xml").camera
    x = 324.22149 + 0.12979 / 1.0013466 * 213.325
    y = 282.5665 - 0.49731 / 1.0013466 * 215.054
    np.testing.assert_allclose(camera.to_image(np.zeros((1, 2))), [[x, y]], atol=0.02)


@pytest.mark.parametrize("view", range(1, 9))
def test_pets_there_and_back(testdata, view) -> None:
    camera = load_calibration(testdata / "pets2009_s2l1" / "calibration" / f"View_00{view}.xml").camera
    assert isinstance(camera, Camera)
    floor = camera.to_floor(PIXELS)
    seen = np.isfinite(floor).all(axis=1)
    assert seen.mean() > 0.5
    np.testing.assert_allclose(camera.to_image(floor[seen]), PIXELS[seen], atol=1e-6)
    assert 1 < camera.centre_m[2] < 8


def test_people_of_pets_are_as_tall_as_people(testdata) -> None:
    """The annotators' boxes, by the camera: feet on the floor, then the height at which the head is in the box."""
    import xml.etree.ElementTree as ET

    camera = load_calibration(testdata / "pets2009_s2l1" / "calibration" / "View_001.xml").camera
    boxes = [box.attrib for box in ET.parse(testdata / "pets2009_s2l1" / "PETS2009-S2L1.xml").iter("box")]
    centre = np.array([[float(b["xc"]), float(b["yc"]), float(b["w"]), float(b["h"])] for b in boxes])
    foot = np.stack([centre[:, 0], centre[:, 1] + centre[:, 3] / 2], axis=1)
    floor = camera.to_floor(foot)
    tops = [camera.project(np.column_stack([floor, np.full(len(floor), z)]))[:, 1] for z in (1.6, 1.7)]
    top = centre[:, 1] - centre[:, 3] / 2
    tall = 1.6 + 0.1 * (tops[0] - top) / (tops[0] - tops[1])
    assert np.median(tall) == pytest.approx(1.75, abs=0.15)


@pytest.mark.parametrize("lens", ["zero", "original"])
@pytest.mark.parametrize("name", CAMERAS)
def test_wildtrack_is_opencv_and_goes_back(testdata, name, lens) -> None:
    path = testdata / "wildtrack" / "calibrations" / f"intrinsic_{lens}" / f"intr_{name}.xml"
    camera = load_calibration(path, unit="cm").camera
    pixels = PIXELS * [1920 / 720, 1080 / 576]
    floor = camera.to_floor(pixels)
    seen = np.isfinite(floor).all(axis=1)
    assert seen.mean() > 0.75
    np.testing.assert_allclose(camera.to_image(floor[seen]), pixels[seen], atol=1e-6)
    reference, _ = cv2.projectPoints(
        np.column_stack([floor[seen], np.zeros(seen.sum())]),
        cv2.Rodrigues(np.array(camera.rotation))[0],
        np.array(camera.translation_m),
        np.array(camera.intrinsic),
        np.array(camera.distortion),
    )
    np.testing.assert_allclose(reference[:, 0], pixels[seen], atol=1e-6)
    assert 1 < camera.centre_m[2] < 4


def test_the_lens_of_the_original_pictures_matters(testdata) -> None:
    """`intrinsic_zero` goes with the undistorted pictures: mixing them up moves feet by decimetres."""
    folder = testdata / "wildtrack" / "calibrations"
    zero, original = (
        load_calibration(folder / f"intrinsic_{lens}" / "intr_CVLab4.xml", unit="cm").camera
        for lens in ("zero", "original")
    )
    corner = np.array([[1700.0, 950.0]])
    assert np.linalg.norm(zero.to_floor(corner) - original.to_floor(corner)) > 0.1


def test_feet_of_wildtrack_are_on_their_cells(testdata) -> None:
    data = read(testdata / "wildtrack")
    off = np.empty(len(data.person))
    for i, calibration in enumerate(data.cameras):
        rows = data.camera == i
        off[rows] = np.linalg.norm(calibration.camera.to_floor(feet(data.xyxy[rows])) - data.cell_m[rows], axis=1)
    assert len(off) == 19_812
    assert np.median(off) < 0.15
    assert np.percentile(off, 99) < 0.35


def test_above_the_horizon_and_behind_the_camera_is_nothing(testdata) -> None:
    camera = load_calibration(testdata / "pets2009_s2l1" / "calibration" / "View_002.xml").camera
    assert np.isnan(camera.to_floor(np.array([[360.0, 2.0]]))).all()
    x, y, _ = camera.centre_m
    assert np.isnan(camera.to_image(np.array([[x, y - 20.0]]))).all()


def test_a_lens_that_folds_back_shows_each_place_once() -> None:
    """k1 = −1/3: beyond radius 1 the picture would turn inwards again."""
    camera = PinholeCamera(
        intrinsic=np.diag([100.0, 100.0, 1.0]),
        rotation=np.diag([1.0, -1.0, -1.0]),
        translation_m=(0.0, 0.0, 1.0),
        distortion=(-1 / 3, 0, 0, 0),
    )
    np.testing.assert_allclose(camera.to_image(np.array([[0.9, 0.0]])), [[100 * (0.9 - 0.9**3 / 3), 0]], atol=1e-9)
    assert np.isnan(camera.to_image(np.array([[1.5, 0.0]]))).all()
    assert np.isnan(camera.to_floor(np.array([[80.0, 0.0]]))).all()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rotation": np.eye(3) * 2}, "rotation is none"),
        ({"intrinsic": np.ones((3, 3))}, "no pinhole"),
        ({"distortion": (1.0, 2.0)}, "another shape"),
        ({"translation_m": ("a", 0, 0)}, "not numbers"),
    ],
)
def test_an_impossible_camera_is_refused(changed, said) -> None:
    given = {"intrinsic": np.diag([9.0, 9.0, 1.0]), "rotation": np.eye(3), "translation_m": (0, 0, 1)}
    with pytest.raises(InputError, match=said):
        PinholeCamera(**{**given, **changed})


def test_an_impossible_tsai_camera_is_refused() -> None:
    with pytest.raises(InputError, match="impossible"):
        TsaiCamera(kappa1_per_mm2=0.0, **{**STRAIGHT_DOWN, "focal_mm": 0.0})
