"""Figures as people say them."""

from __future__ import annotations

import math


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
