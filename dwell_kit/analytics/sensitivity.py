"""How far the key figures move with what nobody knows exactly: the gap that ends a visit, broken identities."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.levels import steps
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.sweep import sweep
from dwell_kit.analytics.visits import selected
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import US, microseconds

DEFAULT_GAPS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60))
DEFAULT_SWITCHES: Final = (0.0, 0.1, 0.25, 0.5, 1.0)


def compute_gap_sensitivity(
    sightings: Any,
    *,
    max_gaps: Sequence[timedelta | float] = DEFAULT_GAPS,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
) -> Any:
    """The key figures for several values of `max_gap`: visits fall and dwell rises as the gap grows.

    Parameters
    ----------
    max_gaps : seconds or timedeltas.

    Returns
    -------
    max_gap_s (s), visits, unique_visitors (persons, the same for every gap unless a dwell range is selected),
    mean_s, median_s (s, dwell of a visit), repeat_visitors (persons).
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz)
    rows = []
    for gap in max_gaps:
        gap_us = microseconds(gap)
        swept = sweep(coded, chosen.but(max_gap_us=gap_us))
        dwell, visits = swept.column("dwell"), np.bincount(swept.column("group"), minlength=coded.n_persons)
        rows.append(
            {
                c.MAX_GAP_S: gap_us / US,
                c.VISITS: len(swept),
                c.UNIQUE_VISITORS: int((visits > 0).sum()),
                c.MEAN_S: float(dwell.mean()) / US if len(dwell) else None,
                c.MEDIAN_S: float(np.median(dwell)) / US if len(dwell) else None,
                c.REPEAT_VISITORS: int((visits > 1).sum()),
            }
        )
    floats, counts = (c.MAX_GAP_S, c.MEAN_S, c.MEDIAN_S), (c.VISITS, c.UNIQUE_VISITORS, c.REPEAT_VISITORS)
    types = dict.fromkeys(floats, pl.Float64) | dict.fromkeys(counts, pl.Int64)
    names = (c.MAX_GAP_S, c.VISITS, c.UNIQUE_VISITORS, c.MEAN_S, c.MEDIAN_S, c.REPEAT_VISITORS)
    return like(pl.DataFrame(rows, schema={name: types[name] for name in names}), sightings)


def compute_fragmentation_sensitivity(
    sightings: Any,
    *,
    switches_per_hour: Sequence[float] = DEFAULT_SWITCHES,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
) -> Any:
    """What visitors, visits and mean dwell would be if identities broke at a given rate.

    Model: while a person is seen, a tracker or a face match loses them at a constant rate of r switches an hour;
    each switch starts a new person and a new visit, and no time is lost. With T hours of dwell in all, r · T of
    the persons and visits seen are such pieces: U = U_observed − r · T, V = V_observed − r · T, mean dwell T / V.
    Neither falls below the most persons who were there at one instant: they were different people. The rows from
    no switches to the worst rate one believes in are the band beside the figure.

    Parameters
    ----------
    switches_per_hour : assumed rates r, 1/h of person-time.

    Returns
    -------
    switches_per_hour (1/h), unique_visitors (persons), visits, mean_s (s): estimates, not counts; null without
    visits.
    """
    if any(rate < 0 for rate in switches_per_hour):
        raise FilterError("a rate of switches is negative", expected="0 or more", found=str(switches_per_hour))
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz)
    swept = sweep(coded, chosen)
    total_s = float(swept.column("dwell").sum()) / US
    persons, visits = len(np.unique(swept.column("group"))), len(swept)
    _, at_once = steps(swept.column("first"), swept.column("last"))
    least = float(at_once.max(initial=1))
    rows = []
    for rate in switches_per_hour:
        pieces = rate * total_s / 3600
        true_visits = max(visits - pieces, least) if visits else None
        rows.append(
            {
                c.SWITCHES_PER_H: rate,
                c.UNIQUE_VISITORS: max(persons - pieces, least) if persons else None,
                c.VISITS: true_visits,
                c.MEAN_S: total_s / true_visits if true_visits else None,
            }
        )
    names = (c.SWITCHES_PER_H, c.UNIQUE_VISITORS, c.VISITS, c.MEAN_S)
    return like(pl.DataFrame(rows, schema=dict.fromkeys(names, pl.Float64)), sightings)
