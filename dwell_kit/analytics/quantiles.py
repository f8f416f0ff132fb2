"""Exact quantiles, linear between the closest ranks (Hyndman and Fan, type 7), and confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.schema import columns as c
from dwell_kit.schema.time import US

_EXACT: Final = 2000


def quantile_s(ordered: NDArray[np.int64], q: float) -> float | None:
    """The quantile of sorted µs in seconds; None without values."""
    found = grouped_quantiles_s(ordered, np.array([0, len(ordered)]), [q])[0]
    return float(found[0]) if len(ordered) else None


def grouped_quantiles_s(
    ordered: NDArray[np.int64], offsets: NDArray[np.int64], qs: Sequence[float]
) -> list[NDArray[np.float64]]:
    """(groups,) seconds for each q, of µs sorted within each group; NaN for an empty one."""
    n = np.diff(offsets)
    made = []
    for q in qs:
        at = np.maximum(n - 1, 0) * q
        low = np.floor(at).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(n - 1, 0))
        value = np.full(len(n), np.nan)
        some = n > 0
        a, b = ordered[(offsets[:-1] + low)[some]], ordered[(offsets[:-1] + high)[some]]
        value[some] = (a + (b - a) * (at - low)[some]) / US
        made.append(value)
    return made


def mean_interval_s(
    values: NDArray[np.int64], offsets: NDArray[np.int64], confidence: float
) -> tuple[pl.Series, pl.Series]:
    """mean_low_s and mean_high_s of each group: mean ± z·s/√n, s with n − 1; null for fewer than two values."""
    n = np.diff(offsets)
    seconds = values / US
    begin = offsets[:-1]
    mean = np.add.reduceat(seconds, begin) / n if len(n) else np.empty(0)
    spread = (seconds - np.repeat(mean, n)) ** 2
    variance = (np.add.reduceat(spread, begin) if len(n) else np.empty(0)) / np.maximum(n - 1, 1)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * np.sqrt(variance / np.maximum(n, 1))
    half = np.where(n > 1, half, np.nan)
    return tuple(
        pl.Series(name, value, nan_to_null=True)
        for name, value in ((c.MEAN_LOW_S, mean - half), (c.MEAN_HIGH_S, mean + half))
    )  # type: ignore[return-value]


def median_interval_s(
    ordered: NDArray[np.int64], offsets: NDArray[np.int64], confidence: float
) -> tuple[pl.Series, pl.Series]:
    """median_low_s and median_high_s of each group: the k-th smallest and k-th largest value.

    k is the largest number with P(Binomial(n, ½) < k) ≤ (1 − confidence) / 2, so that coverage is at least
    `confidence`; above 2,000 values k is that of the normal approximation. Null where there is no such k.
    """
    n = np.diff(offsets)
    distinct, which = np.unique(n, return_inverse=True)
    k = np.array([_rank(int(size), (1 - confidence) / 2) for size in distinct], np.int64)[which]
    some = k > 0
    low, high = np.full(len(n), np.nan), np.full(len(n), np.nan)
    low[some] = ordered[(offsets[:-1] + k - 1)[some]] / US
    high[some] = ordered[(offsets[1:] - k)[some]] / US
    return pl.Series(c.MEDIAN_LOW_S, low, nan_to_null=True), pl.Series(c.MEDIAN_HIGH_S, high, nan_to_null=True)


def _rank(n: int, tail: float) -> int:
    if n > _EXACT:
        return int(np.floor(n / 2 - NormalDist().inv_cdf(1 - tail) * np.sqrt(n) / 2))
    below, term, k = 0, 1, 0
    bound = ((1 << n) * int(tail * (1 << 60))) >> 60  # in whole numbers: 2ⁿ is no float
    while below + term <= bound:
        below += term
        term = term * (n - k) // (k + 1)
        k += 1
    return k
