"""Integer kernels that put sightings in order and read a person's words: counting sort, then short sorts."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

_SHORT = 48


def frozen(array: Any, dtype: Any) -> NDArray[Any]:
    """The array as a read-only, contiguous view: kernels compile once for fresh arrays and memory maps alike."""
    view = np.ascontiguousarray(np.asarray(array, dtype=dtype)).view()
    view.flags.writeable = False
    return view


@nb.njit(cache=True, nogil=True)
def _later(start: Any, end: Any, i: int, j: int) -> bool:
    return start[i] > start[j] or (start[i] == start[j] and end[i] > end[j])


@nb.njit(cache=True, nogil=True)
def _sort_group(order: Any, lo: int, hi: int, start: Any, end: Any) -> None:
    for i in range(lo + 1, hi):  # linear where the rows came in time order
        row = order[i]
        j = i - 1
        if i - lo >= _SHORT and _later(start, end, order[j], row):
            part = order[lo:hi].copy()
            part = part[np.argsort(end[part], kind="mergesort")]
            order[lo:hi] = part[np.argsort(start[part], kind="mergesort")]
            return
        while j >= lo and _later(start, end, order[j], row):
            order[j + 1] = order[j]
            j -= 1
        order[j + 1] = row


@nb.njit(cache=True, nogil=True)
def _order(group: Any, start: Any, end: Any, n_groups: int) -> Any:
    offsets = np.zeros(n_groups + 2, np.int64)
    for g in group:
        offsets[(g if g >= 0 else n_groups) + 1] += 1
    for g in range(n_groups + 1):
        offsets[g + 1] += offsets[g]
    place = offsets[:-1].copy()
    order = np.empty(len(group), np.int64)
    for i in range(len(group)):
        g = group[i] if group[i] >= 0 else n_groups
        order[place[g]] = i
        place[g] += 1
    for g in range(n_groups + 1):
        _sort_group(order, offsets[g], offsets[g + 1], start, end)
    return order, offsets[:-1]


def time_order(
    group: NDArray[np.int32], start: NDArray[np.int64], end: NDArray[np.int64], n_groups: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n,) stable order by (group, start, end), group -1 last, and (n_groups + 1,) offsets of the groups."""
    order, offsets = _order(frozen(group, np.int32), frozen(start, np.int64), frozen(end, np.int64), n_groups)
    return order, offsets


@nb.njit(cache=True, nogil=True)
def _dominant(codes: Any, start: Any, end: Any, offsets: Any, n_words: int) -> Any:
    other = n_words - 1
    out = np.full(len(offsets) - 1, other, np.int16)
    time = np.zeros(n_words, np.int64)
    seen = np.zeros(n_words, np.bool_)
    for p in range(len(offsets) - 1):
        time[:] = 0
        seen[:] = False
        for i in range(offsets[p], offsets[p + 1]):
            if 0 <= codes[i] < other:
                seen[codes[i]] = True
                time[codes[i]] += end[i] - start[i]
        most = np.int64(-1)
        for w in range(other):
            if seen[w] and time[w] > most:
                most = time[w]
                out[p] = w
            elif seen[w] and time[w] == most:
                out[p] = other
    return out


def dominant_words(
    codes: NDArray[np.integer],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    offsets: NDArray[np.int64],
    n_words: int,
) -> NDArray[np.int16]:
    """(p,) the determined word with most sighting time of each person; the last word (`other`) for ties or none.

    Zero-length sightings give no time: a person whose words all have none gets a word only if there is just one.

    Parameters
    ----------
    codes : (n,) word of each sighting; `n_words - 1` and -1 are undetermined.
    start, end : (n,) µs. offsets : (p + 1,) rows of each person.
    """
    if n_words < 2:
        return np.zeros(len(offsets) - 1, np.int16)
    words: NDArray[np.int16] = _dominant(
        frozen(codes, np.int16), frozen(start, np.int64), frozen(end, np.int64), frozen(offsets, np.int64), n_words
    )
    return words
