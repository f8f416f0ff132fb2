"""Lengths of time and speeds that a quantity is given as its limits."""

from __future__ import annotations

import math
from datetime import timedelta

from dwell_kit.errors import FilterError
from dwell_kit.schema.time import microseconds

Duration = timedelta | float


def length_us(given: Duration, name: str, *, zero: bool = False) -> int:
    """µs of a length of time that is more than nothing, or, with `zero`, not less.

    Raises
    ------
    FilterError : if it is none.
    """
    try:
        us = microseconds(given)
    except (TypeError, ValueError, OverflowError):
        us = -1
    if us < 0 or (us == 0 and not zero):
        raise FilterError(
            "this is no length of time", name, "0 s or more" if zero else "more than 0 s", repr(given)
        )
    return us


def check_speed(given: float, name: str) -> None:
    """Raises FilterError if it is no speed in m/s."""
    if not (given > 0 and math.isfinite(given)):
        raise FilterError("this is no speed", name, "above 0 m/s", repr(given))
