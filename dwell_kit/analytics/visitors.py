"""Unique, repeat, new and returning visitors: distinct persons, never added across buckets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import numba as nb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.coding import names as words_of
from dwell_kit.analytics.coding import utc
from dwell_kit.analytics.entries import (
    Entries,
    Key,
    as_names,
    bucket_key,
    bucket_of,
    edges_of,
    group_key,
    person_words,
    visit_entries,
)
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.tabulate import tabulate
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import US

RECENCY_BANDS: Final = (0, 1, 7, 30, 90)
"""Whole local days since the last visit, from; each band ends before the next."""


def compute_unique_visitors(
    sightings: Any,
    *,
    every: str | None = None,
    by: str | Sequence[str] | None = None,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
) -> Any:
    """Distinct persons with a selected visit, per bucket, place or group.

    A person who comes on two days is one unique visitor of each day and one of the week: buckets and places must
    not be added. Anonymous sightings have no person and are not in it.

    Parameters
    ----------
    sightings : frame of sightings, or `Coded`. every : local bucket of the visit's start; None for the whole time.
    by : as for `compute_footfall`. filters, selection, tz : what to look at.

    Returns
    -------
    (bucket,) the columns of `by`, unique_visitors (persons), visits.
    """
    names = as_names(by)
    entries = visit_entries(sightings, filters=filters, selection=selection, tz=tz)
    keys = [] if every is None else [bucket_key(entries, every=every, tz=tz)]
    table = tabulate(entries, [*keys, *(group_key(entries.coded, name) for name in names)]).frame()
    if names:
        table = table.filter(pl.col(c.VISITS).sum().over(names) > 0)
    return like(table.select(*(key.name for key in keys), *names, c.UNIQUE_VISITORS, c.VISITS), sightings)


def compute_repeat_visitors(
    sightings: Any, *, filters: Filters | None = None, selection: Selection | None = None, tz: str = "UTC"
) -> Any:
    """Repeat visitors: persons with two or more visits inside the selection, and on two or more local days.

    Returns
    -------
    One row: unique_visitors, repeat_visitors (persons), repeat_rate (share of unique visitors),
    repeat_day_visitors, repeat_day_rate; rates are null without visitors.
    """
    entries = visit_entries(sightings, filters=filters, selection=selection, tz=tz)
    visits, days = _visits_and_days(entries, tz)
    unique = int((visits > 0).sum())
    repeat, repeat_days = int((visits > 1).sum()), int((days > 1).sum())
    row = {
        c.UNIQUE_VISITORS: unique,
        c.REPEAT_VISITORS: repeat,
        c.REPEAT_RATE: repeat / unique if unique else None,
        c.REPEAT_DAY_VISITORS: repeat_days,
        c.REPEAT_DAY_RATE: repeat_days / unique if unique else None,
    }
    rates = dict.fromkeys((c.REPEAT_RATE, c.REPEAT_DAY_RATE), pl.Float64)
    return like(pl.DataFrame([row], schema_overrides=rates), sightings)


def compute_top_visitors(
    sightings: Any,
    *,
    n: int = 10,
    order: Literal["visits", "sum_s"] = "visits",
    least: int = 1,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
) -> Any:
    """The `n` persons with most visits (or most dwell), ties broken by the other of the two, then by id.

    Parameters
    ----------
    least : persons with fewer visits are left out; 2 leaves repeat visitors.

    Returns
    -------
    person_id, visits, days (distinct local days), sum_s (s, dwell over all visits), first_seen, last_seen (UTC),
    age_group, gender.
    """
    if n < 1 or order not in {c.VISITS, c.SUM_S}:
        raise FilterError(
            "there is no such top list", expected="n of 1 or more, by visits or sum_s", found=f"{n} {order}"
        )
    entries = visit_entries(sightings, filters=filters, selection=selection, tz=tz)
    visits, dwell = _totals(
        frozen(entries.person, np.int32), frozen(entries.dwell, np.int64), entries.coded.n_persons
    )
    by = (visits, dwell) if order == c.VISITS else (dwell, visits)
    top = _top(np.flatnonzero(visits >= max(least, 1)), *by, n, entries.coded.persons)
    begin = np.searchsorted(entries.person, top, side="left")
    own = [slice(a, a + visits[person]) for a, person in zip(begin, top, strict=True)]
    edges = _day_edges(entries, tz)
    days = [len(np.unique(bucket_of(entries.at[part], edges))) for part in own]
    last = np.array([entries.until[part].max() for part in own], np.int64)
    table = pl.DataFrame(
        [
            words_of(entries.coded.persons, top).alias(c.PERSON),
            pl.Series(c.VISITS, visits[top]),
            pl.Series(c.DAYS, days, dtype=pl.Int64),
            pl.Series(c.SUM_S, dwell[top] / US),
            utc(entries.at[begin]).alias(c.FIRST_SEEN),
            utc(last).alias(c.LAST_SEEN),
            _words(entries, c.AGE_GROUP, top),
            _words(entries, c.GENDER, top),
        ]
    )
    return like(table, sightings)


def compute_new_returning(
    sightings: Any,
    *,
    every: str | None = None,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
) -> Any:
    """New and returning visitors: returning means any visit that was over before the time looked at began.

    The time looked at begins at `since`; with `every`, at each bucket's start. Earlier visits count at any place,
    whatever the filters say. History begins with the data handed over: somebody whose earlier visits were not
    retained looks new.

    Returns
    -------
    (bucket,) unique_visitors, new_visitors, returning_visitors (persons), returning_rate (share of unique
    visitors).
    """
    entries = visit_entries(sightings, filters=filters, selection=selection, tz=tz)
    keys = [] if every is None else [bucket_key(entries, every=every, tz=tz)]
    begin = _begins(entries, keys)
    first, over = _first_visits(
        frozen(entries.coded.start, np.int64), frozen(entries.coded.end, np.int64),
        frozen(entries.coded.offsets, np.int64), entries.selection.max_gap_us,
    )  # fmt: skip
    back_again = (over[entries.person] <= begin) & (first[entries.person] < begin)
    table = tabulate(entries, keys).frame()
    table = table.with_columns(pl.Series(c.RETURNING_VISITORS, tabulate(entries, keys, where=back_again).persons))
    unique, back = pl.col(c.UNIQUE_VISITORS), pl.col(c.RETURNING_VISITORS)
    return like(
        table.with_columns(
            (unique - back).alias(c.NEW_VISITORS), pl.when(unique > 0).then(back / unique).alias(c.RETURNING_RATE)
        ).select(
            *(key.name for key in keys), c.UNIQUE_VISITORS, c.NEW_VISITORS, c.RETURNING_VISITORS, c.RETURNING_RATE
        ),
        sightings,
    )


def compute_recency_frequency(
    sightings: Any,
    *,
    most: int = 10,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
) -> Any:
    """How many persons came how often, and how long ago they were last seen.

    Recency is whole local days from the day of the last visit's start to the last day of the data that is looked
    at, in the bands of `RECENCY_BANDS`. Frequency is the number of visits; `most` stands for that many or more.

    Returns
    -------
    recency_days (lower edge of the band), visits, unique_visitors (persons), share (of all unique visitors); cells
    with nobody in them are left out.
    """
    entries = visit_entries(sightings, filters=filters, selection=selection, tz=tz)
    visits = np.bincount(entries.person, minlength=entries.coded.n_persons)
    seen = np.flatnonzero(visits)
    last = entries.at[np.searchsorted(entries.person, seen, side="right") - 1]
    edges = _day_edges(entries, tz)
    today = len(edges) - 2
    band = np.searchsorted(RECENCY_BANDS, today - bucket_of(last, edges), side="right") - 1
    table = (
        pl.DataFrame(
            {
                c.RECENCY_DAYS: np.array(RECENCY_BANDS, np.int64)[band],
                c.VISITS: np.minimum(visits[seen], most).astype(np.int64),
            }
        )
        .group_by(c.RECENCY_DAYS, c.VISITS)
        .agg(pl.len().cast(pl.Int64).alias(c.UNIQUE_VISITORS))
        .sort(c.RECENCY_DAYS, c.VISITS)
        .with_columns((pl.col(c.UNIQUE_VISITORS) / max(len(seen), 1)).alias(c.SHARE))
    )
    return like(table, sightings)


def compute_inter_visit(
    sightings: Any, *, filters: Filters | None = None, selection: Selection | None = None, tz: str = "UTC"
) -> Any:
    """Time between visits: from the end of a visit to the start of the same person's next one.

    Quantiles are linear. Never shorter than `max_gap`, except where a filter clips a visit in two.

    Returns
    -------
    One row: count (of pairs), unique_visitors (persons with two or more visits), mean_s, median_s, p90_s, max_s
    (s); null without pairs.
    """
    entries = visit_entries(sightings, filters=filters, selection=selection, tz=tz)
    same = entries.person[1:] == entries.person[:-1]
    between = (entries.at[1:] - entries.until[:-1])[same] / US
    figures = [between.mean(), *np.quantile(between, (0.5, 0.9)), between.max()] if len(between) else [None] * 4
    person = entries.person[1:][same]
    row = {c.COUNT: len(between), c.UNIQUE_VISITORS: int((np.diff(person, prepend=-1) != 0).sum())}
    names = (c.MEAN_S, c.MEDIAN_S, c.P90_S, c.MAX_S)
    table = pl.DataFrame(
        [row | dict(zip(names, figures, strict=True))], schema_overrides=dict.fromkeys(names, pl.Float64)
    )
    return like(table, sightings)


def _visits_and_days(entries: Entries, tz: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(p,) visits, and distinct local days of their starts, of every person."""
    n_persons = entries.coded.n_persons
    visits = np.bincount(entries.person, minlength=n_persons)
    if not len(entries):
        return visits, visits
    day = bucket_of(entries.at, _day_edges(entries, tz))
    fresh = np.ones(len(entries), np.bool_)
    fresh[1:] = (day[1:] != day[:-1]) | (entries.person[1:] != entries.person[:-1])
    return visits, np.bincount(entries.person[fresh], minlength=n_persons)


def _day_edges(entries: Entries, tz: str) -> NDArray[np.int64]:
    return edges_of(entries.coded, entries.selection, every="day", tz=tz)


def _begins(entries: Entries, keys: Sequence[Key]) -> NDArray[np.int64]:
    """(n,) the beginning of the time looked at, for each visit: of its bucket, or of the selection."""
    edges = keys[0].edges if keys else None
    if edges is not None:
        return edges[bucket_of(entries.at, edges)]
    return np.full(len(entries), entries.selection.since_us, np.int64)


def _words(entries: Entries, name: str, persons: NDArray[np.int64]) -> pl.Series:
    codes, words = person_words(entries.coded, name)
    return words_of(words, codes[persons]).alias(name)


def _top(
    seen: NDArray[Any], first: NDArray[np.int64], then: NDArray[np.int64], n: int, names: Sequence[str]
) -> NDArray[np.int64]:
    """The `n` of `seen` with the greatest `first`, then the greatest `then`, then the least name.

    Indices are in no order that a reader of the figure knows: a workspace's follow keyed codes of its own.
    """
    if len(seen) > n:
        least = np.partition(first[seen], len(seen) - n)[len(seen) - n]
        seen = seen[first[seen] >= least]
    order = np.lexsort((-then[seen], -first[seen]))
    seen = seen[order].astype(np.int64)
    if len(seen) > n:  # those who are level with the last one, too: their names decide
        level = (first[seen] == first[seen[n - 1]]) & (then[seen] == then[seen[n - 1]])
        seen = seen[: max(n, int(np.flatnonzero(level)[-1]) + 1)]
    text = words_of(names, seen).cast(pl.String).to_numpy()
    return seen[np.lexsort((text.astype(str), -then[seen], -first[seen]))[:n]]


@nb.njit(cache=True, nogil=True)
def _totals(person: Any, dwell: Any, n_persons: int) -> Any:
    """(p,) visits and dwell of every person."""
    visits, total = np.zeros(n_persons, np.int64), np.zeros(n_persons, np.int64)
    for i in range(len(person)):
        visits[person[i]] += 1
        total[person[i]] += dwell[i]
    return visits, total


@nb.njit(cache=True, nogil=True)
def _first_visits(start: Any, end: Any, offsets: Any, max_gap: int) -> Any:
    """(p,) start and end of every person's first visit."""
    first = np.empty(len(offsets) - 1, np.int64)
    over = np.empty(len(offsets) - 1, np.int64)
    for p in range(len(first)):
        first[p], over[p] = start[offsets[p]], end[offsets[p]]
        for i in range(offsets[p] + 1, offsets[p + 1]):
            if start[i] - over[p] > max_gap:
                break
            over[p] = max(over[p], end[i])
    return first, over
