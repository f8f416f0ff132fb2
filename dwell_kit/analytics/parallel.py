"""Threads for kernels that let go of the GIL."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def threads() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(work: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> list[Any]:
    """`work(*arguments[i])` for every i, at the same time, in order."""
    if len(arguments) == 1:
        return [work(*arguments[0])]
    with ThreadPoolExecutor(max(len(arguments), 1)) as pool:
        return list(pool.map(lambda given: work(*given), arguments))
