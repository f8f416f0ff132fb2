"""From boxes in a picture to people on the floor: where their feet are, and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import InputError
from dwell_kit.schema.geometry import Camera
from dwell_kit.schema.outlines import Points
from dwell_kit.vision.calibrate import CalibrationReport

ASSUMED_SIGMA_M: Final = 0.1
"""What a camera is taken to be off by when its calibration does not say."""
_STEP_PX: Final = 0.5
_STEPS_PX: Final = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]) * _STEP_PX


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

    def footing(self, xyxy: NDArray[np.float64]) -> Footing:
        """Where (n, 4) boxes stand."""
        return Footing.of(self.camera, xyxy, calibration_m=self.sigma_m)


def feet(xyxy: NDArray[np.float64]) -> Points:
    """(n, 2) px: the middle of the lower edge of (n, 4) boxes.

    >>> feet(np.array([[10.0, 20.0, 30.0, 80.0]])).tolist()
    [[20.0, 80.0]]
    """
    boxes = _boxes(xyxy)
    return np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Footing:
    """Where n boxes stand on the floor, and how well that is known: all that one question to the camera says.

    Parameters
    ----------
    floor_m : (n, 2) m, the feet; NaN above the horizon.
    jacobian : (n, 2, 2) m/px, by how much a foot moves with its pixel, [floor axis, picture axis], by central
        differences, so that any camera will do; NaN beside the horizon.
    width_m : (n,) m, how wide the box is on the floor. A person is 0.4 to 0.8; a group is wider.
    height_px : (n,) px, of the box. calibration_m : standard deviation per axis of the calibration.
    """

    floor_m: Points
    jacobian: NDArray[np.float64]
    width_m: NDArray[np.float64]
    height_px: NDArray[np.float64]
    calibration_m: float

    @classmethod
    def of(cls, camera: Camera, xyxy: NDArray[np.float64], *, calibration_m: float = ASSUMED_SIGMA_M) -> Self:
        """Of (n, 4) boxes, px."""
        boxes = _boxes(xyxy)
        foot = feet(boxes)
        asked = np.stack([foot, *(foot + step for step in _STEPS_PX), boxes[:, [0, 3]], boxes[:, [2, 3]]])
        there = camera.to_floor(asked.reshape(-1, 2)).reshape(asked.shape)
        jacobian = (there[1:3] - there[3:5]).transpose(1, 2, 0) / (2 * _STEP_PX)
        return cls(
            floor_m=there[0],
            jacobian=jacobian,
            width_m=np.linalg.norm(there[6] - there[5], axis=1),
            height_px=boxes[:, 3] - boxes[:, 1],
            calibration_m=calibration_m,
        )

    def covariance(self, *, across: float = 0.03, along: float = 0.05) -> NDArray[np.float64]:
        """(n, 2, 2) m²: how well the feet are known.

        J · diag(σx², σy²) · Jᵀ + calibration² · I, where J is the local m/px. A box's edge is off by pixels that
        grow with the box: a person who is twice as tall in the picture is outlined half as sharply.

        Parameters
        ----------
        across, along : σx and σy as shares of the box's height.
        """
        moved = self.jacobian * (self.height_px[:, None] * np.array([across, along]))[:, None, :]
        return np.asarray(moved @ moved.transpose(0, 2, 1) + np.eye(2) * self.calibration_m**2, np.float64)

    def sigma(self, *, across: float = 0.03, along: float = 0.05) -> NDArray[np.float64]:
        """(n,) m: the standard deviation of the feet along the direction in which they are known worst."""
        spread = self.covariance(across=across, along=along)
        mean, half = (spread[:, 0, 0] + spread[:, 1, 1]) / 2, (spread[:, 0, 0] - spread[:, 1, 1]) / 2
        return np.asarray(np.sqrt(mean + np.hypot(half, spread[:, 0, 1])), np.float64)


def _boxes(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    boxes = np.asarray(xyxy, np.float64)
    if boxes.size == 0:
        return boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise InputError("boxes are not x1, y1, x2, y2", expected="shape (n, 4)", found=f"shape {boxes.shape}")
    return boxes
