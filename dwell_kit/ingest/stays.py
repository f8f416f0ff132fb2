"""Positions → sightings: how long each person stayed in front of a camera, and in which zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import numpy as np
import polars as pl

from dwell_kit.errors import FilterError
from dwell_kit.ingest.appearances import identity_hash
from dwell_kit.schema import columns as c
from dwell_kit.schema.geometry import METRES, Zone
from dwell_kit.schema.tables import SIGHTINGS

_PLACE: Final = (c.PERSON, c.CAMERA, c.ZONE)
_MANY: Final = 500_000
_LEAST_GAP: Final = timedelta(seconds=1)
_STEPS: Final = 1.5


def sightings_from_positions(
    positions: pl.DataFrame, *, max_gap: timedelta, step: timedelta = timedelta(), zones: Sequence[Zone] = ()
) -> pl.DataFrame:
    """One sighting for each stay: a person's positions at a camera with no gap longer than `max_gap`.

    A stay lasts from its first position to its last one, and `step` longer. Positions without a person are
    detections that nobody tracked, and give no stay.

    Parameters
    ----------
    positions : frame of POSITIONS, in any order.
    max_gap : longest time between two positions of a stay.
    step : time that one position stands for, e.g. one frame: 1 / fps.
    zones : of the floor, in metres. A stay in front of a camera is then cut into stays in each zone and outside of
        them; where zones overlap, the first one counts.

    Returns
    -------
    frame of SIGHTINGS sorted by person, camera and start; row_no is that of the stay's first position.
    """
    if max_gap < timedelta() or step < timedelta():
        raise FilterError(
            "a gap or a step is negative", expected="0 s or more", found=f"max_gap={max_gap}, step={step}"
        )
    return _sightings(_joined(_points(positions, zones), max_gap), step)


class Stays:
    """The stays of a file of positions, folded batch by batch: in memory are stays, never positions.

    A position stands for the usual step between two positions of one person, taken from the first batch that
    shows one: the sampling interval of the film or table. A tracker that loses somebody for an instant has not
    seen them leave, so a stay goes on over `max_gap`: by default 1 s, or 1.5 steps where the steps are longer.
    """

    def __init__(self, *, max_gap: timedelta | None = None, zones: Sequence[Zone] = ()) -> None:
        _check_zones(zones)
        if max_gap is not None and max_gap < timedelta():
            raise FilterError("the gap in a stay is negative", expected="0 s or more", found=str(max_gap))
        self._given, self._zones = max_gap, tuple(zones)
        self._pieces: list[pl.DataFrame] = []
        self.step: timedelta | None = None

    @property
    def max_gap(self) -> timedelta:
        """Longest time between two positions of a stay."""
        least = _LEAST_GAP if self.step is None else max(_LEAST_GAP, _STEPS * self.step)
        return least if self._given is None else self._given

    def add(self, positions: pl.DataFrame) -> None:
        """Take the positions of a batch, in any order."""
        points = _points(positions, self._zones)
        if not points.height:
            return
        if self.step is None:
            self.step = usual_step(points)
        self._pieces.append(_joined(points, self.max_gap) if self.step is not None else points)
        if sum(piece.height for piece in self._pieces) > _MANY:
            self._pieces = [_joined(pl.concat(self._pieces), self.max_gap)]

    def sightings(self) -> pl.DataFrame:
        """Frame of SIGHTINGS; empty if no position had a person."""
        if not self._pieces:
            return SIGHTINGS.empty()
        return _sightings(_joined(pl.concat(self._pieces), self.max_gap), self.step or timedelta())

    def notes(self) -> tuple[str, ...]:
        """What was assumed, in sentences."""
        if not self._pieces:
            return ()
        step = f"{self.step.total_seconds():g} s" if self.step else "no time of its own"
        gap = f"{self.max_gap.total_seconds():g} s"
        return (f"stays: positions of a person at most {gap} apart are one sighting; each stands for {step}",)


def usual_step(points: pl.DataFrame) -> timedelta | None:
    """The most frequent time between a person's consecutive positions at a camera, the shortest of several."""
    steps = points.sort(*_PLACE, c.STARTED).select(pl.col(c.STARTED).diff().over(_PLACE).alias("step"))
    found = steps.filter(pl.col("step") > timedelta())["step"].mode().sort()
    return found[0] if len(found) else None


def _points(positions: pl.DataFrame, zones: Sequence[Zone]) -> pl.DataFrame:
    """Positions of persons, as stays without length."""
    known = positions.filter(pl.col(c.PERSON).is_not_null())
    return known.select(
        c.PERSON,
        c.CAMERA,
        zones_of(known, zones).alias(c.ZONE),
        pl.col(c.TIME).alias(c.STARTED),
        pl.col(c.TIME).alias(c.ENDED),
        c.ROW_NO,
    )


def zones_of(positions: pl.DataFrame, zones: Sequence[Zone]) -> pl.Series:
    """The name of the first zone that each position is in; null outside of all, and where metres are not known."""
    names: list[str | None] = [zone.name for zone in zones]
    place = np.full(positions.height, len(zones))
    if zones and positions.height:
        floor_m = positions.select(pl.col(c.X_M, c.Y_M).fill_null(np.nan)).to_numpy()
        for at, zone in reversed(list(enumerate(zones))):
            place[zone.contains(floor_m)] = at
    return pl.Series(c.ZONE, [*names, None], dtype=pl.String).gather(place)


def _check_zones(zones: Sequence[Zone]) -> None:
    for zone in zones:
        if zone.unit != METRES:
            raise FilterError(
                f"the zone {zone.name!r} is in the picture, and positions are on the floor",
                expected=f"a zone in {METRES}",
                found=zone.unit,
            )
    if len({zone.name for zone in zones}) < len(zones):
        raise FilterError("two zones have one name", found=", ".join(sorted(zone.name for zone in zones)))


def _joined(pieces: pl.DataFrame, max_gap: timedelta) -> pl.DataFrame:
    """Pieces of stays in any order → stays, sorted by person, camera and start."""
    ordered = pieces.sort(*_PLACE, c.STARTED, c.ROW_NO)
    another = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in _PLACE)
    reached = pl.col(c.ENDED).cum_max().over(_PLACE)
    apart = (pl.col(c.STARTED) - reached.shift() > max_gap).fill_null(value=False)
    return (
        ordered.group_by(*_PLACE, (another | apart).cum_sum().alias("stay"), maintain_order=True)
        .agg(pl.col(c.STARTED).first(), pl.col(c.ENDED).max(), pl.col(c.ROW_NO).first())
        .drop("stay")
    )


def _sightings(stays: pl.DataFrame, step: timedelta) -> pl.DataFrame:
    timed = stays.with_columns(
        pl.col(c.ENDED) + step,
        pl.lit(value=False).alias(c.OPEN_START),
        pl.lit(value=False).alias(c.OPEN_END),
    )
    return SIGHTINGS.conform(timed.with_columns(identity_hash(timed)))
