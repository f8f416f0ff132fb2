"""Who they were: visits, visitors and dwell by age group, gender and other words, with the share that is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.entries import (
    WORDS,
    Entries,
    as_names,
    bucket_key,
    group_key,
    person_words,
    visit_entries,
)
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

    Returns
    -------
    (bucket,) the columns of `by`, visits, unique_visitors (persons), sum_s, mean_s, median_s (s, dwell of a
    visit), share, share_determined (of all unique visitors: every word of `by` is known). Groups with nobody are
    left out.

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
    cells = tabulate(entries, [*keys, *(group_key(entries.coded, name) for name in names)])
    whole = [key.name for key in keys] + [name for name in names if name not in WORDS]
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
    return like(table, sightings)


def _determined(entries: Entries, words: Sequence[str]) -> float | None:
    """Share of the distinct persons for whom every one of the words is known."""
    seen = np.zeros(entries.coded.n_persons, np.bool_)
    seen[entries.person] = True
    known = np.ones(entries.coded.n_persons, np.bool_)
    for word in words:
        codes, said = person_words(entries.coded, word)
        known &= codes != len(said) - 1
    return float(known[seen].mean()) if seen.any() else None
