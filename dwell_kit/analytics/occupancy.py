"""Occupancy: people present at the same time, by sweeping intervals, not by counting arrivals.

Occupancy at t is the number of distinct persons with started_at ≤ t < ended_at. In the environment a person counts
once, even on two cameras, and anonymous sightings do not count; at a camera or in a zone each place counts for
itself, anonymous sightings too, so places do not add up. A word of the person (age group, gender, …) splits the
environment: each person is in one group, so that person-seconds of the groups add up, and anonymous sightings are
in none. Zero-length sightings contribute nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.coding import utc
from dwell_kit.analytics.levels import by_bucket, steps
from dwell_kit.analytics.occupancy_series import (
    MAX_BUCKETS,
    environment_series,
    persons_by_bucket,
    series_edges,
    too_many,
)
from dwell_kit.analytics.presence import event_bins, maxima, pieces
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.splits import Split, split_of
from dwell_kit.analytics.sweep import sweep
from dwell_kit.analytics.visits import selected
from dwell_kit.analytics.watched import all_inside, overlap, watched_time, watched_times, within
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.tables import UTC_US
from dwell_kit.schema.time import US, from_us, to_us

By = str | Sequence[str] | None
Stretches = list[tuple[int, NDArray[np.int64], NDArray[np.int64]]]


def compute_occupancy(
    sightings: Any,
    *,
    every: str | None = "hour",
    by: By = None,
    tz: str = "UTC",
    filters: Filters | None = None,
    selection: Selection | None = None,
    coverage: Any = None,
    persons: bool = False,
) -> Any:
    """Mean and exact maximum occupancy by local bucket: mean = covered person-seconds / covered seconds.

    Person-seconds are split at the bucket edges. A filter of persons or dwell keeps the presence of the visits
    that it selects, a filter of place or time clips it. Where nothing is covered the mean is null, not 0; the
    maximum too, unless somebody was seen.

    Parameters
    ----------
    sightings : frame of the sightings contract, or `Coded`.
    every : "15min", "30min", "hour", "day", "week", "month", "<n>min" or "<n>s"; None for the whole time as one
        bucket.
    by : None for the environment; camera_id or zone_id; age_group, gender, appearance_category, …_outcome, or
        several of them; a place with some of them. A person's word is the determined one with most sighting time,
        else `other`. Anonymous sightings count at places; crossed with words they are in the place's `other`.
    coverage : when cameras were watched: `Coverage`, or what `Coverage.of` takes; by default all the time from the
        earliest start to the latest end of the data. It is cut to the selected time, unless whole visits are asked
        for. A camera has its own; everything else has that of any selected camera.
    persons : count the distinct persons too who are present at some time of each bucket, for k-suppression; in the
        environment and its groups.

    Returns
    -------
    Frame: [the columns of `by`,] bucket (start, UTC), occupancy_mean, occupancy_max, person_seconds, covered_s
    [, unique_visitors].
    Every selected place that occurs in the data, and every group of a selected person, has every bucket.

    Raises
    ------
    FilterError : for an unknown `by` or `every`, and for more than 5 million buckets.
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, coverage=coverage)
    if not by:
        edges, *series = environment_series(coded, chosen, every=every, tz=tz, coverage=coverage)
        frame, group, groups = _frame(edges[:-1], *series), None, 1
    else:
        split = split_of(coded, chosen, by)
        if persons and split.group is None:
            raise FilterError("persons are counted in the environment and its groups only", found=repr(by))
        frame, edges = _by_part(coded, chosen, split, every=every, tz=tz, coverage=coverage)
        group, groups = split.group, len(split)
    if persons:
        there = persons_by_bucket(coded, chosen, edges, group=group, groups=groups)
        frame = frame.with_columns(pl.Series(c.UNIQUE_VISITORS, there.ravel()))
    return like(frame, sightings)


def compute_occupancy_steps(
    sightings: Any,
    *,
    by: By = None,
    tz: str = "UTC",
    filters: Filters | None = None,
    selection: Selection | None = None,
) -> Any:
    """The exact step function of occupancy: a row wherever it changes; it holds from `t` to the next row.

    Parameters
    ----------
    by : as in `compute_occupancy`.

    Returns
    -------
    Frame: [the columns of `by`,] t, occupancy. Before the first row and from the last one on nobody is present.
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz)
    split = split_of(coded, chosen, by) if by else None
    parts = [(i, *steps(a, b)) for i, a, b in _stretches(coded, chosen, split)]
    frame = pl.DataFrame(
        {
            c.TIME: utc(_joined([t for _, t, _ in parts])),
            c.OCCUPANCY: _joined([level for _, _, level in parts]),
        }
    )
    return like(_labelled(frame, split, _joined([np.full(len(t), i) for i, t, _ in parts])), sightings)


def compute_occupancy_at(
    sightings: Any,
    *,
    times: Any,
    by: By = None,
    tz: str = "UTC",
    filters: Filters | None = None,
    selection: Selection | None = None,
) -> Any:
    """Occupancy at given instants.

    Parameters
    ----------
    times : aware datetimes, a Polars series of UTC datetimes, or µs since 1970. by : as in `compute_occupancy`.

    Returns
    -------
    Frame: [the columns of `by`,] t, occupancy; every part, as in `compute_occupancy`, has every instant.
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz)
    asked = _instants(times)
    split = split_of(coded, chosen, by) if by else None
    levels = {i: _level(np.sort(a), np.sort(b), asked) for i, a, b in _stretches(coded, chosen, split)}
    parts = range(1 if split is None else len(split))
    nobody = np.zeros(len(asked), np.int64)
    frame = pl.DataFrame(
        {
            c.TIME: utc(np.tile(asked, len(parts))),
            c.OCCUPANCY: _joined([levels.get(i, nobody) for i in parts]),
        }
    )
    return like(_labelled(frame, split, np.repeat(np.arange(len(parts)), len(asked))), sightings)


def compute_peak(
    sightings: Any, *, filters: Filters | None = None, selection: Selection | None = None, tz: str = "UTC"
) -> tuple[int, datetime | None]:
    """The largest number of persons present in the environment at once, and the earliest instant of it (UTC)."""
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz)
    if coded.extent is None:
        return 0, None
    edges = np.array([coded.extent[0], coded.extent[1] + 1], np.int64)
    events = event_bins(edges, len(coded))
    swept = sweep(coded, chosen, events=events, detail=False)
    most, at = maxima(coded, chosen, swept, events, edges)
    return int(most[0]), from_us(at[0]) if most[0] else None


def _by_part(
    coded: Coded, selection: Selection, split: Split, *, every: str | None, tz: str, coverage: Any
) -> tuple[pl.DataFrame, NDArray[np.int64]]:
    """The frame of all parts, one after the other, and the edges of their buckets."""
    watched = _watched(coded, selection, split, coverage)
    hull = np.concatenate([np.empty((0, 2), np.int64), *watched])
    hull = np.array([[hull[:, 0].min(), hull[:, 1].max()]]) if len(hull) else hull
    edges = series_edges(coded, selection, hull, every=every, tz=tz)
    m = len(edges) - 1
    if m * len(split) > MAX_BUCKETS:
        raise too_many(every)
    person_us, seen_us, covered_us, most = (np.zeros((len(split), m), np.int64) for _ in range(4))
    for i in range(len(split) if m else 0):
        covered_us[i] = covered_us[i - 1] if i and watched[i] is watched[i - 1] else overlap(watched[i], edges)
    for i, a, b in _stretches(coded, selection, split) if m else ():
        person_us[i], most[i] = by_bucket(*steps(a, b), edges)
        if not all_inside(coverage):
            _, a, b = within((a, a, b), watched[i])
            seen_us[i] = by_bucket(*steps(a, b), edges)[0]
    seen_us = person_us if all_inside(coverage) else seen_us
    series = (array.ravel() for array in (person_us, seen_us, covered_us, most))
    frame = _frame(np.tile(edges[:-1], len(split)), *series)
    return _labelled(frame, split, np.repeat(np.arange(len(split)), m)), edges


def _watched(coded: Coded, selection: Selection, split: Split, coverage: Any) -> list[NDArray[np.int64]]:
    """The intervals that the mean of each part is taken over."""
    if split.camera is None:
        return [watched_time(coded, selection, coverage)] * len(split)
    each = watched_times(coded, selection, coverage)
    return [each[q] for q in split.camera]


def _labelled(frame: pl.DataFrame, split: Split | None, part: NDArray[np.int64]) -> pl.DataFrame:
    """The frame behind the key columns of each row's part."""
    return frame if split is None else frame.select(*(label.gather(part) for label in split.labels), pl.all())


def _frame(
    begin: NDArray[np.int64],
    person_us: NDArray[np.int64],
    seen_us: NDArray[np.int64],
    covered_us: NDArray[np.int64],
    most: NDArray[np.int64],
) -> pl.DataFrame:
    watched = pl.col(c.COVERED_S) > 0
    return pl.DataFrame(
        {
            c.BUCKET: utc(begin),
            c.OCCUPANCY_MEAN: seen_us / US,
            c.OCCUPANCY_MAX: pl.Series(most, dtype=pl.Int64),
            c.PERSON_SECONDS: person_us / US,
            c.COVERED_S: covered_us / US,
        }
    ).with_columns(
        pl.when(watched).then(pl.col(c.OCCUPANCY_MEAN) / pl.col(c.COVERED_S)).alias(c.OCCUPANCY_MEAN),
        pl.when(watched | (pl.col(c.OCCUPANCY_MAX) > 0)).then(pl.col(c.OCCUPANCY_MAX)).alias(c.OCCUPANCY_MAX),
    )


def _stretches(coded: Coded, selection: Selection, split: Split | None) -> Stretches:
    """(part, from, till) of each part that somebody is present in."""
    swept = sweep(coded, selection, detail=False)
    key, size = (None, 0) if split is None else (split.key, split.size)
    code, start, end = pieces(coded, selection, swept, key=key, size=size)
    order = np.argsort(code.astype(np.int16), kind="stable")  # 16 bits: numpy sorts them by radix
    code, start, end = code[order], start[order], end[order]
    cuts = np.flatnonzero(np.diff(code)) + 1
    firsts = code[np.concatenate([[0], cuts])] if len(code) else code
    part = firsts if split is None else np.searchsorted(split.codes, firsts)
    return list(zip(part.tolist(), np.split(start, cuts), np.split(end, cuts), strict=False))


def _level(begins: NDArray[np.int64], ends: NDArray[np.int64], at: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the sorted starts are at or before each instant, less the sorted ends."""
    return np.searchsorted(begins, at, side="right") - np.searchsorted(ends, at, side="right")


def _instants(times: Any) -> NDArray[np.int64]:
    if isinstance(times, pl.Series):
        return times.cast(UTC_US).to_physical().to_numpy()
    return np.array([to_us(t) if isinstance(t, datetime) else int(t) for t in times], dtype=np.int64)


def _joined(parts: list[NDArray[Any]]) -> NDArray[np.int64]:
    return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)
