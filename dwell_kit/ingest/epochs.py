"""Epochs as text: seconds, milli-, micro- and nanoseconds, fractions, and what a spreadsheet made of them."""

from __future__ import annotations

from functools import cache
from typing import Final

import polars as pl

from dwell_kit.schema.time import US

FIRST_US: Final = 946_684_800 * US
"""2000-01-01, the first instant that is taken for a time."""
LAST_US: Final = 4_102_444_800 * US
"""2100-01-01, the first that is not."""

_UNITS: Final = (US, 1_000, 1)
"""Microseconds in one s, ms, µs. Nanoseconds are divided."""

_SCIENTIFIC: Final = r"^\s*\d+(?:[.,]\d+)?[eE]\+?\d+\s*$"


def whole_epochs(values: pl.Series) -> pl.Series:
    """µs UTC of whole numbers in any unit; null for everything else."""
    whole = values.cast(pl.Int64, strict=False)
    low, high = whole.min(), whole.max()
    if not isinstance(low, int) or not isinstance(high, int):
        return whole
    for us in _UNITS:
        if low * us >= FIRST_US and high * us < LAST_US:
            return whole * us
    return pl.select(_scaled(pl.lit(whole)))["us"]


def _scaled(number: pl.Expr) -> pl.Expr:
    """µs of numbers in whatever unit puts them between 2000 and 2100; null if none does."""
    made = pl.lit(None, dtype=pl.Int64)
    for us in _UNITS:
        inside = number.is_between(FIRST_US // us, LAST_US // us, closed="left")
        made = pl.when(inside).then((number * us).round().cast(pl.Int64, strict=False)).otherwise(made)
    inside = number.is_between(FIRST_US * 1_000, LAST_US * 1_000, closed="left")
    return pl.when(inside).then((number // 1_000).cast(pl.Int64, strict=False)).otherwise(made).alias("us")


@cache
def numbers() -> pl.Expr:
    """µs UTC of the numbers in column `text`, fractions and full-precision scientific notation included."""
    text = pl.col("text")
    number = text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    return pl.when(~is_rounded(text)).then(_scaled(number)).alias("us")


def is_rounded(text: pl.Expr) -> pl.Expr:
    """True for an epoch that a spreadsheet rounded: scientific notation with steps of more than a second.

    >>> pl.select(is_rounded(pl.Series(["1.754E+09", "1.754042390E+09", "17"]))).to_series().to_list()
    [True, False, False]
    """
    digits = text.str.extract(r"^\s*(\d+(?:[.,]\d+)?)[eE]", 1)
    decimals = digits.str.extract(r"[.,](\d+)", 1).fill_null("").str.len_bytes().cast(pl.Int64)
    exponent = text.str.extract(r"[eE]\+?(\d+)\s*$", 1).cast(pl.Int64, strict=False)
    step = exponent - decimals
    finest = pl.when(exponent < 11).then(0).when(exponent < 14).then(3).when(exponent < 17).then(6).otherwise(9)
    return text.str.contains(_SCIENTIFIC) & (step > finest)
