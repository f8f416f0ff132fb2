"""Opening hours and local clock ranges as exact intervals of UTC, across clock changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import FilterError
from dwell_kit.schema.time import US, from_us, microseconds, to_us, union, zone

_DAY_US = 86_400 * US
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NONE: NDArray[np.int64] = np.empty((0, 2), dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class OpeningHours:
    """When a site is open, by the local clock.

    Parameters
    ----------
    weekly : ISO weekday 1–7 → (("09:00", "18:00"), …); a `to` not after its `from` is on the next day; a weekday
        that is not named is closed. closed : local dates without opening.
    """

    weekly: Mapping[int, tuple[tuple[str, str], ...]]
    closed: frozenset[date] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        for weekday, ranges in self.weekly.items():
            if weekday not in range(1, 8):
                raise FilterError(
                    "there is no such weekday", expected="1 (Monday) to 7 (Sunday)", found=repr(weekday)
                )
            for opens, closes in ranges:
                _minutes(opens)
                _minutes(closes)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` reads it back."""
        weekly = {str(day): [list(part) for part in parts] for day, parts in self.weekly.items()}
        return {"weekly": weekly, "closed": sorted(day.isoformat() for day in self.closed)}

    def text(self) -> str:
        """For people.

        >>> day = (("09:00", "18:00"),)
        >>> OpeningHours(weekly={1: day, 2: day, 3: day, 6: (("10:00", "14:00"),)}).text()
        'Mon-Wed 09:00-18:00, Sat 10:00-14:00'
        """
        runs: list[list[int]] = []
        for day in sorted(day for day, parts in self.weekly.items() if parts):
            if runs and runs[-1][-1] == day - 1 and self.weekly[day] == self.weekly[runs[-1][0]]:
                runs[-1].append(day)
            else:
                runs.append([day])
        said = []
        for run in runs:
            days = "-".join(_WEEKDAYS[day - 1] for day in dict.fromkeys((run[0], run[-1])))
            said.append(f"{days} {' '.join(f'{a}-{b}' for a, b in self.weekly[run[0]])}")
        shut = ", ".join(sorted(day.isoformat() for day in self.closed))
        return (", ".join(said) or "never") + (f"; closed {shut}" if shut else "")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> OpeningHours:
        """The opening hours that `as_dict` wrote.

        >>> hours = OpeningHours(weekly={1: (("09:00", "18:00"),)}, closed=frozenset({date(2025, 12, 25)}))
        >>> OpeningHours.from_dict(hours.as_dict()) == hours
        True
        """
        weekly = {int(day): tuple((a, b) for a, b in parts) for day, parts in values["weekly"].items()}
        return cls(weekly=weekly, closed=frozenset(date.fromisoformat(day) for day in values["closed"]))

    def intervals(self, start_us: int, end_us: int, tz: str) -> NDArray[np.int64]:
        """(k, 2) disjoint UTC µs intervals of opening within [start_us, end_us)."""

        def walls(day: date) -> Iterable[tuple[int, int]]:
            for opens, closes in () if day in self.closed else self.weekly.get(day.isoweekday(), ()):
                a, b = _minutes(opens) * 60 * US, _minutes(closes) * 60 * US
                yield a, b if b > a else b + _DAY_US

        return _wall_intervals(start_us, end_us, tz, walls)


def clock_intervals(
    start_us: int, end_us: int, *, tz: str, weekdays: tuple[int, ...] = (), hours: tuple[int, int] | None = None
) -> NDArray[np.int64]:
    """(k, 2) disjoint UTC µs intervals in [start_us, end_us) in which the local clock reads such a weekday and
    hour.

    Hours (22, 6) go on past midnight: they are from 22 to 24 and from 0 to 6. An hour that a clock change repeats
    is in twice, one that it skips not at all.
    """
    a, b = hours or (0, 24)
    parts = ((a, b),) if a < b else ((0, b), (a, 24))

    def walls(day: date) -> Iterable[tuple[int, int]]:
        if not weekdays or day.isoweekday() in weekdays:
            for first, after in parts:
                yield first * 3600 * US, after * 3600 * US

    return _wall_intervals(start_us, end_us, tz, walls)


def _wall_intervals(
    start_us: int, end_us: int, tz: str, walls: Callable[[date], Iterable[tuple[int, int]]]
) -> NDArray[np.int64]:
    """UTC intervals of wall-clock ranges: `walls(day)` gives them in µs after the day's nominal midnight."""
    if end_us <= start_us:
        return _NONE
    found: list[tuple[int, int]] = []
    for since, until, offset in offsets(start_us, end_us, tz):
        day = from_us(since + offset).date() - timedelta(days=1)
        last = from_us(until + offset).date()
        while day <= last:
            midnight = to_us(datetime(day.year, day.month, day.day, tzinfo=UTC)) - offset
            for a, b in walls(day):
                found.append((max(midnight + a, since), min(midnight + b, until)))
            day += timedelta(days=1)
    return union(found)


def offsets(start_us: int, end_us: int, tz: str) -> list[tuple[int, int, int]]:
    """(since, until, UTC offset), all µs: the parts of [start_us, end_us) between clock changes."""
    local = zone(tz)

    def offset(us: int) -> int:
        return microseconds(from_us(us).astimezone(local).utcoffset() or timedelta())

    parts: list[tuple[int, int, int]] = []
    since, at = start_us, start_us
    while at < end_us:
        after = min(at + _DAY_US, end_us)
        if offset(after) != offset(at):
            after = _change(at, after, offset)
            parts.append((since, after, offset(at)))
            since = after
        at = after
    return [*parts, (since, end_us, offset(since))] if since < end_us else parts


def _change(before: int, after: int, offset: Callable[[int], int]) -> int:
    """The first whole second in (before, after] with another offset than `before`."""
    low, high = before // US, -(-after // US)
    then = offset(before)
    while high - low > 1:
        middle = (low + high) // 2
        if offset(middle * US) == then:
            low = middle
        else:
            high = middle
    return min(high * US, after)


def _minutes(text: str) -> int:
    hour, _, minute = text.partition(":")
    if not (hour.isdigit() and minute.isdigit() and len(minute) == 2):
        raise FilterError("a clock time cannot be read", expected="HH:MM, 00:00 to 24:00", found=repr(text))
    total = int(hour) * 60 + int(minute)
    if total > 1440 or int(minute) > 59:
        raise FilterError("a clock time cannot be read", expected="HH:MM, 00:00 to 24:00", found=repr(text))
    return total


def intersect(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sorted, disjoint (k, 2) intervals that are in both of two such lists.

    >>> intersect(np.array([[0, 5], [8, 12]]), np.array([[3, 10]])).tolist()
    [[3, 5], [8, 10]]
    """
    found: list[tuple[int, int]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        low, high = max(a[i, 0], b[j, 0]), min(a[i, 1], b[j, 1])
        if low < high:
            found.append((int(low), int(high)))
        if a[i, 1] < b[j, 1]:
            i += 1
        else:
            j += 1
    return np.array(found, dtype=np.int64).reshape(-1, 2)
