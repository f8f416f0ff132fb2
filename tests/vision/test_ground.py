"""How well feet are known on the floor."""

from __future__ import annotations

import numpy as np
import pytest

from dwell_kit.errors import InputError
from dwell_kit.schema.geometry import Homography
from dwell_kit.vision.ground import Footing, feet

CAMERA = Homography(((0.02, 0.004, -3), (0.001, 0.05, -4), (1e-5, -1.2e-3, 1)), seen=(300, 300))
FLAT = Homography(((0.01, 0, 0), (0, 0.02, 0), (0, 0, 1)))
BOXES = np.array([[100.0, 100, 140, 200], [300.0, 300, 380, 500]])


def test_of_a_flat_map_by_hand() -> None:
    """1 px is 0.01 m across and 0.02 m along; a box 100 px tall is off by 3 and 5 px: 0.03 m and 0.1 m."""
    footing = Footing.of(FLAT, BOXES, calibration_m=0.1)
    spread = footing.covariance(across=0.03, along=0.05)
    np.testing.assert_allclose(spread[0], np.diag([0.03**2 + 0.01, 0.1**2 + 0.01]), atol=1e-12)
    np.testing.assert_allclose(spread[1], np.diag([0.06**2 + 0.01, 0.2**2 + 0.01]), atol=1e-12)
    np.testing.assert_allclose(footing.sigma(across=0.03, along=0.05), np.sqrt([0.02, 0.05]))
    np.testing.assert_allclose(footing.width_m, [0.4, 0.8])
    np.testing.assert_allclose(footing.floor_m, [[1.2, 4], [3.4, 10]])


def test_it_is_what_shaken_boxes_scatter_by() -> None:
    box = np.array([[300.0, 200, 340, 320]])
    rng = np.random.default_rng(0)
    shaken = feet(box) + rng.normal(0, 1, (20_000, 2)) * 120 * np.array([0.01, 0.02])
    footing = Footing.of(CAMERA, box, calibration_m=1e-9)
    spread = footing.covariance(across=0.01, along=0.02)[0]
    np.testing.assert_allclose(np.cov(CAMERA.to_floor(shaken).T), spread, rtol=0.06, atol=1e-3)
    sigma = footing.sigma(across=0.01, along=0.02)[0]
    assert sigma == pytest.approx(np.sqrt(np.linalg.eigvalsh(spread)[-1]))


def test_further_away_is_less_certain() -> None:
    near, far = np.array([[300.0, 100, 340, 200]]), np.array([[300.0, 700, 340, 800]])
    assert Footing.of(CAMERA, far).sigma()[0] > 3 * Footing.of(CAMERA, near).sigma()[0]


def test_beyond_the_horizon_is_unknown() -> None:
    footing = Footing.of(CAMERA, np.array([[280.0, 700, 320, 900]]))
    assert np.isnan(footing.jacobian).all()
    assert np.isnan(footing.floor_m).all()


def test_no_boxes_and_no_boxes_at_all() -> None:
    assert Footing.of(CAMERA, np.zeros((0, 4))).sigma().shape == (0,)
    with pytest.raises(InputError, match="x1, y1"):
        feet(np.zeros((2, 3)))
