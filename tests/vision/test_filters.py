"""Four small filters are the one large one."""

from __future__ import annotations

import numpy as np
import pytest

from dwell_kit.vision.filters import POSITION, VAR_POSITION, predict, start, to_box, update

NOISE = np.array([0.25, 0.8, 0.05, 1.5])


def large_filter(boxes: np.ndarray, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """The textbook 8 × 8 Kalman filter over the same boxes: mean and covariance after the last one."""
    seen = np.column_stack(
        (
            (boxes[:, 0] + boxes[:, 2]) / 2,
            (boxes[:, 1] + boxes[:, 3]) / 2,
            boxes[:, 2] - boxes[:, 0],
            boxes[:, 3] - boxes[:, 1],
        )
    )
    scale = np.tile(seen[0, 2:], 2)
    mean = np.concatenate((seen[0], np.zeros(4)))
    covariance = np.diag(np.concatenate(((2 * NOISE[2] * scale) ** 2, (NOISE[3] * scale) ** 2)))
    move = np.eye(8) + seconds * np.eye(8, k=4)
    look = np.eye(4, 8)
    for box in seen[1:]:
        scale = np.tile(mean[2:4], 2)
        wander = np.diag(np.concatenate(((NOISE[0] * scale) ** 2, (NOISE[1] * scale) ** 2))) * seconds
        mean, covariance = move @ mean, move @ covariance @ move.T + wander
        error = np.diag((NOISE[2] * np.tile(mean[2:4], 2)) ** 2)
        gain = covariance @ look.T @ np.linalg.inv(look @ covariance @ look.T + error)
        mean = mean + gain @ (box - look @ mean)
        covariance = (np.eye(8) - gain @ look) @ covariance
    return mean, covariance


def test_block_diagonal_is_exact() -> None:
    rng = np.random.default_rng(1)
    middle = np.cumsum(rng.normal(4, 1, (30, 2)), axis=0) + 100
    half = np.array([20, 45]) + rng.normal(0, 1, (30, 2))
    boxes = np.hstack((middle - half, middle + half))
    state = np.zeros((4, 5))
    start(state, boxes[0], NOISE)
    for box in boxes[1:]:
        predict(state, 0.04, NOISE, True)
        update(state, box, NOISE)
    mean, covariance = large_filter(boxes, 0.04)
    assert np.concatenate((state[:, 0], state[:, 1])) == pytest.approx(mean)
    assert np.concatenate((state[:, 2], state[:, 4])) == pytest.approx(np.diag(covariance))
    assert state[:, 3] == pytest.approx(np.diag(covariance, k=4))
    assert covariance[0, 1:4].tolist() == [0, 0, 0]


def test_sizes_rest_while_hidden_and_uncertainty_grows() -> None:
    state, box = np.zeros((4, 5)), np.empty(4)
    start(state, np.array([0.0, 0, 20, 60]), NOISE)
    for k in range(1, 10):
        predict(state, 0.1, NOISE, True)
        update(state, np.array([2.0 * k, 0, 22 + 3 * k, 60 + k]), NOISE)
    width, before = state[2, POSITION], state[0, VAR_POSITION]
    predict(state, 1.0, NOISE, False)
    to_box(state, box)
    assert box[2] - box[0] == pytest.approx(width)
    assert state[0, VAR_POSITION] > 4 * before


def test_a_box_never_turns_inside_out() -> None:
    state, box = np.zeros((4, 5)), np.empty(4)
    start(state, np.array([5.0, 5, 5, 5]), NOISE)
    for _ in range(20):
        predict(state, 1.0, NOISE, True)
        update(state, np.array([5.0, 5, 5, 5]), NOISE)
    to_box(state, box)
    assert np.isfinite(state).all()
    assert (box[2:] > box[:2]).all()
