"""A live run is stored while it goes on: the same persons, each position once, nothing lost with a process."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.vision.joined import CameraStatus
from dwell_kit.workspace.ingesting import Target
from dwell_kit.workspace.instalments import Instalments
from dwell_kit.workspace.journal import STATE, Journal
from dwell_kit.workspace.recognising import Recognition
from dwell_kit.workspace.sweeping import claim, tracks_folder
from dwell_kit.workspace.track_runs import Run
from tests.vision.mjpeg import Server
from tests.workspace.exports import write
from tests.workspace.made_runs import START, MadeRun, left, seen, stored, storing, watch
from tests.workspace.processes import start_tracking


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


def one_person(ws: dk.Workspace) -> pl.DataFrame:
    """The positions, of which no camera's frame comes twice; all are of one person, who went on and on."""
    rows = ws.positions(environment="main", as_="polars")
    assert rows["frame"].is_unique().all()
    assert rows["person_id"].unique().to_list() == ["person-1"]
    (visit,) = ws.visits(environment="main", as_="polars").to_dicts()
    assert visit["dwell_s"] == pytest.approx((rows["t"].max() - rows["t"].min()).total_seconds(), abs=0.5)
    assert ws.summary(environment="main")["unique_visitors"] == 1
    return rows


def test_a_live_run_is_stored_while_it_goes_on(server: Server, tmp_path: Path) -> None:
    there: list[int] = []

    def look(at_s: float, _length_s: float | None, _status: list[CameraStatus]) -> None:
        if at_s > 5.5 and not there:
            with dk.open(tmp_path / "ws") as other:
                there.append(other.positions(as_="polars").height)

    with dk.open(tmp_path / "ws") as ws:
        report = ws.track([live(tmp_path, server.address)], seconds=8, store_every_s=2, lag_s=0.5, progress=look)
        rows = one_person(ws)
        assert 0 < there[0] < rows.height
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
    lag_s = 0 if die_at == "frame" else 0.5  # what waits to be made smooth goes with the process
    process = start_tracking(tmp_path / "ws", [camera], die_at=die_at, nth=nth, store_every_s=2, lag_s=lag_s)
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(write(tmp_path / "a.csv", [("anna", "hall", "1", 0, 60)]), environment="shop")
        rows = one_person(ws)
        assert rows["t"].sort().diff().max() < timedelta(seconds=1.5)  # no part of it is missing
        if die_at == "frame":
            assert rows["frame"].max() >= nth - 2
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


def test_persons_found_to_be_one_after_they_were_stored_are_linked(tmp_path: Path) -> None:
    run = MadeRun()
    with dk.open(tmp_path / "ws") as ws:
        kept = storing(ws, run)
        watch(kept, run, 0, 13, a="*:1", b="*:2")
        assert ws.summary()["unique_visitors"] == 2
        run.one["*:2"] = "*:1"
        watch(kept, run, 13, 20, a="*:1", b="*:3")
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
    run = MadeRun()
    with dk.open(tmp_path / "ws") as ws:
        kept = storing(ws, run)
        watch(kept, run, 0, 13, a="*:1", b="*:2")
        kept.add(run.see(1.3, a="*:1", b="*:3"))
        run.one |= {"*:2": "*:1", "*:3": "*:1"}
        kept.add(run.see(1.4, a="*:1", b="*:3"))
        kept.close()  # as the kernel does
        ws.ingest(write(tmp_path / "a.csv", [("anna", "hall", "1", 0, 60)]), environment="shop")
        assert ws.summary(environment="main")["unique_visitors"] == 1
        assert ws.positions(environment="main", as_="polars").height == 30
    assert left(tmp_path / "ws") == []


def test_a_state_that_cannot_be_written_stores_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, saved = MadeRun(), Instalments._save
    full = iter([True, False, True, False])

    def save(self: Instalments, state: Any) -> None:
        if state.made and next(full, False):
            raise OSError("no space left on device")
        saved(self, state)

    monkeypatch.setattr(Instalments, "_save", save)
    with dk.open(tmp_path / "ws") as ws:
        kept = storing(ws, run)
        watch(kept, run, 0, 45, a="a:1")
        kept.finish(())
        kept.close()
        assert list(seen(ws).values()) == [45]
        assert ws.positions(as_="polars")["frame"].is_unique().all()


def test_cameras_go_on_while_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, added = MadeRun(), Journal.add
    count = iter(range(1000))

    def add(self: Journal, rows: pl.DataFrame, said: dict[str, Any]) -> None:
        if 5 <= next(count) < 20:
            raise OSError("no space left on device")
        added(self, rows, said)

    monkeypatch.setattr(Journal, "add", add)
    with dk.open(tmp_path / "ws") as ws:
        kept = storing(ws, run)
        watch(kept, run, 0, 40, a="a:1")
        report = kept.finish(())
        kept.close()
        assert seen(ws) == {"person-1": 40}
        assert report.accepted == 40
        assert any("no space left" in note for row in stored(ws) for note in row["report"]["notes"])


def test_who_is_erased_while_a_run_goes_on_does_not_come_back(tmp_path: Path) -> None:
    run, clock = MadeRun(), [0.0]
    with dk.open(tmp_path / "ws", clock=lambda: START + timedelta(seconds=clock[0])) as ws:
        with claim(ws._handle, "cd34"):
            kept = storing(ws, run)
            watch(kept, run, 0, 15, a="*:1", b="*:2")
            assert set(seen(ws)) == {"person-1", "person-2"}
            clock[0] = 1.7
            assert ws.erase("person-2")["left"] == 0
            watch(kept, run, 15, 20, a="*:1", b="*:2")
            run.one["*:2"] = "*:1"
            watch(kept, run, 20, 30, a="*:1", b="*:3")
            kept.finish(())
            kept.close()
        assert "person-2" not in seen(ws)
        assert not [one for link in ws.links() for one in link["persons"] if one["person_id"] == "person-2"]
        rows = ws.positions(as_="polars")
        assert rows.filter(pl.col("camera_id") == "a").height == 30
        assert rows.filter(pl.col("camera_id") == "b")["t"].min() >= START + timedelta(seconds=1.7)


def test_a_run_goes_on_after_the_environment_moved(tmp_path: Path) -> None:
    run = MadeRun()
    with dk.open(tmp_path / "ws") as ws:
        kept = storing(ws, run, tz="Europe/Berlin")
        watch(kept, run, 0, 15, a="a:1")
        ws.set_environment("main", tz="Asia/Kolkata")
        watch(kept, run, 15, 30, a="a:1")
        kept.finish(())
        kept.close()
        assert seen(ws) == {"person-1": 30}
        assert ws.tz("main") == "Asia/Kolkata"


@pytest.mark.parametrize(("where", "nth"), [("", 0), ("staged", 1), ("snapshot written", 2), ("staged", 3)])
def test_who_comes_again_is_known_whatever_failed_before(tmp_path: Path, where: str, nth: int) -> None:
    """a:1 leaves, somebody else comes, then a:3 who looks like the first."""
    run, count = MadeRun(), iter(range(1, 100))

    def step(name: str) -> None:
        if name == where and next(count) == nth:
            raise OSError("no space left on device")

    with dk.open(tmp_path / "ws") as ws:
        about = Run(cameras=(), start=START, embedder="colours")
        recognition = Recognition.of(ws._handle, about, Target(), start=START, size=3)
        kept = storing(ws, run, recognition=recognition, step=step)
        for since, name, look in ((0, "a:1", [1, 0, 0]), (13, "a:2", [0, 1, 0]), (26, "a:3", [0.99, 0, 0.14])):
            for i in range(since, since + 13):
                run.looks.add(i / 10, "a", [name], np.array([look], np.float64))
                watch(kept, run, i, i + 1, a=name)
        kept.finish(())
        kept.close()
        assert ws.summary()["unique_visitors"] == 2
        (link,) = ws.links()
        assert {one["person_id"] for one in link["persons"]} == {"person-1", "person-3"}
