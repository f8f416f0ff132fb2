"""The same workspace with its state in a real PostgreSQL."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

import dwell_kit as dk
from dwell_kit.settings import Settings
from dwell_kit.store.database import Database
from tests import postgres
from tests.workspace.exports import START, many, write


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    if postgres.programs() is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no PostgreSQL on this machine")
    with postgres.cluster() as made:
        yield made


@pytest.fixture
def fresh(url: str, request: pytest.FixtureRequest) -> str:
    """A database of its own for each test."""
    name = request.node.name.replace("[", "_").replace("]", "")[:60]
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f'create database "{name}"'))
    engine.dispose()
    return url.rsplit("/", 1)[0] + f"/{name}"


def test_figures_and_history_are_those_of_the_embedded_state(fresh: str, tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.csv", many(60)), write(tmp_path / "b.csv", many(60, first=30))]
    seen = []
    for folder, settings in (("lite", Settings()), ("pg", Settings(database_url=fresh))):
        with dk.open(tmp_path / folder, settings=settings) as ws:
            first = ws.ingest(paths[0], window=("2025-05-05T08:00", "2025-05-05T12:00"), tz="Europe/Berlin")
            ws.ingest(paths[1])
            ws.set_list("staff", ["p7"], rule="badge")
            ws.edit_camera("cam1", group="doors")
            ws.link(["p1", "p2"], reason="same coat", by="dora")
            ws.split("p3", camera="cam0", reason="two coats")
            ws.set_camera_status("cam2", "2025-05-05T08:10", "2025-05-05T08:30", reason="lens")
            both = (ws.summary(), ws.links()[0]["persons"], ws.coverage(by="hour", as_="polars").rows())
            assert ws.erase("p1")["links"] == 1
            assert [link["kind"] for link in ws.links(undone=True)] == ["split"]
            ws.undo(first.upload_id)
            history = [(u["filename"], u["status"], u["covered_from"], u["covered_till"]) for u in ws.uploads()]
            seen.append((both, ws.summary(group="doors"), history, ws.lists(), [f["ok"] for f in ws.doctor()]))
            version = ws.snapshot_id
        with dk.open(tmp_path / folder, settings=settings, as_of=START.replace(year=2100)) as again:
            assert again.snapshot_id == version
    assert seen[0] == seen[1]
    assert all(seen[1][4])


def test_writers_queue_up(fresh: str) -> None:
    """What one writer read and then writes, no other changes in between: as with the embedded state."""
    first, second = Database(fresh), Database(fresh)
    order = []

    def later() -> None:
        with second.write():
            order.append("second")

    thread = threading.Thread(target=later)
    with first.write():
        thread.start()
        waiting = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        with first.read() as connection:
            while not connection.execute(waiting).scalar():
                assert thread.is_alive()
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]
    first.dispose()
    second.dispose()


def test_four_processes_share_it(fresh: str, tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{i}.csv", many(60, first=20 * i)) for i in range(4)]
    context = multiprocessing.get_context("spawn")
    work = [context.Process(target=_ingest, args=(str(tmp_path / "ws"), fresh, str(path))) for path in paths]
    for process in work:
        process.start()
    for process in work:
        process.join(120)
    assert [process.exitcode for process in work] == [0] * 4
    with dk.open(tmp_path / "serial") as serial:
        for path in paths:
            serial.ingest(path)
        expected = serial.summary()
    with dk.open(tmp_path / "ws", settings=Settings(database_url=fresh)) as ws:
        assert ws.summary() == expected
        assert len(ws.uploads()) == 4


def _ingest(workspace: str, url: str, path: str) -> None:
    with dk.open(workspace, settings=Settings(database_url=url)) as ws:
        ws.ingest(path)
