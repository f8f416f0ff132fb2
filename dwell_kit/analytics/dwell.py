"""Dwell: how long, by any mix of place, time, person and words of the person. Every result names its grain."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.grouping import (
    Codes,
    PlaceKey,
    cell_numbers,
    codes_of,
    distinct_persons,
    known_keys,
    label_columns,
    place_keys,
    sorted_cells,
)
from dwell_kit.analytics.quantiles import grouped_quantiles_s, mean_interval_s, median_interval_s
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.stays import Stays, place_stays, sighting_stays, visit_stays
from dwell_kit.analytics.sweep import SweptVisits, sweep
from dwell_kit.analytics.visits import selected
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import US

GRAINS: Final = ("visit", "sighting", "person")
_DEFAULT_BINS: Final = 20
_ROUND_S: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_DAY_S: Final = 86_400


def compute_dwell(
    sightings: Any,
    *,
    by: str | Sequence[str] = (),
    grain: str = "visit",
    filters: Filters | None = None,
    selection: Selection | None = None,
    max_gap: timedelta | None = None,
    tz: str = "UTC",
    groups: Mapping[str, Collection[str]] | None = None,
    confidence: float | None = None,
) -> Any:
    """Dwell of visits, sightings or persons: the union of the selected sightings, absence excluded.

    By a place means dwell *at* it: a visit counts once at each place that saw it, with its dwell there, so places
    do not add up. Counts and dwell belong to the bucket of the start. Open visits count as they were seen: naive
    figures (`compute_survival_summary` corrects for them).

    Parameters
    ----------
    sightings : frame of the sightings contract, or `Coded`. Anonymous sightings have no dwell.
    by : any of person_id, camera_id, zone_id, group, hour (local clock), day, week, month (local), weekday,
        age_group, gender, appearance_category, mask_outcome, liveness_outcome, match_outcome.
    grain : "visit"; "sighting": each one by itself; "person": the sum over a person's visits (in each cell of
        `by`).
    max_gap : that of the filters if None.
    groups : camera group → its cameras; needed by "group". A camera may be in several.
    confidence : e.g. 0.95 adds intervals. Mean: normal approximation mean ± z·s/√n (central limit theorem).
        Median: exact order statistics, from the binomial distribution. Both take the counted things as
        independent.

    Returns
    -------
    Frame: the `by` columns, count, unique_visitors, mean_s, median_s, p90_s, p95_s, max_s, sum_s (s; quantiles
    linear), grain [, mean_low_s, mean_high_s, median_low_s, median_high_s: null where there are too few]. Sorted
    by `by`; cells without anything are left out.

    Raises
    ------
    FilterError : for an unknown `by` or grain, and for a confidence outside (0, 1).
    """
    if confidence is not None and not 0 < confidence < 1:
        raise FilterError("this is no confidence", expected="between 0 and 1", found=str(confidence))
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, max_gap=max_gap)
    measured = _measured(coded, chosen, by=by, grain=grain, tz=tz, groups=groups)
    found, dwell, offsets = sorted_cells(measured.cell, measured.dwell)
    n = np.diff(offsets)
    begin = offsets[:-1]
    total = np.add.reduceat(dwell, begin) if len(n) else np.empty(0, np.int64)
    median, p90, p95 = grouped_quantiles_s(dwell, offsets, (0.5, 0.9, 0.95))
    figures = {
        c.COUNT: n,
        c.UNIQUE_VISITORS: distinct_persons(measured.cell, measured.person),
        c.MEAN_S: total / np.maximum(n, 1) / US,
        c.MEDIAN_S: median,
        c.P90_S: p90,
        c.P95_S: p95,
        c.MAX_S: dwell[offsets[1:] - 1] / US,
        c.SUM_S: total / US,
    }
    columns = [
        *label_columns(measured.keys, found),
        *(pl.Series(name, values) for name, values in figures.items()),
    ]
    columns.append(pl.Series(c.GRAIN, [grain] * len(n), dtype=pl.String))
    if confidence is not None:
        columns += [*mean_interval_s(dwell, offsets, confidence), *median_interval_s(dwell, offsets, confidence)]
    return like(pl.DataFrame(columns), sightings)


def compute_dwell_histogram(
    sightings: Any,
    *,
    bins_s: Sequence[float] | None = None,
    n: int = _DEFAULT_BINS,
    by: str | Sequence[str] = (),
    grain: str = "visit",
    filters: Filters | None = None,
    selection: Selection | None = None,
    max_gap: timedelta | None = None,
    tz: str = "UTC",
    groups: Mapping[str, Collection[str]] | None = None,
) -> Any:
    """How many visits (or sightings, persons) lasted how long.

    Parameters
    ----------
    bins_s : rising edges in seconds; what is longer than the last goes to a bin without end. By default at most
        `n` bins of a round width (whole seconds, minutes, hours or days) from 0 to beyond the longest dwell.
    others : as in `compute_dwell`.

    Returns
    -------
    Frame: the `by` columns, from_s, till_s (s; half-open, null = no end), count, unique_visitors, share (of the
    `by` cell), grain.

    Raises
    ------
    FilterError : for edges that do not rise or do not begin at 0 or below, and for fewer than one bin.
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, max_gap=max_gap)
    measured = _measured(coded, chosen, by=by, grain=grain, tz=tz, groups=groups)
    edges = _equal_bins(measured.dwell, n) if bins_s is None else _given_bins(bins_s)
    at = np.searchsorted(edges, measured.dwell, side="right") - 1
    found, place = np.unique(measured.cell, return_inverse=True)
    m = len(edges) if np.any(at == len(edges) - 1) else len(edges) - 1
    counts = np.bincount(place * m + at, minlength=len(found) * m).reshape(-1, m)
    occurring, persons = np.unique(place * m + at), np.zeros(counts.size, np.int64)
    persons[occurring] = distinct_persons(place * m + at, measured.person)
    till = [*(edges[1:] / US), None][:m]
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    columns = [
        *label_columns(measured.keys, np.repeat(found, m)),
        pl.Series(c.FROM_S, np.tile(edges[:m] / US, len(counts)), dtype=pl.Float64),
        pl.Series(c.TILL_S, till * len(counts), dtype=pl.Float64),
        pl.Series(c.COUNT, counts.ravel(), dtype=pl.Int64),
        pl.Series(c.UNIQUE_VISITORS, persons, dtype=pl.Int64),
        pl.Series(c.SHARE, shares.ravel(), dtype=pl.Float64),
        pl.Series(c.GRAIN, [grain] * counts.size, dtype=pl.String),
    ]
    return like(pl.DataFrame(columns), sightings)


class Measured(NamedTuple):
    """What is counted: (m,) the number of its cell, its person and its dwell in µs."""

    keys: list[Codes]
    cell: NDArray[np.int64]
    person: NDArray[np.int32]
    dwell: NDArray[np.int64]


def _measured(
    coded: Coded,
    selection: Selection,
    *,
    by: str | Sequence[str],
    grain: str,
    tz: str,
    groups: Mapping[str, Collection[str]] | None,
) -> Measured:
    """What is counted, and the cell of `by` that each of it belongs to."""
    if grain not in GRAINS:
        raise FilterError(f"there is no grain {grain!r}", expected=", ".join(GRAINS), found=repr(grain))
    names = known_keys(by)
    swept = sweep(coded, selection, detail=False)
    layers = [
        (stays, codes_of(coded, names, stays, place, tz=tz, groups=groups))
        for place in place_keys(coded, names, groups)
        for stays in [_stays(coded, selection, swept, place, by_sighting=grain == "sighting")]
    ]
    keys = layers[0][1]
    cell = np.concatenate([cell_numbers(codes, len(stays.dwell)) for stays, codes in layers])
    dwell = np.concatenate([stays.dwell for stays, _ in layers])
    person = np.concatenate([stays.person for stays, _ in layers])
    if grain == "person":
        cell, person, dwell = _per_person(cell, person, dwell)
    return Measured(keys, cell, person, dwell)


def _stays(coded: Coded, selection: Selection, swept: SweptVisits, place: PlaceKey, *, by_sighting: bool) -> Stays:
    if by_sighting:
        stays = sighting_stays(coded, selection, swept, place.key)
    elif place.asked:
        return place_stays(coded, selection, swept, place.key, place.n)
    else:
        return visit_stays(swept)
    kept = stays.place >= 0
    return stays.where(kept) if place.asked else stays


def _per_person(
    cell: NDArray[np.int64], person: NDArray[np.int32], dwell: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Dwell summed over each person in each cell."""
    order = np.lexsort((person, cell))
    cell, person, dwell = cell[order], person[order], dwell[order]
    new = np.ones(len(cell), np.bool_)
    new[1:] = (np.diff(cell) != 0) | (np.diff(person) != 0)
    begin = np.flatnonzero(new)
    return cell[begin], person[begin], np.add.reduceat(dwell, begin) if len(begin) else dwell


def _given_bins(bins_s: Sequence[float]) -> NDArray[np.int64]:
    edges = np.array([round(edge * US) for edge in bins_s], np.int64)
    if len(edges) < 2 or np.any(np.diff(edges) <= 0) or edges[0] > 0:
        raise FilterError(
            "these edges make no bins", expected="two or more rising edges, the first 0", found=str(list(bins_s))
        )
    return edges


def _equal_bins(dwell: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """At most `n` bins of a round width from 0 to beyond the longest dwell."""
    if n < 1:
        raise FilterError("a histogram needs a bin", expected="n of 1 or more", found=str(n))
    longest = int(dwell.max(initial=0))
    least = longest // (n * US) + 1
    width = next((w for w in _ROUND_S if w >= least), -(-least // _DAY_S) * _DAY_S) * US
    return np.arange(longest // width + 2, dtype=np.int64) * width
