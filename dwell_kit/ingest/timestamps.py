"""The times of one file: epochs and their readable twins, day or month first, offsets; never a guess."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from dwell_kit.errors import AskError
from dwell_kit.ingest import formats
from dwell_kit.ingest.batches import ReadOptions
from dwell_kit.ingest.headers import READABLE, HeaderMatch
from dwell_kit.ingest.reasons import explain
from dwell_kit.schema.time import US, zone

QUARTER_S: Final = 900
_CONSTANT: Final = 0.95
"""Share of comparable rows that must agree on an offset to call it constant."""
_ELSEWHERE: Final = "Etc/GMT-1"
"""A zone that shows which times are naive: they are other instants in it."""
_REFUSED: Final = (
    "the epoch is lost, and no single offset explains the readable times of this file: "
    "write this one with its zone, such as 2025-03-30T03:10:00+02:00, or export epochs as text cells"
)


@dataclass(frozen=True, kw_only=True)
class TimeColumn:
    """Where a time stands in a file.

    Parameters
    ----------
    name : wanted name, e.g. "started_at".
    main, twin : positions of the epoch column and of its readable twin.
    headers : their names in the file.
    utc : whether naive times in them are UTC.
    """

    name: str
    main: int
    twin: int | None = None
    headers: tuple[str, ...] = ()
    utc: tuple[bool, ...] = (False,)

    @classmethod
    def find(cls, match: HeaderMatch, name: str) -> TimeColumn | None:
        """The time column of a wanted name; a readable column alone is the main one; None if there is neither."""
        names = [n for n in (name, name + READABLE) if n in match.mapping]
        if not names:
            return None
        return cls(
            name=name,
            main=match.mapping[names[0]],
            twin=match.mapping[names[1]] if len(names) > 1 else None,
            headers=tuple(match.header[match.mapping[n]].strip() for n in names),
            utc=tuple(match.is_utc(n) for n in names),
        )

    @property
    def positions(self) -> tuple[int, ...]:
        return (self.main,) if self.twin is None else (self.main, self.twin)


Texts = tuple[pl.Series, ...]
"""The texts of a time column: main, or main and twin."""


class Clock:
    """What one file has shown of its times so far; may be used by several threads.

    Parameters
    ----------
    options : time zone, order of slash dates, custom format, confirmations.
    where : the file, for errors.
    look_ahead : gives time texts of the whole file again, called at most once and only when slash dates
        allow two readings; without it they are asked for.
    """

    def __init__(
        self,
        options: ReadOptions,
        *,
        where: str,
        look_ahead: Callable[[], Iterable[tuple[TimeColumn, Texts]]] | None = None,
    ) -> None:
        zone(options.tz)
        self._options = options
        self._where = where
        self._look_ahead = look_ahead
        self._lock = threading.RLock()
        self._day_example: str | None = None
        self._month_example: str | None = None
        self._ahead: bool | None = None
        self._by_twin = False
        self._to_be_seen = False
        self._offset_s: int | None = None
        self._per_row = False
        self._several = False
        self._zoned = 0
        self._differ: dict[str, int] = {}
        self._compared: dict[str, int] = {}

    @property
    def day_first(self) -> bool | None:
        """The order of slash dates, if it is known."""
        if self._options.day_first is not None:
            return self._options.day_first
        if self._day_example or self._month_example:
            return self._day_example is not None
        return self._ahead

    def read(self, column: TimeColumn, texts: Texts, zone_h: pl.Series | None = None) -> pl.Series:
        """µs UTC (Int64), null where no time can be had (see `why`).

        A full-precision epoch wins, else the main text, else its readable twin.

        Parameters
        ----------
        zone_h : the `utc_time_zone` column (hours, as text), if there is one.

        Raises
        ------
        AskError : if slash dates allow two readings, or twins differ by a constant quarter-hour offset.
        """
        main, twin, open_rows = self._both(column, texts, self.day_first)
        if open_rows:
            self._decide()
            main, twin, _ = self._both(column, texts, self.day_first)
        if zone_h is not None and not column.utc[0]:
            main = self._by_zone(column, texts[0], main, zone_h)
        if twin is None:
            return main
        offset = self._compare(column, main, twin, zone_h)
        if main.null_count() == 0:
            return main
        if self._unexplained(main, twin, offset):
            naive = self._read_naive(texts[1])[1]
            twin = twin.zip_with(~naive, pl.Series([None], dtype=pl.Int64))
        if offset is not None:
            twin = twin - offset
        return pl.select(pl.coalesce(pl.lit(main), pl.lit(twin))).to_series()

    def single(self, values: pl.Series, *, header: str, utc: bool | None = None) -> pl.Series:
        """µs UTC of one column of texts without a twin.

        Parameters
        ----------
        utc : naive times are UTC; by default when the header begins with "utc".
        """
        is_utc = header.strip().lower().startswith("utc") if utc is None else utc
        return self.read(TimeColumn(name=header, main=0, headers=(header,), utc=(is_utc,)), (values,))

    def why(self, column: TimeColumn, texts: Texts) -> pl.DataFrame:
        """Columns `column`, `value`, `reason` of rows whose time `read` could not tell."""
        frame = pl.DataFrame({f"v{i}": values for i, values in enumerate(texts)})
        main = pl.col("v0")
        empty = main.is_null() | (main.str.strip_chars() == "")
        reading = self._reading(utc=column.utc[0])
        header, value = pl.lit(column.headers[0]), main
        refused = pl.lit(value=False)
        if column.twin is not None:
            told = formats.read(texts[1], self._reading(utc=column.utc[1])).us.is_not_null()
            frame = frame.with_columns(told.alias("told"))
            refused = pl.col("told")  # it can be read, and was not taken: `_unexplained`
            header = pl.when(empty | refused).then(pl.lit(column.headers[1])).otherwise(header)
            value = pl.when(empty | refused).then(pl.col("v1")).otherwise(value)
        found = frame.select_seq(column=header, value=value, refused=refused)
        why = pl.when(pl.col("refused")).then(pl.lit(_REFUSED)).otherwise(explain("value", reading))
        return found.with_columns_seq(reason=why).drop("refused")

    def notes(self) -> list[str]:
        """What was noticed of the times of the whole file.

        Raises
        ------
        AskError : if the order of slash dates that was seen ahead is not borne out by the file.
        """
        if self._to_be_seen and not (self._day_example or self._month_example):
            raise self._undecided()
        found = []
        if self._day_example or self._month_example:
            order, example = ("day", self._day_example) if self._day_example else ("month", self._month_example)
            found.append(f"slash dates: read with the {order} first, as {example!r} shows")
        for header, count in self._differ.items():
            if count:
                found.append(
                    f"{header}: epoch and readable time differ by more than 1 s in {count:,} of "
                    f"{self._compared[header]:,} rows; the epoch was used"
                )
        if self._offset_s:
            found.append(f"readable times are {self._offset_s / 3600:+g} h from the epochs; {self._taken()}")
        if self._zoned:
            found.append(f"{self._zoned:,} times without a zone were taken as local by utc_time_zone, as was said")
        if self._per_row:
            found.append(
                "readable times are local by utc_time_zone; they were converted where the epoch is missing"
            )
        return found

    def _reading(self, *, utc: bool, day_first: bool | None = None) -> formats.Reading:
        said = self._options
        return formats.Reading(
            tz="UTC" if utc else said.tz,
            ambiguous=said.ambiguous,
            time_format=said.time_format,
            day_first=self.day_first if day_first is None else day_first,
        )

    def _both(
        self, column: TimeColumn, texts: Texts, day_first: bool | None
    ) -> tuple[pl.Series, pl.Series | None, bool]:
        """Main and twin read, and whether a row is left that needs the order of slash dates."""
        if len(set(column.utc)) == 1:
            reading = replace(self._reading(utc=column.utc[0]), day_first=day_first)
            found = formats.read_all(texts, reading)
        else:
            readings = (replace(self._reading(utc=utc), day_first=day_first) for utc in column.utc)
            found = [formats.read(values, one) for values, one in zip(texts, readings, strict=True)]
        for one in found:
            self._vote(one.day_first, one.month_first)
        main, twin = found[0], found[1] if len(found) > 1 else None
        if twin is None:
            return main.us, None, len(main.undecided) > 0
        if len(twin.undecided):
            self._vote_by_twin(main.us, texts[1], twin.undecided, utc=column.utc[1])
        slash = np.concatenate([main.undecided, twin.undecided])
        open_rows = len(slash) > 0 and bool(
            (main.us.gather(slash).is_null() & twin.us.gather(slash).is_null()).any()
        )
        return main.us, twin.us, open_rows

    def _vote(self, day: str | None, month: str | None) -> None:
        with self._lock:
            self._day_example = self._day_example or day
            self._month_example = self._month_example or month
        self._settle()

    def _vote_by_twin(self, main: pl.Series, twin: pl.Series, slash: formats.Places, *, utc: bool) -> None:
        """An epoch beside an ambiguous date shows its order when only one of both is within a day of it."""
        slash = slash[:1000]
        epochs, values = main.gather(slash), twin.gather(slash)
        day = 86_400 * US
        near = [
            ((formats.read(values, self._reading(utc=utc, day_first=order)).us - epochs).abs() < day).fill_null(
                value=False
            )
            for order in (True, False)
        ]
        self._by_twin = True
        shown = [values.filter(near[i] & ~near[1 - i]).head(1).to_list() for i in (0, 1)]
        self._vote(*(one[0] if one else None for one in shown))

    def _settle(self) -> None:
        """The order must be one, or be asked for."""
        seen = self._day_example, self._month_example
        if self._options.day_first is None and all(seen):
            raise AskError(
                "slash dates are written in both orders",
                where=self._where,
                found=f"{seen[0]!r} and {seen[1]!r}",
                hint="say day_first=True or day_first=False; dates that do not fit are rejected",
            )

    def _decide(self) -> None:
        with self._lock:
            if self.day_first is not None:
                return
            for column, texts in self._look_ahead() if self._look_ahead else ():
                if self._glimpse(column, texts):
                    return
        raise self._undecided()

    def _undecided(self) -> AskError:
        return AskError(
            "slash dates allow two readings, and no row of the file shows which",
            where=self._where,
            expected="a date such as 31/12/2025 or 12/31/2025 somewhere in the file",
            hint="say day_first=True (day/month/year) or day_first=False (month/day/year)",
        )

    def _glimpse(self, column: TimeColumn, texts: Texts) -> bool:
        probe = Clock(self._options, where=self._where)
        probe._both(column, texts, None)
        self._ahead = probe.day_first
        self._to_be_seen = self._ahead is not None and not probe._by_twin
        return self._ahead is not None

    def _compare(
        self, column: TimeColumn, main: pl.Series, twin: pl.Series, zone_h: pl.Series | None
    ) -> pl.Series | int | None:
        """Count twins that differ; µs that the readable twin is ahead of UTC."""
        apart = twin - main
        with self._lock:
            if self._offset_s is None and not self._per_row:
                self._settle_offset(column, apart, zone_h)
            shift: pl.Series | int | None = (self._offset_s or 0) * US or None
            if self._per_row and zone_h is not None:
                shift = _zone_us(zone_h).fill_null(0)
            left = (apart if shift is None else apart - shift).abs()
            self._differ[column.headers[0]] = self._differ.get(column.headers[0], 0) + int((left > US).sum())
            count = len(apart) - apart.null_count()
            self._compared[column.headers[0]] = self._compared.get(column.headers[0], 0) + count
        if shift is not None and self._options.utc_offset_confirmed is False and not self._per_row:
            return None
        return shift

    def _unexplained(self, main: pl.Series, twin: pl.Series, offset: pl.Series | int | None) -> bool:
        """Whether readable times are in several zones, so that none can stand in for an epoch that is lost.

        Across a change of the clocks local times have two offsets: either would be a guess for the others.
        """
        if self._options.utc_offset_confirmed is False:
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

    def _read_naive(self, values: pl.Series) -> tuple[pl.Series, pl.Series]:
        """µs of the texts with naive times taken as UTC, and which of them are naive."""
        as_utc = replace(self._reading(utc=True), tz="UTC")
        us = formats.read(values, as_utc).us
        elsewhere = formats.read(values, replace(as_utc, tz=_ELSEWHERE)).us
        return us, (us != elsewhere).fill_null(value=False)

    def _by_zone(self, column: TimeColumn, values: pl.Series, read: pl.Series, zone_h: pl.Series) -> pl.Series:
        """Naive times outside `utc_*` columns by utc_time_zone, where that and the environment's zone disagree.

        Raises
        ------
        AskError : if nobody said which of both is meant.
        """
        confirmed = self._options.utc_offset_confirmed
        if confirmed is False or read.null_count() == len(read) == values.null_count():
            return read
        us, naive = self._read_naive(values)
        meant = us - _zone_us(zone_h)
        other = naive & (meant != read).fill_null(value=False)
        if confirmed:
            with self._lock:
                self._zoned += int(other.sum())
            return read.zip_with(~(naive & meant.is_not_null()), meant)
        if other.any():
            at = int(other.arg_true()[0])
            raise AskError(
                f"utc_time_zone says {str(zone_h[at]).strip()} h, and the environment is in {self._options.tz}",
                where=f"{self._where}, column {column.headers[0]}",
                expected="one zone for times that do not say theirs",
                found=repr(values[at]),
                hint="say utc_offset_confirmed=True if they are local by utc_time_zone, "
                "utc_offset_confirmed=False if they are in the environment's time zone",
            )
        return read

    def _settle_offset(self, column: TimeColumn, apart: pl.Series, zone_h: pl.Series | None) -> None:
        count = len(apart) - apart.null_count()
        if not count:
            return
        if int((apart.abs() <= US).sum()) > (1 - _CONSTANT) * count:
            self._offset_s = 0
            return
        if zone_h is not None and int(((apart - _zone_us(zone_h)).abs() <= US).sum()) >= _CONSTANT * count:
            self._per_row = True
            return
        quarters = (apart / (QUARTER_S * US)).round().cast(pl.Int64)
        near = (apart - quarters * (QUARTER_S * US)).abs() <= US
        usual = quarters.filter(near).mode().sort()
        self._offset_s = 0
        if len(usual) and int((near & (quarters == usual[0])).sum()) >= _CONSTANT * count:
            self._offset_s = int(usual[0]) * QUARTER_S
            self._confirm(column)

    def _taken(self) -> str:
        if self._options.utc_offset_confirmed is False:
            return "taken as UTC all the same, as was said, and the epochs as they are"
        return "taken as their own zone"

    def _confirm(self, column: TimeColumn) -> None:
        if self._options.utc_offset_confirmed is None:
            hours = (self._offset_s or 0) / 3600
            raise AskError(
                f"readable times differ from the epochs by a constant {hours:+g} h",
                where=f"{self._where}, columns {' and '.join(column.headers)}",
                expected="the same instant in both columns",
                hint="say utc_offset_confirmed=True if the readable column is local time, False if it is UTC; "
                "the epoch is used where there is one",
            )


def _zone_us(zone_h: pl.Series) -> pl.Series:
    hours = zone_h.str.strip_chars().str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    return (hours * 3600 * US).round().cast(pl.Int64)
