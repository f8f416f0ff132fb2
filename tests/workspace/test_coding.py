"""Coded columns are a cache: whatever goes from it is made again, and what is in use stays."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import dwell_kit as dk
from dwell_kit.store import hot
from tests.workspace.exports import many, write


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A workspace with three versions: a file, another, and the first taken back."""
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(write(tmp_path / "a.csv", many(30)))
        ws.ingest(write(tmp_path / "b.csv", many(50, first=20)))
        ws.undo(2)
    return tmp_path / "ws"


def visitors(workspace: Path, version: int) -> int:
    with dk.open(workspace, version=version) as ws:
        return int(ws.summary()["unique_visitors"])


def test_a_version_older_than_those_in_the_cache_is_opened_again_and_again(three: Path) -> None:
    newest = [visitors(three, 3), visitors(three, 2)]
    first = visitors(three, 1)
    assert first == visitors(three, 1) == newest[0]
    assert [visitors(three, 3), visitors(three, 2)] == newest
    assert len(hot.made(three / "hot", "main")) == 2


def test_a_long_session_at_an_old_version_outlives_its_columns(three: Path, tmp_path: Path) -> None:
    with dk.open(three, version=1) as old, dk.open(three) as ws:
        before = (old.summary(), old.sightings(as_="polars", gender="other").rows())
        for i in range(3):
            ws.ingest(write(tmp_path / f"more{i}.csv", many(10, first=100 * (i + 1)), recorded=1e6 + i))
            ws.summary()
        assert 1 not in hot.made(three / "hot", "main")
        assert (old.summary(), old.sightings(as_="polars", gender="other").rows()) == before


@pytest.mark.parametrize("lost", ["person.bin", "person_code.bin", "persons.arrow", "meta.json"])
def test_columns_that_are_there_in_part_are_made_again(three: Path, lost: str) -> None:
    before = visitors(three, 3)
    (three / "hot" / "main" / "3" / lost).unlink()
    assert visitors(three, 3) == before


def test_a_folder_that_vanishes_while_it_is_read_is_made_again(
    three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = visitors(three, 3)
    read = hot.codes

    def codes(where: Path):
        monkeypatch.setattr(hot, "codes", read)
        shutil.rmtree(where)
        return read(where)

    monkeypatch.setattr(hot, "codes", codes)
    assert visitors(three, 3) == before


def test_what_a_killed_process_was_removing_goes_with_the_next(three: Path) -> None:
    visitors(three, 3)
    (three / "hot" / "main" / ".gone-1-abcd").mkdir()
    visitors(three, 2)
    assert not list((three / "hot" / "main").glob(".*"))


def test_many_threads_that_meet_a_new_version_at_once_find_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", many(400))
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(path)
        expected = ws.summary()
        for _ in range(3):
            ws._handle.loaded.clear()
            shutil.rmtree(tmp_path / "ws" / "hot")
            with ThreadPoolExecutor(8) as pool:
                found = list(pool.map(lambda _: ws.summary(), range(16)))
            assert all(one == expected for one in found)


def test_two_who_write_the_same_columns_do_not_meet(tmp_path: Path) -> None:
    where = tmp_path / "main" / "1"
    first, second = hot.Writer(where), hot.Writer(where)
    for writer in (first, second):
        writer.persons(
            np.array([7]), np.array([0]), pa.array(["ann"]), person_age=np.zeros(1), person_gender=np.zeros(1)
        )
    for writer in (first, second):
        writer.close(cameras=hot.Words(), zones=hot.Words(), attributes={}, other="other", quarters=pl.DataFrame())
    found = hot.load(where)
    assert found is not None
    assert list(found[0].persons) == ["ann"]
    (where / "persons.arrow").write_bytes(b"damaged")
    assert hot.load(where) is None
