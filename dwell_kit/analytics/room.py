"""Big arrays to work in, used again: the kernel zeroes fresh memory page by page, an eighth of a query's time."""

from __future__ import annotations

import threading
import weakref
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_WORTH_BYTES: Final = 1 << 20
_MOST_BYTES: Final = 1 << 29
"""What is kept between queries, at most; of what a query does not write, the machine has no page."""
_lock = threading.RLock()
"""Reentrant: a garbage collection inside may give memory back."""
_free: list[NDArray[np.uint8]] = []


def borrow(n: int, dtype: Any) -> NDArray[Any]:
    """(n,) array with arbitrary content; its memory is used again once nothing refers to it any more."""
    wanted = np.dtype(dtype)
    size = n * wanted.itemsize
    if size < _WORTH_BYTES:
        return np.empty(n, wanted)
    memory = _fitting(size)
    # over a memoryview: numpy then makes `lent` the base of every view of it, which keeps it alive
    lent = np.frombuffer(memoryview(memory), wanted, n)  # type: ignore[arg-type]
    weakref.finalize(lent, _take_back, memory).atexit = False
    return lent


def _fitting(size: int) -> NDArray[np.uint8]:
    """The smallest free memory that is big enough, unless it is more than twice as big; else fresh memory."""
    with _lock:
        fitting = [i for i, memory in enumerate(_free) if size <= len(memory) <= 2 * size]
        if fitting:
            return _free.pop(min(fitting, key=lambda i: len(_free[i])))
    return np.empty(size, np.uint8)


def _take_back(memory: NDArray[np.uint8]) -> None:
    with _lock:
        _free.append(memory)
        while sum(map(len, _free)) > _MOST_BYTES:
            _free.pop(0)
