"""Calibration from point pairs: what it finds, and what it says about itself."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwell_kit.errors import AskError, FormatError, HeaderError, InputError, NotFoundError
from dwell_kit.schema.geometry import Homography
from dwell_kit.vision.calibrate import calibrate
from dwell_kit.vision.calibration_files import load_calibration

TRUE = Homography(((0.02, 0.004, -3), (0.001, 0.05, -4), (1e-5, 1.2e-3, 1)), seen=(300, 300))
CLICKED = np.array(
    [[120, 560], [700, 540], [560, 120], [180, 130], [400, 300], [300, 420], [620, 330], [250, 250],
     [90, 400], [500, 480]],
    np.float64,
)  # fmt: skip


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(5, 10))
def test_exact_clicks_give_the_camera_back(seed, n) -> None:
    order = np.random.default_rng(seed).permutation(len(CLICKED))[:n]
    camera, report = calibrate(CLICKED[order], TRUE.to_floor(CLICKED[order]))
    np.testing.assert_allclose(camera.to_floor(CLICKED), TRUE.to_floor(CLICKED), atol=1e-4)
    assert report.residual_m.max() < 1e-4
    assert report.inlier.all()


def test_a_careful_calibration_is_good_and_a_bad_click_is_found() -> None:
    floor = TRUE.to_floor(CLICKED) + np.random.default_rng(1).normal(0, 0.03, CLICKED.shape)
    camera, report = calibrate(CLICKED, floor)
    assert (report.verdict, report.reasons) == ("good", ())
    assert report.sigma_m == pytest.approx(0.05, abs=0.04)
    floor[4] += [3, 3]
    again, report = calibrate(CLICKED, floor)
    assert np.flatnonzero(~report.inlier).tolist() == [4]
    assert report.residual_m[4] == pytest.approx(4.2, abs=0.3)
    np.testing.assert_allclose(again.to_floor(CLICKED), camera.to_floor(CLICKED), atol=0.1)


def test_the_poor_camera_of_the_campus_is_said_to_be_poor(testdata) -> None:
    path = testdata / "homography_points" / "campus.json"
    found = {f"Cam {i}": load_calibration(path, camera=f"Cam {i}").report for i in (1, 2, 3, 4)}
    assert {name: report.verdict for name, report in found.items()} == {
        "Cam 1": "fair", "Cam 2": "fair", "Cam 3": "fair", "Cam 4": "poor",
    }  # fmt: skip
    poor = found["Cam 4"]
    assert poor.points == 5
    assert poor.leave_one_out_m.max() > 2.3
    assert any("5 point pairs only" in reason for reason in poor.reasons)
    assert any("left out" in reason for reason in poor.reasons)
    assert max(report.residual_px[report.inlier].mean() for report in found.values()) < 60
    assert json.loads(json.dumps(poor.as_dict()))["verdict"] == "poor"


def test_four_pairs_fit_exactly_which_says_nothing_of_their_error() -> None:
    corners = CLICKED[:4]
    _, report = calibrate(corners, TRUE.to_floor(corners))
    assert report.verdict == "poor"
    assert report.sigma_m == pytest.approx(1 / 1.1774)  # typically a metre off: where a calibration becomes poor


def test_points_near_a_line_are_not_good() -> None:
    thin = np.column_stack([np.linspace(50, 700, 10), 300 + np.tile([0.0, 4.0], 5)])
    _, report = calibrate(thin, TRUE.to_floor(thin))
    assert report.verdict == "poor"
    assert "near one line" in " ".join(report.reasons)


@pytest.mark.parametrize(
    ("image", "floor", "said"),
    [
        (CLICKED[:3], CLICKED[:3], "too few"),
        (CLICKED, CLICKED[:9], "pair up"),
        (np.column_stack([np.arange(9.0), np.arange(9.0)]), CLICKED[:9], "on one line"),
        (CLICKED * np.nan, CLICKED, "not finite"),
        (np.repeat(CLICKED[:2], 4, axis=0), CLICKED[:8], "too few"),
    ],
)
def test_pairs_that_say_nothing_are_refused(image, floor, said) -> None:
    with pytest.raises(InputError, match=said):
        calibrate(image, floor)


def pairs_csv(**changed) -> str:
    rows = [f"{x},{y},{a},{b}" for (x, y), (a, b) in zip(CLICKED, TRUE.to_floor(CLICKED), strict=True)]
    return "\n".join([changed.get("header", "x_px,y_px,x_m,y_m"), *rows, *changed.get("more", ())])


def test_each_kind_of_file_is_told_apart(tmp_path, testdata) -> None:
    (tmp_path / "pairs.csv").write_text(pairs_csv())
    given = {"image_points": CLICKED.tolist(), "floor_points": TRUE.to_floor(CLICKED).tolist()}
    (tmp_path / "pairs.json").write_text(json.dumps(given))
    for name in ("pairs.csv", "pairs.json"):
        found = load_calibration(tmp_path / name)
        assert found.kind == "point pairs"
        assert found.report.verdict == "good"
        np.testing.assert_allclose(found.camera.to_floor(CLICKED), TRUE.to_floor(CLICKED), atol=1e-3)
    h = load_calibration(testdata / "eth_ucy" / "seq_eth" / "H.txt", axes="row_col")
    matrix = np.loadtxt(testdata / "eth_ucy" / "seq_eth" / "H.txt")
    row, column = 276, 327
    x, y, w = matrix @ [row, column, 1]
    assert h.kind == "homography"
    np.testing.assert_allclose(h.camera.to_floor([[column, row]]), [[x / w, y / w]])
    assert load_calibration(testdata / "pets2009_s2l1" / "calibration" / "View_003.xml").kind == "tsai"
    intrinsic = testdata / "wildtrack" / "calibrations" / "intrinsic_original" / "intr_IDIAP1.xml"
    assert load_calibration(intrinsic, unit="cm").kind == "opencv"


def test_what_a_file_leaves_open_is_asked(testdata) -> None:
    with pytest.raises(AskError, match="unit"):
        load_calibration(testdata / "wildtrack" / "calibrations" / "intrinsic_zero" / "intr_IDIAP1.xml")
    with pytest.raises(AskError, match="Cam 1, Cam 4, Cam 2, Cam 3"):
        load_calibration(testdata / "homography_points" / "campus.json")
    with pytest.raises(NotFoundError, match="Cam 9"):
        load_calibration(testdata / "homography_points" / "campus.json", camera="Cam 9")


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("hello", FormatError, "no calibration that is known"),
        ("<Camera><Geometry/></Camera>", FormatError, "Intrinsic focal"),
        ("<Camera>", FormatError, "XML cannot be read"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><Camera/>', FormatError, "no calibration|document type"),
        ("{}", FormatError, "image_points"),
        ("{", FormatError, "not JSON"),
        ('{"cameras": [{"id": 1}]}', FormatError, "pixels_per_meter"),
        ("1 2 3 2 4 6 0 0 1", InputError, "line or a point"),
        ("x_px,y_px,x_m\n1,2,3", HeaderError, "y_m"),
        (pairs_csv(more=["1,2,three,4"]), FormatError, "line 12"),
        ("x_px,y_px,x_m,y_m\n1,2,3,4\n", InputError, "too few"),
    ],
)
def test_what_is_no_calibration_says_why(tmp_path, text, error, said) -> None:
    (tmp_path / "given").write_text(text)
    with pytest.raises(error) as caught:
        load_calibration(tmp_path / "given")
    import re

    assert re.search(said, str(caught.value))


def test_no_file_and_no_text(tmp_path, testdata) -> None:
    with pytest.raises(NotFoundError):
        load_calibration(tmp_path / "none.xml")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="not text"):
        load_calibration(tmp_path / "bytes")
    text = (testdata / "wildtrack" / "calibrations" / "intrinsic_zero" / "intr_IDIAP1.xml").read_text()
    (tmp_path / "intr_X.xml").write_text(text)
    with pytest.raises(NotFoundError, match="place is not there"):
        load_calibration(tmp_path / "intr_X.xml", unit="cm")
