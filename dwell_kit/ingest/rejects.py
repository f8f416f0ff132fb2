"""Rows that were not accepted: where, why, and their text, so that they can be fixed and read again."""

from __future__ import annotations

import bisect
import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from dwell_kit.ingest.batches import Batch
from dwell_kit.ingest.blocks import Block
from dwell_kit.ingest.formulas import harmless
from dwell_kit.ingest.headers import IGNORED
from dwell_kit.ingest.tables import EXTRA, FAULT, Table, column, csv_lines
from dwell_kit.ingest.timestamps import Clock, TimeColumn
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import REJECTS

_FILLED = pl.any_horizontal((pl.all().str.strip_chars() != "").fill_null(value=False)).alias("filled")


class Rejecting:
    """Splits the rows of a table of sightings into good ones and rejects.

    The first reason that applies is the one given: an unreadable row, too many fields, the start, the end,
    an end before the start. Rows without any value are neither.
    """

    def __init__(self, table: Table, clock: Clock, start: TimeColumn, end: TimeColumn) -> None:
        self._table = table
        self._clock = clock
        self._start = start
        self._end = end
        self._columns = self._cases()

    @staticmethod
    def empty() -> pl.DataFrame:
        """No rejects."""
        return REJECTS.empty()

    def split(self, frame: pl.DataFrame, block: Block | pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Good rows, and the frame of REJECTS.

        Parameters
        ----------
        frame : text columns, row_no (from 1 in this block), started_at and ended_at (µs, null if unreadable).
        block : where the frame comes from.
        """
        started, ended = frame[c.STARTED], frame[c.ENDED]
        bad = started.is_null() | ended.is_null() | (ended < started).fill_null(value=False)
        if frame[FAULT].null_count() < frame.height:
            bad = bad | frame[FAULT].is_not_null()
        if frame[EXTRA].null_count() < frame.height:
            bad = bad | (frame[EXTRA].fill_null("") != "")
        if not bad.any():
            return frame, REJECTS.empty()
        return frame.filter(~bad), self._explain(frame.filter(bad), block, frame.height)

    def _explain(self, bad: pl.DataFrame, block: Block | pl.DataFrame, height: int) -> pl.DataFrame:
        whole = self._whole_rows(bad, block, height)
        filled = whole.select_seq(_FILLED).to_series()
        if not filled.all():
            bad, whole = bad.filter(filled), whole.filter(filled)
        parts = []
        for one, suffix in ((self._start, "s"), (self._end, "e")):
            why = self._clock.why(one, tuple(bad[column(p)] for p in one.positions))
            parts.append(why.rename({name: f"{name}_{suffix}" for name in why.columns}))
        frame = pl.concat([bad.select_seq(c.ROW_NO, c.STARTED, c.ENDED, EXTRA, FAULT), *parts], how="horizontal")
        found = frame.select_seq(self._columns).with_columns_seq(csv_lines(whole))
        return compact(found.select_seq(REJECTS.names))

    def _cases(self) -> list[pl.Expr]:
        """Row number, column, value and reason of the first thing that is wrong."""
        beyond = pl.lit(f"more fields than the {len(self._table.header)} of the header")
        cases = [
            (pl.col(FAULT).is_not_null(), None, None, pl.col(FAULT)),
            (pl.col(EXTRA).fill_null("") != "", None, pl.col(EXTRA), beyond),
            (pl.col(c.STARTED).is_null(), pl.col("column_s"), pl.col("value_s"), pl.col("reason_s")),
            (pl.col(c.ENDED).is_null(), pl.col("column_e"), pl.col("value_e"), pl.col("reason_e")),
            (pl.lit(value=True), pl.col("column_e"), pl.col("value_e"), pl.lit("the end is before the start")),
        ]
        made = {c.COLUMN: 1, c.VALUE: 2, c.REASON: 3}
        return [pl.col(c.ROW_NO), *(_first(cases, at).alias(name) for name, at in made.items())]

    def _whole_rows(self, bad: pl.DataFrame, block: Block | pl.DataFrame, height: int) -> pl.DataFrame:
        """All columns of the bad rows, also those that were not asked for."""
        if all(name in bad.columns for name in self._table.names):
            return bad.select_seq(*self._table.names, EXTRA)
        whole = self._table.rows_at(block, bad[c.ROW_NO] - 1, height)
        return whole.select_seq(*self._table.names, EXTRA)


def _first(cases: list[tuple[pl.Expr, pl.Expr | None, pl.Expr | None, pl.Expr]], at: int) -> pl.Expr:
    nothing = pl.lit(None, dtype=pl.String)
    made: pl.Expr = nothing
    for case in reversed(cases):
        value = case[at]
        made = pl.when(case[0]).then(nothing if value is None else value).otherwise(made)
    return made


def shifted(batch: Batch, by: int) -> Batch:
    """The batch with every row number larger by `by`."""
    if not by:
        return batch
    later = pl.col(c.ROW_NO) + by
    return replace(
        batch,
        rows=batch.rows.with_columns_seq(later),
        rejects=batch.rejects.with_columns_seq(later),
        payload=None if batch.payload is None else batch.payload.with_columns_seq(later),
    )


def compact(frame: pl.DataFrame) -> pl.DataFrame:
    """The same frame with its texts copied, so that it does not keep the block that they come from."""
    made = pl.from_arrow(frame.to_arrow(compat_level=pl.CompatLevel.oldest()), schema=frame.schema)
    return made if isinstance(made, pl.DataFrame) else frame


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file of an archive: its name, the row number after which its own rows begin, and its header."""

    name: str
    after: int
    header: tuple[str, ...]


def write_rejects(
    path: Path | str, header: Sequence[str] | None, rejects: pl.DataFrame, *, parts: Sequence[Part] = ()
) -> int:
    """Write rejected rows as a file that can be fixed and read again; returns the number of rows.

    Parameters
    ----------
    path : the file to write.
    header : of the file that they come from; None for JSON, which is written one record per line.
    rejects : frame of REJECTS. The `reject_…` columns put in front are left out when the file is read; by them it
        is known that cells which a spreadsheet would run have an apostrophe before them, which is taken off.
    parts : of an archive, in order: each row's cells go under the names of its own part's header, and its part
        is named beside it.
    """
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        if header is None:
            for text in rejects[c.RAW].to_list():
                file.write(f"{(text or '').strip()}\n")
            return rejects.height
        writer = csv.writer(file, lineterminator="\n")
        names = _union(parts) if parts else list(header)
        writer.writerow([*(IGNORED if parts else IGNORED[:-1]), *map(harmless, names)])
        starts = [part.after for part in parts]
        columns = rejects.select_seq(c.ROW_NO, c.COLUMN, c.VALUE, c.REASON, c.RAW)
        for row_no, name, value, reason, raw in columns.iter_rows():
            cells = next(csv.reader([*(raw or "").splitlines(keepends=True)]), [])
            said = [row_no, name or "", value or "", reason]
            if parts:
                part = parts[bisect.bisect_left(starts, row_no) - 1]
                said = [row_no - part.after, *said[1:], part.name]
                cells = _under(names, part.header, cells)
            writer.writerow([said[0], *map(harmless, (*said[1:], *cells))])
    return rejects.height


def _union(parts: Sequence[Part]) -> list[str]:
    """Every name that a part has, as often as the part that has it most often."""
    names: list[str] = []
    for part in parts:
        for name in part.header:
            if names.count(name) < part.header.count(name):
                names.append(name)
    return names


def _under(names: list[str], header: Sequence[str], cells: list[str]) -> list[str]:
    """Cells of a part under the names of all parts; cells beyond its header stay beyond."""
    free = list(range(len(names)))
    made = [""] * len(names)
    for name, cell in zip(header, cells, strict=False):
        at = next(i for i in free if names[i] == name)
        free.remove(at)
        made[at] = cell
    return [*made, *cells[len(header) :]]
