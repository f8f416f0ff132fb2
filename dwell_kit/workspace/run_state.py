"""How far a run of tracking has come, as whoever comes next can read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from dwell_kit.schema.geometry import Zone
from dwell_kit.workspace.ingesting import Target

Watched = Mapping[str, Sequence[tuple[datetime, datetime]]]
"""Camera → when it was watched."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What all instalments of a run have in common.

    Parameters
    ----------
    title : of the uploads. start : instant of media time 0. tz, zones : as in `ReadOptions`.
    known_by : by what the very same run is known again.
    """

    title: str
    start: datetime
    target: Target
    tz: str
    zones: tuple[Zone, ...] = ()
    known_by: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` reads it back."""
        return {**asdict(self), "start": self.start.isoformat()}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        """What `as_dict` gave."""
        target, zones = Target(**said["target"]), tuple(Zone(**zone) for zone in said["zones"])
        start = datetime.fromisoformat(said["start"])
        return cls(**{**said, "target": target, "zones": zones, "start": start})


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """An instalment that is ready to be stored.

    Parameters
    ----------
    folder : where its file is, in the run's. watched, said : as in `Target`.
    merged : persons of earlier instalments who were found to be one since: who they are, and who they were.
    """

    folder: str
    watched: Watched
    said: tuple[str, ...]
    merged: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` reads it back."""
        return {**asdict(self), "watched": watched_to(self.watched)}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        """What `as_dict` gave."""
        merged = tuple((kept, other) for kept, other in said["merged"])
        return cls(
            **{**said, "watched": watched_from(said["watched"]), "said": tuple(said["said"]), "merged": merged}
        )


@dataclass(frozen=True, kw_only=True)
class State:
    """How far a run has come: when it began, who is called what, the parts of the journal that are in instalments,
    how many there are, those that are not stored, and the names whose persons were erased, with the media time
    before which nothing of them is kept.
    """

    begun: str
    named: Mapping[str, str] = field(default_factory=dict)
    parts: int = 0
    made: int = 0
    waiting: tuple[Waiting, ...] = ()
    erased: Mapping[str, str] = field(default_factory=dict)


def watched_to(watched: Watched) -> dict[str, list[list[str]]]:
    """JSON-ready; `watched_from` reads it back."""
    return {camera: [[a.isoformat(), b.isoformat()] for a, b in pairs] for camera, pairs in watched.items()}


def watched_from(said: Mapping[str, Sequence[Sequence[str]]]) -> Watched:
    """What `watched_to` gave."""
    moment = datetime.fromisoformat
    return {camera: [(moment(a), moment(b)) for a, b in pairs] for camera, pairs in said.items()}
