"""Facts: append-only Delta tables. Files are staged first and become visible in one commit per table."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import polars as pl
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.transaction import AddAction

from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import CROWD_EVENTS, POSITIONS, REJECTS, SIGHTINGS, UTC_US, Field, Table

KEY_HASH: Final = "key_hash"
FACT: Final = "fact"
_ROW_GROUP: Final = 100_000

_PROVENANCE: Final = (Field(c.SEQ, pl.Int64), Field(c.ENVIRONMENT, pl.String), Field(c.DAY, pl.String))
_KEYED: Final = (Field(KEY_HASH, pl.Int64), Field(c.SOURCE, pl.String), Field(c.PERSON_CODE, pl.Int64, True))


def _log(table: Table, *extra: Field) -> Table:
    """A contract as the log keeps it: the person as a code, and where the row came from."""
    kept = tuple(f for f in table.fields if f.name != c.PERSON)
    return Table(f"{table.name}_log", (*kept, *extra, *_PROVENANCE))


SIGHTINGS_LOG: Final = _log(SIGHTINGS, *_KEYED)
CROWD_EVENTS_LOG: Final = _log(CROWD_EVENTS, *_KEYED)
POSITIONS_LOG: Final = _log(POSITIONS, Field(c.SOURCE, pl.String), Field(c.PERSON_CODE, pl.Int64, True))
REJECTS_LOG: Final = _log(REJECTS)
PERSONS: Final = Table(
    "persons",
    (
        Field(c.PERSON_CODE, pl.Int64),
        Field(c.PERSON, pl.String),
        Field(c.SOURCE, pl.String),
        *_PROVENANCE,
    ),
)
SUPERSEDED: Final = Table(
    "superseded",
    (
        Field(FACT, pl.String),
        Field(KEY_HASH, pl.Int64),
        Field(c.SEQ, pl.Int64),
        Field(c.ROW_NO, pl.Int64),
        Field(c.ENVIRONMENT, pl.String),
    ),
)
"""Rows of the logs that a newer message of the same key replaced."""

TABLES: Final = {
    t.name: t for t in (SIGHTINGS_LOG, CROWD_EVENTS_LOG, POSITIONS_LOG, REJECTS_LOG, PERSONS, SUPERSEDED)
}
LOG_OF: Final = {
    SIGHTINGS.name: SIGHTINGS_LOG,
    CROWD_EVENTS.name: CROWD_EVENTS_LOG,
    POSITIONS.name: POSITIONS_LOG,
    REJECTS.name: REJECTS_LOG,
}
NO_DAY: Final = "none"
"""The day partition of tables whose rows have no time."""

Versions = dict[str, int]


def _partitions(table: Table) -> list[str]:
    return [name for name in (c.ENVIRONMENT, c.DAY) if name in table.names]


@dataclass
class Staged:
    """Parquet files that lie in a table's folder and that no commit names yet."""

    table: Table
    folder: Path
    actions: list[AddAction] = field(default_factory=list)
    rows: int = 0

    def write(self, frame: pl.DataFrame, *, environment: str, stem: str, day: str | None = None) -> None:
        """Write `frame` as one file of its partition; `day` for tables that have one."""
        if frame.is_empty():
            return
        self.rows += frame.height
        partition = {c.ENVIRONMENT: environment}
        if c.DAY in self.table.names:
            partition[c.DAY] = NO_DAY if day is None else day
        self._one(frame.select(n for n in self.table.names if n not in partition), partition, stem)

    def _one(self, frame: pl.DataFrame, partition: dict[str, str], stem: str) -> None:
        where = "/".join(f"{k}={v}" for k, v in partition.items())
        relative = f"{where}/{stem}-{len(self.actions):05d}.parquet"
        target = self.folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(target, compression="zstd", compression_level=1, row_group_size=_ROW_GROUP)
        self.actions.append(
            AddAction(
                path=relative,
                size=target.stat().st_size,
                partition_values=dict(partition),
                modification_time=int(target.stat().st_mtime * 1000),
                data_change=True,
                stats=json.dumps(_stats(frame)),
            )
        )

    def discard(self) -> None:
        """Remove what was staged: nothing half-done stays behind."""
        for action in self.actions:
            (self.folder / action.path).unlink(missing_ok=True)
        self.actions.clear()


def _stats(frame: pl.DataFrame) -> dict[str, Any]:
    columns = [n for n in (c.STARTED, c.SEQ, KEY_HASH, c.PERSON_CODE) if n in frame.columns]
    row = frame.select(
        *[pl.col(n).min().alias(f"{n} min") for n in columns],
        *[pl.col(n).max().alias(f"{n} max") for n in columns],
        *[pl.col(n).null_count().alias(f"{n} nulls") for n in columns],
    ).row(0, named=True)

    def plain(value: Any, *, up: bool) -> Any:
        if not hasattr(value, "isoformat"):
            return value
        # Delta keeps milliseconds: the maximum is rounded up so that pruning stays safe.
        milli = (int(value.timestamp() * 1_000_000) + (999 if up else 0)) // 1000
        return pl.Series([milli]).cast(pl.Datetime("ms", "UTC")).dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")[0]

    return {
        "numRecords": frame.height,
        "minValues": {n: plain(row[f"{n} min"], up=False) for n in columns if row[f"{n} min"] is not None},
        "maxValues": {n: plain(row[f"{n} max"], up=True) for n in columns if row[f"{n} max"] is not None},
        "nullCount": {n: row[f"{n} nulls"] for n in columns},
    }


class _LocalTable(DeltaTable):
    """A table in a folder, whatever letters are in its name.

    Deltalake takes and gives addresses, with `%20` for a space; who reads the files, such as Polars (its issue
    20944), wants their paths. Names inside the folder are plain: environments may have no others.
    """

    def __init__(self, folder: Path, *, version: int | None = None) -> None:
        super().__init__(folder.absolute().as_uri(), version=version)
        self.folder = folder

    def file_uris(self, *asked: Any, **more: Any) -> list[str]:
        """The paths of its files."""
        return [unquote(uri.removeprefix("file://")) for uri in super().file_uris(*asked, **more)]


class Lake:
    """The Delta tables of one workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, table: Table) -> Path:
        return self.root / table.name

    def stage(self, table: Table) -> Staged:
        """Room for an upload's files of `table`."""
        return Staged(table, self.folder(table))

    def at(self, table: Table, versions: Versions) -> _LocalTable | None:
        """The table as a snapshot names it; None if the snapshot has no such table."""
        if table.name not in versions:
            return None
        return _LocalTable(self.folder(table), version=versions[table.name])

    def scan(self, table: Table, versions: Versions) -> pl.LazyFrame:
        """The rows of a table in a snapshot, lazily; the empty contract if there are none."""
        delta = self.at(table, versions)
        if delta is None or not delta.file_uris():
            return table.empty().lazy()
        return pl.scan_delta(delta).select(table.names)

    def count(self, table: Table, versions: Versions) -> int:
        """Rows of a table in a snapshot, from the files' footers."""
        delta = self.at(table, versions)
        return delta.count() if delta is not None else 0

    def newest(self, table: Table) -> _LocalTable:
        """The table as it is on disk, whether or not a snapshot names its version."""
        return _LocalTable(self.folder(table))

    def writable(self, table: Table, versions: Versions) -> _LocalTable:
        """The table to write to, after rolling back commits that no snapshot names (of a killed publish)."""
        folder = self.folder(table)
        address = folder.absolute().as_uri()
        if not DeltaTable.is_deltatable(address):
            folder.mkdir(parents=True, exist_ok=True)
            # rewrites by Delta keep the least and greatest value of no text: the log of a table names nobody
            without_text = {"delta.dataSkippingStatsColumns": c.SEQ}
            DeltaTable.create(
                address, _delta_schema(table), partition_by=_partitions(table), configuration=without_text
            )
        delta = self.newest(table)
        named = versions.get(table.name, 0)
        if delta.version() != named and not _restored(delta, named):
            delta.restore(named, ignore_missing_files=False)
            delta.update_incremental()
        return delta

    def append(self, staged: Staged, versions: Versions, *, transaction: str) -> int:
        """Commit staged files in one transaction; returns the table's new version."""
        delta = self.writable(staged.table, versions)
        if staged.actions:
            delta.create_write_transaction(
                list(staged.actions),
                "append",
                _delta_schema(staged.table),
                _partitions(staged.table),
                commit_properties=CommitProperties(
                    app_transactions=[Transaction(transaction, time.time_ns())],
                    max_commit_retries=0,
                ),
            )
            delta = self.newest(staged.table)
        return delta.version()

    def replace(self, table: Table, frame: pl.DataFrame, versions: Versions, *, environment: str) -> int:
        """Replace one environment's rows of a small table; returns the new version."""
        delta = self.writable(table, versions)
        data = frame.select(table.names).to_arrow(compat_level=pl.CompatLevel.oldest())
        from deltalake import write_deltalake

        write_deltalake(delta, data, mode="overwrite", predicate=f"{c.ENVIRONMENT} = '{environment}'")
        return self.newest(table).version()

    def delete(self, table: Table, predicate: str, versions: Versions) -> int:
        """Delete rows by surrogate keys (the predicate stays in the log for ever); returns the new version."""
        delta = self.writable(table, versions)
        delta.delete(predicate)
        return self.newest(table).version()


def _restored(delta: _LocalTable, version: int) -> bool:
    """True if the newest version holds exactly the files of `version`: an earlier roll-back did the work."""
    pinned = _LocalTable(delta.folder, version=version)
    return sorted(pinned.file_uris()) == sorted(delta.file_uris())


def _delta_schema(table: Table) -> Schema:
    """Delta's schema of a contract: every column nullable, since contracts are checked before."""
    arrow = table.empty().to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    return Schema.from_arrow(arrow)


def files(lake: Lake, versions: Versions, tables: Sequence[Table] | None = None) -> set[Path]:
    """Every data file that a snapshot names."""
    named: set[Path] = set()
    for table in tables or TABLES.values():
        delta = lake.at(table, versions)
        if delta is not None:
            named.update(map(Path, delta.file_uris()))
    return named


__all__ = [
    "CROWD_EVENTS_LOG", "FACT", "KEY_HASH", "LOG_OF", "NO_DAY", "PERSONS", "POSITIONS_LOG", "REJECTS_LOG",
    "SIGHTINGS_LOG", "SUPERSEDED", "TABLES", "UTC_US", "Lake", "Staged", "Versions", "files",
]  # fmt: skip
