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
from dwell_kit.ingest.day_order import DayOrder
from dwell_kit.ingest.headers import READABLE, HeaderMatch
from dwell_kit.ingest.reasons import explain
from dwell_kit.ingest.twins import Twins, zone_us
from dwell_kit.schema.time import zone

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
        self._lock = threading.Lock()
        self._order = DayOrder(options.day_first, where=where)
        self._twins = Twins(options.utc_offset_confirmed, where=where)
        self._zoned = 0

    @property
    def day_first(self) -> bool | None:
        """The order of slash dates, if it is known."""
        return self._order.day_first

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
        offset = self._twins.offset_us(column.headers, main, twin, zone_h)
        if main.null_count() == 0:
            return main
        if self._twins.in_several_zones(main, twin, offset):
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
            refused = pl.col("told")  # it can be read, and was not taken: twins are in several zones
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
        found = [*self._order.notes(), *self._twins.notes()]
        if self._zoned:
            found.append(f"{self._zoned:,} times without a zone were taken as local by utc_time_zone, as was said")
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
            self._order.vote(one.day_first, one.month_first)
        main, twin = found[0], found[1] if len(found) > 1 else None
        if twin is None:
            return main.us, None, len(main.undecided) > 0
        if len(twin.undecided):
            epochs, dates = (values.gather(twin.undecided) for values in (main.us, texts[1]))
            self._order.vote_by_epochs(epochs, dates, self._reading(utc=column.utc[1]))
        slash = np.concatenate([main.undecided, twin.undecided])
        open_rows = len(slash) > 0 and bool(
            (main.us.gather(slash).is_null() & twin.us.gather(slash).is_null()).any()
        )
        return main.us, twin.us, open_rows

    def _decide(self) -> None:
        with self._lock:
            if self.day_first is not None:
                return
            for column, texts in self._look_ahead() if self._look_ahead else ():
                glimpse = Clock(self._options, where=self._where)
                glimpse._both(column, texts, None)
                if self._order.foresee(glimpse._order):
                    return
        raise self._order.undecided()

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
        meant = us - zone_us(zone_h)
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
