"""k-suppression: figures about fewer than k people are hidden, and so is enough beside them.

A hidden cell must not come back by subtraction. Along every key, cells add up to totals that a reader may have;
the *hypercube method* (Repsilber 1994) hides, with a small cell, one more coordinate along each key and all the
corners between. Adding 1 to every second corner and taking 1 from the others leaves every total as it was, so
the totals cannot tell which of the tables is the true one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like, needs, to_polars
from dwell_kit.errors import ContractError, FilterError
from dwell_kit.schema import columns as c

DEFAULT_K: Final = 5
MAX_CELLS: Final = 2_000_000
_PEAKS: Final = (c.OCCUPANCY_MAX,)
_PRESENCE: Final = (c.OCCUPANCY_MAX, c.OCCUPANCY_MEAN, c.PERSON_SECONDS)

Grid = NDArray[np.int64]
Mask = NDArray[np.bool_]


def suppress(
    frame: Any,
    *,
    by: str | Sequence[str],
    k: int = DEFAULT_K,
    persons: str = c.UNIQUE_VISITORS,
    totals: str | None = None,
    published: Sequence[Sequence[str]] | None = None,
) -> Any:
    """The frame with every figure hidden that is about fewer than `k` people, or would give one away.

    Hidden first: rows with 0 < persons < k, or persons unknown (null, or 0 beside presence: of those who are there
    and did not arrive). Then, per hidden row, the cheapest hypercube around it, whose corners that must be able to
    shrink are about k people or more, so that the small cell could as well be about k or more; failing that,
    corners of two people, so that it cannot be told exactly. A row with nobody in it stays visible. Where there is
    no hypercube at all (a table that is too small or too empty for its totals to be known) the whole table is
    hidden.

    The most people at one instant, where it is fewer than k, is hidden in rows that stay visible too.

    Totals that hold fewer than k people are figures too: a table of totals has to pass here as well, or better
    stand in the same frame as rows marked with `totals`, so that both are hidden in step.

    Parameters
    ----------
    by : the key columns; each row is one cell of the table that they span.
    k : the least number of distinct persons a visible row is about.
    persons : the column that counts distinct persons.
    totals : word in a key column that marks a row as the total along that key, e.g. "all".
    published : groupings (subsets of `by`) whose totals readers have from elsewhere; None means every one.

    Returns
    -------
    All columns and rows, in order; hidden rows have null in every column outside `by`, and `suppressed` says
    which they are.

    Raises
    ------
    ContractError : when a column is missing or the keys do not name the rows uniquely.
    """
    table = to_polars(frame)
    keys = [by] if isinstance(by, str) else list(by)
    _check(table, keys, persons, k)
    known = pl.lit(True) if k == 1 else ~_unknown(table, persons)
    counted = table.with_columns(pl.when(known).then(pl.col(persons)).alias(persons))
    hidden = _hidden_rows(counted, keys, persons=persons, k=k, totals=totals, published=published)
    return like(blanked(table, keys, hidden, k=k), frame)


def blanked(table: pl.DataFrame, keys: Sequence[str], hidden: Mask, *, k: int) -> pl.DataFrame:
    """The table with every figure of the hidden rows null, the peaks of fewer than k too, and `suppressed`."""
    figures = [name for name in table.columns if name not in keys]
    flagged = table.with_columns(pl.Series(c.SUPPRESSED, hidden, dtype=pl.Boolean))
    blank = [pl.when(~pl.col(c.SUPPRESSED)).then(pl.col(name)).alias(name) for name in figures]
    few_at_once = [
        pl.when(~pl.col(n).is_between(1, k - 1)).then(pl.col(n)).alias(n) for n in figures if n in _PEAKS
    ]
    return flagged.with_columns(blank).with_columns(few_at_once)


def _unknown(table: pl.DataFrame, persons: str) -> pl.Expr:
    """Rows whose persons are not counted: nobody arrived, and somebody was there all the same."""
    present = [pl.col(name).fill_null(0) > 0 for name in _PRESENCE if name in table.columns]
    return (pl.col(persons) == 0) & pl.any_horizontal(*present) if present else pl.lit(False)


def _check(table: pl.DataFrame, keys: list[str], persons: str, k: int) -> None:
    needs(table, (*keys, persons))
    if keys and table.select(keys).is_duplicated().any():
        raise ContractError(
            "a table cannot be suppressed: its keys do not name its rows",
            expected=f"one row per {' × '.join(keys)}",
            found="repeated keys",
            hint="give every key column in `by`",
        )
    if k < 1:
        raise FilterError("k is too small", expected="1 or more persons", found=str(k))


def _hidden_rows(
    table: pl.DataFrame,
    keys: list[str],
    *,
    persons: str,
    k: int,
    totals: str | None,
    published: Sequence[Sequence[str]] | None,
) -> Mask:
    counts = table[persons].cast(pl.Int64).fill_null(k - 1).to_numpy()
    small = ((counts > 0) & (counts < k)) | table[persons].is_null().to_numpy()
    if not small.any() or not keys:
        return small
    place, sizes = _coordinates(table, keys, totals)
    varied = [axis for axis, size in enumerate(sizes) if size > 2 or (place[:, axis] == size - 1).any()]
    if not varied:
        return small
    known = _known_totals(keys, published, varied)
    place, sizes = place[:, varied], tuple(sizes[axis] for axis in varied)
    if known is not None and totals is None:
        place, sizes, known = _merged(place, sizes, known)
    grid = _Table(place, sizes, counts, k, known)
    for row in np.flatnonzero(small)[np.argsort(counts[small], kind="stable")]:
        if not grid.protect(tuple(place[row])):
            return counts > 0
    return small | grid.hidden[tuple(place.T)]


def _coordinates(table: pl.DataFrame, keys: list[str], totals: str | None) -> tuple[Grid, tuple[int, ...]]:
    """(rows, keys) coordinates, and the size of each axis; the last coordinate of an axis is its total."""
    columns, sizes = [], []
    for key in keys:
        is_total = pl.lit(False) if totals is None else pl.col(key).cast(pl.String).eq_missing(totals)
        rank = table.select(rank=pl.col(key).rank("dense").cast(pl.Int64).fill_null(0), total=is_total)
        codes = np.unique(np.where(rank["total"], -1, rank["rank"]), return_inverse=True)[1]
        has_total = bool(rank["total"].any())
        size = int(codes.max()) + (0 if has_total else 1)
        columns.append(np.where(rank["total"], size, codes - int(has_total)))
        sizes.append(size + 1)
    if np.prod(np.array(sizes, dtype=np.float64)) > MAX_CELLS:
        raise ContractError(
            "a table is too big to be suppressed in one piece",
            expected=f"at most {MAX_CELLS:,} cells",
            found=" × ".join(str(size - 1) for size in sizes),
            hint="suppress it in parts, or group coarser",
        )
    return np.stack(columns, axis=1).astype(np.int64), tuple(sizes)


def _known_totals(
    keys: list[str], published: Sequence[Sequence[str]] | None, varied: list[int]
) -> set[frozenset[int]] | None:
    """Published groupings as sets of the axes that vary; None for every grouping."""
    if published is None:
        return None
    for group in published:
        for key in group:
            if key not in keys:
                raise FilterError(f"there is no key {key!r}", expected=", ".join(keys), found=repr(key))
    axes = [keys[axis] for axis in varied]
    return {frozenset(axes.index(key) for key in group if key in axes) for group in published}


def _merged(
    place: Grid, sizes: tuple[int, ...], known: set[frozenset[int]]
) -> tuple[Grid, tuple[int, ...], set[frozenset[int]]]:
    """Keys along which nobody has totals, as one key: any cell of theirs can then stand in for any other."""
    told = sorted(frozenset().union(*known))
    rest = [axis for axis in range(len(sizes)) if axis not in told]
    if len(rest) < 2:
        return place, sizes, known
    codes = np.unique(place[:, rest], axis=0, return_inverse=True)[1].reshape(-1)
    merged = np.column_stack([*(place[:, axis] for axis in told), codes])
    renamed = {frozenset(told.index(axis) for axis in group) for group in known}
    return merged, (*(sizes[axis] for axis in told), int(codes.max()) + 2), renamed


class _Table:
    """The cells of a table with its totals as one more coordinate per axis, and which of them are hidden."""

    def __init__(
        self, place: Grid, sizes: tuple[int, ...], counts: Grid, k: int, known: set[frozenset[int]] | None
    ) -> None:
        self.sizes = sizes
        self.persons = np.zeros(sizes, dtype=np.int64)
        self.persons[tuple(place.T)] = counts
        self.hidden = np.zeros(sizes, dtype=bool)
        given = np.zeros(sizes, dtype=bool)
        given[tuple(place.T)] = True
        self.free = ~given & self._unpublished(known)
        self.can_grow = (given & (self.persons > 0)) | self.free
        self.can_shrink = [(given & (self.persons >= least)) | self.free for least in (k, 2)]

    def _unpublished(self, known: set[frozenset[int]] | None) -> Mask:
        """Totals that no reader has."""
        unpublished = np.zeros(self.sizes, dtype=bool)
        if known is not None:
            axes = range(len(self.sizes))
            for totalled in product((False, True), repeat=len(self.sizes)):
                if any(totalled) and frozenset(axis for axis in axes if not totalled[axis]) not in known:
                    corner = tuple(slice(-1, None) if t else slice(0, -1) for t in totalled)
                    unpublished[corner] = True
        return unpublished

    def protect(self, target: tuple[int, ...]) -> bool:
        """Hide `target` and the cheapest hypercube around it; False if there is none."""
        for can_shrink in self.can_shrink:
            cost = self._cost(target, can_shrink)
            best = np.unravel_index(int(np.argmin(cost)), cost.shape)
            if np.isfinite(cost[best]):
                for corner in product(*((int(a), int(b)) for a, b in zip(target, best, strict=True))):
                    self.hidden[corner] |= not self.free[corner]
                return True
        return False

    def _cost(self, target: tuple[int, ...], can_shrink: Mask) -> NDArray[np.float64]:
        """For every choice of the opposite corner: persons newly hidden, infinite where it does not protect."""
        axes = range(len(self.sizes))
        price = np.where(self.hidden | self.free, 0.0, self.persons + 1.0)
        cost = np.zeros(self.sizes)
        for moved in product((False, True), repeat=len(self.sizes)):
            if not any(moved):
                continue
            view: tuple[slice, ...] = tuple(
                slice(None) if moved[axis] else slice(target[axis], target[axis] + 1) for axis in axes
            )
            shrinks = self._sign(target, moved) < 0
            allowed = np.where(shrinks, can_shrink[view], self.can_grow[view])
            cost = cost + np.where(allowed, price[view], np.inf)
        for axis in axes:
            np.moveaxis(cost, axis, 0)[target[axis]] = np.inf
        return cost

    def _sign(self, target: tuple[int, ...], moved: tuple[bool, ...]) -> Grid:
        """+1 where the corner grows with the target, −1 where it shrinks; a total grows with its cell."""
        sign = np.ones((1,) * len(self.sizes), dtype=np.int64)
        for axis, size in enumerate(self.sizes):
            if moved[axis]:
                along = np.full(size, -1 if target[axis] != size - 1 else 1)
                along[-1] = 1
                sign = sign * along.reshape([-1 if other == axis else 1 for other in range(len(self.sizes))])
        return sign
