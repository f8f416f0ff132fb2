"""UTC microseconds, local clocks and half-open buckets."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import FilterError

US: Final = 1_000_000
"""Microseconds in a second."""
MIN_US: Final = -(1 << 62)
MAX_US: Final = 1 << 62
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def zone(name: str) -> ZoneInfo:
    """The IANA time zone called `name`.

    Raises
    ------
    FilterError : if the name is not in the IANA database.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise FilterError(
            f"there is no time zone {name!r}",
            expected="an IANA name such as 'Europe/Berlin' or 'UTC'",
            found=repr(name),
        ) from error


def to_us(moment: datetime) -> int:
    """Microseconds since 1970 UTC of an aware datetime, exactly.

    >>> to_us(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    """The aware UTC datetime of microseconds since 1970.

    >>> from_us(1_000_000).isoformat()
    '1970-01-01T00:00:01+00:00'
    """
    return _EPOCH + timedelta(microseconds=int(us))


def seconds(delta: timedelta | float) -> float:
    """Seconds of a timedelta, or of a plain number of seconds."""
    return delta.total_seconds() if isinstance(delta, timedelta) else float(delta)


def microseconds(delta: timedelta | float) -> int:
    """Whole microseconds of a timedelta, or of a plain number of seconds."""
    return delta // timedelta(microseconds=1) if isinstance(delta, timedelta) else round(delta * US)


_YEARS: Final = 1900, 2200
"""Calendars end at the years 1 and 9999: there is room for a period before, and for every time zone."""


def parse_moment(value: datetime | date | str, tz: str) -> datetime:
    """An aware UTC datetime from a datetime, a date (its local midnight) or ISO text; naive means local in `tz`.

    >>> parse_moment("2025-05-01", "Europe/Berlin").isoformat()
    '2025-04-30T22:00:00+00:00'
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise FilterError(
                "a time cannot be read",
                expected="ISO 8601 such as 2025-05-01 or 2025-05-01T08:30",
                found=repr(value),
            ) from error
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - made aware below
    if not _YEARS[0] <= value.year <= _YEARS[1]:
        raise FilterError(
            "a time is out of range", expected=f"a year from {_YEARS[0]} to {_YEARS[1]}", found=str(value)
        )
    if value.tzinfo is None:
        value = value.replace(tzinfo=zone(tz))
    return value.astimezone(UTC)


BUCKETS: Final = ("15min", "30min", "hour", "day", "week", "month")


def bucket_edges(start_us: int, end_us: int, *, every: str, tz: str) -> NDArray[np.int64]:
    """Edges (µs UTC) of the local, half-open buckets that cover [start_us, end_us]; at least one bucket.

    Sub-day buckets are elapsed time from local midnight, so a day of 23 or 25 hours has as many hour
    buckets. Weeks are ISO (Monday).

    Parameters
    ----------
    every : one of `BUCKETS`, or `"<n>min"` or `"<n>s"` with n dividing a day.
    """
    local = zone(tz)
    first = from_us(start_us).astimezone(local).date()
    last = from_us(max(start_us, end_us)).astimezone(local).date()
    if every == "week":
        first -= timedelta(days=first.weekday())
    elif every == "month":
        first = first.replace(day=1)
    days = [first]
    while days[-1] <= last:
        days.append(_next(days[-1], every))
    midnights = [to_us(datetime(d.year, d.month, d.day, tzinfo=local)) for d in days]
    if every in {"day", "week", "month"}:
        return np.array(midnights, dtype=np.int64)
    step = _seconds(every) * US
    parts = [np.arange(a, b, step, dtype=np.int64) for a, b in pairwise(midnights)]
    edges = np.concatenate([*parts, np.array(midnights[-1:], dtype=np.int64)])
    lo = max(int(np.searchsorted(edges, start_us, side="right")) - 1, 0)
    hi = int(np.searchsorted(edges, end_us, side="right"))
    return edges[lo : max(hi, lo + 1) + 1]


def _next(day: date, every: str) -> date:
    if every == "week":
        return day + timedelta(days=7)
    if every == "month":
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day + timedelta(days=1)


def _seconds(every: str) -> int:
    """Of a bucket shorter than a day."""
    text = "60min" if every in {"hour", "1h"} else every
    unit = 60 if text.endswith("min") else 1
    number = text.removesuffix("min" if unit == 60 else "s")
    if number == text or not number.isdigit() or int(number) == 0 or 86_400 % (int(number) * unit):
        raise FilterError(
            f"there is no bucket {every!r}",
            expected=", ".join(BUCKETS) + ", '<n>min' or '<n>s' with n dividing a day",
            found=repr(every),
        )
    return int(number) * unit


def local_clock(us: NDArray[np.int64], tz: str) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Local (days since 1970, hour 0–23, ISO weekday 1–7) of instants, DST-correct, vectorised.

    Offsets are looked up once per quarter of an hour that occurs: zones change on quarter hours.
    """
    quarter = us // (900 * US)
    unique, inverse = np.unique(quarter, return_inverse=True)
    local = zone(tz)
    offset = np.array([_offset_us(int(q) * 900 * US, local) for q in unique], dtype=np.int64)
    wall = us + (offset[inverse] if len(offset) else 0)
    days = wall // (86_400 * US)
    hours = (wall - days * 86_400 * US) // (3_600 * US)
    return days, hours, (days + 3) % 7 + 1


def _offset_us(us: int, local: ZoneInfo) -> int:
    shift = from_us(us).astimezone(local).utcoffset()
    return microseconds(shift or timedelta())


def union(intervals: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """Sorted, disjoint (k, 2) intervals covering the same instants as the half-open ones given.

    >>> union([(5, 9), (0, 3), (2, 4), (7, 7)]).tolist()
    [[0, 4], [5, 9]]
    """
    merged: list[list[int]] = []
    for start, end in sorted((a, b) for a, b in intervals if b > a):
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return np.array(merged, dtype=np.int64).reshape(-1, 2)
