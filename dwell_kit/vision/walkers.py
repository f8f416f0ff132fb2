"""Persons who walk on the floor: a constant-velocity Kalman filter over all of them at once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dwell_kit.schema.outlines import Points
from dwell_kit.vision.cluster import mahalanobis2

Floats = NDArray[np.float64]


@dataclass
class Walkers:
    """Place and velocity of n persons; state (x, y, vx, vy) in m and m/s.

    Parameters
    ----------
    state : (n, 4). covariance : (n, 4, 4).
    """

    state: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    covariance: Floats = field(default_factory=lambda: np.zeros((0, 4, 4)))

    def __len__(self) -> int:
        return len(self.state)

    def predict(self, dt_s: float, noise_m2_s3: float) -> None:
        """Let time pass: white acceleration of that spectral density."""
        step = np.eye(4)
        step[0, 2] = step[1, 3] = dt_s
        one = np.array([[dt_s**3 / 3, dt_s**2 / 2], [dt_s**2 / 2, dt_s]]) * noise_m2_s3
        self.state = self.state @ step.T
        self.covariance = step @ self.covariance @ step.T + np.kron(one, np.eye(2))

    def distances2(self, floor_m: Points, spread: Floats) -> Floats:
        """(n, k) squared Mahalanobis distances from the persons to (k, 2) m with covariances (k, 2, 2)."""
        apart = floor_m[None] - self.state[:, None, :2]
        return mahalanobis2(apart, self.covariance[:, None, :2, :2] + spread[None])

    def update(self, who: NDArray[np.int64], floor_m: Points, spread: Floats) -> None:
        """Persons `who` (m,) were seen at (m, 2) m with covariances (m, 2, 2)."""
        if len(who) == 0:
            return
        held = self.covariance[who]
        gain = held[:, :, :2] @ np.linalg.inv(held[:, :2, :2] + spread)
        missed = floor_m - self.state[who, :2]
        self.state[who] += (gain @ missed[..., None])[..., 0]
        held = held - gain @ held[:, :2, :]
        self.covariance[who] = (held + held.transpose(0, 2, 1)) / 2

    def add(self, floor_m: Points, spread: Floats, speed_m_s: float) -> None:
        """Persons seen for the first time, at (m, 2) m; `speed_m_s`: standard deviation per axis."""
        m = len(floor_m)
        covariance = np.zeros((m, 4, 4))
        covariance[:, :2, :2] = spread
        covariance[:, 2, 2] = covariance[:, 3, 3] = speed_m_s**2
        self.state = np.concatenate([self.state, np.concatenate([floor_m, np.zeros((m, 2))], axis=1)])
        self.covariance = np.concatenate([self.covariance, covariance])

    def keep(self, which: NDArray[np.bool_]) -> None:
        """Forget the others."""
        self.state, self.covariance = self.state[which], self.covariance[which]
