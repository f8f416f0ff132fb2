"""Cells and headings of tables as people read them: titles, local times, durations in words."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl

from dwell_kit.schema.text import duration, is_duration, words
from dwell_kit.schema.time import zone


def title(name: str, tz: str, dtype: Any) -> str:
    """The heading of a column.

    >>> title("started_at", "Europe/Berlin", pl.Datetime("us", "UTC")), title("dwell_s", "UTC", pl.Float64)
    ('started at (Europe/Berlin)', 'dwell')
    >>> title("speed_mean_m_s", "UTC", pl.Float64)
    'speed mean (m/s)'
    """
    said = words(name.removesuffix("_s") if is_duration(name) and dtype.is_numeric() else name)
    return f"{said} ({tz})" if isinstance(dtype, pl.Datetime) else said


def cell(name: str, value: Any, tz: str) -> str:
    """A value as text.

    >>> [cell(name, value, "UTC") for name, value in (("dwell_s", 1060.4), ("visits", 2794), ("share", 0.5))]
    ['17 min 40 s', '2,794', '50.0 %']
    >>> cell("speed_mean_m_s", 1.3, "UTC")
    '1.30'
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
        if is_duration(name):
            return duration(value)
        return (
            f"{100 * value:.1f} %"
            if name.startswith("share") or name.endswith(("_share", "_rate"))
            else f"{value:,.2f}"
        )
    return f"{value:,}" if isinstance(value, int) else str(value)
