"""Why a text is no time, in words for people."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import polars as pl

from dwell_kit.ingest.epochs import is_rounded
from dwell_kit.ingest.formats import Reading, read


@cache
def explain(name: str, reading: Reading) -> pl.Expr:
    """Why the text in column `name` is no time, in words."""
    value = pl.col(name)
    text = value.str.strip_chars()
    return (
        pl.when(value.is_null() | (text == ""))
        .then(pl.lit("no time"))
        .when(is_rounded(text))
        .then(
            pl.lit("a spreadsheet rounded this epoch: the time is lost; export the readable column, or text cells")
        )
        .when(text.str.contains(r"^[+-]?\d+(?:[.,]\d+)?$|^0\d{3}-|^[13-9]\d{3}-"))
        .then(pl.lit("not between the years 2000 and 2100"))
        .otherwise(
            pl.coalesce(
                value.map_batches(lambda values: _turned(values, reading), return_dtype=pl.String),
                pl.lit("not a time that can be read"),
            )
        )
    )


def _turned(values: pl.Series, reading: Reading) -> pl.Series:
    """The reason of local times that do not exist once, and of dates in the other order; null for others."""
    reasons = pl.Series([None], dtype=pl.String).new_from_index(0, len(values))
    cases = []
    if reading.tz != "UTC":
        twice = f"this local time happens twice in {reading.tz}, where the clock is turned back: "
        twice += "say ambiguous='earliest' or 'latest' (--ambiguous earliest), or export UTC"
        never = f"this local time does not exist in {reading.tz}, where the clock is put forward"
        cases = [(replace(reading, ambiguous="earliest"), twice), (replace(reading, tz="UTC"), never)]
    if reading.day_first is not None:
        order = f"not a date with the {'day' if reading.day_first else 'month'} first"
        cases.append((replace(reading, tz="UTC", day_first=not reading.day_first), order))
    for other, reason in cases:
        fits = read(values, other).us.is_not_null() & reasons.is_null()
        if fits.any():
            reasons = reasons.zip_with(~fits, pl.Series([reason]))
    return reasons
