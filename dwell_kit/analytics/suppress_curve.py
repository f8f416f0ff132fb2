"""The survival curve beside a histogram of the same visits: no point of it may tell what a hidden bin holds.

Two points say how many visits ended between them. Less the bins that are shown, that is the sum of the hidden bins
between them, so those have to protect each other: each could be k or more though all the others hold somebody. The
same holds for the hidden bins after the last point, whose sum all visits leave. Inside a hidden bin there is no
point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from dwell_kit.analytics._frames import like, needs, to_polars
from dwell_kit.analytics.suppress import DEFAULT_K
from dwell_kit.schema import columns as c

_END: Final = pl.col(c.TILL_S).fill_null(float("inf"))


def suppress_curve(curve: Any, *, bins: Any, shown: Any, k: int = DEFAULT_K) -> Any:
    """The rows of a survival curve that leave hidden bins of a histogram hidden.

    Parameters
    ----------
    curve : of `compute_survival_for_viewer`. bins : of `compute_dwell_histogram`, of the same visits.
    shown : the same bins in the same order as `suppress` left them. k : as there.

    Returns
    -------
    The columns of `curve`, and as many of its rows as may be told, from the first on.

    Raises
    ------
    ContractError : when a column is missing.
    """
    points, known, told = to_polars(curve), to_polars(bins), to_polars(shown)
    needs(points, (c.T_S,))
    needs(known, (c.FROM_S, c.TILL_S, c.UNIQUE_VISITORS))
    needs(told, (c.SUPPRESSED,))
    hidden = known.filter(told[c.SUPPRESSED]).select(c.FROM_S, _END, c.UNIQUE_VISITORS).sort(c.FROM_S).rows()
    return like(points.filter(pl.Series(_kept(points[c.T_S], hidden, k), dtype=pl.Boolean)), curve)


def _kept(times: Sequence[float] | pl.Series, hidden: list[tuple[float, float, int]], k: int) -> list[bool]:
    """Which of the rising times part the hidden bins (from, till, persons) into such as protect each other."""
    persons = [n for _, _, n in hidden]
    parted, kept = 0, []
    for t in times:
        before = sum(till <= t for _, till, _ in hidden)
        inside = any(begin < t < till for begin, till, _ in hidden)
        fine = not inside and _protected(persons[parted:before], k) and _protected(persons[before:], k)
        parted = before if fine else parted
        kept.append(fine)
    return kept


def _protected(persons: list[int], k: int) -> bool:
    """Each could be k or more, and is not known, to somebody who knows their sum and that none is empty."""
    return not persons or (len(persons) > 1 and sum(persons) - (len(persons) - 1) >= k)
