"""Rows as people read them, for the cards of pages."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from dwell_kit.schema.cells import cell, title

MOST: Final = 500
"""Rows of a table under a chart; more are on the page of tables."""
_NEVER: Final = frozenset({"grain", "basis"})


def table(frame: pl.DataFrame, tz: str, *, most: int = MOST) -> dict[str, Any]:
    """A frame as the component of a card shows it: columns, rows of text, and what was left out."""
    shown = frame.drop(_NEVER & set(frame.columns)).head(most)
    return {
        "columns": [
            {"name": name, "title": title(name, tz, dtype), "number": dtype.is_numeric()}
            for name, dtype in shown.schema.items()
        ],
        "rows": [[cell(name, value, tz) for name, value in row.items()] for row in shown.iter_rows(named=True)],
        "note": f"the first {most:,} of {frame.height:,} rows" if frame.height > most else "",
    }
