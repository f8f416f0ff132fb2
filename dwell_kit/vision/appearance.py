"""Looks as unit vectors: how alike they are, and the look of several boxes together. A row of NaN is no look."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def cosines(a: Floats, b: Floats) -> Floats:
    """(n, k) cosine of (n, d) and (k, d) unit vectors; NaN where one is missing.

    >>> cosines(np.array([[1.0, 0.0]]), np.array([[0.6, 0.8], [np.nan, np.nan]])).tolist()
    [[0.6, nan]]
    """
    return a @ b.T


def unlikeness(a: Floats, b: Floats) -> Floats:
    """(n, k) 0 for the same look, 1 for unrelated ones; 0 where one is missing, so that place decides alone."""
    return np.nan_to_num(1 - cosines(a, b))


def common_look(embedding: Floats, label: NDArray[np.int64], count: int) -> Floats:
    """(count, d) unit mean of the rows (n, d) of each label; NaN for a label without any look."""
    has = np.isfinite(embedding).all(axis=1)
    total = np.zeros((count, embedding.shape[1]))
    np.add.at(total, label[has], embedding[has])
    return unit(total)


def unit(rows: Floats) -> Floats:
    """(n, d) scaled to length 1; NaN for rows that have none."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, np.nan)
