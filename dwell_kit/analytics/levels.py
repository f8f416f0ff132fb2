"""Step functions: how many stretches of time are open, from instant to instant."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray


def steps(start: NDArray[np.int64], end: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Instants at which the number of open stretches changes, and the number from then on."""
    return _steps(np.sort(start), np.sort(end))


@nb.njit(cache=True, nogil=True)
def _steps(begins: Any, ends: Any) -> Any:
    n = len(begins)
    times, levels = np.empty(2 * n, np.int64), np.empty(2 * n, np.int64)
    made = i = j = 0
    level = 0
    while j < n:
        t = min(begins[i], ends[j]) if i < n else ends[j]
        was = level
        while i < n and begins[i] == t:
            level += 1
            i += 1
        while j < n and ends[j] == t:
            level -= 1
            j += 1
        if level != was:
            times[made], levels[made] = t, level
            made += 1
    return times[:made], levels[:made]


def by_bucket(
    times: NDArray[np.int64], levels: NDArray[np.int64], edges: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(buckets,) person-time (µs) and maximum of a step function that ends with nobody."""
    return _by_bucket(times, levels, edges)


@nb.njit(cache=True, nogil=True)
def _by_bucket(times: Any, levels: Any, edges: Any) -> Any:
    m = len(edges) - 1
    area, most = np.zeros(m, np.int64), np.zeros(m, np.int64)
    bucket = 0
    for i in range(len(times) - 1):
        a, b = max(times[i], edges[0]), min(times[i + 1], edges[m])
        while bucket < m and edges[bucket + 1] <= a:
            bucket += 1
        q = bucket
        while q < m and edges[q] < b:
            area[q] += levels[i] * (min(b, edges[q + 1]) - max(a, edges[q]))
            most[q] = max(most[q], levels[i])
            q += 1
    return area, most
