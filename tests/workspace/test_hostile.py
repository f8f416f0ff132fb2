"""A hostile file changes nothing, or leaves exactly its good rows; each in an environment of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.schema import columns as c
from tests.ingest.hostile import CASES, Case

_SPAN = {
    "sightings": (c.PERSON, c.STARTED, c.ENDED),
    "crowd_events": (c.PERSON, c.STARTED, c.RECORDED),
    "positions": (c.PERSON, c.TIME, c.TIME),
}


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dk.Workspace]:
    with dk.open(tmp_path_factory.mktemp("hostile") / "ws") as made:
        yield made


def stored(ws: dk.Workspace, environment: str) -> list[tuple[str | None, float, float]]:
    found = []
    for table, (person, *span) in _SPAN.items():
        rows = getattr(ws, table)(environment=environment, as_="polars")
        seconds = [(pl.col(name).dt.epoch("us") / 1e6).alias(str(i)) for i, name in enumerate(span)]
        found += rows.select(person, *seconds).rows()
    return sorted(found, key=str)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_its_fate(ws: dk.Workspace, tmp_path: Path, case: Case) -> None:
    environment = f"case{CASES.index(case)}"
    path = case.build(tmp_path)
    before = ws.snapshot_id
    if case.error is not None:
        with pytest.raises(case.error) as caught:
            ws.ingest(path, environment=environment, **case.options)
        assert all(word in str(caught.value) for word in case.words)
        assert ws.snapshot_id == before
        return
    report = ws.ingest(path, environment=environment, **case.options)
    assert stored(ws, environment) == sorted(case.stored, key=str)
    assert ws.snapshot_id > before
    assert report.rejected == len(case.rejected)
    assert report.rows_read == report.accepted + report.rejected
    rejects = ws.rejects(report.upload_id, as_="polars")
    found = dict(rejects.select(c.ROW_NO, c.REASON).rows())
    assert sorted(found) == sorted(case.rejected)
    assert all(words in found[number] for number, words in case.rejected.items())
