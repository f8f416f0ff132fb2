"""One-to-one assignment with the highest total weight, exact, solved part by part; numba."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np


@nb.njit(cache=True, nogil=True)
def best_matching(row: Any, column: Any, weight: Any, rows: int, columns: int) -> Any:
    """The matching with the highest total weight among the edges given.

    Parameters
    ----------
    row, column : (e,) ends of the edges; weight : (e,) above 0. Pairs without an edge are never matched.

    Returns
    -------
    (rows,) the column of each row, -1 for none.

    Rows and columns that no chain of edges joins cannot compete, so each connected part is solved on its own:
    people who stand apart cost one comparison, not a share of a large matrix.
    """
    partner = np.full(rows, -1, np.int64)
    part = _parts(row, column, rows, columns)
    size = np.zeros(rows, np.int64)
    for e in range(len(row)):
        size[part[row[e]]] += 1
    first = np.zeros(rows + 1, np.int64)
    first[1:] = np.cumsum(size)
    order = np.empty(len(row), np.int64)
    filled = first[:-1].copy()
    for e in range(len(row)):
        p = part[row[e]]
        order[filled[p]] = e
        filled[p] += 1
    local_row, local_column = np.full(rows, -1, np.int64), np.full(columns, -1, np.int64)
    for p in range(rows):
        if size[p] == 1:
            e = order[first[p]]
            partner[row[e]] = column[e]
        elif size[p] > 1:
            _match_part(order[first[p] : first[p + 1]], row, column, weight, local_row, local_column, partner)
    return partner


@nb.njit(cache=True, nogil=True)
def _parts(row: Any, column: Any, rows: int, columns: int) -> Any:
    """(rows + columns,) the lowest node of each node's connected part; columns come after rows."""
    parent = np.arange(rows + columns)
    for e in range(len(row)):
        a, b = _root(parent, row[e]), _root(parent, rows + column[e])
        if a < b:
            parent[b] = a
        else:
            parent[a] = b
    for node in range(rows + columns):
        parent[node] = _root(parent, node)
    return parent


@nb.njit(cache=True, nogil=True)
def _root(parent: Any, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@nb.njit(cache=True, nogil=True)
def _match_part(
    edges: Any, row: Any, column: Any, weight: Any, local_row: Any, local_column: Any, partner: Any
) -> None:
    """Solve one connected part as a small dense matrix; what has no edge has weight 0, which is no match."""
    row_of, column_of = np.empty(len(edges), np.int64), np.empty(len(edges), np.int64)
    n = m = 0
    for e in edges:
        if local_row[row[e]] < 0:
            local_row[row[e]] = n
            row_of[n] = row[e]
            n += 1
        if local_column[column[e]] < 0:
            local_column[column[e]] = m
            column_of[m] = column[e]
            m += 1
    wide = n <= m
    dense = np.zeros((n, m) if wide else (m, n))
    for e in edges:
        i, j = local_row[row[e]], local_column[column[e]]
        dense[(i, j) if wide else (j, i)] = weight[e]
    chosen = _hungarian(dense)
    for k in range(len(chosen)):
        if dense[k, chosen[k]] > 0:
            i, j = (k, chosen[k]) if wide else (chosen[k], k)
            partner[row_of[i]] = column_of[j]


@nb.njit(cache=True, nogil=True)
def _hungarian(weight: Any) -> Any:
    """The column of each row that makes the total weight largest; no more rows than columns.

    Shortest augmenting paths with potentials (Jonker and Volgenant, 1987), O(rows² · columns).
    """
    n, m = weight.shape
    row_price, column_price = np.zeros(n), np.zeros(m + 1)
    owner = np.full(m + 1, -1, np.int64)  # the row that has a column; the last one is where a new row starts
    for new in range(n):
        owner[m] = new
        at = m
        distance, came_from = np.full(m, np.inf), np.full(m, m, np.int64)
        done = np.zeros(m + 1, np.bool_)
        while owner[at] >= 0:
            done[at] = True
            i, nearest, step = owner[at], -1, np.inf
            for j in range(m):
                if not done[j]:
                    cost = -weight[i, j] - row_price[i] - column_price[j]
                    if cost < distance[j]:
                        distance[j], came_from[j] = cost, at
                    if distance[j] < step:
                        step, nearest = distance[j], j
            for j in range(m + 1):
                if done[j]:
                    row_price[owner[j]] += step
                    column_price[j] -= step
                elif j < m:
                    distance[j] -= step
            at = nearest
        while at != m:
            owner[at] = owner[came_from[at]]
            at = came_from[at]
    chosen = np.empty(n, np.int64)
    for j in range(m):
        if owner[j] >= 0:
            chosen[owner[j]] = j
    return chosen
