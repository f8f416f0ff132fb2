"""Records on disk: what was written down is there, and what was cut short is not."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS
from dwell_kit.workspace import journal


def rows(n: int, first: int = 1) -> pl.DataFrame:
    return POSITIONS.conform(
        pl.DataFrame(
            {
                c.PERSON: [f"gate:{first + i}" for i in range(n)],
                c.CAMERA: ["gate"] * n,
                c.TIME: [datetime(2025, 5, 1, 9, tzinfo=UTC)] * n,
                c.ROW_NO: list(range(first, first + n)),
            },
            schema_overrides={c.PERSON: pl.String, c.CAMERA: pl.String, c.ROW_NO: pl.Int64},
        )
    )


def test_records_are_read_while_more_are_written(tmp_path: Path) -> None:
    written = journal.Journal(tmp_path)
    for i in range(3):
        written.add(rows(i, first=10 * i + 1), {"at": i})
        (part,) = journal.parts(tmp_path)
        found = list(journal.read(part))
        assert [one.said for one in found] == [{"at": k} for k in range(i + 1)]
        assert_frame_equal(found[-1].rows, rows(i, first=10 * i + 1))
    written.close()


def test_parts_are_turned_and_none_is_of_many_rows(tmp_path: Path) -> None:
    written = journal.Journal(tmp_path)
    assert written.turn() == []
    for _ in range(3):
        written.add(rows(30_000), {})
    first = written.turn()
    written.add(rows(1), {})
    second = written.turn()
    assert [part.name for part in (*first, *second)] == ["000000.part", "000001.part", "000002.part"]
    assert [sum(one.rows.height for one in journal.read(part)) for part in first] == [60_000, 30_000]
    assert journal.parts(tmp_path) == [*first, *second]


def test_what_a_disk_did_not_take_is_not_there_and_can_be_added_again(tmp_path: Path) -> None:
    class Full:
        """Takes half of what it is given."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def write(self, record: bytes) -> int:
            return int(self.file.write(record[: len(record) // 2]))

        def close(self) -> None:
            self.file.close()

    written = journal.Journal(tmp_path)
    written.add(rows(2), {"at": 1})
    written._file = Full(written._file)
    with pytest.raises(OSError, match="space"):
        written.add(rows(3), {"at": 2})
    written.add(rows(3), {"at": 2})
    found = [one for part in written.turn() for one in journal.read(part)]
    assert [(one.said["at"], one.rows.height) for one in found] == [(1, 2), (2, 3)]


@pytest.mark.parametrize("tail", [bytes(4096), b"\xff" * 300, bytes(range(256))])
def test_what_a_lost_power_left_behind_the_records_is_left_out(tmp_path: Path, tail: bytes) -> None:
    written = journal.Journal(tmp_path)
    written.add(rows(2), {"at": 1})
    (part,) = written.turn()
    with part.open("ab") as file:
        file.write(tail)
    assert [one.said for one in journal.read(part)] == [{"at": 1}]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.5, 0.9, 0.999])
def test_a_record_that_was_cut_short_is_left_out(tmp_path: Path, share: float) -> None:
    written = journal.Journal(tmp_path)
    written.add(rows(5), {"at": 1})
    (part,) = journal.parts(tmp_path)
    whole = part.stat().st_size
    written.add(rows(5), {"at": 2})
    written.close()
    content = part.read_bytes()
    part.write_bytes(content[: whole + int(share * (len(content) - whole))])
    assert [one.said for one in journal.read(part)] == [{"at": 1}]
