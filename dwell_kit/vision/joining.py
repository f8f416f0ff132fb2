"""Cameras' tracks in, positions out: one person over all cameras, on smooth paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl

from dwell_kit.errors import InputError
from dwell_kit.schema.time import to_us
from dwell_kit.vision.associate import Associator
from dwell_kit.vision.association_rules import AssociationRules
from dwell_kit.vision.boxes import Floats, Integers, Tracks
from dwell_kit.vision.floor_boxes import on_shared_floor
from dwell_kit.vision.ground import Calibration, Footing
from dwell_kit.vision.links import MERGE
from dwell_kit.vision.paths import Paths
from dwell_kit.vision.portraits import Portraits
from dwell_kit.vision.track import TrackerSettings
from dwell_kit.vision.video import Frame

NOBODY: Final = -1
SHARED: Final = "*"
"""Stands for the camera in the names of persons who are one over several cameras: `*:7`."""


@dataclass(frozen=True, kw_only=True)
class PipelineRules:
    """What may be set.

    Parameters
    ----------
    tracker, association : of each camera, and over them.
    lag_s : how far paths look ahead before they are given out smooth; 0 gives raw places at once.
    look_every_s : how old the look of a track may become before the embedder looks again.
    """

    tracker: TrackerSettings = field(default_factory=TrackerSettings)
    association: AssociationRules = field(default_factory=AssociationRules)
    lag_s: float = 2.0
    look_every_s: float = 2.0


@dataclass(frozen=True, eq=False)
class Positions:
    """Some of a run's positions.

    Parameters
    ----------
    rows : frame of POSITIONS. `person_id` is "<camera>:<track>", or "*:<number>" where cameras share a floor;
        `Joining.resolve` says who was found to be one person later. No two runs share names: whoever stores
        them must give their own.
    until_s : media time up to which the run has come. whole_s : media time up to which positions have been given
        out; those after it wait until their paths can be made smooth.
    """

    rows: pl.DataFrame
    until_s: float
    whole_s: float


class Joining:
    """The persons of a run, instant by instant.

    Persons are one over those cameras that have a calibration, if there are two or more of them: all calibrations
    must then be of the same floor. Only confirmed tracks are positions.

    Parameters
    ----------
    cameras : name of each, and its calibration if it has one. start : aware instant of media time 0.

    Raises
    ------
    InputError : if there is no camera, two have one name, or `start` has no zone.
    """

    def __init__(
        self, cameras: Sequence[tuple[str, Calibration | None]], *, start: datetime, rules: PipelineRules
    ) -> None:
        names = [name for name, _ in cameras]
        if not names or len(set(names)) < len(names):
            raise InputError("a run has cameras with different names", "cameras", found=", ".join(names) or "none")
        if start.tzinfo is None:
            raise InputError("the start of a run has no time zone", "start", "an aware instant", str(start))
        self._rules, self._start_us = rules, to_us(start)
        self._calibrations = [calibration for _, calibration in cameras]
        on_floor = [i for i, calibration in enumerate(self._calibrations) if calibration is not None]
        self.together = on_floor if len(on_floor) > 1 else []
        """Which cameras share a floor, by their places in `cameras`; none if fewer than two are calibrated."""
        self._names = [(name, SHARED if i in self.together else name) for i, name in enumerate(names)]
        self._associator = Associator(first_id=1, rules=rules.association)
        self._paths = Paths(lag_s=rules.lag_s)
        self.portraits = Portraits()
        """How each person looked to each camera; none if no looks are given."""

    def step(
        self,
        at_s: float,
        newest: Sequence[Frame | None],
        tracks: Sequence[Tracks],
        looks: Sequence[Floats] | None = None,
    ) -> Positions:
        """What is ready at an instant.

        Parameters
        ----------
        newest : of each camera the frame that it had at this instant, if any. tracks : the persons in it.
        looks : (n, d) of each camera, a unit vector for each of its tracks, NaN for who has shown none. Over
            cameras that share a floor they help to say who is who; None: place and time alone say it.
        """
        footings = [
            None if one is None else one.footing(seen.xyxy)
            for one, seen in zip(self._calibrations, tracks, strict=True)
        ]
        persons = self._persons(at_s, tracks, footings, looks)
        for i, (frame, seen, who) in enumerate(zip(newest, tracks, persons, strict=True)):
            if frame is not None and len(seen):
                self._paths.add(i, frame, seen, who, footings[i])
                if looks is not None:
                    camera, place = self._names[i]
                    names = [None if one == NOBODY else f"{place}:{one}" for one in who.tolist()]
                    self.portraits.add(at_s, camera, names, looks[i])
        rows = self._paths.ready(at_s, self._start_us, self._names)
        return Positions(rows, at_s, self._paths.whole_s(at_s))

    def rest(self, at_s: float) -> Positions:
        """What is left at the end."""
        return Positions(self._paths.rest(self._start_us, self._names), at_s, at_s)

    def resolve(self, persons: Sequence[str]) -> list[str]:
        """Who each name stands for, by place and time as known now: people found in two places who were one."""
        said = [name.partition(":") for name in persons]
        numbers = [int(number) if place == SHARED else NOBODY for place, _, number in said]
        kept = self._associator.log.without_looks().resolve(numbers).tolist()
        return [
            f"{SHARED}:{number}" if place == SHARED else name
            for name, (place, _, _), number in zip(persons, said, kept, strict=True)
        ]

    def merged(self, since: int) -> tuple[list[tuple[str, str]], int]:
        """Names that were found to be one person, by place and time, by decisions from number `since` on; and the
        number of the next decision.
        """
        links = self._associator.log.links
        found = [one for one in links[since:] if one.kind == MERGE and one.cosine is None and not one.undone]
        return [(f"{SHARED}:{one.kept}", f"{SHARED}:{one.other}") for one in found], len(links)

    def alike(self) -> list[tuple[str, str, float]]:
        """Who was known again by their look: the first name, the later one, and the cosine."""
        return [
            (f"{SHARED}:{one.kept}", f"{SHARED}:{one.other}", float(one.cosine or 0))
            for one in self._associator.log.by_look()
        ]

    def _persons(
        self,
        at_s: float,
        tracks: Sequence[Tracks],
        footings: Sequence[Footing | None],
        looks: Sequence[Floats] | None,
    ) -> list[Integers]:
        """The number of each track's person: the track's own, or over all cameras; `NOBODY` if not confirmed."""
        numbers = [seen.track_id.copy() for seen in tracks]
        if not self.together:
            return numbers
        mine = [tracks[i] for i in self.together]
        boxes = on_shared_floor(
            [one for i in self.together if (one := footings[i]) is not None],
            tracks=[seen.track_id for seen in mine],
            embeddings=None if looks is None else [looks[i] for i in self.together],
            across=self._rules.association.foot_across,
            along=self._rules.association.foot_along,
        )
        who = self._associator.step(at_s, boxes)
        kept = np.where(who.confirmed, who.raw_id, NOBODY)
        for i, part in zip(
            self.together, np.split(kept, np.cumsum([len(seen) for seen in mine])[:-1]), strict=True
        ):
            numbers[i] = part
        return numbers
