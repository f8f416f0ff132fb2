"""Every format and trap of a time, one by one."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.errors import FormatError
from dwell_kit.ingest import formats
from dwell_kit.ingest.epochs import is_rounded
from dwell_kit.ingest.formats import Reading
from dwell_kit.schema.time import from_us, to_us

NOON = datetime(2025, 5, 1, 12, 0, 12, tzinfo=UTC)
SECOND = to_us(NOON) // 1_000_000


def one(text: str | None, reading: Reading | None = None) -> datetime | None:
    us = formats.read(pl.Series([text], dtype=pl.String), reading or Reading()).us[0]
    return None if us is None else from_us(us)


@pytest.mark.parametrize(
    "text",
    [
        str(SECOND),
        f" {SECOND} ",
        f"{SECOND}.0",
        f"{SECOND},0",
        f"{SECOND}000",
        f"{SECOND}000000",
        f"{SECOND}000000000",
        f"{SECOND / 1e9:.9f}E+09",
        "2025-05-01 12:00:12",
        "2025-05-01T12:00:12",
        "2025-05-01T12:00:12Z",
        "2025-05-01 12:00:12 UTC",
        "2025-05-01T14:00:12+02:00",
        "2025-05-01T06:30:12-0530",
        "2025-05-01T14:00:12+02",
        "2025-05-01 12:00:12.000",
        "2025/05/01 12:00:12",
        "01.05.2025 12:00:12",
        "1.5.2025 12:00:12",
    ],
)
def test_formats_of_one_instant(text: str) -> None:
    assert one(text) == NOON


@pytest.mark.parametrize(
    ("text", "micro"),
    [
        (f"{SECOND}.105", 105_000),
        (f"{SECOND},105", 105_000),
        (f"{SECOND}517", 517_000),
        ("2025-05-01T12:00:12.517123Z", 517_123),
        ("2025-05-01 12:00:12,5", 500_000),
        ("01/05/2025 12:00:12.25", 250_000),
    ],
)
def test_fractions_are_exact(text: str, micro: int) -> None:
    assert one(text, Reading(day_first=True)) == NOON.replace(microsecond=micro)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "N/A",
            "bad",
            "nan",
            "inf",
            "-5",
            "0",
            "45778.5",
            "20250501120000",
            "9223372036854775808",
            "1" * 400,
        ),
        *(
            "2025-05-01",
            "2025-13-45 99:99:99",
            "2025-02-30 10:00:00",
            "2025-05-01 24:00:00",
            "2025-05-01T25:00:00Z",
        ),
        *("0001-01-01 00:00:00", "1999-12-31 23:59:59", "2100-01-01 00:00:00"),
        *("31/04/2025 10:00:00", "5/5/2025 13:00:00 PM"),
    ],
)
def test_what_is_no_time(text: str) -> None:
    assert one(text, Reading(day_first=True)) is None


@pytest.mark.parametrize(
    ("text", "rounded"),
    [
        ("1.754E+09", True),
        ("1,754E+09", True),
        ("1.754042E+09", True),
        ("1.754042390E+09", False),
        ("1.75404E+12", True),
        ("1.754042390E+12", False),
        ("1.754042390105E+12", False),
        ("1754000000", False),
    ],
)
def test_rounded_epochs(text: str, rounded: bool) -> None:
    assert pl.select(is_rounded(pl.lit(text))).item() is rounded
    assert (one(text) is None) is rounded


def test_halves_of_the_day() -> None:
    reading = Reading(day_first=False)
    assert one("5/1/2025 12:00:12 PM", reading) == NOON
    assert one("5/1/2025 12:00:12 am", reading) == NOON.replace(hour=0)
    assert one("5/1/2025 1:00:12 PM", reading) == NOON.replace(hour=13)


def test_order_of_slash_dates() -> None:
    values = pl.Series(
        ["02/03/2025 10:00:00", "13/03/2025 10:00:00", "03/14/2025 10:00:00", "04/04/2025 10:00:00"]
    )
    found = formats.read(values, Reading())
    assert found.undecided.tolist() == [0]
    assert (found.day_first, found.month_first) == ("13/03/2025 10:00:00", "03/14/2025 10:00:00")
    assert found.us.is_null().to_list() == [True, False, False, False]
    day = formats.read(values, Reading(day_first=True))
    assert from_us(day.us[0]).month == 3
    assert day.us.is_null().to_list() == [False, False, True, False]
    month = formats.read(values, Reading(day_first=False))
    assert from_us(month.us[0]).month == 2
    assert month.us.is_null().to_list() == [False, True, False, False]


def test_gap_and_fold_of_the_clock() -> None:
    berlin = Reading(tz="Europe/Berlin")
    assert one("2025-06-01 10:00:00", berlin) == datetime(2025, 6, 1, 8, tzinfo=UTC)
    assert one("2025-03-30 02:30:00", berlin) is None
    assert one("2025-10-26 02:30:00", berlin) is None
    assert one("2025-10-26T02:30:00Z", berlin) == datetime(2025, 10, 26, 2, 30, tzinfo=UTC)
    early, late = (
        one("2025-10-26 02:30:00", Reading(tz="Europe/Berlin", ambiguous=which))
        for which in ("earliest", "latest")
    )
    assert (early, late) == (datetime(2025, 10, 26, 0, 30, tzinfo=UTC), datetime(2025, 10, 26, 1, 30, tzinfo=UTC))


def test_custom_format_comes_first_and_others_still_work() -> None:
    reading = Reading(time_format="%Y%m%d %H%M%S.%f")
    assert one("20250501 120012.25", reading) == NOON.replace(microsecond=250_000)
    assert one(str(SECOND), reading) == NOON
    assert one("20250501 140012 +0200", Reading(time_format="%Y%m%d %H%M%S %z")) == NOON


def test_custom_format_that_is_none() -> None:
    with pytest.raises(FormatError, match="time_format"):
        one("x", Reading(time_format="%Y-%m"))


def test_several_formats_in_one_column_keep_their_places() -> None:
    texts = [str(SECOND), "x", "2025-05-01 12:00:12", None, "01.05.2025 12:00:12", f"{SECOND}000", "1.754E+09"]
    found = formats.read(pl.Series(texts), Reading()).us
    assert [None if us is None else from_us(us) for us in found] == [NOON, None, NOON, None, NOON, NOON, None]


instants = st.datetimes(min_value=datetime(2000, 1, 2), max_value=datetime(2099, 12, 30))


@given(st.lists(instants, min_size=1, max_size=20), st.data())
def test_written_and_read_back(moments: list[datetime], data: st.DataObject) -> None:
    ways = {
        "us": lambda m: str(to_us(m)),
        "ms": lambda m: f"{to_us(m) / 1000:.3f}",
        "iso": lambda m: m.isoformat().replace("+00:00", "Z"),
        "plain": lambda m: m.strftime("%Y-%m-%d %H:%M:%S.%f"),
        "slash": lambda m: m.strftime("%d/%m/%Y %H:%M:%S.%f"),
        "dots": lambda m: m.strftime("%d.%m.%Y %H:%M:%S.%f"),
    }
    aware = [m.replace(tzinfo=UTC) for m in moments]
    texts = [ways[data.draw(st.sampled_from(sorted(ways)))](m) for m in aware]
    found = formats.read(pl.Series(texts), Reading(day_first=True)).us
    assert [from_us(us) for us in found] == aware
