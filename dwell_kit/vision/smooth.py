"""Paths on the floor made smooth: a constant-velocity Kalman filter and RTS smoother over many tracks at once.

Both axes of a track share their covariance, so the filter needs three numbers (a, b, c: variance of the place, its
covariance with the velocity, variance of the velocity) instead of a 4×4, and a step over all tracks is a few array
operations. (H. Rauch, F. Tung, C. Striebel, 1965.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import InputError
from dwell_kit.schema.outlines import Points, as_points

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_NOWHERE_M: Final = 1e3
"""Standard deviation of a place of which nothing is known."""
_BELIEVED: Final = 3
"""Places that a filter must have taken before what it expects may speak against the next one."""


@dataclass(frozen=True, kw_only=True)
class SmoothRules:
    """How people walk and how wrong a place may be.

    Parameters
    ----------
    noise_m2_s3 : spectral density of the acceleration. start_speed_m_s : standard deviation of the first velocity.
    gate : squared standard deviations from which a place is an outlier; 13.8 is passed by chance once in 1000.
    """

    noise_m2_s3: float = 0.5
    start_speed_m_s: float = 1.5
    gate: float = 13.8


@dataclass(frozen=True, kw_only=True)
class Smoothed:
    """Row by row what went in. Arrays are (n, …).

    Parameters
    ----------
    floor_m : (n, 2) m, also where the place was missing or rejected. velocity_m_s : (n, 2).
    sigma_m : (n,) standard deviation per axis. rejected : (n,) the place was an outlier.
    """

    floor_m: Points
    velocity_m_s: Points
    sigma_m: Floats
    rejected: Bools


def smooth_tracks(
    track: NDArray[np.int64], at_s: Floats, floor_m: Points, sigma_m: Floats, rules: SmoothRules | None = None
) -> Smoothed:
    """Smooth paths from places on the floor.

    A place is an outlier if the filter that runs forwards and the one that runs backwards both did not expect it;
    at the ends of a track, where only one of them knows, that one decides. Outliers and missing places (NaN) are
    bridged; the time stamps say how long a gap is.

    Parameters
    ----------
    track : (n,) whose place; rows in any order. at_s : (n,) seconds, different within a track.
    floor_m : (n, 2) m. sigma_m : (n,) standard deviation per axis of each place.

    Raises
    ------
    InputError : if shapes differ, a track is at two places at once, or a standard deviation is not above 0.
    """
    rules = rules or SmoothRules()
    table = _Table.of(np.asarray(track), np.asarray(at_s, np.float64), as_points(floor_m), sigma_m)
    rejected = _outliers(_filter(table, rules, gated=True), _filter(table.reversed(), rules, gated=True))
    place, velocity, variance = _smooth(table.without(rejected), rules)
    return Smoothed(
        floor_m=table.rows(place),
        velocity_m_s=table.rows(velocity),
        sigma_m=np.sqrt(table.rows(variance)),
        rejected=table.rows(rejected),
    )


@dataclass(frozen=True)
class _Table:
    """Tracks as columns, steps as rows: (T, N) `at_s`, `sigma2`, `seen`, and (T, N, 2) `place`; `used` is not
    padding, `order` the input row of each used cell in `used`'s order."""

    at_s: Floats
    place: Floats
    sigma2: Floats
    seen: Bools
    used: Bools
    order: NDArray[np.int64]

    @classmethod
    def of(cls, track: NDArray[np.int64], at_s: Floats, place: Points, sigma_m: Floats) -> _Table:
        n, sigma_m = len(place), np.asarray(sigma_m, np.float64)
        if track.shape != (n,) or at_s.shape != (n,) or sigma_m.shape != (n,):
            found = f"track {track.shape}, at_s {at_s.shape}, sigma_m {sigma_m.shape}"
            raise InputError("the columns of paths do not match", expected=f"({n},) each", found=found)
        seen = np.isfinite(place).all(axis=1)
        if not np.isfinite(at_s).all() or not (sigma_m[seen] > 0).all():
            raise InputError("paths need times, and uncertainties above 0", "at_s, sigma_m", "finite; above 0")
        order = np.lexsort((at_s, track))
        _, column, length = np.unique(track[order], return_inverse=True, return_counts=True)
        row = np.arange(n) - np.repeat(np.cumsum(length) - length, length)
        steps = int(length.max()) if n else 0
        if n and (np.diff(at_s[order])[np.diff(column) == 0] <= 0).any():
            raise InputError("a track is at two places at one time", "at_s", "different times within a track")

        def spread(values: NDArray[np.float64], empty: float) -> Floats:
            made = np.full((steps, len(length), *values.shape[1:]), empty)
            made[row, column] = values[order]
            return made

        filled = spread(at_s, np.nan)
        for i in range(1, steps):  # padding stands still, so that nothing happens in it
            filled[i] = np.where(np.isnan(filled[i]), filled[i - 1], filled[i])
        place = spread(place, np.nan)
        used = spread(np.ones(n), 0.0) > 0
        back = np.empty((steps, len(length)), dtype=np.int64)
        back[row, column] = order
        seen = np.asarray(np.isfinite(place).all(axis=2))
        return cls(filled, place, spread(sigma_m**2, 1.0), seen, used, back[used])

    def reversed(self) -> _Table:
        return _Table(
            -self.at_s[::-1],
            self.place[::-1],
            self.sigma2[::-1],
            self.seen[::-1],
            self.used[::-1],
            self.order[::-1],
        )

    def without(self, rejected: Bools) -> _Table:
        return _Table(self.at_s, self.place, self.sigma2, self.seen & ~rejected, self.used, self.order)

    def rows(self, values: NDArray[Any]) -> NDArray[Any]:
        made = np.empty((len(self.order), *values.shape[2:]), dtype=values.dtype)
        made[self.order] = values[self.used]
        return made


@dataclass
class _Step:
    """State of all tracks at one step: place (N, 2), velocity (N, 2), and the three numbers of the covariance."""

    place: Floats
    velocity: Floats
    a: Floats
    b: Floats
    c: Floats

    def after(self, dt: Floats, noise: float) -> _Step:
        return _Step(
            self.place + self.velocity * dt[:, None],
            self.velocity,
            self.a + 2 * dt * self.b + dt**2 * self.c + noise * dt**3 / 3,
            self.b + dt * self.c + noise * dt**2 / 2,
            self.c + noise * dt,
        )

    def corrected(self, place: Floats, sigma2: Floats, seen: Bools) -> _Step:
        total = self.a + sigma2
        gain, turn = np.where(seen, self.a / total, 0.0), np.where(seen, self.b / total, 0.0)
        missed = np.where(seen[:, None], place - self.place, 0.0)
        return _Step(
            self.place + gain[:, None] * missed,
            self.velocity + turn[:, None] * missed,
            self.a * (1 - gain),
            self.b * (1 - gain),
            self.c - turn * self.b,
        )

    def loosened(self, which: Bools, rules: SmoothRules) -> _Step:
        """Those tracks knowing nothing of their place, and of their velocity that it is a walk."""
        return _Step(
            self.place,
            np.where(which[:, None], 0.0, self.velocity),
            np.where(which, _NOWHERE_M**2, self.a),
            np.where(which, 0.0, self.b),
            np.where(which, rules.start_speed_m_s**2, self.c),
        )

    def knowing(self, later: _Step, expected: _Step, dt: Floats) -> _Step:
        """Rauch, Tung and Striebel's step back: this state in the light of what came `dt` later."""
        a, b, c = self.a, self.b, self.c
        across = a + dt * b, b, b + dt * c, c  # covariance of this place and velocity with the later ones
        determinant = expected.a * expected.c - expected.b**2
        gain = [
            (across[0] * expected.c - across[1] * expected.b) / determinant,
            (across[1] * expected.a - across[0] * expected.b) / determinant,
            (across[2] * expected.c - across[3] * expected.b) / determinant,
            (across[3] * expected.a - across[2] * expected.b) / determinant,
        ]
        moved, turned = later.place - expected.place, later.velocity - expected.velocity
        da, db, dc = later.a - expected.a, later.b - expected.b, later.c - expected.c
        g0, g1, g2, g3 = gain
        return _Step(
            self.place + g0[:, None] * moved + g1[:, None] * turned,
            self.velocity + g2[:, None] * moved + g3[:, None] * turned,
            a + g0 * g0 * da + 2 * g0 * g1 * db + g1 * g1 * dc,
            b + g0 * g2 * da + (g0 * g3 + g1 * g2) * db + g1 * g3 * dc,
            c + g2 * g2 * da + 2 * g2 * g3 * db + g3 * g3 * dc,
        )


@dataclass
class _Pass:
    """What a filter made of a table: states before and after each step's places, and its doubts about them."""

    before: list[_Step]
    after: list[_Step]
    tested: Bools
    doubted: Bools


def _filter(table: _Table, rules: SmoothRules, *, gated: bool) -> _Pass:
    """Forwards over all tracks.

    If `gated`, places that were not expected are left out; a run of as many of them as it takes to believe a
    filter is where the track now is, and the filter starts again there.
    """
    steps, n = table.at_s.shape
    tested, doubted = np.zeros((steps, n), np.bool_), np.zeros((steps, n), np.bool_)
    before: list[_Step] = []
    after: list[_Step] = []
    believed, refused = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for t in range(steps):
        seen, sigma2 = table.seen[t], table.sigma2[t]
        step = after[-1].after(table.at_s[t] - table.at_s[t - 1], rules.noise_m2_s3) if t else _begin(table, rules)
        if gated:
            off = ((table.place[t] - step.place) ** 2).sum(axis=1) / (step.a + sigma2)
            tested[t] = seen & (believed >= _BELIEVED)
            doubted[t] = tested[t] & (off > rules.gate)
            refused = np.where(doubted[t], refused + 1, np.where(seen, 0, refused))
            again = refused >= _BELIEVED
            step = step.loosened(again, rules)
            seen = seen & (~doubted[t] | again)
            believed = np.where(again, 1, believed + seen)
            refused = np.where(again, 0, refused)
        before.append(step)
        after.append(step.corrected(table.place[t], sigma2, seen))
    return _Pass(before, after, tested, doubted)


def _begin(table: _Table, rules: SmoothRules) -> _Step:
    n = table.at_s.shape[1]
    step = _Step(np.zeros((n, 2)), np.zeros((n, 2)), np.zeros(n), np.zeros(n), np.zeros(n))
    return step.loosened(np.ones(n, np.bool_), rules)


def _outliers(forwards: _Pass, backwards: _Pass) -> Bools:
    """Places that every filter which could judge them doubts."""
    tested, doubted = backwards.tested[::-1], backwards.doubted[::-1]
    judged = forwards.tested | tested
    return judged & (forwards.doubted | ~forwards.tested) & (doubted | ~tested)


def _smooth(table: _Table, rules: SmoothRules) -> tuple[Floats, Floats, Floats]:
    """Place and velocity (T, N, 2) and variance of the place (T, N), each step knowing all others."""
    steps, n = table.at_s.shape
    place, velocity, variance = np.zeros((steps, n, 2)), np.zeros((steps, n, 2)), np.zeros((steps, n))
    if not steps:
        return place, velocity, variance
    went = _filter(table, rules, gated=False)
    later = went.after[-1]
    for t in range(steps - 1, -1, -1):
        if t < steps - 1:
            dt = table.at_s[t + 1] - table.at_s[t]
            later = went.after[t].knowing(later, went.before[t + 1], dt)
        place[t], velocity[t], variance[t] = later.place, later.velocity, later.a
    return place, velocity, variance
