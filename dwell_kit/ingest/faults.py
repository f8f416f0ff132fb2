"""What is wrong with a row: the first fault that applies becomes its reject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from dwell_kit.ingest.rejects import compact
from dwell_kit.ingest.tables import EXTRA, FAULT, Table, csv_lines
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import REJECTS


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way in which a row can be bad.

    Parameters
    ----------
    bad : true (not null) for such a row.
    column, value, reason : what its reject says.
    """

    bad: pl.Expr
    reason: pl.Expr
    column: pl.Expr | None = None
    value: pl.Expr | None = None


def of_form(table: Table) -> tuple[Fault, Fault]:
    """Rows that cannot be read at all, and rows with more fields than the header."""
    width = len(table.header)
    beyond = pl.lit(f"more fields than the {width} of the header")
    return (
        Fault(bad=pl.col(FAULT).is_not_null(), reason=pl.col(FAULT)),
        Fault(bad=filled(EXTRA), value=pl.col(EXTRA), reason=beyond),
    )


def filled(name: str) -> pl.Expr:
    """True where a text column has more than blanks."""
    return (pl.col(name).str.strip_chars() != "").fill_null(value=False)


def split(frame: pl.DataFrame, faults: Sequence[Fault], table: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Good rows, and the bad ones that are not blank.

    Parameters
    ----------
    frame : the text columns of `table` and whatever the faults look at.
    """
    bad = pl.any_horizontal(fault.bad for fault in faults)
    blank = ~pl.any_horizontal(filled(name) for name in [*table.names, EXTRA])
    return frame.filter(~bad), frame.filter(bad & ~blank)


def rejects(bad: pl.DataFrame, faults: Sequence[Fault], table: Table) -> pl.DataFrame:
    """The frame of REJECTS of bad rows, which have row_no."""
    if bad.is_empty():
        return REJECTS.empty()

    def said(part: str) -> pl.Expr:
        nothing = made = pl.lit(None, dtype=pl.String)
        for fault in reversed(faults):
            value = getattr(fault, part)
            made = pl.when(fault.bad).then(nothing if value is None else value).otherwise(made)
        return made.alias(part)

    found = bad.select(c.ROW_NO, *(said(part) for part in (c.COLUMN, c.VALUE, c.REASON)))
    beyond = pl.when(filled(EXTRA)).then("," + pl.col(EXTRA)).otherwise(pl.lit(""))
    raw = csv_lines(bad.select(table.names)) + bad.select(beyond).to_series()
    return compact(found.with_columns(raw.alias(c.RAW)).select(REJECTS.names))
