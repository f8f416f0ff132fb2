"""Figures as people say them."""

from __future__ import annotations

import math
from typing import Any


def duration(seconds: float | None) -> str:
    """Seconds in words.

    >>> duration(1060.4), duration(None), duration(59.96), duration(7300)
    ('17 min 40 s', '–', '60.0 s', '2 h 01 min')
    """
    if seconds is None or math.isnan(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def is_duration(name: str) -> bool:
    """Whether a column holds seconds, by its name; `_m_s` are metres per second.

    >>> is_duration("dwell_mean_s"), is_duration("speed_mean_m_s"), is_duration("visits")
    (True, False, False)
    """
    return name.endswith("_s") and not name.endswith("_m_s")


def words(name: str) -> str:
    """The name of a column in words.

    >>> words("unique_visitors"), words("speed_mean_m_s")
    ('unique visitors', 'speed mean (m/s)')
    """
    return (f"{name.removesuffix('_m_s')} (m/s)" if name.endswith("_m_s") else name).replace("_", " ")


def counted(n: int, one: str, many: str) -> str:
    """A number with the right form of its noun.

    >>> counted(1, "person is", "persons are"), counted(1204, "visit", "visits")
    ('1 person is', '1,204 visits')
    """
    return f"{n:,} {one if n == 1 else many}"


def said(name: str, value: Any) -> str:
    """A key figure as people say it.

    >>> said("dwell_mean_s", 1060.4), said("visits", 2794), said("peak_hour", 9), said("repeat_rate", 0.214)
    ('17 min 40 s', '2,794', '09:00–10:00', '21.4 %')
    """
    if value is None:
        return "–"
    if is_duration(name):
        return duration(value)
    if name == "peak_hour":
        return f"{value:02d}:00–{value + 1:02d}:00"
    if name.endswith(("_rate", "_share")):
        return f"{100 * value:.1f} %"
    return f"{value:,}" if isinstance(value, int) else str(value)
