"""Which crowd events a selection is about.

A place and a time are those of the event: its camera, and the moment it was recorded. Age group, gender and other
words are the person's, wherever the person is known from sightings: the determined value with most sighting time,
`other` if there is none, as in every other figure. An event without a person, or of one who was never sighted,
goes by its own words.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import needs, to_polars
from dwell_kit.analytics.coding import as_coded
from dwell_kit.analytics.entries import person_words
from dwell_kit.analytics.selection import person_positions
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS, age_code, gender_code
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.tables import CROWD_EVENTS
from dwell_kit.schema.time import local_clock, parse_moment

_MANDATORY: Final = (c.CAMERA, c.RECORDED)
_UNSAID: Final = ("zones", "groups", "min_dwell", "max_dwell", "open_hours")


def select_events(events: Any, *, filters: Filters | None, tz: str, sightings: Any = None) -> pl.DataFrame:
    """The crowd events that the filters leave, as the contract's columns.

    Parameters
    ----------
    sightings : frame of sightings, or `Coded`, that persons are known from; None if none are.

    Raises
    ------
    FilterError : for a filter on something that an event does not say.
    """
    frame = to_polars(events)
    needs(frame, _MANDATORY)
    rows = CROWD_EVENTS.conform(frame)
    if filters is None:
        return rows
    for name in (*_UNSAID, *(("attributes",) if sightings is None else ())):
        if getattr(filters, name):
            raise FilterError(
                f"crowd events cannot be filtered by {name}", hint="filter by cameras and time instead"
            )
    mask = pl.lit(True)
    if filters.since is not None:
        mask &= pl.col(c.RECORDED) >= parse_moment(filters.since, tz)
    if filters.until is not None:
        mask &= pl.col(c.RECORDED) < parse_moment(filters.until, tz)
    if filters.cameras:
        mask &= pl.col(c.CAMERA).is_in(filters.cameras)
    if filters.persons:
        mask &= pl.col(c.PERSON).is_in(filters.persons)
    rows = rows.filter(mask)
    if filters.age_groups or filters.genders or filters.attributes:
        coded = None if sightings is None else as_coded(sightings)
        position = None if coded is None else positions_of(coded, rows[c.PERSON])
        rows = rows.filter(pl.Series(of_words(rows, filters, coded, position), dtype=pl.Boolean))
    if filters.weekdays or filters.hours:
        _, hour, weekday = local_clock(rows[c.RECORDED].to_physical().to_numpy(), tz)
        low, high = filters.hours or (0, 24)
        inside = (hour >= low) & (hour < high) if low < high else (hour >= low) | (hour < high)
        kept = inside & np.isin(weekday, filters.weekdays or range(1, 8))
        rows = rows.filter(pl.Series(kept, dtype=pl.Boolean))
    return rows


def of_words(
    rows: pl.DataFrame, filters: Filters, coded: Coded | None, position: NDArray[np.int64] | None
) -> NDArray[np.bool_]:
    """(n,) whether age group, gender and attributes of each event are among those that filters ask for.

    Parameters
    ----------
    rows : crowd events.
    position : (n,) index of each event's person into `coded.persons`, -1 for one who is unknown there.
    """
    own = {c.AGE_GROUP: (AGE_GROUPS, age_code), c.GENDER: (GENDERS, gender_code)}
    asked = ((c.AGE_GROUP, filters.age_groups), (c.GENDER, filters.genders), *filters.attributes)
    kept = np.ones(rows.height, np.bool_)
    for name, wanted in asked:
        if not wanted:
            continue
        fits = np.zeros(rows.height, np.bool_)
        if name in own:
            words, code = own[name]
            fits = np.array([words[code(word)] in wanted for word in rows[name]], np.bool_)
        if coded is not None and position is not None and coded.n_persons:
            codes, known = person_words(coded, name)
            chosen = np.isin(known, [word.strip().lower() for word in wanted])
            fits = np.where(position >= 0, chosen[codes[position]], fits)
        kept &= fits
    return kept


def positions_of(coded: Coded, ids: pl.Series) -> NDArray[np.int64]:
    """(n,) index of each id into `coded.persons`, -1 for one that does not occur and for none."""
    wanted = ids.drop_nulls().unique().to_list()
    code = {coded.persons[i]: i for i in person_positions(coded, wanted)} if wanted else {}
    return np.array([code.get(name, -1) for name in ids.to_list()], np.int64)


def recorded_in(events: pl.DataFrame, intervals: NDArray[np.int64]) -> pl.DataFrame:
    """The events that were recorded in one of the sorted, disjoint intervals (k, 2) of µs."""
    if not len(intervals):
        return events.clear()
    at = events[c.RECORDED].to_physical().to_numpy()
    span = np.searchsorted(intervals[:, 0], at, side="right") - 1
    return events.filter(pl.Series((span >= 0) & (at < intervals[span, 1]), dtype=pl.Boolean))
