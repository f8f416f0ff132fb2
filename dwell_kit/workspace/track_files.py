"""The positions of a run as a file that is ingested like any other."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS
from dwell_kit.workspace import journal


def write_positions(
    path: Path, parts: Sequence[Path], named: Mapping[str, str], since: Mapping[str, datetime], *, mark: str
) -> None:
    """The positions of some parts under their persons' ids, as a file; two without any differ by their `mark`.

    since : name → the instant from which on they are kept.
    """
    schema = POSITIONS.empty().drop(c.ROW_NO).to_arrow().schema
    gone = pl.any_horizontal(
        pl.lit(value=False), *((pl.col(c.PERSON) == name) & (pl.col(c.TIME) < at) for name, at in since.items())
    )
    with pq.ParquetWriter(path, schema.with_metadata({"dwell_kit": mark})) as writer:
        for part in parts:
            rows = pl.concat([POSITIONS.empty(), *(record.rows for record in journal.read(part))]).filter(~gone)
            person = pl.col(c.PERSON).replace_strict(named, return_dtype=pl.String)
            writer.write_table(rows.with_columns(person).drop(c.ROW_NO).to_arrow().cast(schema))


def persons_in(path: Path) -> list[str]:
    """Who is in a file."""
    persons = pq.read_table(path, columns=[c.PERSON])[c.PERSON]
    return [str(person) for person in persons.unique().to_pylist()]


def drop_persons(path: Path, erased: Mapping[str, datetime]) -> None:
    """Take erased persons out of a file that is not stored yet."""
    if not erased:
        return
    table = pq.read_table(path)
    rows = pl.DataFrame(table)
    kept = rows.filter(~pl.col(c.PERSON).is_in(list(erased)))
    if kept.height < rows.height:
        written = path.with_suffix(".new")
        pq.write_table(kept.to_arrow().cast(table.schema), written)
        written.replace(path)


def to_disk(path: Path) -> None:
    """Wait until a file's content is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
