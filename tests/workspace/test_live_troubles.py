"""What goes wrong in the middle of a live run: on the disk, in the state, by who erases or undoes meanwhile."""

from __future__ import annotations

import errno
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.errors import WorkspaceError
from dwell_kit.workspace import recognising, recovering
from dwell_kit.workspace.ingesting import Target
from dwell_kit.workspace.instalments import Instalments
from dwell_kit.workspace.recognising import Recognition
from dwell_kit.workspace.sweeping import claim
from dwell_kit.workspace.track_runs import Run
from tests.workspace.exports import write
from tests.workspace.made_runs import RUN, START, MadeRun, left, seen, stored, storing, watch

FULL = OSError(errno.ENOSPC, "No space left on device")


class Clock:
    """Seconds after START."""

    def __init__(self, at_s: float = 0.0) -> None:
        self.at_s = at_s

    def __call__(self) -> Any:
        return START + timedelta(seconds=self.at_s)


def by_b(ws: dk.Workspace) -> pl.DataFrame:
    return ws.positions(as_="polars").filter(pl.col("camera_id") == "b")


def unsaved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state that says that an instalment is stored cannot be written, once."""
    saved, failed = Instalments._save, []

    def save(self: Instalments, state: Any) -> None:
        if state.made and not state.waiting and not failed:
            failed.append(state)
            raise FULL
        saved(self, state)

    monkeypatch.setattr(Instalments, "_save", save)


def test_a_part_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, count = Path.open, iter(range(100))

    def open_(self: Path, *mode: Any, **more: Any) -> Any:
        if self.suffix == ".part" and mode[:1] == ("wb",) and next(count) == 1:
            raise FULL
        return opened(self, *mode, **more)

    monkeypatch.setattr(Path, "open", open_)
    with dk.open(tmp_path / "ws") as ws:
        kept = storing(ws, run := MadeRun())
        watch(kept, run, 0, 45, a="a:1")
        kept.finish(())
        kept.close()
        assert seen(ws) == {"person-1": 45}


@pytest.mark.parametrize("where", ["raw kept", "tables committed", "snapshot written", "published"])
def test_a_store_that_fails_before_or_after_it_is_published(tmp_path: Path, where: str) -> None:
    failed: list[str] = []

    def step(name: str) -> None:
        if name == where and not failed:
            failed.append(name)
            raise FULL

    with dk.open(tmp_path / "ws") as ws:
        kept = storing(ws, run := MadeRun(), step=step)
        watch(kept, run, 0, 30, a="a:1")
        kept.finish(())
        kept.close()
        assert seen(ws) == {"person-1": 30}


def test_looks_that_cannot_be_expired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expired, count = recognising.expire, iter(range(100))

    def expire(*what: Any) -> int:
        if next(count) == 0:
            raise FULL
        return expired(*what)

    monkeypatch.setattr(recognising, "expire", expire)
    with dk.open(tmp_path / "ws") as ws:
        about = Run(cameras=(), start=START, embedder="colours")
        recognition = Recognition.of(ws._handle, about, Target(), start=START, size=3)
        kept = storing(ws, run := MadeRun(), recognition=recognition)
        for i in range(25):
            run.looks.add(i / 10, "a", ["a:1"], np.array([[1.0, 0, 0]]))
            watch(kept, run, i, i + 1, a="a:1")
        kept.finish(())
        kept.close()
        assert seen(ws) == {"person-1": 25}


@pytest.mark.parametrize("where", ["registered", "staged"])
def test_who_is_erased_while_they_are_being_stored(tmp_path: Path, where: str) -> None:
    clock, done = Clock(), []

    def step(name: str) -> None:
        if name == where and clock.at_s and not done:
            done.append(name)
            with dk.open(tmp_path / "ws", clock=clock) as other:
                assert "left" in other.erase("person-2")

    with dk.open(tmp_path / "ws", clock=clock) as ws:
        with claim(ws._handle, RUN):
            kept = storing(ws, run := MadeRun(), step=step)
            watch(kept, run, 0, 15, a="*:1", b="*:2")
            clock.at_s = 2.4
            watch(kept, run, 15, 30, a="*:1", b="*:2")
            kept.finish(())
            kept.close()
        assert done
        assert seen(ws)["person-1"] == 30
        assert "person-2" not in seen(ws)


def test_who_was_found_to_be_somebody_erased(tmp_path: Path) -> None:
    clock = Clock()
    with dk.open(tmp_path / "ws", clock=clock) as ws, claim(ws._handle, RUN):
        kept = storing(ws, run := MadeRun())
        watch(kept, run, 0, 12, a="*:1", b="*:2")
        for i in range(12, 18):
            kept.add(run.see(i / 10, a="*:1", b="*:3"))
        run.one["*:3"] = "*:2"
        clock.at_s = 1.85
        ws.erase("person-2")
        watch(kept, run, 19, 30, a="*:1", b="*:2")
        kept.finish(())
        kept.close()
        assert by_b(ws)["t"].min() >= clock()


@pytest.mark.parametrize("ahead_s", [0.5, -3600.0, 3600.0])
def test_what_comes_late_of_somebody_erased(tmp_path: Path, ahead_s: float) -> None:
    """Positions wait half a second to be made smooth; and a run may be told that it began at another time."""
    clock, erased_s = Clock(ahead_s), 1.8 + 0.5
    with dk.open(tmp_path / "ws", clock=clock) as ws, claim(ws._handle, RUN):
        kept = storing(ws, run := MadeRun())
        begun_s = clock.at_s
        for i in range(40):
            clock.at_s = begun_s + i / 10 + 0.5
            if i == 18:
                ws.erase("person-2")
            watch(kept, run, i, i + 1, a="*:1", b="*:2")
        kept.finish(())
        kept.close()
        there = by_b(ws)["t"]
        assert there.min() >= START + timedelta(seconds=erased_s)
        assert there.len() == 40 - round(10 * erased_s)


@pytest.mark.parametrize("undone", [False, True])
def test_what_is_published_and_not_known_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undone: bool
) -> None:
    """It is not stored twice, though somebody is erased; and what is undone stays undone."""
    clock = Clock()
    unsaved_once(monkeypatch)
    with dk.open(tmp_path / "ws", clock=clock) as ws, claim(ws._handle, RUN):
        kept = storing(ws, run := MadeRun())
        watch(kept, run, 0, 12, a="*:1", b="*:2")
        first, clock.at_s = seen(ws)["person-1"], 1.3
        if undone:
            ws.undo(stored(ws)[-1]["upload_id"])
        else:
            ws.erase("person-2")
        watch(kept, run, 12, 30, a="*:1", b="*:3")
        kept.finish(())
        kept.close()
        assert seen(ws)["person-1"] == (30 - first if undone else 30)


def test_what_was_undone_before_a_killed_run_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unsaved_once(monkeypatch)
    with dk.open(tmp_path / "ws") as ws:
        kept = storing(ws, run := MadeRun())
        watch(kept, run, 0, 12, a="a:1")
        kept.close()  # as the kernel does
        (first,) = seen(ws).values()
        ws.undo(stored(ws)[-1]["upload_id"])
        ws.ingest(write(tmp_path / "a.csv", [("anna", "hall", "1", 0, 60)]), environment="shop")
        assert sum(seen(ws).values()) == 12 - first
    assert left(tmp_path / "ws") == []


def test_nobody_is_erased_while_something_cannot_be_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def store(*_: Any) -> str:
        raise FULL

    with dk.open(tmp_path / "ws") as ws:
        kept = storing(ws, run := MadeRun())
        watch(kept, run, 0, 25, a="*:1", b="*:2")
        kept.close()
        with monkeypatch.context() as patch:
            patch.setattr(recovering, "_store", store)
            with pytest.raises(WorkspaceError, match="cannot be stored"):
                ws.erase("person-2")
        assert ws.erase("person-2")["left"] == 0
        assert set(seen(ws)) == {"person-1"}


def test_what_was_stored_meanwhile_is_told_with_a_file_that_is_there_already(tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        file = write(tmp_path / "a.csv", [("anna", "hall", "1", 0, 60)])
        ws.ingest(file, environment="shop")
        kept = storing(ws, run := MadeRun())
        watch(kept, run, 0, 5, a="a:1")
        kept.close()
        report = ws.ingest(file, environment="shop")
        assert report.repeated
        assert any("cut off" in note for note in report.notes)
        assert seen(ws) == {"person-1": 5}
