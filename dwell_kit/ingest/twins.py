"""Epochs and their readable twins in one file: how far apart they are, which can stand in for which."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Final

import polars as pl

from dwell_kit.errors import AskError
from dwell_kit.schema.time import US

QUARTER_S: Final = 900
_CONSTANT: Final = 0.95
"""Share of comparable rows that must agree on an offset to call it constant."""


class Twins:
    """How readable times differ from the epochs beside them, as far as a file has shown; for several threads.

    Parameters
    ----------
    confirmed : what the caller said of a constant offset: the readable times are local (True), or UTC (False).
    where : the file, for errors.
    """

    def __init__(self, confirmed: bool | None, *, where: str) -> None:
        self._confirmed = confirmed
        self._where = where
        self._lock = threading.Lock()
        self._offset_s: int | None = None
        self._per_row = False
        self._several = False
        self._differ: dict[str, int] = {}
        self._compared: dict[str, int] = {}

    def offset_us(
        self, headers: Sequence[str], main: pl.Series, twin: pl.Series, zone_h: pl.Series | None
    ) -> pl.Series | int | None:
        """Counts the twins that differ; µs that the readable twin is ahead of UTC, None for nothing to take off.

        Parameters
        ----------
        headers : of the epoch and its twin.
        main, twin : µs UTC (Int64) as read.
        zone_h : the `utc_time_zone` column (hours, as text), if there is one.

        Raises
        ------
        AskError : if they differ by a constant quarter-hour offset, and nobody said what it means.
        """
        apart = twin - main
        count = len(apart) - apart.null_count()
        with self._lock:
            if self._offset_s is None and not self._per_row and count:
                self._settle(headers, apart, count, zone_h)
            shift: pl.Series | int | None = (self._offset_s or 0) * US or None
            if self._per_row and zone_h is not None:
                shift = zone_us(zone_h).fill_null(0)
            left = (apart if shift is None else apart - shift).abs()
            self._differ[headers[0]] = self._differ.get(headers[0], 0) + int((left > US).sum())
            self._compared[headers[0]] = self._compared.get(headers[0], 0) + count
        if shift is not None and self._confirmed is False and not self._per_row:
            return None
        return shift

    def in_several_zones(self, main: pl.Series, twin: pl.Series, offset: pl.Series | int | None) -> bool:
        """Whether readable times are in several zones, so that none can stand in for an epoch that is lost.

        Across a change of the clocks local times have two offsets: either would be a guess for the others.
        """
        if self._confirmed is False:
            return False
        apart = (twin - main if offset is None else twin - main - offset).drop_nulls()
        quarters = (apart / (QUARTER_S * US)).round().cast(pl.Int64)
        far = quarters != 0
        alike = quarters.filter(far & ((apart - quarters * (QUARTER_S * US)).abs() <= US))
        with self._lock:
            if len(apart):
                several = bool(alike.is_duplicated().any()) or int(far.sum()) > (1 - _CONSTANT) * len(apart)
                self._several = self._several or several
                return several
            return self._several

    def notes(self) -> list[str]:
        """What was noticed of the twins of the whole file."""
        found = [
            f"{header}: epoch and readable time differ by more than 1 s in {count:,} of "
            f"{self._compared[header]:,} rows; the epoch was used"
            for header, count in self._differ.items()
            if count
        ]
        if self._offset_s:
            taken = "taken as their own zone"
            if self._confirmed is False:
                taken = "taken as UTC all the same, as was said, and the epochs as they are"
            found.append(f"readable times are {self._offset_s / 3600:+g} h from the epochs; {taken}")
        if self._per_row:
            found.append(
                "readable times are local by utc_time_zone; they were converted where the epoch is missing"
            )
        return found

    def _settle(self, headers: Sequence[str], apart: pl.Series, count: int, zone_h: pl.Series | None) -> None:
        if int((apart.abs() <= US).sum()) > (1 - _CONSTANT) * count:
            self._offset_s = 0
            return
        if zone_h is not None and int(((apart - zone_us(zone_h)).abs() <= US).sum()) >= _CONSTANT * count:
            self._per_row = True
            return
        quarters = (apart / (QUARTER_S * US)).round().cast(pl.Int64)
        near = (apart - quarters * (QUARTER_S * US)).abs() <= US
        usual = quarters.filter(near).mode().sort()
        self._offset_s = 0
        if len(usual) and int((near & (quarters == usual[0])).sum()) >= _CONSTANT * count:
            self._offset_s = int(usual[0]) * QUARTER_S
            self._confirm(headers)

    def _confirm(self, headers: Sequence[str]) -> None:
        if self._confirmed is None:
            hours = (self._offset_s or 0) / 3600
            raise AskError(
                f"readable times differ from the epochs by a constant {hours:+g} h",
                where=f"{self._where}, columns {' and '.join(headers)}",
                expected="the same instant in both columns",
                hint="say utc_offset_confirmed=True if the readable column is local time, False if it is UTC; "
                "the epoch is used where there is one",
            )


def zone_us(zone_h: pl.Series) -> pl.Series:
    """µs ahead of UTC of `utc_time_zone` texts (hours); null where they are no number.

    >>> zone_us(pl.Series(["2", "-3,5", "?"])).to_list()
    [7200000000, -12600000000, None]
    """
    hours = zone_h.str.strip_chars().str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    return (hours * 3600 * US).round().cast(pl.Int64)
