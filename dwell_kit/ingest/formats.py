"""Times as text: epochs in any unit, ISO 8601, slash and dotted dates → microseconds UTC."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.errors import FormatError
from dwell_kit.ingest.epochs import FIRST_US, LAST_US, numbers, whole_epochs
from dwell_kit.schema.time import US

_ZONE: Final = r"\s*(?P<zone>[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$"
_CLOCK: Final = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
_ISO: Final = r"^(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})(?:[Tt]|\s+)" + _CLOCK + _ZONE
_SLASH: Final = (
    r"^(?P<a>\d{1,2})(?P<between>[/.-])(?P<b>\d{1,2})[/.-](?P<year>\d{4})(?:[Tt,]|\s)\s*"
    + _CLOCK
    + r"\s*(?P<half>[AaPp][Mm])?"
    + _ZONE
)
_HAS_DAY: Final = re.compile(r"%-?[dejFDcsx]")
_HAS_HOUR: Final = re.compile(r"%-?[HIklTRrcsX]")
_PLAIN: Final = "%Y-%m-%d %H:%M:%S"
Ambiguous = Literal["earliest", "latest"]


Places = NDArray[np.intp]
NOWHERE: Final[Places] = np.empty(0, dtype=np.intp)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How times without a zone are meant.

    Parameters
    ----------
    tz : IANA zone of naive times.
    ambiguous : which instant of a repeated hour; None leaves it unread.
    time_format : strptime format tried first.
    day_first : order of slash dates; None leaves those unread that allow both.
    """

    tz: str = "UTC"
    ambiguous: Ambiguous | None = None
    time_format: str | None = None
    day_first: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Read:
    """Times read from texts.

    Parameters
    ----------
    us : Int64, µs UTC; null where there is none between 2000 and 2100.
    undecided : positions of slash dates that allow both orders.
    day_first, month_first : an example of a date that has one order only, if there is one.
    """

    us: pl.Series
    undecided: Places
    day_first: str | None = None
    month_first: str | None = None


def read(values: pl.Series, reading: Reading) -> Read:
    """Every time in a text column: whole epochs first, all other formats only on what is left."""
    return read_all([values], reading)[0]


def read_all(columns: Sequence[pl.Series], reading: Reading) -> list[Read]:
    """`read` of several columns at once; examples of dates that have one order are given with the first."""
    fast = [_fast(values, reading) for values in columns]
    left = [_missing(us, values) for us, values in zip(fast, columns, strict=True)]
    texts = [values.gather(places) for values, places in zip(columns, left, strict=True) if len(places)]
    if not texts:
        return [Read(us=us, undecided=NOWHERE) for us in fast]
    slow = _slow(pl.concat([text.alias("text") for text in texts]), reading)
    found, at = [], 0
    for us, places in zip(fast, left, strict=True):
        end = at + len(places)
        mine = slow.undecided[(slow.undecided >= at) & (slow.undecided < end)] - at
        filled = us.scatter(places, slow.us[at:end]) if len(places) else us
        found.append(Read(us=filled, undecided=places[mine]))
        at = end
    found[0] = replace(found[0], day_first=slow.day_first, month_first=slow.month_first)
    return found


def _fast(values: pl.Series, reading: Reading) -> pl.Series:
    """Whole epochs, or the custom format; and the plain format where most is still missing."""
    us = whole_epochs(values) if reading.time_format is None else _custom(values, reading)
    if us.null_count() > values.null_count() and us.null_count() > len(us) // 2:
        return _filled(us, values, lambda texts: _plain(texts, reading))
    return us


def _missing(us: pl.Series, values: pl.Series) -> Places:
    """Where there is a text and no time yet."""
    return np.flatnonzero(us.is_null().to_numpy() & values.is_not_null().to_numpy())


def _filled(us: pl.Series, values: pl.Series, parse: Callable[[pl.Series], pl.Series]) -> pl.Series:
    if us.null_count() == len(us):
        return parse(values)
    left = _missing(us, values)
    return us.scatter(left, parse(values.gather(left))) if len(left) else us


def _custom(values: pl.Series, reading: Reading) -> pl.Series:
    said = reading.time_format or ""
    if not (_HAS_DAY.search(said) and _HAS_HOUR.search(said)):
        raise FormatError(
            "time_format has no day or no hour",
            where="option time_format",
            expected="a strptime format such as %d.%m.%Y %H:%M:%S",
            found=said,
        )
    spelt = said.replace(".%f", "%.f")
    found = values.str.strip_chars().str.to_datetime(spelt, time_unit="us", strict=False, ambiguous="null")
    us = found.to_frame("m").select_seq(_instant(pl.col("m"), reading, aware="%z" in spelt)).to_series()
    return _filled(us, values, whole_epochs)


@cache
def _plain_instant(reading: Reading) -> pl.Expr:
    moment = pl.first().str.to_datetime(_PLAIN, time_unit="us", strict=False, cache=False)
    return _utc(moment, reading).dt.epoch("us").alias("us")


def _plain(values: pl.Series, reading: Reading) -> pl.Series:
    found = values.to_frame().select_seq(_plain_instant(reading)).to_series()
    low, high = found.min(), found.max()
    if isinstance(low, int) and isinstance(high, int) and (low < FIRST_US or high >= LAST_US):
        return found.to_frame("us").select_seq(_in_range(pl.col("us"))).to_series()
    return found


def _instant(moment: pl.Expr, reading: Reading, *, aware: bool = False) -> pl.Expr:
    """µs UTC of datetimes, naive ones local to the reading's zone; null outside 2000–2100, gaps and folds."""
    return _in_range((moment if aware else _utc(moment, reading)).dt.epoch("us")).alias("us")


def _utc(moment: pl.Expr, reading: Reading) -> pl.Expr:
    if reading.tz == "UTC":
        return moment
    return moment.dt.replace_time_zone(reading.tz, ambiguous=reading.ambiguous or "null", non_existent="null")


def _in_range(us: pl.Expr) -> pl.Expr:
    return pl.when(us.is_between(FIRST_US, LAST_US, closed="left")).then(us)


@cache
def _kind() -> pl.Expr:
    """What a text looks like: 1 a number, 2 a date with the year first, 3 any other date; else 0."""
    text = pl.col("text")
    dated = text.str.contains(":", literal=True)
    year_first = text.str.contains(r"^\d{4}[-/]")
    number = pl.when(text.str.contains(r"^\+?\d")).then(1).otherwise(0)
    return pl.when(dated & year_first).then(2).when(dated).then(3).otherwise(number).alias("kind")


def _slow(values: pl.Series, reading: Reading) -> Read:
    """Fractions, scientific notation with full precision, ISO with zones, slash dates: only what occurs."""
    frame = values.to_frame("text").select_seq(pl.col("text").str.strip_chars()).with_columns_seq(_kind())
    kinds = frame["kind"].to_numpy()
    us = pl.Series("us", [None], dtype=pl.Int64).new_from_index(0, frame.height)
    read = Read(us=us, undecided=NOWHERE)
    places = np.flatnonzero(kinds == 1)
    if len(places):
        us = us.scatter(places, frame[places].select_seq(numbers()).to_series())
    places = np.flatnonzero(kinds == 2)
    if len(places):
        groups = frame[places].select_seq(pl.col("text").str.extract_groups(_ISO).alias("parts"))
        us = us.scatter(places, _of_groups(groups, reading))
    places = np.flatnonzero(kinds == 3)
    if len(places):
        read = _slash(frame[places], reading)
        us = us.scatter(places, read.us)
    return replace(read, us=us, undecided=places[read.undecided])


@cache
def _slash_columns(reading: Reading) -> list[pl.Expr]:
    return _slash_parts(reading.day_first)


def _slash(frame: pl.DataFrame, reading: Reading) -> Read:
    frame = frame.with_columns_seq(slash=pl.col("text").str.extract_groups(_SLASH))
    frame = frame.with_columns_seq(_slash_columns(reading))
    day, month = (_first_text(frame, name) for name in ("day_only", "month_only"))
    return Read(
        us=_of_groups(frame, reading),
        undecided=np.flatnonzero(frame["undecided"].to_numpy()),
        day_first=day,
        month_first=month,
    )


def _first_text(frame: pl.DataFrame, flag: str) -> str | None:
    at = frame[flag].arg_max()
    return str(frame["text"][at]) if at is not None and frame[flag][at] else None


def _slash_parts(day_first: bool | None) -> list[pl.Expr]:
    """`parts`: the groups as year, month, day …; and which rows have one order only, or both."""
    groups = pl.col("slash").struct
    a, b = (groups.field(name).cast(pl.Int32, strict=False) for name in "ab")
    free = groups.field("between") != "."
    day_only = free & (a > 12) & (b <= 12)
    month_only = free & (b > 12) & (a <= 12)
    first = ~free | (pl.lit(day_first, dtype=pl.Boolean) if day_first is not None else (day_only | (a == b)))
    undecided = free & (a <= 12) & (b <= 12) & (a != b) if day_first is None else pl.lit(value=False)
    day = pl.when(first).then(groups.field("a")).otherwise(groups.field("b"))
    month = pl.when(first).then(groups.field("b")).otherwise(groups.field("a"))
    shared = [groups.field(n) for n in ("year", "minute", "second", "fraction", "zone")]
    parts = pl.struct(day.alias("day"), month.alias("month"), _hour(groups).alias("hour"), *shared)
    ordered = pl.when(~undecided).then(parts)
    return [
        ordered.alias("parts"),
        undecided.fill_null(value=False).alias("undecided"),
        day_only.fill_null(value=False).alias("day_only"),
        month_only.fill_null(value=False).alias("month_only"),
    ]


def _hour(groups: Any) -> pl.Expr:
    """The hour of 24 as text; "99" for one that no half of the day has."""
    hour = groups.field("hour").cast(pl.Int32, strict=False)
    half = groups.field("half").str.to_lowercase()
    of_24 = hour % 12 + pl.when(half == "pm").then(12).otherwise(0)
    of_24 = pl.when(hour.is_between(1, 12)).then(of_24).otherwise(99)
    return pl.when(half.is_null()).then(groups.field("hour")).otherwise(of_24.cast(pl.String))


def _moment(parts: pl.Expr) -> pl.Expr:
    """The naive datetime of text groups; null where they are none."""

    def of(name: str) -> pl.Expr:
        return parts.struct.field(name)

    canonical = pl.format(
        "{}-{}-{} {}:{}:{}",
        of("year"),
        of("month").str.zfill(2),
        of("day").str.zfill(2),
        of("hour").str.zfill(2),
        of("minute"),
        of("second").fill_null("00"),
    )
    fraction = (of("fraction").fill_null("0") + pl.lit("000000")).str.slice(0, 6).cast(pl.Int64)
    whole = canonical.str.to_datetime(_PLAIN, time_unit="us", strict=False, cache=False)
    return whole + pl.duration(microseconds=fraction)


@cache
def _moment_and_zone() -> list[pl.Expr]:
    parts = pl.col("parts")
    return [_moment(parts).alias("moment"), parts.struct.field("zone")]


@cache
def _local(reading: Reading) -> pl.Expr:
    return _instant(pl.col("moment"), reading)


@cache
def _by_offset() -> pl.Expr:
    return _in_range(pl.col("moment").dt.epoch("us") - _offset_us(pl.col("zone")))


def _of_groups(frame: pl.DataFrame, reading: Reading) -> pl.Series:
    """µs UTC of the text groups in column `parts`: by the offset that a text itself has, else local."""
    made = frame.select_seq(_moment_and_zone())
    unzoned = made["zone"].null_count()
    if unzoned == made.height:
        return made.select_seq(_local(reading)).to_series()
    if not unzoned:
        return made.select_seq(_by_offset()).to_series()
    return made.select_seq(
        pl.when(pl.col("zone").is_null()).then(_local(reading)).otherwise(_by_offset())
    ).to_series()


def _offset_us(zone: pl.Expr) -> pl.Expr:
    digits = zone.str.replace_all(r"\D", "")
    hours, minutes = (digits.str.slice(at, 2).cast(pl.Int64, strict=False).fill_null(0) for at in (0, 2))
    return (hours * 60 + minutes) * pl.when(zone.str.starts_with("-")).then(-1).otherwise(1) * 60 * US
