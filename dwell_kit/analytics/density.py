"""Density of persons on zones of the floor over time, and its level of service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.coding import utc
from dwell_kit.analytics.levels import by_bucket, steps
from dwell_kit.analytics.limits import Duration
from dwell_kit.analytics.occupancy_series import edges_between
from dwell_kit.analytics.paths import MAX_SPEED_M_S, paths_of
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.service import LEVELS, QUEUEING, WALKWAY, bounds_per_m2, level_of_service
from dwell_kit.analytics.stretches import observed, persons_in, stretches_of
from dwell_kit.analytics.watched import overlap
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coverage import Intervals, length
from dwell_kit.schema.geometry import METRES, Zone
from dwell_kit.schema.tables import UTC_US
from dwell_kit.schema.time import US

Zones = Sequence[Zone] | Mapping[str, Any]

_DENSITY: dict[str, Any] = {
    c.ZONE: pl.String, c.BUCKET: UTC_US, c.AREA_M2: pl.Float64, c.DENSITY_MEAN: pl.Float64,
    c.DENSITY_MAX: pl.Float64, c.OCCUPANCY_MAX: pl.Int64, c.PERSON_SECONDS: pl.Float64, c.COVERED_S: pl.Float64,
    c.UNIQUE_VISITORS: pl.Int64, c.SCHEME: pl.String, c.LEVEL_MEAN: pl.String, c.LEVEL_MAX: pl.String,
}  # fmt: skip
_SERVICE: dict[str, Any] = {
    c.ZONE: pl.String, c.SCHEME: pl.String, c.LEVEL: pl.String, c.FROM_PER_M2: pl.Float64,
    c.TILL_PER_M2: pl.Float64, c.LASTED_S: pl.Float64, c.SHARE: pl.Float64, c.PERSON_SECONDS: pl.Float64,
    c.PERSON_SHARE: pl.Float64, c.UNIQUE_VISITORS: pl.Int64,
}  # fmt: skip


def compute_density(
    positions: Any,
    *,
    zones: Zones,
    every: str | None = "hour",
    scheme: str = WALKWAY,
    tz: str = "UTC",
    max_gap: Duration | None = None,
    max_speed: float = MAX_SPEED_M_S,
    coverage: Any = None,
    selection: Selection | None = None,
) -> Any:
    """Persons per m² in each zone by local bucket, with the level of service of the mean and of the maximum.

    Density at an instant = persons in the zone / its area; the mean is person-seconds / (area × watched time), the
    maximum exact. A position counts in the zone it is in until the person's next one; only watched time counts.
    The level of the mean hides peaks, and the level of the maximum may have lasted an instant:
    `compute_level_of_service` says how long each lasted. A zone much larger than the crowd in it dilutes it.

    Parameters
    ----------
    positions, max_gap, max_speed : as in `compute_paths`.
    zones : of the floor, in metres: `Zone`s, or a mapping from name to corners. They may overlap.
    every : "15min", "hour", "day", "week", "month", "<n>min" or "<n>s"; None for the whole time as one bucket.
    scheme : fruin_walkway, fruin_stairway or fruin_queueing, see `analytics.service`.
    coverage : when cameras were watched: `Coverage`, or what `Coverage.of` takes; that of any camera with
        positions holds for the floor. By default all the time from the first to the last position. selection : of
        a workspace; its times cut what was watched.

    Returns
    -------
    zone_id, bucket (start, UTC), area_m2 (m²), density_mean_per_m2, density_max_per_m2 (1/m²; null where nothing
    was watched), occupancy_max (persons), person_seconds, covered_s (s), unique_visitors (persons), scheme,
    level_mean, level_max (A to F); by zone as given, and time. Every zone has every bucket; without positions
    there are none.

    Raises
    ------
    FilterError : for zones that are none, an unknown scheme or `every`, and for too many buckets.
    """
    known = floor_zones(zones)
    bounds_per_m2(scheme)
    paths = paths_of(positions, max_gap=max_gap, max_speed=max_speed)
    watched = observed(positions, paths, coverage, selection)
    parts = []
    if len(watched):
        edges = edges_between(int(watched[0, 0]), int(watched[-1, 1]), every=every, tz=tz)
        parts = [_by_bucket(_presence(paths, zone, watched), watched, edges, scheme) for zone in known]
    return like(pl.concat([pl.DataFrame(schema=_DENSITY), *parts]), positions)


def compute_level_of_service(
    positions: Any,
    *,
    zones: Zones,
    schemes: Sequence[str] = (WALKWAY, QUEUEING),
    max_gap: Duration | None = None,
    max_speed: float = MAX_SPEED_M_S,
    coverage: Any = None,
    selection: Selection | None = None,
) -> Any:
    """How long each level of service lasted in each zone, and how much of the time persons spent there was at it.

    The level at an instant is that of persons in the zone / its area. Time goes by the clock: an empty zone is at
    A. Person-time goes by those who were there: what people experienced.

    Parameters
    ----------
    schemes : any of fruin_walkway, fruin_stairway, fruin_queueing. others : as in `compute_density`.

    Returns
    -------
    zone_id, scheme, level (A to F), from_per_m2, till_per_m2 (1/m²: more than the one, at most the other; null for
    F), lasted_s (s), share (of the watched time), person_seconds (s), person_share (of the person-seconds in the
    zone; null if there are none), unique_visitors (persons who were there at that level); every zone and scheme
    has every level.

    Raises
    ------
    FilterError : for zones that are none and for an unknown scheme.
    """
    known = floor_zones(zones)
    asked = [schemes] if isinstance(schemes, str) else list(schemes)
    for scheme in asked:
        bounds_per_m2(scheme)
    paths = paths_of(positions, max_gap=max_gap, max_speed=max_speed)
    watched = observed(positions, paths, coverage, selection)
    parts = []
    for zone in known if len(watched) else ():
        there = _presence(paths, zone, watched)
        parts += [_by_level(there, watched, scheme) for scheme in asked]
    return like(pl.concat([pl.DataFrame(schema=_SERVICE), *parts]), positions)


def floor_zones(zones: Zones) -> list[Zone]:
    """Zones as they may be given: made, or as a mapping from name to corners in metres.

    >>> floor_zones({"hall": [[0, 0], [4, 0], [4, 3], [0, 3]]})[0].area
    12.0

    Raises
    ------
    FilterError : if there is none, if one is in a picture, or if two have one name. InputError : as `Zone`.
    """
    made = [Zone(name, corners) for name, corners in zones.items()] if isinstance(zones, Mapping) else list(zones)
    wrong = [repr(zone) for zone in made if not isinstance(zone, Zone)]
    wrong += [f"{z.name}, in shares of a picture" for z in made if isinstance(z, Zone) and z.unit != METRES]
    if wrong or not made:
        raise FilterError(
            "density needs zones of the floor",
            where="zones",
            expected="Zones in metres, or name → corners such as {'hall': [[0, 0], [4, 0], [4, 3], [0, 3]]}",
            found=", ".join(wrong)[:120] or "none",
        )
    if len({zone.name for zone in made}) < len(made):
        raise FilterError("two zones have one name", found=", ".join(sorted(zone.name for zone in made)))
    return made


class _Presence(NamedTuple):
    """Who was in a zone and when, and the number of persons from each instant (µs) on."""

    zone: Zone
    stretches: pl.DataFrame
    t: NDArray[np.int64]
    n: NDArray[np.int64]


def _presence(paths: pl.DataFrame, zone: Zone, watched: Intervals) -> _Presence:
    inside = zone.contains(paths.select(c.X_M, c.Y_M).to_numpy())
    found = stretches_of(paths.filter(pl.Series(inside, dtype=pl.Boolean)), watched)
    return _Presence(zone, found, *steps(found["from"].to_numpy(), found["till"].to_numpy()))


def _by_bucket(there: _Presence, watched: Intervals, edges: NDArray[np.int64], scheme: str) -> pl.DataFrame:
    m, area = len(edges) - 1, there.zone.area
    person_us, most = by_bucket(there.t, there.n, edges)
    covered_us = overlap(watched, edges)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(covered_us > 0, person_us / covered_us, np.nan) / area
    highest = np.where(covered_us > 0, most / area, np.nan)
    return pl.DataFrame(
        {
            c.ZONE: [there.zone.name] * m,
            c.BUCKET: utc(edges[:-1]),
            c.AREA_M2: np.full(m, area),
            c.DENSITY_MEAN: pl.Series(mean, nan_to_null=True),
            c.DENSITY_MAX: pl.Series(highest, nan_to_null=True),
            c.OCCUPANCY_MAX: most,
            c.PERSON_SECONDS: person_us / US,
            c.COVERED_S: covered_us / US,
            c.UNIQUE_VISITORS: persons_in(there.stretches, edges, np.arange(m), m),
            c.SCHEME: [scheme] * m,
            c.LEVEL_MEAN: level_of_service(mean, scheme),
            c.LEVEL_MAX: level_of_service(highest, scheme),
        },
        schema=_DENSITY,
    )


def _by_level(there: _Presence, watched: Intervals, scheme: str) -> pl.DataFrame:
    n = there.n[:-1]
    us = np.diff(there.t)
    bounds = bounds_per_m2(scheme)
    level = np.searchsorted(bounds, n / there.zone.area, side="left")
    some = n > 0
    lasted = np.bincount(level[some], weights=us[some], minlength=len(LEVELS)) / US
    lasted[0] += length(watched) / US - lasted.sum()  # nobody was there
    spent = np.bincount(level, weights=us * n, minlength=len(LEVELS)) / US
    return pl.DataFrame(
        {
            c.ZONE: [there.zone.name] * len(LEVELS),
            c.SCHEME: [scheme] * len(LEVELS),
            c.LEVEL: LEVELS,
            c.FROM_PER_M2: [0.0, *bounds],
            c.TILL_PER_M2: [*bounds, None],
            c.LASTED_S: lasted,
            c.SHARE: lasted / lasted.sum(),
            c.PERSON_SECONDS: spent,
            c.PERSON_SHARE: spent / spent.sum() if spent.sum() else [None] * len(LEVELS),
            c.UNIQUE_VISITORS: persons_in(there.stretches, there.t, level, len(LEVELS)),
        },
        schema=_SERVICE,
    )
