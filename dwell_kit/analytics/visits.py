"""Visits: a person's sightings merged while the gap is at most `max_gap`; zone visits: inside one zone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.coding import as_coded, names, utc
from dwell_kit.analytics.kernels import CUT_END, CUT_START, OPEN, OPEN_START, Rows
from dwell_kit.analytics.ordering import frozen, time_order
from dwell_kit.analytics.selection import Selection, compile
from dwell_kit.analytics.sweep import SweptVisits, sweep
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import MAX_US, US, microseconds

DEFAULT_ZONE_MAX_GAP: Final = timedelta(minutes=2)


def selected(
    sightings: Any,
    *,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    max_gap: timedelta | None = None,
    coverage: Any = None,
) -> tuple[Coded, Selection]:
    """Coded sightings and the compiled selection: `selection`, else `filters`, else everything.

    Parameters
    ----------
    max_gap : overrides the one of the filters. coverage : see `compile`.
    """
    coded = as_coded(sightings)
    chosen = selection or compile(filters or Filters(), coded, tz=tz, coverage=coverage)
    return coded, chosen if max_gap is None else chosen.but(max_gap_us=microseconds(max_gap))


def compute_visits(
    sightings: Any,
    *,
    max_gap: timedelta | None = None,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    coverage: Any = None,
) -> Any:
    """The visits of each person: sightings merged while next start − latest end so far ≤ `max_gap`.

    Visits are built before filtering. A filter of place or time clips a visit to its selected sightings within the
    selected time; a visit of which nothing is left is left out; `visit` keeps the number it has without filters.
    `open` (right-censored): the last selected end was not clipped, and lies within `max_gap` of the end of its
    camera's coverage (holes up to `max_gap` do not end it) or belongs to a sighting without an exit.

    Parameters
    ----------
    sightings : frame of the sightings contract, or `Coded`. Anonymous sightings are in no visit.
    max_gap : that of the filters (10 minutes) if None.
    filters, selection : which part; `selection` wins.
    tz : time zone of naive filter times, weekdays and hours.
    coverage : when cameras were watched: `Coverage`, or what `Coverage.of` takes; up to the latest end in the data
        if None.

    Returns
    -------
    Frame by person and time: person_id, visit (1-based within the person), started_at, ended_at, dwell_s (length
    of the union of its selected sightings, s), span_s (last − first, s), sightings, cameras (distinct),
    first_camera, last_camera, open, open_start (its entry is missing), cut_start, cut_end (it was at the selected
    places before or after the selected time too), known_until (of an open visit: the instant until which it is
    known to have lasted or not, coverage end − max_gap), age_group, gender (of the person).
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, max_gap=max_gap)
    swept = sweep(coded, chosen, coverage=coverage)
    return like(visit_frame(coded, swept), sightings)


def compute_open_visits(
    sightings: Any,
    *,
    max_gap: timedelta | None = None,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    coverage: Any = None,
) -> Any:
    """The visits that nobody saw end, those since longest first; arguments and columns as of `compute_visits`."""
    visits = compute_visits(
        as_coded(sightings), max_gap=max_gap, filters=filters, selection=selection, tz=tz, coverage=coverage
    )
    return like(visits.filter(c.OPEN).sort(c.STARTED, c.PERSON), sightings)


def visit_frame(coded: Coded, swept: SweptVisits) -> pl.DataFrame:
    """Swept visits as a frame, see `compute_visits`."""
    return _frame(coded, swept, swept.column("group"))


def compute_zone_visits(
    sightings: Any,
    *,
    zone_max_gap: timedelta = DEFAULT_ZONE_MAX_GAP,
    min_stay: timedelta = timedelta(),
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    coverage: Any = None,
) -> Any:
    """The visits of each person to each zone: only sightings in that zone, with a gap and a minimum stay of their
    own.

    `min_dwell` and `max_dwell` of the filters act on the zone visit; a sighting without a zone is in none.

    Parameters
    ----------
    zone_max_gap : sightings in the zone at most this far apart are one zone visit.
    min_stay : zone visits with less (clipped) dwell are left out.
    others : as in `compute_visits`.

    Returns
    -------
    The columns of `compute_visits` after person_id and zone_id; `visit` counts within person and zone.
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, max_gap=zone_max_gap)
    rows, person, zone = _by_zone(coded)
    zoned = chosen.but(person=chosen.person[person], min_us=max(chosen.min_us, microseconds(min_stay)))
    swept = sweep(coded, zoned, coverage=coverage, rows=rows)
    group = swept.column("group")
    made = _frame(coded, swept, person[group])
    made.insert_column(1, names(coded.zones, zone[group]).alias(c.ZONE))
    return like(made, sightings)


def _by_zone(coded: Coded) -> tuple[Rows, Any, Any]:
    """Rows grouped by (person, zone), and the person and zone of each group."""
    n_zones = max(len(coded.zones), 1)
    inside = np.flatnonzero((coded.person >= 0) & (coded.zone >= 0))
    pair = coded.person[inside].astype(np.int64) * n_zones + coded.zone[inside]
    known, group = np.unique(pair, return_inverse=True)
    start, end = coded.start[inside], coded.end[inside]
    order, offsets = time_order(group.astype(np.int32), start, end, len(known))
    held = inside[order]
    rows = Rows(
        start=frozen(coded.start[held], np.int64),
        end=frozen(coded.end[held], np.int64),
        camera=frozen(coded.camera[held], np.int16),
        zone=frozen(coded.zone[held], np.int16),
        flags=frozen(coded.flags[held], np.uint8),
        offsets=frozen(offsets, np.int64),
    )
    return rows, known // n_zones, known % n_zones


def _known(us: Any) -> pl.Series:
    """Instants as UTC datetimes, null where there is none."""
    return utc(np.where(us < MAX_US, us, 0)).set(pl.Series(us == MAX_US), None)


def _frame(coded: Coded, swept: SweptVisits, person: Any) -> pl.DataFrame:
    first, last = swept.column("first"), swept.column("last")
    return pl.DataFrame(
        {
            c.PERSON: names(coded.persons, person),
            c.VISIT: swept.column("visit").astype(np.int64),
            c.STARTED: utc(first),
            c.ENDED: utc(last),
            c.DWELL_S: swept.column("dwell") / US,
            c.SPAN_S: (last - first) / US,
            c.N_SIGHTINGS: swept.column("sightings").astype(np.int64),
            c.N_CAMERAS: swept.column("cameras").astype(np.int64),
            c.FIRST_CAMERA: names(coded.cameras, swept.column("first_camera")),
            c.LAST_CAMERA: names(coded.cameras, swept.column("last_camera")),
            c.OPEN: swept.is_(OPEN),
            c.OPEN_START: swept.is_(OPEN_START),
            c.CUT_START: swept.is_(CUT_START),
            c.CUT_END: swept.is_(CUT_END),
            c.KNOWN_UNTIL: _known(swept.column("known")),
            c.AGE_GROUP: names(AGE_GROUPS, coded.person_age[person]),
            c.GENDER: names(GENDERS, coded.person_gender[person]),
        }
    )
