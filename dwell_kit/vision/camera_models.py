"""Full camera models, lens distortion included: a pixel's place on the floor and the reverse, in metres.

A model is a frozen value and a `dwell_kit.schema.geometry.Camera`. Its floor is the plane z = 0 of its world, and
z points up; `project` also takes points above it, which is how the size of a person in the picture is had.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import InputError
from dwell_kit.schema.outlines import Points, as_points
from dwell_kit.vision.lens import distort, largest_radius, undistort

Matrix = NDArray[np.float64]
_MM: Final = 1e-3
_SHAPES: Final[dict[str, list[tuple[int, ...]]]] = {
    "intrinsic": [(3, 3)],
    "rotation": [(3, 3)],
    "translation_m": [(3,)],
    "distortion": [(4,), (5,)],
    "rotation_rad": [(3,)],
    "translation_mm": [(3,)],
}


@dataclass(frozen=True, kw_only=True)
class PinholeCamera:
    """A pinhole with Brown–Conrady distortion, as OpenCV and ROS have it.

    x = R·X + t; x' = x/z, distorted; px = K·x'. (OpenCV, "Camera calibration and 3D reconstruction".)

    Parameters
    ----------
    intrinsic : (3, 3) K, pixels. distortion : k1, k2, p1, p2[, k3], all 0 for undistorted pictures.
    rotation : (3, 3) R, world → camera. translation_m : (3,) t, metres.

    Raises
    ------
    InputError : if a shape is another, K is no pinhole, or R is no rotation.
    """

    intrinsic: tuple[tuple[float, ...], ...]
    rotation: tuple[tuple[float, ...], ...]
    translation_m: tuple[float, ...]
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        for name in ("intrinsic", "rotation", "translation_m", "distortion"):
            object.__setattr__(self, name, _numbers(getattr(self, name), name, _SHAPES[name]))
        object.__setattr__(self, "distortion", (*self.distortion, 0.0)[:5])
        k = np.array(self.intrinsic)
        if not (k[0, 0] > 0 and k[1, 1] > 0 and k[0, 1] == k[1, 0] == 0 and list(k[2]) == [0, 0, 1]):
            raise InputError(
                "a camera matrix is no pinhole", "intrinsic", "fx 0 cx; 0 fy cy; 0 0 1", str(k.tolist())
            )
        _is_rotation(np.array(self.rotation))

    @property
    def centre_m(self) -> Points:
        """(3,) where the camera is."""
        return -np.array(self.rotation).T @ np.array(self.translation_m)

    def project(self, points: Points) -> Points:
        """(n, 2) px of (n, 3) m of the world; NaN behind the camera or beyond what the lens model can bend."""
        seen = np.asarray(points, np.float64).reshape(-1, 3) @ np.array(self.rotation).T + self.translation_m
        depth = np.where(seen[:, 2] > 0, seen[:, 2], np.nan)
        return distort(seen[:, :2] / depth[:, None], self.distortion, self._reach) * self._focal + self._middle

    def to_image(self, points: Points) -> Points:
        """(n, 2) px that show (n, 2) m of the floor; NaN where the camera cannot see."""
        return self.project(on_floor(points))

    def to_floor(self, points: Points) -> Points:
        """(n, 2) m of the floor under (n, 2) px; NaN above the horizon."""
        straight = undistort((as_points(points) - self._middle) / self._focal, self.distortion, self._reach)
        return ray_to_floor(straight, self._to_plane)

    @cached_property
    def _to_plane(self) -> Matrix:
        return picture_to_plane(np.array(self.rotation), np.array(self.translation_m))

    @cached_property
    def _focal(self) -> Points:
        return np.array([self.intrinsic[0][0], self.intrinsic[1][1]])

    @cached_property
    def _middle(self) -> Points:
        return np.array([self.intrinsic[0][2], self.intrinsic[1][2]])

    @cached_property
    def _reach(self) -> float:
        k1, k2, _, _, k3 = self.distortion
        return largest_radius(k1, k2, k3)


@dataclass(frozen=True, kw_only=True)
class TsaiCamera:
    """Tsai's model, as in the calibration of PETS 2009: radial distortion on the sensor, lengths in millimetres.

    R = Rz·Ry·Rx; sensor = focal · (x/z, y/z); undistorted = distorted · (1 + kappa1 · r²), r on the distorted
    sensor; x px = sx · xd / dpx + cx. (R. Tsai, 1987; R. Willson's implementation.) What its
    methods take and return is in metres all the same.

    Parameters
    ----------
    focal_mm, kappa1_per_mm2, cx, cy, sx, dpx_mm, dpy_mm : intrinsics.
    rotation_rad : angles about x, y, z. translation_mm : world → camera.

    Raises
    ------
    InputError : if a number is not finite, or a length that divides is not above 0.
    """

    focal_mm: float
    kappa1_per_mm2: float
    cx: float
    cy: float
    sx: float
    dpx_mm: float
    dpy_mm: float
    rotation_rad: tuple[float, float, float]
    translation_mm: tuple[float, float, float]

    def __post_init__(self) -> None:
        for name in ("rotation_rad", "translation_mm"):
            object.__setattr__(self, name, _numbers(getattr(self, name), name, _SHAPES[name]))
        for name in ("focal_mm", "sx", "dpx_mm", "dpy_mm"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InputError(
                    "a Tsai camera has an impossible number", name, "above 0", repr(getattr(self, name))
                )
        if not np.isfinite([self.kappa1_per_mm2, self.cx, self.cy]).all():
            raise InputError("a Tsai camera has an impossible number", "kappa1, cx, cy", "finite numbers")

    @cached_property
    def rotation(self) -> Matrix:
        """(3, 3) world → camera."""
        (sa, sb, sc), (ca, cb, cc) = np.sin(self.rotation_rad), np.cos(self.rotation_rad)
        return np.array(
            [
                [cb * cc, cc * sa * sb - ca * sc, sa * sc + ca * cc * sb],
                [cb * sc, sa * sb * sc + ca * cc, ca * sb * sc - cc * sa],
                [-sb, cb * sa, ca * cb],
            ]
        )

    @property
    def centre_m(self) -> Points:
        """(3,) where the camera is."""
        return -self.rotation.T @ np.array(self.translation_mm) * _MM

    def project(self, points: Points) -> Points:
        """(n, 2) px of (n, 3) m of the world; NaN behind the camera or beyond what the lens model can bend."""
        seen = np.asarray(points, np.float64).reshape(-1, 3) @ self.rotation.T + self._translation_m
        depth = np.where(seen[:, 2] > 0, seen[:, 2], np.nan)
        # Tsai's distortion runs the other way round: the formula takes the bent sensor to the straight one.
        bent = undistort(self.focal_mm * seen[:, :2] / depth[:, None], self._bending, self._reach)
        return bent / self._pixel_mm + [self.cx, self.cy]

    def to_image(self, points: Points) -> Points:
        """(n, 2) px that show (n, 2) m of the floor; NaN where the camera cannot see."""
        return self.project(on_floor(points))

    def to_floor(self, points: Points) -> Points:
        """(n, 2) m of the floor under (n, 2) px; NaN above the horizon."""
        bent = (as_points(points) - [self.cx, self.cy]) * self._pixel_mm
        straight = distort(bent, self._bending, self._reach) / self.focal_mm
        return ray_to_floor(straight, self._to_plane)

    @cached_property
    def _to_plane(self) -> Matrix:
        return picture_to_plane(self.rotation, self._translation_m)

    @cached_property
    def _translation_m(self) -> Points:
        return np.array(self.translation_mm) * _MM

    @cached_property
    def _pixel_mm(self) -> Points:
        return np.array([self.dpx_mm / self.sx, self.dpy_mm])

    @property
    def _bending(self) -> tuple[float, ...]:
        return (self.kappa1_per_mm2, 0.0, 0.0, 0.0, 0.0)

    @cached_property
    def _reach(self) -> float:
        return largest_radius(self.kappa1_per_mm2)


def on_floor(points: Points) -> Points:
    """(n, 3) m with z = 0 of (n, 2) m."""
    flat = as_points(points)
    return np.concatenate([flat, np.zeros((len(flat), 1))], axis=1)


def picture_to_plane(rotation: Matrix, translation: Points) -> Matrix:
    """(3, 3) from the picture to the plane z = 0: the plane's map to it is R's first two columns and t."""
    return np.linalg.inv(np.stack([rotation[:, 0], rotation[:, 1], translation], axis=1))


def ray_to_floor(straight: Points, to_plane: Matrix) -> Points:
    """(n, 2) where the rays through (n, 2) straight picture coordinates (x/z, y/z) meet the plane z = 0.

    `to_plane` is `picture_to_plane`'s. A pixel is above the horizon where that puts the floor behind the camera.
    """
    met = np.concatenate([straight, np.ones((len(straight), 1))], axis=1) @ to_plane.T
    ahead = np.where(met[:, 2] > 0, met[:, 2], np.nan)
    return np.asarray(met[:, :2] / ahead[:, None], dtype=np.float64)


def _numbers(values: Any, name: str, shapes: list[tuple[int, ...]]) -> Any:
    """Nested tuples of finite numbers in one of the shapes."""
    expected = "finite numbers, shape " + " or ".join(str(shape) for shape in shapes)
    try:
        given = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError("a camera model is not numbers", name, expected, repr(values)[:80]) from error
    if given.shape not in shapes or not np.isfinite(given).all():
        raise InputError("a camera model has another shape", name, expected, f"shape {given.shape}")
    return tuple(map(tuple, given.tolist())) if given.ndim == 2 else tuple(given.tolist())


def _is_rotation(rotation: Matrix) -> None:
    if not np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-6) or np.linalg.det(rotation) < 0:
        raise InputError("a camera's rotation is none", "rotation", "R·Rᵀ = 1, det 1", str(rotation.tolist()))
