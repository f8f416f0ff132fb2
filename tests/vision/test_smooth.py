"""Smoothing against a plain 4×4 filter, and what it does with outliers and gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.errors import InputError
from dwell_kit.vision.smooth import SmoothRules, smooth_tracks

RULES = SmoothRules()


def plain(at_s, place, sigma_m, rules=RULES):
    """The textbook filter and smoother of one track, 4×4 and step by step."""
    h, x = np.eye(2, 4), np.zeros(4)
    p = np.diag([1e6, 1e6, rules.start_speed_m_s**2, rules.start_speed_m_s**2])
    states, expected, turns = [], [], []
    for t, z in enumerate(place):
        dt = at_s[t] - at_s[t - 1] if t else 0.0
        f = np.eye(4)
        f[0, 2] = f[1, 3] = dt
        one = np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]]) * rules.noise_m2_s3
        x, p = f @ x, f @ p @ f.T + np.kron(one, np.eye(2))
        expected.append((x, p))
        turns.append(f)
        if np.isfinite(z).all():
            k = p @ h.T @ np.linalg.inv(h @ p @ h.T + np.eye(2) * sigma_m[t] ** 2)
            x, p = x + k @ (z - h @ x), p - k @ h @ p
        states.append((x, p))
    for t in range(len(place) - 2, -1, -1):
        x, p = states[t]
        g = p @ turns[t + 1].T @ np.linalg.inv(expected[t + 1][1])
        later, spread = states[t + 1]
        states[t] = x + g @ (later - expected[t + 1][0]), p + g @ (spread - expected[t + 1][1]) @ g.T
    return np.array([x for x, _ in states]), np.array([np.sqrt(p[0, 0]) for _, p in states])


def walk(seed: int, steps: int, noise_m: float = 0.1):
    """A walk that turns a little: times, true places, seen places."""
    rng = np.random.default_rng(seed)
    at_s = np.cumsum(rng.choice([0.1, 0.2, 0.5], steps))
    heading = np.cumsum(rng.normal(0, 0.1, steps)) + rng.uniform(0, 6)
    steps_m = np.stack([np.cos(heading), np.sin(heading)], axis=1) * 1.3 * np.diff(at_s, prepend=0)[:, None]
    true = np.cumsum(steps_m, axis=0)
    return at_s, true, true + rng.normal(0, noise_m, true.shape)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=5), st.integers(0, 10_000))
def test_it_is_the_textbook_smoother(lengths, seed) -> None:
    rng = np.random.default_rng(seed)
    walks = [walk(seed + i, n, 0.03) for i, n in enumerate(lengths)]
    track = np.repeat(np.arange(len(lengths)) * 7 - 3, lengths)
    at_s, place = np.concatenate([w[0] for w in walks]), np.concatenate([w[2] for w in walks])
    sigma = rng.uniform(0.1, 0.3, len(track))
    place[rng.random(len(track)) < 0.2] = np.nan
    order = rng.permutation(len(track))
    rules = SmoothRules(gate=1e9)
    got = smooth_tracks(track[order], at_s[order], place[order], sigma[order], rules)
    for one in np.unique(track):
        rows = track == one
        if not np.isfinite(place[rows]).any():
            continue
        states, sigmas = plain(at_s[rows], place[rows], sigma[rows])
        back = np.argsort(order)[rows]
        np.testing.assert_allclose(got.floor_m[back], states[:, :2], atol=1e-6)
        np.testing.assert_allclose(got.velocity_m_s[back], states[:, 2:], atol=1e-6)
        np.testing.assert_allclose(got.sigma_m[back], sigmas, rtol=1e-4, atol=1e-6)
    assert not got.rejected.any()


def test_it_is_nearer_to_the_truth() -> None:
    at_s, true, seen = walk(1, 300, 0.4)
    got = smooth_tracks(np.zeros(300, int), at_s, seen, np.full(300, 0.4))
    rms = lambda p: np.sqrt(((p - true) ** 2).sum(axis=1).mean())  # noqa: E731
    assert rms(got.floor_m) < 0.65 * rms(seen)
    assert got.rejected.mean() < 0.02
    speed = np.linalg.norm(got.velocity_m_s, axis=1)
    assert np.median(speed) == pytest.approx(1.3, abs=0.15)


@pytest.mark.parametrize("bad", [0, 1, 25, 58, 59])
def test_one_outlier_is_found_wherever_it_is(bad) -> None:
    at_s, true, seen = walk(2, 60)
    seen[bad] += [4, -3]
    got = smooth_tracks(np.zeros(60, int), at_s, seen, np.full(60, 0.1))
    assert np.flatnonzero(got.rejected).tolist() == [bad]
    assert np.linalg.norm(got.floor_m[bad] - true[bad]) < 0.5


def test_a_jump_that_lasts_is_no_outlier() -> None:
    """An id that moved to somebody else: all of its places are real."""
    at_s, _, seen = walk(3, 60)
    seen[30:] += [10, 0]
    got = smooth_tracks(np.zeros(60, int), at_s, seen, np.full(60, 0.1))
    assert got.rejected.sum() <= 1


def test_a_gap_is_as_long_as_its_time_stamps() -> None:
    at_s = np.array([0, 0.5, 1.0, 6.0, 6.5, 7.0])
    place = np.stack([at_s * 1.2, np.zeros(6)], axis=1)
    got = smooth_tracks(np.zeros(6, int), at_s, place, np.full(6, 0.05))
    assert not got.rejected.any()
    np.testing.assert_allclose(got.velocity_m_s[:, 0], 1.2, atol=0.06)  # the first one is drawn to standing still
    place[2] = np.nan
    bridged = smooth_tracks(np.zeros(6, int), at_s, place, np.full(6, 0.05))
    np.testing.assert_allclose(bridged.floor_m[2], [1.2, 0], atol=0.05)


def test_nothing_and_nonsense() -> None:
    none = smooth_tracks(np.zeros(0, int), np.zeros(0), np.zeros((0, 2)), np.zeros(0))
    assert none.floor_m.shape == (0, 2)
    assert none.rejected.shape == (0,)
    with pytest.raises(InputError, match="two places"):
        smooth_tracks(np.zeros(2, int), np.zeros(2), np.zeros((2, 2)), np.ones(2))
    with pytest.raises(InputError, match="above 0"):
        smooth_tracks(np.zeros(2, int), np.arange(2.0), np.zeros((2, 2)), np.zeros(2))
    with pytest.raises(InputError, match="match"):
        smooth_tracks(np.zeros(3, int), np.arange(2.0), np.zeros((2, 2)), np.ones(2))
