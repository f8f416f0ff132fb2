"""How often people come: persons by their number of visits."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.entries import visit_entries
from dwell_kit.analytics.selection import Selection
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters


def compute_visit_frequency(
    sightings: Any,
    *,
    most: int = 10,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
) -> Any:
    """Persons by how many selected visits they made; the last row stands for `most` visits or more.

    Parameters
    ----------
    sightings : frame of sightings, or `Coded`. Anonymous sightings have no person and are not in it.
    filters, selection, tz : what to look at.

    Returns
    -------
    visits (1 to `most`), unique_visitors (persons), share (of all unique visitors; null without any).

    Raises
    ------
    FilterError : if `most` is below 1.
    """
    if most < 1:
        raise FilterError("visits are counted from 1", expected="most of 1 or more", found=str(most))
    entries = visit_entries(sightings, filters=filters, selection=selection, tz=tz)
    visits = np.bincount(entries.person, minlength=entries.coded.n_persons)
    persons = np.bincount(np.minimum(visits[visits > 0], most), minlength=most + 1)[1:]
    table = pl.DataFrame(
        {c.VISITS: np.arange(1, most + 1, dtype=np.int64), c.UNIQUE_VISITORS: persons.astype(np.int64)}
    )
    total = pl.col(c.UNIQUE_VISITORS).sum()
    return like(
        table.with_columns(pl.when(total > 0).then(pl.col(c.UNIQUE_VISITORS) / total).alias(c.SHARE)), sightings
    )
