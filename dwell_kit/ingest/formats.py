"""Times as text: epochs in any unit, ISO 8601, slash and dotted dates → microseconds UTC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import polars as pl

from dwell_kit.errors import FormatError
from dwell_kit.schema.time import US

FIRST_US: Final = 946_684_800 * US
"""2000-01-01, the first instant that is taken for a time."""
LAST_US: Final = 4_102_444_800 * US
"""2100-01-01, the first that is not."""

_UNITS: Final = (US, 1_000, 1)
"""Microseconds in one s, ms, µs. Nanoseconds are divided."""

_SCIENTIFIC: Final = r"^\s*\d+(?:[.,]\d+)?[eE]\+?\d+\s*$"
_ZONE: Final = r"\s*(?P<zone>[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$"
_CLOCK: Final = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
_ISO: Final = r"^(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})(?:[Tt]|\s+)" + _CLOCK + _ZONE
_SLASH: Final = (
    r"^(?P<a>\d{1,2})(?P<between>[/.-])(?P<b>\d{1,2})[/.-](?P<year>\d{4})(?:[Tt,]|\s)\s*"
    + _CLOCK
    + r"\s*(?P<half>[AaPp][Mm])?"
    + _ZONE
)
_PLAIN: Final = "%Y-%m-%d %H:%M:%S"
Ambiguous = Literal["earliest", "latest"]


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
    undecided: pl.Series
    day_first: str | None = None
    month_first: str | None = None


_NOWHERE: Final = pl.Series("at", [], dtype=pl.UInt32)


def read(values: pl.Series, reading: Reading) -> Read:
    """Every time in a text column: whole epochs first, all other formats only on what is left."""
    us = _whole_epochs(values) if reading.time_format is None else _custom(values, reading)
    if us.null_count() == values.null_count():
        return Read(us=us, undecided=_NOWHERE)
    left = (us.is_null() & values.is_not_null()).arg_true()
    texts = values.gather(left)
    found, slash = _plain(texts, reading), None
    rest = (found.is_null()).arg_true()
    if len(rest):
        slash = _slow(texts.gather(rest), reading)
        found = found.scatter(rest, slash.us)
    us = us.scatter(left, found)
    if slash is None:
        return Read(us=us, undecided=_NOWHERE)
    undecided = left.gather(rest.gather(slash.undecided))
    return Read(us=us, undecided=undecided, day_first=slash.day_first, month_first=slash.month_first)


def _whole_epochs(values: pl.Series) -> pl.Series:
    whole = values.cast(pl.Int64, strict=False)
    low, high = whole.min(), whole.max()
    if not isinstance(low, int) or not isinstance(high, int):
        return whole
    for us in _UNITS:
        if low * us >= FIRST_US and high * us < LAST_US:
            return whole * us
    return pl.select(_scaled(pl.lit(whole)))["us"]


def _scaled(number: pl.Expr) -> pl.Expr:
    """µs of numbers in whatever unit puts them between 2000 and 2100; null if none does."""
    made = pl.lit(None, dtype=pl.Int64)
    for us in _UNITS:
        inside = number.is_between(FIRST_US // us, LAST_US // us, closed="left")
        made = pl.when(inside).then((number * us).round().cast(pl.Int64, strict=False)).otherwise(made)
    inside = number.is_between(FIRST_US * 1_000, LAST_US * 1_000, closed="left")
    return pl.when(inside).then((number // 1_000).cast(pl.Int64, strict=False)).otherwise(made).alias("us")


def _custom(values: pl.Series, reading: Reading) -> pl.Series:
    spelt = (reading.time_format or "").replace(".%f", "%.f")
    try:
        found = values.str.strip_chars().str.to_datetime(spelt, time_unit="us", strict=False, ambiguous="null")
    except pl.exceptions.PolarsError as error:
        raise FormatError(
            "time_format cannot be used",
            where="option time_format",
            expected="a strptime format such as %d.%m.%Y %H:%M:%S",
            found=reading.time_format,
        ) from error
    us = _instants(found, reading)
    left = us.is_null().arg_true()
    return us.scatter(left, _whole_epochs(values.gather(left))) if len(left) else us


def _plain(values: pl.Series, reading: Reading) -> pl.Series:
    found = values.str.to_datetime(_PLAIN, time_unit="us", strict=False)
    return _instants(found, reading)


def _instants(moments: pl.Series, reading: Reading) -> pl.Series:
    """µs UTC of datetimes, naive ones local to the reading's zone; null outside 2000–2100, gaps and folds."""
    if getattr(moments.dtype, "time_zone", None) is None and reading.tz != "UTC":
        moments = moments.dt.replace_time_zone(
            reading.tz, ambiguous=reading.ambiguous or "null", non_existent="null"
        )
    us = moments.dt.epoch("us")
    if us.null_count() == len(us):
        return us
    inside = us.is_between(FIRST_US, LAST_US, closed="left")
    return us if inside.all() else us.set(~inside, None)


def _slow(values: pl.Series, reading: Reading) -> Read:
    """Fractions, scientific notation with full precision, ISO with zones, slash dates."""
    text = pl.col("text")
    number = text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    frame = values.str.strip_chars().alias("text").to_frame()
    frame = frame.with_columns(
        epoch=pl.when(is_rounded(text)).then(None).otherwise(_scaled(number)),
        iso=text.str.extract_groups(_ISO),
        slash=text.str.extract_groups(_SLASH),
    )
    frame = frame.with_columns(_slash_parts(reading.day_first))
    moment = frame.select(_moment(pl.col("iso")).alias("iso"), _moment(pl.col("ordered")).alias("slash"))
    iso, slash = (
        _zoned(moment[name], frame[part], reading) for name, part in (("iso", "iso"), ("slash", "ordered"))
    )
    us = frame.select(pl.coalesce("epoch", pl.lit(iso), pl.lit(slash)))["epoch"]
    undecided = frame["undecided"].fill_null(value=False).arg_true()
    votes = frame.filter(pl.col("day_only")), frame.filter(pl.col("month_only"))
    day, month = (part["text"][0] if part.height else None for part in votes)
    return Read(us=us, undecided=undecided, day_first=day, month_first=month)


def _slash_parts(day_first: bool | None) -> list[pl.Expr]:
    """`ordered`: the groups as year, month, day …; and which rows have one order only, or both."""
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
        ordered.alias("ordered"),
        undecided.alias("undecided"),
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
    whole = canonical.str.to_datetime(_PLAIN, time_unit="us", strict=False)
    return whole + pl.duration(microseconds=fraction)


def _zoned(moments: pl.Series, groups: pl.Series, reading: Reading) -> pl.Series:
    """µs UTC of naive datetimes, with the offset that the text itself has."""
    parts = groups.struct.unnest()
    zone = parts["zone"]
    local = _instants(moments, reading)
    aware = moments.dt.epoch("us") - _offset_us(zone)
    aware = aware.set(~aware.is_between(FIRST_US, LAST_US, closed="left"), None)
    return pl.select(pl.when(pl.lit(zone).is_null()).then(pl.lit(local)).otherwise(pl.lit(aware))).to_series()


def _offset_us(zone: pl.Series) -> pl.Series:
    digits = zone.str.replace_all(r"\D", "")
    minutes = digits.str.slice(0, 2).cast(pl.Int64, strict=False).fill_null(0) * 60
    minutes = minutes + digits.str.slice(2, 2).cast(pl.Int64, strict=False).fill_null(0)
    sign = pl.select(pl.when(pl.lit(zone).str.starts_with("-")).then(-1).otherwise(1)).to_series()
    return minutes * sign * 60 * US


def is_rounded(text: pl.Expr) -> pl.Expr:
    """True for an epoch that a spreadsheet rounded: scientific notation with steps of more than a second.

    >>> pl.select(is_rounded(pl.Series(["1.754E+09", "1.754042390E+09", "17"]))).to_series().to_list()
    [True, False, False]
    """
    digits = text.str.extract(r"^\s*(\d+(?:[.,]\d+)?)[eE]", 1)
    decimals = digits.str.extract(r"[.,](\d+)", 1).fill_null("").str.len_bytes().cast(pl.Int64)
    exponent = text.str.extract(r"[eE]\+?(\d+)\s*$", 1).cast(pl.Int64, strict=False)
    step = exponent - decimals
    finest = pl.when(exponent < 11).then(0).when(exponent < 14).then(3).when(exponent < 17).then(6).otherwise(9)
    return text.str.contains(_SCIENTIFIC) & (step > finest)
