"""Zones, lines, plans and homographies: against brute force, and at their edges."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dwell_kit.errors import InputError
from dwell_kit.schema.geometry import Camera, CountingLine, FloorPlan, Homography, Zone

coordinate = st.floats(-50, 50, allow_nan=False).map(lambda v: round(v, 3))
point = st.tuples(coordinate, coordinate)


@st.composite
def stars(draw) -> Zone:
    """Concave polygons that cannot cross themselves: corners at growing angles around a centre."""
    n = draw(st.integers(3, 9))
    radii = draw(st.lists(st.floats(1, 20), min_size=n, max_size=n))
    cx, cy = draw(point)
    corners = [
        (cx + r * math.cos(2 * math.pi * i / n), cy + r * math.sin(2 * math.pi * i / n))
        for i, r in enumerate(radii)
    ]
    return Zone("star", tuple(corners if draw(st.booleans()) else corners[::-1]))


def winding(polygon, x: float, y: float) -> int:
    """How often the outline turns around a point: the sum of the angles under which its edges are seen."""
    corners = [complex(*corner) - complex(x, y) for corner in polygon]
    turned = sum(cmath.phase(b / a) for a, b in zip(corners, corners[1:] + corners[:1], strict=True))
    return round(turned / (2 * math.pi))


def distance(polygon, x: float, y: float) -> float:
    """To the nearest edge."""
    p, found = np.array([x, y]), []
    for a, b in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        a, d = np.array(a), np.subtract(b, a)
        found.append(np.linalg.norm(p - a - np.clip((p - a) @ d / (d @ d), 0, 1) * d))
    return min(found)


@given(stars(), st.lists(point, min_size=1, max_size=20))
def test_contains_is_the_winding_number(zone: Zone, points) -> None:
    centre = np.mean(zone.polygon, axis=0)
    points = np.array(points) * 0.3 + centre
    for (x, y), inside in zip(points, zone.contains(points), strict=True):
        if distance(zone.polygon, x, y) > 1e-6:
            assert inside == (winding(zone.polygon, x, y) != 0)


@given(stars(), st.floats(0, 1), st.integers(0, 8))
def test_a_point_on_a_shared_edge_is_in_one_zone(zone: Zone, share: float, which: int) -> None:
    """A star is cut into triangles around its centre: points on the cuts are counted once."""
    n = len(zone.polygon)
    corners = [(x, y) for x, y in zone.polygon]
    centre = tuple(np.mean(corners, axis=0))
    try:
        parts = [Zone(str(i), (centre, corners[i], corners[(i + 1) % n])) for i in range(n)]
    except InputError:
        assume(False)
    assume(all(zone.contains([np.mean(part.polygon, axis=0)])[0] for part in parts))
    tiles = sum(part.area for part in parts)
    assume(math.isclose(tiles, zone.area, rel_tol=1e-9))
    spoke = np.array(corners[which % n])
    at = np.array(centre) + share * 0.999 * (spoke - centre)
    assert sum(int(part.contains([at])[0]) for part in parts) == 1


def test_tiles_of_a_floor_count_every_grid_point_once() -> None:
    tiles = [Zone(f"{i}{j}", ((i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1))) for i in range(3) for j in range(3)]
    grid = np.stack(np.meshgrid(np.arange(0, 3, 0.25), np.arange(0, 3, 0.25)), axis=-1).reshape(-1, 2)
    assert (sum(tile.contains(grid).astype(int) for tile in tiles) == 1).all()
    assert not any(tile.contains([[3.0, 1.0], [1.0, 3.0], [np.nan, 1.0]]).any() for tile in tiles)


@pytest.mark.parametrize(
    ("polygon", "unit", "said"),
    [
        (((0, 0), (1, 1)), "m", "three corners"),
        (((0, 0), (2, 2), (2, 0), (0, 2)), "m", "crosses"),
        (((0, 0), (1, 1), (2, 2)), "m", "encloses nothing"),
        (((0, 0), (1, 0), (1, 0), (0, 1)), "m", "touches itself"),
        (((0, 0), (1, 0), (0, math.nan)), "m", "finite"),
        (((0, 0), (2, 0), (0, 1)), "share", "share of the picture"),
        (((0, 0), (2, 0), (0, 1)), "feet", "unit"),
        ((("a", 0), (2, 0), (0, 1)), "m", "not numbers"),
    ],
)
def test_a_zone_that_means_nothing_is_refused(polygon, unit, said) -> None:
    with pytest.raises(InputError, match=said):
        Zone("z", polygon, unit)


def test_a_zone_is_a_value() -> None:
    a, b = Zone("z", ((0, 0), (2, 0), (0, 2))), Zone("z", np.array([[0, 0], [2, 0], [0, 2]]))
    assert a == b
    assert len({a, b}) == 1
    assert a.area == 2.0


@given(point, point, st.lists(point, min_size=2, max_size=30))
def test_crossings_of_a_long_line_are_the_change_of_side(a, b, walk) -> None:
    assume(math.dist(a, b) > 1)
    far = np.subtract(b, a) / math.dist(a, b) * 1e6
    line = CountingLine("l", tuple(np.subtract(a, far)), tuple(np.add(b, far)))
    walk = np.array(walk)
    start, along = np.array(line.start), np.subtract(line.end, line.start)
    side = along[0] * (walk[:, 1] - start[1]) - along[1] * (walk[:, 0] - start[0])
    # Beside the line, so that its rounding over 2000 km does not decide; the crossing lies on it.
    assume(np.abs(side / np.linalg.norm(along)).min() > 1e-3)
    steps = line.crossings(walk)
    assert steps.sum() == int(side[-1] > 0) - int(side[0] > 0)
    assert np.array_equal(CountingLine("r", line.end, line.start).crossings(walk), -steps)


def test_crossings_at_the_ends_and_on_the_line() -> None:
    door = CountingLine("door", (0, 0), (2, 0))
    assert door.count([[0, -1], [0, 1]]) == (1, 0)  # through start
    assert door.count([[2, -1], [2, 1]]) == (0, 0)  # through end
    assert door.count([[1, -1], [1, 0], [1, -1]]) == (1, 1)  # touched and back
    assert door.count([[1, -1], [1, 0], [1, 1]]) == (1, 0)
    assert door.count([[1, -1], [np.nan, np.nan], [1, 1]]) == (0, 0)
    assert door.count([[0.5, 0], [1.5, 0]]) == (0, 0)  # along it
    assert door.crossings([[1, 1]]).shape == (0,)
    with pytest.raises(InputError, match="no length"):
        CountingLine("x", (1, 1), (1, 1))


@given(st.lists(point, min_size=1, max_size=20), st.floats(0.5, 500), point, st.booleans())
def test_a_plan_goes_there_and_back(points, scale, origin, y_up) -> None:
    plan = FloorPlan(width_m=20, height_m=15, px_per_m=scale, origin_px=origin, y_up=y_up)
    np.testing.assert_allclose(plan.to_m(plan.to_px(points)), points, atol=1e-9)


def test_a_plan_says_what_is_on_it() -> None:
    plan = FloorPlan(width_m=20, height_m=15, px_per_m=100)
    assert plan.contains([[0, 0], [20, 15], [20.1, 3], [3, -0.1], [np.nan, 3]]).tolist() == [
        True, True, False, False, False,
    ]  # fmt: skip
    with pytest.raises(InputError, match="scale"):
        FloorPlan(width_m=20, height_m=15, px_per_m=0)


TILTED = ((0.02, 0.004, -3), (0.001, 0.05, -4), (1e-5, -1.2e-3, 1))
"""Its horizon is near y = 833 px."""


@given(st.lists(st.tuples(st.floats(0, 700), st.floats(0, 700)), min_size=1, max_size=20))
def test_a_homography_goes_there_and_back(points) -> None:
    camera = Homography(TILTED, seen=(300, 300))
    assert isinstance(camera, Camera)
    np.testing.assert_allclose(camera.to_image(camera.to_floor(points)), points, atol=1e-6)


def test_pixels_beyond_the_horizon_show_no_floor() -> None:
    camera = Homography(TILTED, seen=(300, 300))
    assert np.isfinite(camera.to_floor([[300, 800]])).all()
    assert np.isnan(camera.to_floor([[300, 900]])).all()
    assert np.isfinite(Homography(TILTED).to_floor([[300, 900]])).all()
    behind = Homography(TILTED).to_floor([[300, 900]])
    assert np.isnan(camera.to_image(behind)).all()


def test_scale_and_sign_of_a_homography_mean_nothing() -> None:
    assert Homography(np.array(TILTED) * -8) == Homography(np.array(TILTED) * 4)
    assert hash(Homography(np.array(TILTED) * -8)) == hash(Homography(np.array(TILTED) * 4))


def test_a_homography_and_then_another_floor() -> None:
    camera = Homography(TILTED, seen=(300, 300))
    turn = np.array([[0, -1, 5], [1, 0, 2], [0, 0, 1]])
    x, y = camera.to_floor([[120, 500]])[0]
    np.testing.assert_allclose(camera.then(turn).to_floor([[120, 500]])[0], [5 - y, 2 + x])


@pytest.mark.parametrize(
    ("matrix", "said"),
    [
        (np.zeros((3, 3)), "line or a point"),
        ([[1, 2, 3], [2, 4, 6], [0, 0, 1]], "line or a point"),
        ([[1, 2], [3, 4]], "3×3"),
        ([[1, 0, 0], [0, math.inf, 0], [0, 0, 1]], "3×3"),
        ("homography", "not numbers"),
    ],
)
def test_a_matrix_that_maps_to_less_than_a_plane_is_refused(matrix, said) -> None:
    with pytest.raises(InputError, match=said):
        Homography(matrix)


def test_rows_and_columns_are_y_and_x(testdata) -> None:
    """seq_eth's H.txt takes (row, column): only so is the horizon across the picture, as a camera that is held
    upright sees it, and not along it; read as (x, y) it would lean by 75°."""
    h = np.loadtxt(testdata / "eth_ucy" / "seq_eth" / "H.txt")
    lean = lambda camera: math.degrees(math.atan2(camera.matrix[2, 0], camera.matrix[2, 1]))  # noqa: E731
    right = Homography.of_rows_and_columns(h, seen=(320, 240))
    assert abs(lean(right)) == pytest.approx(15.0, abs=0.1)
    assert abs(lean(Homography(h, seen=(320, 240)))) == pytest.approx(75.0, abs=0.1)

    walked = np.loadtxt(testdata / "eth_ucy" / "seq_eth" / "obsmat.txt")[:, [2, 4]]
    x, y = right.to_image(walked).T
    assert ((x >= 0) & (x <= 640) & (y >= 0) & (y <= 480)).all()
    # They were clicked on whole pixels, so that the reverse of the map gives whole numbers back.
    assert np.abs(x - np.rint(x)).max() < 1e-3
    row, column, _ = np.linalg.inv(h) @ [*walked[0], 1] / (np.linalg.inv(h) @ [*walked[0], 1])[2]
    np.testing.assert_allclose([x[0], y[0]], [column, row])
