"""Filters, compiled for one environment's coded sightings: masks of places and persons, intervals of time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import FilterError
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.coverage import Coverage
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.hours import OpeningHours, clock_intervals, intersect
from dwell_kit.schema.time import MAX_US, MIN_US, microseconds, parse_moment, to_us

ALWAYS: NDArray[np.int64] = np.array([[MIN_US, MAX_US]], dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What `Filters` mean for one `Coded`. The last entry of a place mask is "no such place"."""

    camera: NDArray[np.bool_]
    """(cameras + 1,)"""
    zone: NDArray[np.bool_]
    """(zones + 1,)"""
    person: NDArray[np.bool_]
    """(p,)"""
    intervals: NDArray[np.int64]
    """(k, 2) sorted, disjoint, half-open µs UTC."""
    since_us: int
    """Where the time looked at begins, whatever weekdays and hours leave of it; MIN_US if nowhere."""
    min_us: int
    max_us: int
    max_gap_us: int
    touching: bool
    anonymous: bool
    """False when a filter asks for something that only a person has."""
    tz: str

    def but(self, **changes: Any) -> Selection:
        """A copy with some fields changed."""
        return replace(self, **changes)


def compile(
    filters: Filters,
    coded: Coded,
    *,
    tz: str = "UTC",
    groups: Mapping[str, Collection[str]] | None = None,
    listed: NDArray[Any] | Collection[int] = (),
    open_hours: OpeningHours | None = None,
    coverage: Any = None,
) -> Selection:
    """`filters` as masks and intervals; a value that does not occur selects nothing.

    Parameters
    ----------
    tz : time zone of naive times, weekdays and hours.
    groups : camera group → its cameras.
    listed : persons on excluded lists: (p,) mask, or indices; counted only with `include_listed`.
    open_hours : of the environment; needed by `Filters.open_hours`.
    coverage : as in `compute_occupancy`: hours that were watched before and after the data are selected too.

    Raises
    ------
    FilterError : when since is after until, for `open_hours` without opening hours, for an unknown attribute, and
        for times or zones that cannot be read.
    """
    of_person = (filters.persons, filters.age_groups, filters.genders, filters.attributes)
    by_dwell = filters.min_dwell is not None or filters.max_dwell is not None
    return Selection(
        camera=_cameras(filters, coded, groups or {}),
        zone=_among(coded.zones, filters.zones),
        person=_persons(filters, coded, listed),
        intervals=_intervals(filters, _hull(coded, coverage), tz, open_hours),
        since_us=looked_at(filters, tz)[0],
        min_us=MIN_US if filters.min_dwell is None else microseconds(filters.min_dwell),
        max_us=MAX_US if filters.max_dwell is None else microseconds(filters.max_dwell),
        max_gap_us=microseconds(filters.max_gap),
        touching=filters.touching,
        anonymous=not any(of_person) and not by_dwell,
        tz=tz,
    )


def _among(known: Sequence[str], wanted: Collection[str]) -> NDArray[np.bool_]:
    if not wanted:
        return np.ones(len(known) + 1, dtype=np.bool_)
    chosen = frozenset(wanted)
    return np.array([*(word in chosen for word in known), False], dtype=np.bool_)


def _cameras(filters: Filters, coded: Coded, groups: Mapping[str, Collection[str]]) -> NDArray[np.bool_]:
    mask = _among(coded.cameras, filters.cameras)
    if filters.groups:
        grouped = {camera for group in filters.groups for camera in groups.get(group, ())}
        mask &= np.array([*(camera in grouped for camera in coded.cameras), False], dtype=np.bool_)
    return mask


def _persons(filters: Filters, coded: Coded, listed: NDArray[Any] | Collection[int]) -> NDArray[np.bool_]:
    mask = np.ones(coded.n_persons, dtype=np.bool_)
    if filters.age_groups:
        mask &= _among(AGE_GROUPS, filters.age_groups)[coded.person_age]
    if filters.genders:
        mask &= _among(GENDERS, filters.genders)[coded.person_gender]
    for name, words in filters.attributes:
        held = coded.attributes.get(name)
        wanted = {word.strip().lower() for word in words}
        mask &= False if held is None else _among(held.words, wanted)[held.codes]
    if filters.persons:
        only = np.zeros(coded.n_persons, dtype=np.bool_)
        only[person_positions(coded, filters.persons)] = True
        mask &= only
    if not filters.include_listed and len(listed):
        mask[listed if isinstance(listed, np.ndarray) and listed.dtype == np.bool_ else np.array([*listed])] = (
            False
        )
    return mask


def person_positions(coded: Coded, ids: Collection[str]) -> list[int]:
    """Indices of the ids that occur; a lazy sequence may offer `positions(ids)` to find them without a scan."""
    finder = getattr(coded.persons, "positions", None)
    if finder is not None:
        return [int(i) for i in finder(ids)]
    wanted = frozenset(ids)
    return [i for i, person in enumerate(coded.persons) if person in wanted]


def _hull(coded: Coded, coverage: Any) -> tuple[int, int] | None:
    """From the first to the last µs of data or covered time."""
    moments = [*(coded.extent or ())]
    if coverage is not None:
        watched = Coverage.of(coverage).anywhere
        moments += [int(t) for t in watched[[0, -1], [0, 1]] if MIN_US < t < MAX_US] if len(watched) else []
    return (min(moments), max(moments)) if moments else None


def looked_at(filters: Filters, tz: str) -> tuple[int, int]:
    """Since and until of filters, µs UTC; `MIN_US` and `MAX_US` where they are open."""
    since = MIN_US if filters.since is None else to_us(parse_moment(filters.since, tz))
    return since, MAX_US if filters.until is None else to_us(parse_moment(filters.until, tz))


def _intervals(
    filters: Filters, hull: tuple[int, int] | None, tz: str, open_hours: OpeningHours | None
) -> NDArray[np.int64]:
    since, until = looked_at(filters, tz)
    if until < since:
        raise FilterError(
            "the selected time ends before it begins",
            expected="since before until",
            found=f"since {filters.since}, until {filters.until} ({tz})",
        )
    kept = np.array([[since, until]] if since < until else [], dtype=np.int64).reshape(-1, 2)
    if filters.open_hours and open_hours is None:
        raise FilterError(
            "there are no opening hours", hint="give the environment its opening hours, or leave open_hours out"
        )
    clocked = filters.weekdays or filters.hours is not None or filters.open_hours
    if not clocked or hull is None or not len(kept):
        return kept
    low, high = max(since, hull[0]), min(until, hull[1] + 1)
    if filters.weekdays or filters.hours is not None:
        kept = intersect(kept, clock_intervals(low, high, tz=tz, weekdays=filters.weekdays, hours=filters.hours))
    if filters.open_hours and open_hours is not None:
        kept = intersect(kept, open_hours.intervals(low, high, tz))
    return kept
