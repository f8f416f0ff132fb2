"""Where people go: from place to place within a visit, and from where a visit begins to where it ends."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.coding import names
from dwell_kit.analytics.kernels import first_span
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.presence import pick_of
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.steps import place_name, place_words
from dwell_kit.analytics.sweep import rows_of, sweep
from dwell_kit.analytics.visits import selected
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import US


def compute_transitions(
    sightings: Any,
    *,
    by: str = c.CAMERA,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
) -> Any:
    """How often people went from one place to the next within a visit.

    A transition is two consecutive selected sightings of a visit, by start and then end, at different places;
    sightings without a place are passed over. Its gap is the later start − the earlier end: negative where both
    places saw the person at once.

    Parameters
    ----------
    by : camera or zone. others : as in `compute_visits`.

    Returns
    -------
    origin, destination, count (transitions), unique_visitors (persons), share (of the transitions from the
    origin), median_s (median gap, s); by origin and destination.
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz)
    key = _key(coded, by)
    rows, pick = rows_of(coded), pick_of(chosen)
    found = [_transitions(rows, pick, part, key) for part in sweep(coded, chosen, detail=False).parts]
    person, origin, destination, gap = (np.concatenate(columns) for columns in zip(*found, strict=True))
    table = _counted(person, origin, destination, gap / US)
    return like(_named(coded, by, table.rename({"visits": c.COUNT, "value": c.MEDIAN_S})), sightings)


def compute_origin_destination(
    sightings: Any,
    *,
    by: str = c.CAMERA,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
) -> Any:
    """Visits by the place where they were first seen and the place where they were last seen.

    First and last are by the start of the visit's selected sightings; visits without any place are in no row. A
    visit seen at one place only has it as both.

    Parameters
    ----------
    by : camera or zone. others : as in `compute_visits`.

    Returns
    -------
    origin, destination, visits, unique_visitors (persons), share (of the visits from the origin), median_s (median
    dwell of the visit, s); by origin and destination.
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz)
    key = _key(coded, by)
    rows, pick = rows_of(coded), pick_of(chosen)
    swept = sweep(coded, chosen, detail=False)
    ends = [_ends(rows, pick, part, key) for part in swept.parts]
    origin, destination = (np.concatenate(columns) for columns in zip(*ends, strict=True))
    known = origin >= 0
    table = _counted(
        swept.column("group")[known], origin[known], destination[known], swept.column("dwell")[known] / US
    )
    return like(_named(coded, by, table.rename({"visits": c.VISITS, "value": c.MEDIAN_S})), sightings)


def _key(coded: Coded, by: str) -> NDArray[np.int16]:
    return frozen(coded.camera if place_name(by) == c.CAMERA else coded.zone, np.int16)


def _counted(
    person: NDArray[np.int32],
    origin: NDArray[np.int16],
    destination: NDArray[np.int16],
    value: NDArray[np.float64],
) -> pl.DataFrame:
    """Counts, persons, share of the origin and median of `value` for each pair of codes that occurs."""
    pairs = pl.DataFrame({"person": person, c.ORIGIN: origin, c.DESTINATION: destination, "value": value})
    return (
        pairs.group_by(c.ORIGIN, c.DESTINATION)
        .agg(
            pl.len().cast(pl.Int64).alias("visits"),
            pl.col("person").n_unique().cast(pl.Int64).alias(c.UNIQUE_VISITORS),
            pl.col("value").median(),
        )
        .with_columns((pl.col("visits") / pl.col("visits").sum().over(c.ORIGIN)).alias(c.SHARE))
    )


def _named(coded: Coded, by: str, table: pl.DataFrame) -> pl.DataFrame:
    """The table with the places' names, in their order."""
    words = place_words(coded, by)
    said = table.with_columns(
        names(words, table[c.ORIGIN].to_numpy()).alias(c.ORIGIN),
        names(words, table[c.DESTINATION].to_numpy()).alias(c.DESTINATION),
    ).sort(c.ORIGIN, c.DESTINATION)
    count = c.COUNT if c.COUNT in said.columns else c.VISITS
    return said.select(c.ORIGIN, c.DESTINATION, count, c.UNIQUE_VISITORS, c.SHARE, c.MEDIAN_S)


@nb.njit(cache=True, nogil=True, forceinline=True)
def _chosen(rows: Any, pick: Any, i: int) -> bool:
    """Whether any part of a sighting is selected."""
    if not pick.camera[rows.camera[i]] or (pick.by_zone and not pick.zone[rows.zone[i]]):
        return False
    j = first_span(pick.spans, rows.start[i])
    since, until = pick.spans[j, 0], pick.spans[j, 1]
    return rows.start[i] < until and (since < rows.end[i] or since <= rows.start[i])


@nb.njit(cache=True, nogil=True)
def _transitions(rows: Any, pick: Any, part: Any, key: Any) -> Any:
    room = 0
    for v in range(len(part.row)):
        room += part.rows[v]
    person, gap = np.empty(room, np.int32), np.empty(room, np.int64)
    origin, destination = np.empty(room, np.int16), np.empty(room, np.int16)
    made = 0
    for v in range(len(part.row)):
        before = -1
        for i in range(part.row[v], part.row[v] + part.rows[v]):
            if key[i] < 0 or not _chosen(rows, pick, i):
                continue
            if before >= 0 and key[before] != key[i]:
                person[made], gap[made] = part.group[v], rows.start[i] - rows.end[before]
                origin[made], destination[made] = key[before], key[i]
                made += 1
            before = i
    return person[:made], origin[:made], destination[:made], gap[:made]


@nb.njit(cache=True, nogil=True)
def _ends(rows: Any, pick: Any, part: Any, key: Any) -> Any:
    """(visits,) code of the first and of the last place, -1 for none."""
    first, last = np.full(len(part.row), -1, np.int16), np.full(len(part.row), -1, np.int16)
    for v in range(len(part.row)):
        for i in range(part.row[v], part.row[v] + part.rows[v]):
            if key[i] >= 0 and _chosen(rows, pick, i):
                first[v] = key[i] if first[v] < 0 else first[v]
                last[v] = key[i]
    return first, last
