"""The border: pandas, Polars and Arrow frames in, the same kind out. Inside there is Polars only."""

from __future__ import annotations

from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from dwell_kit.errors import ContractError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.tables import UTC_US

_KINDS = "a pandas, Polars or Arrow frame, or coded sightings"


def to_polars(frame: Any) -> pl.DataFrame:
    """`frame` as a Polars frame whose datetimes are µs UTC.

    Raises
    ------
    ContractError : for something that is not a frame, and for a datetime without a time zone.
    """
    if isinstance(frame, pl.LazyFrame):
        frame = frame.collect()
    try:
        made: pl.DataFrame = nw.from_native(frame, eager_only=True).to_polars()
    except TypeError as error:
        raise ContractError("this is not a frame", expected=_KINDS, found=type(frame).__name__) from error
    return made.with_columns(_utc(made[name]) for name in made.columns if made.schema[name] == pl.Datetime)


def _utc(column: pl.Series) -> pl.Series:
    if getattr(column.dtype, "time_zone", None) is None:
        raise ContractError(
            "a time has no time zone",
            where=f"column {column.name!r}",
            expected="datetimes with a time zone",
            found=str(column.dtype),
            hint="say what the clock was: pandas .dt.tz_localize(...), Polars .dt.replace_time_zone(...)",
        )
    return column.dt.convert_time_zone("UTC").cast(UTC_US)


def like(result: pl.DataFrame, original: Any) -> Any:
    """`result` as the kind of frame that `original` is; Polars for coded sightings."""
    if isinstance(original, Coded | pl.DataFrame | pl.LazyFrame):
        return result
    kind = nw.from_native(original, eager_only=True).implementation
    if kind.is_pandas():
        return result.to_pandas()
    return result.to_arrow() if kind.is_pyarrow() else result


def needs(frame: pl.DataFrame, names: tuple[str, ...]) -> None:
    """Check that `frame` has the columns.

    Raises
    ------
    ContractError : naming the missing ones and the columns there are.
    """
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise ContractError(
            "a frame lacks columns",
            where=", ".join(missing),
            expected=", ".join(names),
            found=", ".join(frame.columns) or "no columns",
            hint=f"times are {c.STARTED} and {c.ENDED}; rename your columns to these",
        )
