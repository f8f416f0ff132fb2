"""A live run is stored while it goes on: the same persons, each position once, nothing lost with a process."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS
from dwell_kit.vision.joined import CameraStatus
from dwell_kit.vision.joining import Positions
from dwell_kit.workspace.ingesting import Target
from dwell_kit.workspace.instalments import Instalments, Stored
from dwell_kit.workspace.journal import STATE
from dwell_kit.workspace.storing import Storing
from dwell_kit.workspace.sweeping import tracks_folder
from tests.vision.mjpeg import Server
from tests.workspace.exports import write
from tests.workspace.processes import start_tracking

START = datetime(2025, 5, 1, 9, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(10_000)
    yield made
    made.close()


def live(folder: Path, address: str) -> dict[str, Any]:
    """A live camera that one person stands before."""
    found = folder / "live.txt"
    found.write_text("".join(f"{f},-1,20,50,20,60,0.9,-1,-1,-1\n" for f in range(1, 5000)))
    return {"camera_id": "gate", "video": address, "fps": 10, "detector": "replay", "detections": found}


def stored(ws: dk.Workspace) -> list[dict[str, Any]]:
    """The uploads that are there, the oldest first."""
    return [row for row in reversed(ws.uploads()) if row["status"] == "processed"]


def one_person(ws: dk.Workspace) -> pl.DataFrame:
    """The positions, of which no camera's frame comes twice; all are of one person, who went on and on."""
    rows = ws.positions(environment="main", as_="polars")
    assert rows["frame"].is_unique().all()
    assert rows["person_id"].unique().to_list() == ["person-1"]
    (visit,) = ws.visits(environment="main", as_="polars").to_dicts()
    assert visit["dwell_s"] == pytest.approx((rows["t"].max() - rows["t"].min()).total_seconds(), abs=0.5)
    assert ws.summary(environment="main")["unique_visitors"] == 1
    return rows


def left(path: Path) -> list[str]:
    return [one.name for one in (path / "tmp").iterdir()]


def test_a_live_run_is_stored_while_it_goes_on(server: Server, tmp_path: Path) -> None:
    seen: list[int] = []

    def look(at_s: float, _length_s: float | None, _status: list[CameraStatus]) -> None:
        if at_s > 5.5 and not seen:
            with dk.open(tmp_path / "ws") as other:
                seen.append(other.positions(as_="polars").height)

    with dk.open(tmp_path / "ws") as ws:
        report = ws.track([live(tmp_path, server.address)], seconds=8, store_every_s=2, lag_s=0.5, progress=look)
        rows = one_person(ws)
        assert 0 < seen[0] < rows.height
        uploads = stored(ws)
        assert len(uploads) >= 3
        note = f"stored in {len(uploads)} instalments with {rows.height} positions in all"
        assert note in report.notes
        (covered,) = ws.coverage(as_="polars").to_dicts()
        assert (covered["covered_till"] - covered["covered_from"]).total_seconds() > 6
        assert rows["t"].is_between(covered["covered_from"], covered["covered_till"]).all()
    assert left(tmp_path / "ws") == []


def test_what_cannot_be_stored_is_stored_later(server: Server, tmp_path: Path) -> None:
    failed = []

    def step(name: str) -> None:
        if name == "staged" and len(failed) < 2:
            failed.append(name)
            raise OSError("no space left on device")

    with dk.open(tmp_path / "ws") as ws:
        ws.track([live(tmp_path, server.address)], seconds=7, store_every_s=2, lag_s=0.5, step=step)
        rows = one_person(ws)
        assert len(failed) == 2
        assert rows.height >= 50
        assert sum(row["report"]["accepted"] for row in stored(ws)) == rows.height
        assert any("no space left" in note for row in stored(ws) for note in row["report"]["notes"])
    assert left(tmp_path / "ws") == []


@pytest.mark.parametrize(
    ("die_at", "nth"),
    [
        ("frame", 15),  # before anything was stored
        ("frame", 55),  # between two instalments
        ("tracked", 2),  # before the second one is made
        ("registered", 2),  # while it is being stored
        ("tables committed", 1),
        ("published", 1),  # stored, and the run does not know it yet
        ("published", 2),
    ],
)
def test_a_killed_run_leaves_what_it_saw_to_whoever_comes_next(
    server: Server, tmp_path: Path, die_at: str, nth: int
) -> None:
    camera = live(tmp_path, server.address)
    with dk.open(tmp_path / "ws"):
        pass
    process = start_tracking(tmp_path / "ws", [camera], die_at=die_at, nth=nth, store_every_s=2, lag_s=0.5)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(write(tmp_path / "a.csv", [("anna", "hall", "1", 0, 60)]), environment="shop")
        rows = one_person(ws)
        assert rows["t"].sort().diff().max() < timedelta(seconds=1.5)  # no part of it is missing
        if die_at == "frame":
            assert rows["frame"].max() >= nth - 15  # what waits to be made smooth goes with the process
        (covered,) = ws.coverage("main", as_="polars").to_dicts()
        assert rows["t"].is_between(covered["covered_from"], covered["covered_till"]).all()
        if die_at != "published":  # else everything that was written down may be stored already
            assert any("was cut off" in note for row in stored(ws) for note in row["report"]["notes"])
    assert left(tmp_path / "ws") == []


def test_what_cannot_be_read_stays_and_is_told(tmp_path: Path, server: Server) -> None:
    with dk.open(tmp_path / "ws") as ws:
        folder = tracks_folder(ws._handle, "ab12")
        folder.mkdir()
        (folder / STATE).write_text("{")
        ws.ingest(write(tmp_path / "a.csv", [("anna", "hall", "1", 0, 60)]))
        report = ws.track([live(tmp_path, server.address)], seconds=2)
        assert any("what it left in" in note and "is not stored" in note for note in report.notes)
        assert folder.exists()


class _Run:
    """A run of two cameras in which two persons turn out to be one."""

    live, step_s = True, 0.1

    def __init__(self) -> None:
        self.status = [CameraStatus("a"), CameraStatus("b")]
        self.one: dict[str, str] = {}

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


def storing(ws: dk.Workspace, run: Any, every_s: float = 1.0) -> Storing:
    folder = tracks_folder(ws._handle, "cd34")
    folder.mkdir()
    about = Stored(title="a+b", target=Target(), tz="UTC")
    return Storing(Instalments(ws._handle, folder, about, lasting=True), run, start=START, every_s=every_s)


def test_persons_found_to_be_one_after_they_were_stored_are_linked(tmp_path: Path) -> None:
    run = _Run()
    with dk.open(tmp_path / "ws") as ws:
        kept = storing(ws, run)
        for i in range(13):
            kept.add(run.see(i / 10, a="*:1", b="*:2"))
        kept._collect()
        assert ws.summary()["unique_visitors"] == 2
        run.one["*:2"] = "*:1"
        for i in range(13, 20):
            kept.add(run.see(i / 10, a="*:1", b="*:3"))
        run.one["*:3"] = "*:1"
        kept.finish(())
        kept.close()
        (link,) = ws.links()
        assert [one["person_id"] for one in link["persons"]] == ["person-1", "person-2"]
        assert link["who"] == "dwell track"
        assert ws.summary()["unique_visitors"] == 1
        assert set(ws.positions(as_="polars")["person_id"]) == {"person-1"}
        ws.unlink(link["link"], reason="they are two")
        assert ws.summary()["unique_visitors"] == 2


def test_who_was_one_before_a_run_was_killed_is_one(tmp_path: Path) -> None:
    run = _Run()
    with dk.open(tmp_path / "ws") as ws:
        kept = storing(ws, run)
        for i in range(13):
            kept.add(run.see(i / 10, a="*:1", b="*:2"))
        kept._collect()
        kept.add(run.see(1.3, a="*:1", b="*:3"))
        run.one |= {"*:2": "*:1", "*:3": "*:1"}
        kept.add(run.see(1.4, a="*:1", b="*:3"))
        kept.close()  # as the kernel does
        ws.ingest(write(tmp_path / "a.csv", [("anna", "hall", "1", 0, 60)]), environment="shop")
        assert ws.summary(environment="main")["unique_visitors"] == 1
        assert ws.positions(environment="main", as_="polars").height == 30
    assert left(tmp_path / "ws") == []
