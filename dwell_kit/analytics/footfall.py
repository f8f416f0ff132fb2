"""Footfall: how many visits started, per local bucket of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.entries import as_names, bucket_key, group_key, visit_entries
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.tabulate import tabulate
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters

BASIS: Final = "visits started"


def compute_footfall(
    sightings: Any,
    *,
    every: str = "day",
    by: str | Sequence[str] | None = None,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
) -> Any:
    """Visits started per local bucket: footfall on the basis of visits, never mixed with line crossings.

    A visit belongs to the bucket of its start. By camera or zone, a visit counts once at each place it was seen
    at, in the bucket of its first sighting there, so places do not add up to the environment.

    Parameters
    ----------
    sightings : frame of sightings, or `Coded`.
    every : "15min", "30min", "hour", "day", "week", "month" or "<n>min".
    by : camera_id, zone_id, age_group, gender, appearance_category, …_outcome, or several of them.
    filters, selection : what to look at; a compiled `selection` wins.
    tz : IANA time zone of the buckets.

    Returns
    -------
    bucket (UTC start of the local bucket), the columns of `by`, visits, unique_visitors (persons; not to be
    added across buckets), basis. Every bucket of the data's span is there for every group that occurs, with 0 if
    nobody came.
    """
    names = as_names(by)
    entries = visit_entries(sightings, filters=filters, selection=selection, tz=tz)
    keys = [bucket_key(entries, every=every, tz=tz), *(group_key(entries.coded, name) for name in names)]
    table = tabulate(entries, keys).frame().drop(c.SUM_S)
    if names:
        table = table.filter(pl.col(c.VISITS).sum().over(names) > 0)
    return like(table.with_columns(pl.lit(BASIS).alias(c.BASIS)), sightings)
