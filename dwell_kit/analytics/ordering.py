"""Integer kernels that put sightings in order and read a person's words.

Sorting is by parts that fit the cache: rows go to the part of their group first (streams of writes), then each
part is counted into its groups, and each group, short and often in time order already, is sorted by itself.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final, NamedTuple

import numba as nb
import numpy as np
from numpy.typing import NDArray

from dwell_kit.analytics.parallel import in_threads, threads

_SHORT: Final = 48
_ROWS_PER_PART: Final = 1 << 16
_MANY: Final = 200_000


class Sorted(NamedTuple):
    """Rows by (group, start, end): `order` (n,) is whence each came, `offsets` (groups + 1,) where they begin."""

    order: NDArray[np.int64]
    offsets: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]


def frozen(array: Any, dtype: Any) -> NDArray[Any]:
    """The array as a read-only, contiguous view: kernels compile once for fresh arrays and memory maps alike."""
    view = np.ascontiguousarray(np.asarray(array, dtype=dtype)).view()
    view.flags.writeable = False
    return view


def time_order(
    group: NDArray[np.integer], start: NDArray[np.int64], end: NDArray[np.int64], n_groups: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n,) stable order by (group, start, end), group -1 last, and (n_groups + 1,) offsets of the groups."""
    made = time_sorted(group, start, end, n_groups)
    return made.order, made.offsets


def time_sorted(
    group: NDArray[np.integer], start: NDArray[np.int64], end: NDArray[np.int64], n_groups: int
) -> Sorted:
    """Fewer than 2³² rows, sorted stably by (group, start, end); rows of group -1 come last."""
    group, start, end = frozen(group, np.int32), frozen(start, np.int64), frozen(end, np.int64)
    n = len(group)
    shift = _shift(n, n_groups)
    n_parts = (n_groups >> shift) + 1
    workers = threads() if n > _MANY else 1
    cuts = [n * i // workers for i in range(workers + 1)]
    slices = list(pairwise(cuts))
    counts = np.stack(in_threads(_count_parts, [(group, *cut, n_groups, shift, n_parts) for cut in slices]))
    begin = np.concatenate([[0], np.cumsum(counts.sum(axis=0))])
    place = begin[:-1] + np.cumsum(counts, axis=0) - counts  # rows of the first slice come first: stable
    held = _Held(*(np.empty(n, dtype) for dtype in (np.int32, np.uint32, np.int64, np.int64)))
    in_threads(
        _to_parts,
        [(group, start, end, *cut, n_groups, shift, row, held) for cut, row in zip(slices, place, strict=True)],
    )
    made = Sorted(
        np.empty(n, np.int64), np.empty(n_groups + 1, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    )
    made.offsets[n_groups] = begin[-1]
    ends = np.searchsorted(begin, cuts, side="left").tolist()
    ends[-1] = n_parts
    in_threads(_sort_parts, [(begin, *cut, n_groups, shift, held, made) for cut in pairwise(ends)])
    return made


class _Held(NamedTuple):
    """Rows by part."""

    group: Any
    row: Any
    start: Any
    end: Any


def _shift(n: int, n_groups: int) -> int:
    """Groups with the same `group >> shift` are a part of a size that fits the cache."""
    wanted = max(n // _ROWS_PER_PART, 1)
    return max((n_groups // wanted).bit_length() - 1, 0)


@nb.njit(cache=True, nogil=True)
def _count_parts(group: Any, lo: int, hi: int, n_groups: int, shift: int, n_parts: int) -> Any:
    counts = np.zeros(n_parts, np.int64)
    for i in range(lo, hi):
        g = group[i] if group[i] >= 0 else n_groups
        counts[g >> shift] += 1
    return counts


@nb.njit(cache=True, nogil=True)
def _to_parts(
    group: Any, start: Any, end: Any, lo: int, hi: int, n_groups: int, shift: int, place: Any, held: Any
) -> None:
    for i in range(lo, hi):
        g = group[i] if group[i] >= 0 else n_groups
        at = place[g >> shift]
        place[g >> shift] += 1
        held.group[at] = g
        held.row[at] = i
        held.start[at] = start[i]
        held.end[at] = end[i]


@nb.njit(cache=True, nogil=True)
def _sort_parts(begin: Any, lo: int, hi: int, n_groups: int, shift: int, held: Any, made: Any) -> None:
    size = 1 << shift
    place = np.empty(size + 1, np.int64)
    for part in range(lo, hi):
        first = part << shift
        place[:] = 0
        for i in range(begin[part], begin[part + 1]):
            place[held.group[i] - first + 1] += 1
        place[0] = begin[part]
        for k in range(size):
            place[k + 1] += place[k]
            if first + k <= n_groups:
                made.offsets[first + k] = place[k]
        for i in range(begin[part], begin[part + 1]):
            at = place[held.group[i] - first]
            place[held.group[i] - first] += 1
            made.order[at] = held.row[i]
            made.start[at] = held.start[i]
            made.end[at] = held.end[i]
        since = begin[part]
        for k in range(size):
            _sort_group(made, since, place[k])
            since = place[k]


@nb.njit(cache=True, nogil=True)
def _sort_group(made: Any, lo: int, hi: int) -> None:
    start, end, order = made.start, made.end, made.order
    for i in range(lo + 1, hi):  # linear where the rows came in time order
        a, b, row = start[i], end[i], order[i]
        j = i - 1
        if start[j] < a or (start[j] == a and end[j] <= b):
            continue
        if i - lo >= _SHORT:
            _sort_long(made, lo, hi)
            return
        while j >= lo and (start[j] > a or (start[j] == a and end[j] > b)):
            start[j + 1], end[j + 1], order[j + 1] = start[j], end[j], order[j]
            j -= 1
        start[j + 1], end[j + 1], order[j + 1] = a, b, row


@nb.njit(cache=True, nogil=True)
def _sort_long(made: Any, lo: int, hi: int) -> None:
    by_end = np.argsort(made.end[lo:hi], kind="mergesort")
    by = by_end[np.argsort(made.start[lo:hi][by_end], kind="mergesort")]
    made.start[lo:hi] = made.start[lo:hi][by]
    made.end[lo:hi] = made.end[lo:hi][by]
    made.order[lo:hi] = made.order[lo:hi][by]


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
    """(p,) the determined word with most sighting time of each person; the last (`other`) for ties or none.

    Zero-length sightings give no time: a person whose words all have none gets a word only if there is just one.

    Parameters
    ----------
    codes : (n,) word of each sighting; `n_words - 1` and -1 are undetermined.
    start, end : (n,) µs. offsets : (p + 1,) rows of each person.
    """
    if n_words < 2:
        return np.zeros(len(offsets) - 1, np.int16)
    words: NDArray[np.int16] = _dominant(
        frozen(codes, np.int16),
        frozen(start, np.int64),
        frozen(end, np.int64),
        frozen(offsets, np.int64),
        n_words,
    )
    return words
