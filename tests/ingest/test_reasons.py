"""Reasons, in words."""

from __future__ import annotations

import polars as pl
import pytest

from dwell_kit.ingest.formats import Reading
from dwell_kit.ingest.reasons import explain


@pytest.mark.parametrize(
    ("text", "reading", "words"),
    [
        ("", Reading(), "no time"),
        (None, Reading(), "no time"),
        ("1.754E+09", Reading(), "rounded"),
        ("12", Reading(), "2000 and 2100"),
        ("0001-01-01 00:00:00", Reading(), "2000 and 2100"),
        ("soon", Reading(), "cannot|can be read"),
        ("2025-03-30 02:30:00", Reading(tz="Europe/Berlin"), "does not exist in Europe/Berlin"),
        ("2025-10-26 02:30:00", Reading(tz="Europe/Berlin"), "happens twice in Europe/Berlin"),
        ("03/14/2025 10:00:00", Reading(day_first=True), "day first"),
    ],
)
def test_reasons(text: str | None, reading: Reading, words: str) -> None:
    frame = pl.DataFrame({"v": [text]}, schema={"v": pl.String})
    reason = frame.select(explain("v", reading).alias("why"))["why"]
    assert reason.str.contains(words).to_list() == [True]
