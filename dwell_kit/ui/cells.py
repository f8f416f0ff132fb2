"""Rows as people read them: titles, local times, durations in words."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import polars as pl

from dwell_kit.schema.text import duration
from dwell_kit.schema.time import zone

MOST: Final = 500
"""Rows of a table under a chart; more are on the page of tables."""
_NEVER: Final = frozenset({"grain", "basis"})


def title(name: str, tz: str, dtype: Any) -> str:
    """The heading of a column.

    >>> title("started_at", "Europe/Berlin", pl.Datetime("us", "UTC")), title("dwell_s", "UTC", pl.Float64)
    ('started at (Europe/Berlin)', 'dwell')
    """
    words = (name[:-2] if name.endswith("_s") and dtype.is_numeric() else name).replace("_", " ")
    return f"{words} ({tz})" if isinstance(dtype, pl.Datetime) else words


def cell(name: str, value: Any, tz: str) -> str:
    """A value as text.

    >>> [cell(name, value, "UTC") for name, value in (("dwell_s", 1060.4), ("visits", 2794), ("share", 0.5))]
    ['17 min 40 s', '2,794', '50.0 %']
    """
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(zone(tz)).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        if name.endswith("_s"):
            return duration(value)
        return (
            f"{100 * value:.1f} %"
            if name.startswith("share") or name.endswith(("_share", "_rate"))
            else f"{value:,.2f}"
        )
    return f"{value:,}" if isinstance(value, int) else str(value)


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
