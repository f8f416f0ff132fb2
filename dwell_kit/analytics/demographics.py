"""Who they were: visits, visitors, dwell and occupancy by age group, gender and other words of the person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.entries import (
    WORDS,
    Entries,
    Key,
    as_names,
    bucket_key,
    group_key,
    person_words,
    visit_entries,
)
from dwell_kit.analytics.occupancy import compute_occupancy
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.tabulate import medians, tabulate
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters


def compute_demographics(
    sightings: Any,
    *,
    by: str | Sequence[str] = (c.AGE_GROUP, c.GENDER),
    every: str | None = None,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    occupancy: bool = False,
    coverage: Any = None,
) -> Any:
    """Visits, visitors and dwell by age group, gender or another word of the person, crossed if several are given.

    The word of a person is the determined one with most sighting time; ties, none and unknown words are `other`.
    Dwell and visits belong to the bucket of the visit's start; `share` is of the unique visitors of that bucket
    (and place), where a person is counted once, so shares add up to 1.

    Parameters
    ----------
    sightings : frame of sightings, or `Coded`.
    by : age_group, gender, appearance_category, mask_outcome, liveness_outcome, match_outcome; also camera_id or
        zone_id beside one of them.
    every : local bucket, as for `compute_footfall`; None for the whole time.
    filters, selection, tz : what to look at.
    occupancy : how many of each group were there at the same time too. coverage : as in `compute_occupancy`.

    Returns
    -------
    (bucket,) the columns of `by`, visits, unique_visitors (persons), sum_s, mean_s, median_s (s, dwell of a
    visit), share, share_determined (of all unique visitors: every word of `by` is known) [, occupancy_mean,
    occupancy_max (persons), person_seconds, covered_s (s)]. Groups with nobody are left out; with occupancy a
    bucket that somebody stayed on into, and in which no visit of the group started, is there with 0 visits.

    Raises
    ------
    FilterError : when `by` names no word of a person.
    """
    names = as_names(by)
    words = [name for name in names if name in WORDS]
    if not words:
        raise FilterError(
            "these are no demographics", expected=", ".join(WORDS), found=", ".join(names) or "nothing"
        )
    entries = visit_entries(sightings, filters=filters, selection=selection, tz=tz)
    keys = [] if every is None else [bucket_key(entries, every=every, tz=tz)]
    keys += [group_key(entries.coded, name) for name in names]
    cells = tabulate(entries, keys)
    whole = [key.name for key in keys if key.name not in words]
    of_whole = pl.col(c.UNIQUE_VISITORS).sum()
    table = (
        cells.frame()
        .with_columns(
            (pl.col(c.SUM_S) / pl.col(c.VISITS)).alias(c.MEAN_S),
            pl.Series(c.MEDIAN_S, medians(entries, cells)),
        )
        .filter(pl.col(c.VISITS) > 0)
        .with_columns(
            (pl.col(c.UNIQUE_VISITORS) / (of_whole.over(whole) if whole else of_whole)).alias(c.SHARE),
            pl.lit(_determined(entries, words), pl.Float64).alias(c.SHARE_DETERMINED),
        )
    )
    if occupancy:
        given = {"every": every, "by": names, "tz": tz, "selection": entries.selection, "coverage": coverage}
        table = _with_occupancy(table, keys, compute_occupancy(entries.coded, **given))
    return like(table, sightings)


def _with_occupancy(table: pl.DataFrame, keys: Sequence[Key], present: pl.DataFrame) -> pl.DataFrame:
    """The cells with those of presence beside them, in the order of the keys."""
    names = [key.name for key in keys]
    present = present if c.BUCKET in names else present.drop(c.BUCKET)
    joined = table.join(present, on=names, how="full", coalesce=True)
    figures = [name for name in joined.columns if name not in names]
    nobody = {c.VISITS: 0, c.UNIQUE_VISITORS: 0, c.SUM_S: 0.0, c.SHARE: 0.0}
    order = [pl.col(key.name).cast(pl.Enum(key.labels)) for key in keys if key.name != c.BUCKET]
    return (
        joined.with_columns(pl.col(name).fill_null(zero) for name, zero in nobody.items())
        .with_columns(pl.col(c.SHARE_DETERMINED).max())
        .filter((pl.col(c.VISITS) > 0) | (pl.col(c.PERSON_SECONDS) > 0))
        .sort(*([c.BUCKET] if c.BUCKET in names else []), *order)
        .select(*names, *figures)
    )


def _determined(entries: Entries, words: Sequence[str]) -> float | None:
    """Share of the distinct persons for whom every one of the words is known."""
    seen = np.zeros(entries.coded.n_persons, np.bool_)
    seen[entries.person] = True
    known = np.ones(entries.coded.n_persons, np.bool_)
    for word in words:
        codes, said = person_words(entries.coded, word)
        known &= codes != len(said) - 1
    return float(known[seen].mean()) if seen.any() else None
