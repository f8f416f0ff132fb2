"""Ids as texts: blanks around them cut, the ways of saying "none" made null."""

from __future__ import annotations

from typing import Final

import polars as pl

NO_ID: Final = ("", "null", "none", "nan", "n/a", "<na>")
"""Words that stand where an id would, compared without case."""


def identifier(text: pl.Expr) -> pl.Expr:
    """An id, or null.

    >>> pl.select(identifier(pl.lit(pl.Series([" a ", "NULL", "", None])))).to_series().to_list()
    ['a', None, None, None]
    """
    bare = text.str.strip_chars()
    return pl.when(~bare.str.to_lowercase().is_in(NO_ID)).then(bare)
