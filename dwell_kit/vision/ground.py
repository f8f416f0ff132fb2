"""From boxes in a picture to people on the floor: where their feet are, and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import InputError
from dwell_kit.schema.geometry import Camera
from dwell_kit.schema.outlines import Points
from dwell_kit.vision.calibrate import CalibrationReport

ASSUMED_SIGMA_M: Final = 0.1
"""What a camera is taken to be off by when its calibration does not say."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A camera as a file gave it.

    Parameters
    ----------
    camera : what maps pixels to the floor. kind : which format it was.
    sigma_m : standard deviation per axis, metres, that the calibration adds to any place on the floor.
    report : how well it fits its point pairs, if it was made of such.
    """

    camera: Camera
    kind: str
    sigma_m: float = ASSUMED_SIGMA_M
    report: CalibrationReport | None = None


def feet(xyxy: NDArray[np.float64]) -> Points:
    """(n, 2) px: the middle of the lower edge of (n, 4) boxes.

    >>> feet(np.array([[10.0, 20.0, 30.0, 80.0]])).tolist()
    [[20.0, 80.0]]
    """
    boxes = _boxes(xyxy)
    return np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)


def floor_jacobian(camera: Camera, points: Points, step_px: float = 0.5) -> NDArray[np.float64]:
    """(n, 2, 2) m/px: by how much a place on the floor moves with its pixel, [floor axis, picture axis].

    By central differences, so that any camera will do; NaN beside the horizon.
    """
    steps = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]) * step_px
    moved = camera.to_floor((points + steps[:, None]).reshape(-1, 2)).reshape(4, -1, 2)
    return np.asarray((moved[:2] - moved[2:]).transpose(1, 2, 0) / (2 * step_px))


def foot_covariance(
    camera: Camera,
    xyxy: NDArray[np.float64],
    *,
    calibration_m: float = ASSUMED_SIGMA_M,
    across: float = 0.03,
    along: float = 0.05,
) -> NDArray[np.float64]:
    """(n, 2, 2) m²: how well the feet of (n, 4) boxes are known on the floor.

    J · diag(σx², σy²) · Jᵀ + calibration² · I, where J is the local m/px. A box's edge is off by pixels that grow
    with the box: a person who is twice as tall in the picture is outlined half as sharply.

    Parameters
    ----------
    calibration_m : standard deviation per axis of the calibration.
    across, along : σx and σy as shares of the box's height.
    """
    boxes = _boxes(xyxy)
    jacobian = floor_jacobian(camera, feet(boxes))
    sigma = (boxes[:, 3] - boxes[:, 1])[:, None] * np.array([across, along])
    moved = jacobian * sigma[:, None, :]
    return np.asarray(moved @ moved.transpose(0, 2, 1) + np.eye(2) * calibration_m**2, np.float64)


def foot_sigma(
    camera: Camera,
    xyxy: NDArray[np.float64],
    *,
    calibration_m: float = ASSUMED_SIGMA_M,
    across: float = 0.03,
    along: float = 0.05,
) -> NDArray[np.float64]:
    """(n,) m: the standard deviation of feet along the direction in which they are known worst.

    Parameters are those of `foot_covariance`.
    """
    spread = foot_covariance(camera, xyxy, calibration_m=calibration_m, across=across, along=along)
    mean, half = (spread[:, 0, 0] + spread[:, 1, 1]) / 2, (spread[:, 0, 0] - spread[:, 1, 1]) / 2
    return np.asarray(np.sqrt(mean + np.hypot(half, spread[:, 0, 1])), np.float64)


def width_on_floor(camera: Camera, xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) m: how wide (n, 4) boxes are on the floor they stand on. A person is 0.4 to 0.8; a group is wider."""
    boxes = _boxes(xyxy)
    left, right = camera.to_floor(np.concatenate([boxes[:, [0, 3]], boxes[:, [2, 3]]])).reshape(2, -1, 2)
    return np.asarray(np.linalg.norm(right - left, axis=1), np.float64)


def _boxes(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    boxes = np.asarray(xyxy, np.float64)
    if boxes.size == 0:
        return boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise InputError("boxes are not x1, y1, x2, y2", expected="shape (n, 4)", found=f"shape {boxes.shape}")
    return boxes
