"""Which boxes of one instant, over all cameras, are one person."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dwell_kit.schema.outlines import Points

Floats = NDArray[np.float64]


def cluster(
    camera: NDArray[np.int64],
    floor_m: Points,
    covariance: Floats,
    *,
    gate_sigma: float,
    reach_m: float,
    unlike: Floats | None = None,
) -> NDArray[np.int64]:
    """(n,) labels 0… of boxes that stand in one place; no two boxes of a camera share one.

    Agglomerative with average linkage: the nearest pair of groups is joined until none is left. Groups may join
    only if every box of one is within the gate of every box of the other and they share no camera, so a chain of
    people who stand in a row never becomes one.

    Parameters
    ----------
    camera : (n,) which camera. floor_m : (n, 2) feet, metres. covariance : (n, 2, 2) m², of the feet.
    gate_sigma : how many standard deviations of their difference two feet may be apart.
    reach_m : how many metres at most, whatever the uncertainty.
    unlike : (n, n) added to the cost of a pair, in metres: how little they look alike; NaN where unknown.
    """
    if len(camera) == 0:
        return np.zeros(0, dtype=np.int64)
    cost = pair_costs(floor_m, covariance, gate_sigma=gate_sigma, reach_m=reach_m)
    if unlike is not None:
        cost = cost + np.nan_to_num(unlike)
    cost[camera[:, None] == camera[None]] = np.inf
    return _agglomerate(cost)


def pair_costs(floor_m: Points, covariance: Floats, *, gate_sigma: float, reach_m: float) -> Floats:
    """(n, n) m·(1 + σ): distance on the floor, dearer the less uncertainty explains it; inf beyond the gates."""
    apart = floor_m[:, None] - floor_m[None]
    sigma = np.sqrt(mahalanobis2(apart, covariance[:, None] + covariance[None]))
    distance = np.linalg.norm(apart, axis=2)
    near = (sigma <= gate_sigma) & (distance <= reach_m)  # NaN is not near
    return np.where(near, distance * (1 + sigma), np.inf)


def mahalanobis2(apart: Floats, spread: Floats) -> Floats:
    """(…,) squared Mahalanobis length of (…, 2) with covariances (…, 2, 2)."""
    a, b, d = spread[..., 0, 0], spread[..., 0, 1], spread[..., 1, 1]
    x, y = apart[..., 0], apart[..., 1]
    return np.asarray((d * x * x - 2 * b * x * y + a * y * y) / (a * d - b * b), dtype=np.float64)


def fuse(floor_m: Points, covariance: Floats, label: NDArray[np.int64]) -> tuple[Points, Floats]:
    """(k, 2) m and (k, 2, 2) m²: the place of each label by inverse-covariance weights.

    The labels are 0 to k − 1.
    """
    k = int(label.max()) + 1 if len(label) else 0
    weight = np.linalg.inv(covariance)
    total, pull = np.zeros((k, 2, 2)), np.zeros((k, 2))
    np.add.at(total, label, weight)
    np.add.at(pull, label, (weight @ floor_m[..., None])[..., 0])
    spread = np.asarray(np.linalg.inv(total), np.float64)
    return (spread @ pull[..., None])[..., 0], spread


def _agglomerate(cost: Floats) -> NDArray[np.int64]:
    n = len(cost)
    cost, size, label = cost.copy(), np.ones(n), np.arange(n)
    while True:
        i, j = divmod(int(cost.argmin()), n)
        if not np.isfinite(cost[i, j]):
            break
        # A pair that may not be together makes the mean infinite: the gate holds for all members.
        joined = (cost[i] * size[i] + cost[j] * size[j]) / (size[i] + size[j])
        cost[i], cost[:, i], cost[i, i] = joined, joined, np.inf
        cost[j], cost[:, j] = np.inf, np.inf
        size[i] += size[j]
        label[label == j] = i
    return np.unique(label, return_inverse=True)[1].astype(np.int64)
