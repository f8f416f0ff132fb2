"""One contract per table, and `validate`, which reports every violation with row and column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from dwell_kit.errors import ContractError
from dwell_kit.schema import columns as c

UTC_US: Final = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class Field:
    """One column of a contract."""

    name: str
    dtype: pl.DataType | type[pl.DataType]
    nullable: bool = False
    unit: str | None = None


@dataclass(frozen=True)
class Table:
    """A contract: the columns in order, and the rules between them (`rule` is true for a good row)."""

    name: str
    fields: tuple[Field, ...]
    rules: tuple[tuple[str, str, pl.Expr], ...] = ()
    """(column blamed, what is expected, expression that is true for a good row)."""

    @property
    def names(self) -> list[str]:
        return [field.name for field in self.fields]

    @property
    def schema(self) -> dict[str, pl.DataType | type[pl.DataType]]:
        return {field.name: field.dtype for field in self.fields}

    def empty(self) -> pl.DataFrame:
        """A frame of this contract without rows."""
        return pl.DataFrame(schema=self.schema)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame with exactly the contract's columns, in order and typed; absent nullable ones become null."""
        made = [
            (pl.col(f.name) if f.name in frame.columns else pl.lit(None)).cast(f.dtype).alias(f.name)
            for f in self.fields
        ]
        return frame.select(made)


def _text(name: str, *, nullable: bool = True) -> Field:
    return Field(name, pl.String, nullable)


_NOT_BEFORE_START = (
    c.ENDED,
    "ended_at not before started_at",
    pl.col(c.ENDED) >= pl.col(c.STARTED),
)

SIGHTINGS: Final = Table(
    "sightings",
    (
        _text(c.KEY, nullable=False),
        _text(c.PERSON),
        _text(c.CAMERA),
        _text(c.ZONE),
        Field(c.STARTED, UTC_US),
        Field(c.ENDED, UTC_US),
        Field(c.OPEN_START, pl.Boolean),
        Field(c.OPEN_END, pl.Boolean),
        _text(c.AGE_GROUP),
        _text(c.GENDER),
        _text(c.CATEGORY),
        _text(c.MASK),
        _text(c.LIVENESS),
        _text(c.MATCH),
        _text(c.WATCHLIST_TYPE),
        _text(c.WATCHLIST),
        Field(c.MESSAGE_TIME, UTC_US, nullable=True),
        Field(c.ROW_NO, pl.Int64),
    ),
    (_NOT_BEFORE_START,),
)
"""What a reader hands over for one person seen by one camera during [started_at, ended_at)."""

CROWD_EVENTS: Final = Table(
    "crowd_events",
    (
        _text(c.KEY, nullable=False),
        _text(c.EVENT_TYPE, nullable=False),
        _text(c.PERSON),
        _text(c.CAMERA),
        Field(c.STARTED, UTC_US),
        Field(c.RECORDED, UTC_US),
        Field(c.LOITERING_S, pl.Float64, nullable=True, unit="s"),
        Field(c.SAVED, UTC_US, nullable=True),
        _text(c.AGE_GROUP),
        _text(c.GENDER),
        Field(c.MESSAGE_TIME, UTC_US, nullable=True),
        Field(c.ROW_NO, pl.Int64),
    ),
    ((c.RECORDED, "recorded_at not before started_at", pl.col(c.RECORDED) >= pl.col(c.STARTED)),),
)
"""A crowd or loitering event; it spans [recorded_at - loitering_duration, recorded_at]."""

POSITIONS: Final = Table(
    "positions",
    (
        _text(c.PERSON),
        _text(c.CAMERA),
        Field(c.TIME, UTC_US),
        Field(c.FRAME, pl.Int64, nullable=True),
        Field(c.X_M, pl.Float64, nullable=True, unit="m"),
        Field(c.Y_M, pl.Float64, nullable=True, unit="m"),
        Field(c.BOX_X, pl.Float64, nullable=True, unit="px"),
        Field(c.BOX_Y, pl.Float64, nullable=True, unit="px"),
        Field(c.BOX_W, pl.Float64, nullable=True, unit="px"),
        Field(c.BOX_H, pl.Float64, nullable=True, unit="px"),
        Field(c.CONFIDENCE, pl.Float64, nullable=True),
        Field(c.ROW_NO, pl.Int64),
    ),
)
"""Where a person was at an instant, on the floor (metres), in the image (pixels), or both."""

REJECTS: Final = Table(
    "rejects",
    (
        Field(c.ROW_NO, pl.Int64),
        _text(c.COLUMN),
        _text(c.VALUE),
        _text(c.REASON, nullable=False),
        _text(c.RAW),
    ),
)
"""A row that was not accepted, where, why, and its text."""

CONTRACTS: Final = {table.name: table for table in (SIGHTINGS, CROWD_EVENTS, POSITIONS, REJECTS)}


def violations(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Every broken promise of `frame`: columns `row` (0-based), `column`, `expected`, `found`."""
    found: list[pl.DataFrame] = []

    def report(row: pl.Series, column: str, expected: str, values: pl.Series) -> None:
        found.append(
            pl.DataFrame({"row": row.cast(pl.Int64), "column": [column] * len(row)}).with_columns(
                expected=pl.lit(expected), found=values.cast(pl.String, strict=False)
            )
        )

    numbered = frame.with_row_index("__row")
    for field in table.fields:
        if field.name not in frame.columns:
            missing = pl.Series([None], dtype=pl.Int64)
            report(missing, field.name, f"a column of {field.dtype}", pl.Series(["no such column"]))
        elif frame.schema[field.name] != field.dtype:
            missing = pl.Series([None], dtype=pl.Int64)
            report(missing, field.name, str(field.dtype), pl.Series([str(frame.schema[field.name])]))
        elif not field.nullable and frame[field.name].null_count():
            bad = numbered.filter(pl.col(field.name).is_null())
            report(bad["__row"], field.name, "a value", bad[field.name])
    if not found:
        for column, expected, rule in table.rules:
            bad = numbered.filter(~rule)
            if bad.height:
                report(bad["__row"], column, expected, bad[column])
    schema = {"row": pl.Int64, "column": pl.String, "expected": pl.String, "found": pl.String}
    return pl.concat(found) if found else pl.DataFrame(schema=schema)


def validate(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """`frame`, if it keeps the contract.

    Raises
    ------
    ContractError : naming the first violation and the number of the others.
    """
    bad = violations(frame, table)
    if bad.is_empty():
        return frame
    row, column, expected, value = bad.row(0)
    more = f" (and {bad.height - 1} more)" if bad.height > 1 else ""
    raise ContractError(
        f"a frame breaks the contract of table {table.name!r}{more}",
        where=f"column {column!r}" + ("" if row is None else f", row {row}"),
        expected=expected,
        found=value,
    )
