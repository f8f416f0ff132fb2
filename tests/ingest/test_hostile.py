"""Every hostile file meets its fate: an error that helps, or exactly the good rows and a reason for the others."""

from __future__ import annotations

import os
from pathlib import Path

import polars as pl
import pytest

from dwell_kit.errors import FormatError, HeaderError
from dwell_kit.ingest import readers
from dwell_kit.ingest.batches import Batch, ReadOptions
from dwell_kit.ingest.sources import Source
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import CONTRACTS, validate
from tests.ingest.hostile import CASES, Case

_SPAN = {
    "sightings": (c.PERSON, c.STARTED, c.ENDED),
    "crowd_events": (c.PERSON, c.STARTED, c.RECORDED),
    "positions": (c.PERSON, c.TIME, c.TIME),
}


def read(path: Path, options: ReadOptions) -> list[Batch]:
    """What an ingest reads of a file, in the same order of calls."""
    source = Source(path, limits=options.limits)
    batches = []
    for part in source.members():
        batches += list(readers.detect(part, options).read(part, options))
    source.finish()
    return batches


def accepted(batches: list[Batch]) -> list[tuple[str | None, float, float]]:
    found = []
    for batch in batches:
        validate(batch.rows, CONTRACTS[batch.table])
        person, first, last = _SPAN[batch.table]
        seconds = [(pl.col(n).dt.epoch("us") / 1e6).alias(str(i)) for i, n in enumerate((first, last))]
        found += batch.rows.select(person, *seconds).rows()
    return sorted(found, key=str)


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 70
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_its_fate(tmp_path: Path, case: Case) -> None:
    path = case.build(tmp_path)
    options = ReadOptions(**case.options)
    if case.error is not None:
        with pytest.raises(case.error) as caught:
            read(path, options)
        text = str(caught.value)
        missing = [word for word in case.words if word not in text]
        assert not missing, text
        return
    batches = read(path, options)
    assert accepted(batches) == sorted(case.accepted, key=str)
    rejects = [row for batch in batches for row in batch.rejects.select(c.ROW_NO, c.REASON).rows()]
    assert [number for number, _ in sorted(rejects)] == sorted(case.rejected)
    for number, reason in rejects:
        assert case.rejected[number] in reason
    assert all(batch.rejects[c.RAW].null_count() == 0 for batch in batches)


def test_the_cut_header_of_a_real_export(testdata: Path) -> None:
    with pytest.raises(HeaderError) as caught:
        read(testdata / "corsight" / "truncated_header.csv", ReadOptions())
    text = str(caught.value)
    assert all(word in text for word in ("started_at", "ended_at", "'utc_time_st'", "'utc_time_e'", "columns={"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("person_id\n")
    path.chmod(0)
    with pytest.raises(FormatError, match="read"):
        read(path, ReadOptions())
