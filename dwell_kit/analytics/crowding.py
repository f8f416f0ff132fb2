"""Crowding and loitering as the sightings show them, whatever the source reported."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.coding import utc
from dwell_kit.analytics.entries import PLACES
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.steps import occupancy_steps, place_name, place_words
from dwell_kit.analytics.sweep import sweep
from dwell_kit.analytics.visits import DEFAULT_ZONE_MAX_GAP, compute_zone_visits, selected
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.tables import UTC_US
from dwell_kit.schema.time import US, microseconds

ENVIRONMENT_PLACE: Final = "environment"


def compute_crowding(
    sightings: Any,
    *,
    at_least: int,
    for_at_least: timedelta | float = 0.0,
    by: str | None = c.CAMERA,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
) -> Any:
    """Intervals in which the occupancy of a place is N or more for S seconds or more without a break.

    Parameters
    ----------
    sightings : frame of sightings, or `Coded`. at_least : N, persons. for_at_least : S, seconds or timedelta.
    by : camera_id, zone_id, or None for the whole environment.

    Returns
    -------
    (camera_id or zone_id,) started_at, ended_at, duration_s (s), occupancy_max (persons); by place and time.
    """
    if at_least < 1:
        raise FilterError("at_least is too small", expected="1 person or more", found=str(at_least))
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz)
    parts = []
    found = occupancy_steps(coded, chosen, sweep(coded, chosen), by=by)
    for name, steps in zip(place_words(coded, by), found, strict=True):
        crowded = np.concatenate([[False], steps.level >= at_least, [False]])
        begin, stop = np.flatnonzero(crowded[1:] & ~crowded[:-1]), np.flatnonzero(~crowded[1:] & crowded[:-1])
        start, end = steps.t[begin], steps.t[stop]
        long = end - start >= microseconds(for_at_least)
        start, end = start[long], end[long]
        parts.append(
            pl.DataFrame(
                {
                    place_name(by) if by else ENVIRONMENT_PLACE: pl.Series([name] * len(start), dtype=pl.String),
                    c.STARTED: utc(start),
                    c.ENDED: utc(end),
                    c.DURATION_S: (end - start) / US,
                    c.OCCUPANCY_MAX: steps.most(start, end - 1),
                }
            )
        )
    schema: dict[str, Any] = {
        place_name(by) if by else ENVIRONMENT_PLACE: pl.String,
        c.STARTED: UTC_US,
        c.ENDED: UTC_US,
    }
    empty = pl.DataFrame(schema=schema | {c.DURATION_S: pl.Float64, c.OCCUPANCY_MAX: pl.Int64})
    table = pl.concat([empty, *parts])
    return like(table if by else table.drop(ENVIRONMENT_PLACE), sightings)


def compute_loitering(
    sightings: Any,
    *,
    min_stay: timedelta | float,
    by: str = c.CAMERA,
    zone_max_gap: timedelta | float = DEFAULT_ZONE_MAX_GAP,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
) -> Any:
    """Stays of one person at one place whose dwell there is `min_stay` or more.

    A stay is the person's presence at the place, merged while the gap is at most `zone_max_gap`; its dwell leaves
    the gaps out.

    Parameters
    ----------
    sightings : frame of sightings, or `Coded`. min_stay, zone_max_gap : seconds or timedelta.
    by : zone_id or camera_id.

    Returns
    -------
    person_id, camera_id or zone_id, started_at, ended_at, dwell_s (s), open (still there when coverage ended); by
    time.
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz)
    if by not in PLACES:
        raise FilterError(f"there is no place {by!r}", expected=", ".join(PLACES), found=repr(by))
    if by == c.CAMERA:
        coded, chosen = _cameras_as_zones(coded, chosen)
    stays = compute_zone_visits(
        coded,
        selection=chosen,
        zone_max_gap=timedelta(microseconds=microseconds(zone_max_gap)),
        min_stay=timedelta(microseconds=microseconds(min_stay)),
    )
    table = (
        stays.rename({c.ZONE: by})
        .select(c.PERSON, by, c.STARTED, c.ENDED, c.DWELL_S, c.OPEN)
        .sort(c.STARTED, c.PERSON, by)
    )
    return like(table, sightings)


def _cameras_as_zones(coded: Coded, selection: Selection) -> tuple[Coded, Selection]:
    """The same sightings with each camera as a zone; those outside the selected zones have none."""
    zone = np.where(selection.zone[coded.zone], coded.camera, -1).astype(np.int16)
    every = np.ones(len(coded.cameras) + 1, np.bool_)
    return replace(coded, zone=zone, zones=coded.cameras), selection.but(zone=every)
