"""kill -9 at any moment: nothing acknowledged is lost, nothing is doubled, nothing half is seen."""

from __future__ import annotations

import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.errors import NotFoundError
from tests.workspace.exports import many, write
from tests.workspace.processes import start, start_erasure

STEPS = (
    "registered", "batch staged", "staged", "leased", "raw kept", "rejects committed", "sightings committed",
    "persons committed", "superseded committed", "tables committed", "snapshot written", "published",
)  # fmt: skip
BEFORE = ("leased", "rows deleted", "tables committed", "snapshot written")
AFTER = ("published", "payload and raw files cleaned", "files removed", "erasure finished")
"""The steps of an erasure before and after it holds."""
MOMENTS = 50


def state(workspace: Path) -> dict[str, Any]:
    """Everything that must not depend on what was killed."""
    with dk.open(workspace) as ws:
        rows = ws.sightings(as_="polars").drop("seq")
        assert all(f["ok"] for f in ws.doctor() if f["check"] != "uploads"), ws.doctor()
        return {"summary": ws.summary(), "rows": rows.rows(), "log": log_rows(ws)}


def log_rows(ws: dk.Workspace) -> int:
    """Rows of the log, superseded ones too: a doubled upload would show here only."""
    processed = [u for u in ws.uploads() if u["status"] == "processed"]
    return sum(u["report"]["accepted"] for u in processed)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("exports")
    first = write(folder / "first.csv", many(600))
    bad = ["p1,cam1,x1,1746432000,never,1746432000,red"] * 6
    second = write(folder / "second.csv", many(900, first=300) + many(20, first=1190), recorded=1e6, extra=bad)
    return first, second


@pytest.fixture(scope="module")
def base(files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the first file."""
    workspace = tmp_path_factory.mktemp("base") / "ws"
    with dk.open(workspace) as ws:
        ws.ingest(files[0])
    return workspace


@pytest.fixture(scope="module")
def undisturbed(files: tuple[Path, Path], base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """The state before and after the second file."""
    workspace = tmp_path_factory.mktemp("undisturbed") / "ws"
    shutil.copytree(base, workspace)
    before = state(workspace)
    with dk.open(workspace) as ws:
        ws.ingest(files[1])
    return before, state(workspace)


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_named_step(
    step: str, files: tuple[Path, Path], base: Path, undisturbed: tuple[Any, Any], tmp_path: Path
) -> None:
    workspace = tmp_path / "ws"
    shutil.copytree(base, workspace)
    process = start(workspace, files[1], die_at=step)
    process.join()
    assert process.exitcode == -signal.SIGKILL, f"step {step!r} was never reached"
    before, after = undisturbed
    found = state(workspace)
    assert found == (after if step == "published" else before)
    with dk.open(workspace) as ws:
        assert ws.ingest(files[1]).repeated == (step == "published")
    assert state(workspace) == after
    assert not list((workspace / "tmp").iterdir())
    orphans = {u["upload_id"] for u in dk.open(workspace).uploads() if u["status"] == "failed"}
    assert not [
        p for p in (workspace / "lake").rglob("*.parquet") if p.name.split("-")[0] in orphans - _named(workspace)
    ]


def _named(workspace: Path) -> set[str]:
    """Uploads whose files an old table version still names (rolled back, removed by `compact`)."""
    logs = (workspace / "lake").rglob("_delta_log/*.json")
    text = "".join(p.read_text() for p in logs)
    return {p.name.split("-")[0] for p in (workspace / "lake").rglob("*.parquet") if p.name in text}


@pytest.fixture(scope="module")
def with_zelda(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a person in facts, in rejects, on a list and in every kept file; queried once."""
    folder = tmp_path_factory.mktemp("zelda")
    hers = [("zelda-0815", "cam1", f"z{i}", 40.0 * i, 40.0 * i + 20) for i in range(30)]
    broken = ["zelda-0815,cam1,x1,1746432000,never,1746432000,zelda-0815"]
    with dk.open(folder / "ws") as ws:
        ws.ingest(write(folder / "a.csv", [*many(100), *hers], extra=broken))
        ws.ingest(write(folder / "b.csv", [*many(50), *hers[:10]], recorded=1e6))
        ws.set_list("staff", ["zelda-0815"], rule="roster")
        ws.link(["zelda-0815", "p1"], reason="same coat")
        ws.summary()
    return folder / "ws"


def _erasures(ws: dk.Workspace) -> bool:
    return bool(next(f["ok"] for f in ws.doctor() if f["check"] == "erasures"))


def _nothing_of_zelda(workspace: Path) -> None:
    for path in workspace.rglob("*"):
        if path.is_file():
            assert b"zelda-0815" not in path.read_bytes(), path


@pytest.mark.parametrize("by", ["erase", "ingest"])
@pytest.mark.parametrize("step", [*BEFORE, *AFTER])
def test_an_erasure_that_is_killed_is_finished(step: str, by: str, with_zelda: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "ws"
    shutil.copytree(with_zelda, workspace)
    process = start_erasure(workspace, "zelda-0815", die_at=step)
    process.join()
    assert process.exitcode == -signal.SIGKILL, f"step {step!r} was never reached"
    pending = step in AFTER and step != "erasure finished"
    with dk.open(workspace) as ws:
        assert ("zelda-0815" in set(ws.sightings(as_="polars", include_listed=True)["person_id"])) == (
            step in BEFORE
        )
        assert _erasures(ws) != pending
        assert all(f["ok"] for f in ws.doctor() if f["check"] != "erasures")
        if step in AFTER:
            with pytest.raises(NotFoundError, match="erased"):
                dk.open(workspace, version=1)
        if by == "ingest":
            ws.ingest(write(tmp_path / "c.csv", many(20, first=500)))
            assert _erasures(ws)
        if step in BEFORE or (by == "erase" and pending):
            proof = ws.erase("zelda-0815")
            assert (proof["left"], proof["links"], proof["linked"]) == (0, 1, ["p1"])
            assert proof["rows"]["sightings_log"] == 40
        else:
            with pytest.raises(NotFoundError, match="no person"):
                ws.erase("zelda-0815")
        assert _erasures(ws)
        assert all(f["ok"] for f in ws.doctor())
        assert len(list((workspace / "raw").rglob("*.zst"))) == (by == "ingest")  # each of the others named her
    _nothing_of_zelda(workspace)


def test_an_identity_that_a_split_made_is_finished_too(with_zelda: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "ws"
    shutil.copytree(with_zelda, workspace)
    with dk.open(workspace) as ws:
        ws.split("p2", camera="cam1", reason="two coats", name="p2-b")
        before = ws.sightings(as_="polars")
    process = start_erasure(workspace, "p2-b", die_at="published")
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with dk.open(workspace) as ws:
        proof = ws.erase("p2-b")
        assert proof["left"] == 0
        assert proof["rows"]["sightings_log"] > 0
        left = ws.sightings(as_="polars")
        assert left.height == before.filter(pl.col("person_id") != "p2-b").height
        assert "p2" in left["person_id"].to_list()


@pytest.mark.slow
def test_killed_at_random_moments(
    files: tuple[Path, Path], base: Path, undisturbed: tuple[Any, Any], tmp_path: Path
) -> None:
    clean = tmp_path / "clean"
    shutil.copytree(base, clean)
    began = time.monotonic()
    process = start(clean, files[1])
    process.join()
    assert process.exitcode == 0
    length = time.monotonic() - began
    rng = random.Random(5)
    outcomes = []
    for moment in range(MOMENTS):
        workspace = tmp_path / str(moment)
        shutil.copytree(base, workspace)
        process = start(workspace, files[1])
        process.join(timeout=rng.uniform(0.02, length))
        process.kill()
        process.join()
        found = state(workspace)
        assert found in undisturbed
        outcomes.append(found == undisturbed[1])
        with dk.open(workspace) as ws:
            ws.ingest(files[1])
        assert state(workspace) == undisturbed[1]
        shutil.rmtree(workspace)
    assert not all(outcomes), "no kill came early enough to matter"


def test_four_processes_at_once_end_like_a_serial_run(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{i}.csv", many(200, first=100 * i), recorded=1000.0 + i) for i in range(8)]
    plans = [files[0:4], files[2:6], files[4:8], [files[7], files[0], files[3]]]
    together, serial = tmp_path / "together", tmp_path / "serial"
    processes = [start(together, *plan) for plan in plans]
    seen: set[tuple[int, ...]] = set()
    while any(p.is_alive() for p in processes):
        if (together / "workspace.json").exists():
            with dk.open(together) as ws:
                if ws.snapshot_id:
                    rows = ws._handle.lake.scan(*_log(ws)).group_by("seq").len().collect()
                    seen |= {tuple(r) for r in rows.rows()}
    assert [p.exitcode for p in processes] == [0] * 4
    assert {count for _, count in seen} <= {200}, "a reader saw a part of an upload"
    with dk.open(serial) as ws:
        for file in files:
            ws.ingest(file)
        expected = ws.sightings(as_="polars").drop("seq", "row_no")
        summary = ws.summary()
    with dk.open(together) as ws:
        assert ws.sightings(as_="polars").drop("seq", "row_no").equals(expected)
        assert ws.summary() == summary
        assert sorted(u["filename"] for u in ws.uploads() if u["status"] == "processed") == [f.name for f in files]
        assert isinstance(ws.doctor(), list)
        assert all(f["ok"] for f in ws.doctor())


def _log(ws: dk.Workspace) -> tuple[Any, dict[str, int]]:
    from dwell_kit.store.lake import SIGHTINGS_LOG

    return SIGHTINGS_LOG, ws._handle.snapshot().versions


def test_a_full_disk_leaves_the_workspace_as_it_was(
    tmp_path: Path, files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(files[0])
        before, snapshot = ws.summary(), ws.snapshot_id

        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(pl.DataFrame, "write_parquet", full)
            with pytest.raises(OSError, match="No space left"):
                ws.ingest(files[1])
        assert ws.snapshot_id == snapshot
        assert ws.summary() == before
        assert ws.uploads()[0]["status"] == "failed"
        ws.ingest(files[1])
        assert ws.summary() != before
