"""Cells that a spreadsheet would run as formulas: harmless in what is handed out, unchanged when it comes back."""

from __future__ import annotations

import re
from typing import Final

import polars as pl

STARTS: Final = r"[=+\-@\t\r]"
"""How a formula begins (OWASP: CSV injection)."""
_RUN: Final = f"'*{STARTS}"
"""How cells begin that are made harmless; apostrophes count, so that what was added can be taken off."""
_FORMULA: Final = re.compile(_RUN)
_NUMBER: Final = re.compile(r"[+-]\d[\d.,]*(?:[eE][+-]?\d+)?")


def harmless(cell: str) -> str:
    """The cell with an apostrophe before it if a spreadsheet would run it.

    >>> [harmless(cell) for cell in ("=1+1", "'@x", "-1.5", "anna-b")]
    ["'=1+1", "''@x", '-1.5', 'anna-b']
    """
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def as_it_was(cell: str) -> str:
    """The cell without the apostrophe that `harmless` put before it.

    >>> [as_it_was(cell) for cell in ("'=1+1", "''@x", "-1.5", "'tis")]
    ['=1+1', "'@x", '-1.5', "'tis"]
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def as_they_were(name: str) -> pl.Expr:
    """The same for a column."""
    return pl.col(name).str.replace(f"^'({_RUN})", "${1}")
