"""A run that is made up: two cameras, and who they see is what a test says; and what became of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

import dwell_kit as dk
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS
from dwell_kit.vision.joined import CameraStatus
from dwell_kit.vision.joining import Positions
from dwell_kit.vision.portraits import Portrait, Portraits
from dwell_kit.workspace.ingesting import Target
from dwell_kit.workspace.instalments import Instalments
from dwell_kit.workspace.run_state import Stored
from dwell_kit.workspace.storing import Storing
from dwell_kit.workspace.sweeping import tracks_folder

START = datetime(2025, 5, 1, 9, tzinfo=UTC)
RUN = "cd34"


class MadeRun:
    """A run of two cameras in which two persons turn out to be one."""

    live, step_s = True, 0.1

    def __init__(self) -> None:
        self.status = [CameraStatus("a"), CameraStatus("b")]
        self.one: dict[str, str] = {}
        self.looks = Portraits()

    def portraits(self, since_s: float) -> list[Portrait]:
        return self.looks.of(self.resolve, since_s)

    def alike(self) -> list[tuple[str, str, float]]:
        return []

    def merged(self, since: int) -> tuple[list[tuple[str, str]], int]:
        return [(kept, other) for other, kept in self.one.items()][since:], len(self.one)

    def resolve(self, persons: list[str]) -> list[str]:
        return [self.one.get(name, name) for name in persons]

    def see(self, at_s: float, **who: str) -> Positions:
        """At an instant each camera sees somebody."""
        for one in self.status:
            one.saw(at_s, self.step_s)
        rows = pl.DataFrame(
            {
                c.PERSON: list(who.values()),
                c.CAMERA: list(who),
                c.TIME: [START + timedelta(seconds=at_s)] * len(who),
                c.ROW_NO: list(range(len(who))),
                c.FRAME: [round(10 * at_s)] * len(who),
                c.X_M: [1.0] * len(who),
                c.Y_M: [2.0] * len(who),
            }
        )
        return Positions(POSITIONS.conform(rows), at_s, at_s)


def storing(ws: dk.Workspace, run: Any, *, tz: str | None = None, **more: Any) -> Storing:
    folder = tracks_folder(ws._handle, RUN)
    folder.mkdir()
    about = Stored(title="a+b", start=START, target=Target(tz=tz), tz="UTC")
    made = Instalments(ws._handle, folder, about, lasting=True)
    return Storing(made, run, start=START, every_s=1.0, **more)


def watch(kept: Storing, run: MadeRun, since: int, until: int, **who: str) -> None:
    """Ten instants a second in which each camera sees somebody; what is due is stored."""
    for i in range(since, until):
        kept.add(run.see(i / 10, **who))
        kept._collect()


def seen(ws: dk.Workspace) -> dict[str, int]:
    """Person → positions."""
    return dict(ws.positions(environment="main", as_="polars").group_by("person_id").len().iter_rows())


def stored(ws: dk.Workspace) -> list[dict[str, Any]]:
    """The uploads that are there, the oldest first."""
    return [row for row in reversed(ws.uploads()) if row["status"] == "processed"]


def left(path: Path) -> list[str]:
    return [one.name for one in (path / "tmp").iterdir()]
