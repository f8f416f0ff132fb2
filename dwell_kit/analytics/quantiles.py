"""Exact quantiles, linear between the closest ranks (Hyndman and Fan, type 7)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dwell_kit.schema.time import US


def quantile_s(ordered: NDArray[np.int64], q: float) -> float | None:
    """The quantile of sorted µs in seconds; None without values."""
    found = grouped_quantiles_s(ordered, np.array([0, len(ordered)]), [q])[0]
    return float(found[0]) if len(ordered) else None


def grouped_quantiles_s(
    ordered: NDArray[np.int64], offsets: NDArray[np.int64], qs: Sequence[float]
) -> list[NDArray[np.float64]]:
    """(groups,) seconds for each q, of µs sorted within each group `offsets[g]:offsets[g + 1]`; NaN for an empty one."""
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
