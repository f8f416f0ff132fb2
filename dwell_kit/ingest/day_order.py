"""The order of slash dates in one file: seen in its dates, said, or asked for; never a guess."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Final

import polars as pl

from dwell_kit.errors import AskError
from dwell_kit.ingest import formats
from dwell_kit.schema.time import US

_DAY_US: Final = 86_400 * US
_MOST_COMPARED: Final = 1000


class DayOrder:
    """Whether slash dates have the day or the month first, as far as a file has shown; for several threads.

    Parameters
    ----------
    said : the order that the caller gave; None to find it.
    where : the file, for errors.
    """

    def __init__(self, said: bool | None, *, where: str) -> None:
        self._said = said
        self._where = where
        self._lock = threading.Lock()
        self._day_example: str | None = None
        self._month_example: str | None = None
        self._ahead: bool | None = None
        self._by_twin = False
        self._to_be_seen = False

    @property
    def day_first(self) -> bool | None:
        """The order, if it is known."""
        if self._said is not None:
            return self._said
        if self._day_example or self._month_example:
            return self._day_example is not None
        return self._ahead

    def vote(self, day: str | None, month: str | None) -> None:
        """Take a date that can only have its day first, and one that can only have its month first.

        Raises
        ------
        AskError : if the file has both, and nobody said the order.
        """
        with self._lock:
            self._day_example = self._day_example or day
            self._month_example = self._month_example or month
        seen = self._day_example, self._month_example
        if self._said is None and all(seen):
            raise AskError(
                "slash dates are written in both orders",
                where=self._where,
                found=f"{seen[0]!r} and {seen[1]!r}",
                hint="say day_first=True or day_first=False; dates that do not fit are rejected",
            )

    def vote_by_epochs(self, epochs: pl.Series, dates: pl.Series, reading: formats.Reading) -> None:
        """An epoch beside an ambiguous date shows its order when only one of both is within a day of it."""
        epochs, dates = epochs.head(_MOST_COMPARED), dates.head(_MOST_COMPARED)
        near = [
            ((formats.read(dates, replace(reading, day_first=order)).us - epochs).abs() < _DAY_US).fill_null(
                value=False
            )
            for order in (True, False)
        ]
        self._by_twin = True
        shown = [dates.filter(near[i] & ~near[1 - i]).head(1).to_list() for i in (0, 1)]
        self.vote(*(one[0] if one else None for one in shown))

    def foresee(self, glimpse: DayOrder) -> bool:
        """Take what another part of the file shows of the order; whether it shows it."""
        self._ahead = glimpse.day_first
        self._to_be_seen = self._ahead is not None and not glimpse._by_twin
        return self._ahead is not None

    def undecided(self) -> AskError:
        """What to ask when no date shows the order."""
        return AskError(
            "slash dates allow two readings, and no row of the file shows which",
            where=self._where,
            expected="a date such as 31/12/2025 or 12/31/2025 somewhere in the file",
            hint="say day_first=True (day/month/year) or day_first=False (month/day/year)",
        )

    def notes(self) -> list[str]:
        """Which order was read, and why.

        Raises
        ------
        AskError : if the order that was seen ahead is not borne out by the file.
        """
        if not (self._day_example or self._month_example):
            if self._to_be_seen:
                raise self.undecided()
            return []
        order, example = ("day", self._day_example) if self._day_example else ("month", self._month_example)
        return [f"slash dates: read with the {order} first, as {example!r} shows"]
