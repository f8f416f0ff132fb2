"""Frames out of the house: CSV, Excel, JSON, Parquet; spreadsheet formulas neutralised."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import polars as pl

from dwell_kit.errors import FilterError
from dwell_kit.ingest.formulas import STARTS

SUFFIXES: Final = (".csv", ".json", ".ndjson", ".parquet", ".xlsx")
_FORMULA: Final = f"^{STARTS}"


def neutralise(frame: pl.DataFrame) -> pl.DataFrame:
    """Text cells that a spreadsheet would run get a leading apostrophe (OWASP: CSV injection)."""
    text = [n for n, t in frame.schema.items() if t in (pl.String, pl.Categorical)]
    return frame.with_columns(
        pl.when(pl.col(n).cast(pl.String).str.contains(_FORMULA))
        .then(pl.concat_str(pl.lit("'"), pl.col(n).cast(pl.String)))
        .otherwise(pl.col(n).cast(pl.String))
        .alias(n)
        for n in text
    )


def write(frame: pl.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a frame in the format of the path's ending; the file appears whole or not at all.

    Raises
    ------
    FilterError : for an ending that is not one of `SUFFIXES`.
    """
    target = Path(path)
    if target.suffix.lower() not in SUFFIXES:
        raise FilterError(
            "the format to write is not known",
            expected=", ".join(SUFFIXES),
            found=repr(target.suffix or target.name),
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    staging = target.with_name(f".{target.name}.part{target.suffix}")
    try:
        _write(frame, staging, target.suffix.lower())
        staging.replace(target)
    finally:
        staging.unlink(missing_ok=True)
    return target


def _write(frame: pl.DataFrame, path: Path, suffix: str) -> None:
    if suffix == ".csv":
        neutralise(frame).write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
    elif suffix == ".xlsx":
        # Excel knows no zones: the heading does
        times = pl.selectors.datetime()
        naive = frame.select(pl.all().exclude(pl.Datetime), times.dt.replace_time_zone(None).name.suffix(" (UTC)"))
        order = [f"{name} (UTC)" if dtype == pl.Datetime else name for name, dtype in frame.schema.items()]
        neutralise(naive.select(order)).write_excel(path)
    elif suffix == ".json":
        frame.write_json(path)
    elif suffix == ".ndjson":
        frame.write_ndjson(path)
    else:
        frame.write_parquet(path)
