"""Constant-velocity Kalman filters of boxes: four small exact ones, of middle x, middle y, width, height; numba.

Noise does not mix the four in any tracker of this class, so their joint covariance is block-diagonal and one 8 × 8
filter is four 2 × 2 ones. A filter is five numbers: position, velocity, variance of each, and their covariance.
"""

from __future__ import annotations

from typing import Any

import numba as nb

POSITION, VELOCITY, VAR_POSITION, COVARIANCE, VAR_VELOCITY = range(5)
MIN_SIDE_PX = 1.0


@nb.njit(cache=True, nogil=True)
def start(state: Any, box: Any, noise: Any) -> None:
    """Begin at `box` (left, top, right, bottom), velocity unknown. `state` is (4, 5), `noise` see `predict`."""
    _measure(state, box)
    for axis in range(4):
        scale = _scale(state, axis)
        state[axis, VELOCITY] = 0.0
        state[axis, VAR_POSITION] = (2 * noise[2] * scale) ** 2
        state[axis, COVARIANCE] = 0.0
        state[axis, VAR_VELOCITY] = (noise[3] * scale) ** 2


@nb.njit(cache=True, nogil=True)
def predict(state: Any, seconds: float, noise: Any, sizes_move: bool) -> None:
    """Go `seconds` ahead.

    `noise` is position per √s, velocity per s and √s, measurement, first velocity per s; shares of the box's width
    (x and width) or height (y and height). `sizes_move` false keeps width and height as they are: nobody grows
    while hidden.
    """
    width, height = state[2, POSITION], state[3, POSITION]
    for axis in range(4):
        scale = width if axis % 2 == 0 else height
        if axis >= 2 and not sizes_move:
            state[axis, VELOCITY] = 0.0
        covariance, var_velocity = state[axis, COVARIANCE], state[axis, VAR_VELOCITY]
        state[axis, POSITION] += seconds * state[axis, VELOCITY]
        state[axis, VAR_POSITION] += (
            2 * seconds * covariance + seconds**2 * var_velocity + (noise[0] * scale) ** 2 * seconds
        )
        state[axis, COVARIANCE] += seconds * var_velocity
        state[axis, VAR_VELOCITY] += (noise[1] * scale) ** 2 * seconds
    for axis in (2, 3):
        state[axis, POSITION] = max(state[axis, POSITION], MIN_SIDE_PX)


@nb.njit(cache=True, nogil=True)
def update(state: Any, box: Any, noise: Any) -> None:
    """Take in a box that was seen."""
    seen = (
        (box[0] + box[2]) / 2, (box[1] + box[3]) / 2,
        max(box[2] - box[0], MIN_SIDE_PX), max(box[3] - box[1], MIN_SIDE_PX),
    )  # fmt: skip
    width, height = state[2, POSITION], state[3, POSITION]
    for axis in range(4):
        scale = width if axis % 2 == 0 else height
        total = state[axis, VAR_POSITION] + (noise[2] * scale) ** 2
        gain, velocity_gain = state[axis, VAR_POSITION] / total, state[axis, COVARIANCE] / total
        off = seen[axis] - state[axis, POSITION]
        state[axis, POSITION] += gain * off
        state[axis, VELOCITY] += velocity_gain * off
        state[axis, VAR_VELOCITY] -= velocity_gain * state[axis, COVARIANCE]
        state[axis, VAR_POSITION] *= 1 - gain
        state[axis, COVARIANCE] *= 1 - gain
    for axis in (2, 3):
        state[axis, POSITION] = max(state[axis, POSITION], MIN_SIDE_PX)


@nb.njit(cache=True, nogil=True)
def to_box(state: Any, box: Any) -> None:
    """Write left, top, right, bottom into `box` (4,)."""
    for axis in range(2):
        half = state[axis + 2, POSITION] / 2
        box[axis], box[axis + 2] = state[axis, POSITION] - half, state[axis, POSITION] + half


@nb.njit(cache=True, nogil=True)
def _measure(state: Any, box: Any) -> None:
    for axis in range(2):
        state[axis, POSITION] = (box[axis] + box[axis + 2]) / 2
        state[axis + 2, POSITION] = max(box[axis + 2] - box[axis], MIN_SIDE_PX)


@nb.njit(cache=True, nogil=True)
def _scale(state: Any, axis: int) -> float:
    return state[2, POSITION] if axis % 2 == 0 else state[3, POSITION]
