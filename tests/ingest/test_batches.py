"""What the caller may say of a file."""

from __future__ import annotations

from typing import Any

import pytest

from dwell_kit.errors import FilterError
from dwell_kit.ingest.batches import ReadOptions


@pytest.mark.parametrize(
    ("said", "allowed"),
    [
        ({"loitering_unit": "weeks"}, "s, ms, min or h"),
        ({"loitering_unit": ["s"]}, "s, ms, min or h"),
        ({"ambiguous": "later"}, "earliest or latest"),
        ({"day_first": "yes"}, "True (day/month/year)"),
        ({"utc_offset_confirmed": 1}, "True (readable times are local)"),
        ({"columns": ["a"]}, "columns={"),
        ({"columns": "person_id"}, "columns={"),
        ({"columns": {"person_id": 5}}, "columns={"),
        ({"time_format": 5}, "strptime"),
        ({"encoding": 8}, "utf-8"),
        ({"delimiter": "::"}, "one character"),
        ({"camera": 5}, "as text"),
        ({"start": 5}, "the instant"),
        ({"fps": "many"}, "a number"),
        ({"stay_gap": -1.0}, "0 or more"),
        ({"zones": ["hall"]}, "Zone"),
    ],
)
def test_a_value_that_an_option_cannot_have_says_what_can_be(said: dict[str, Any], allowed: str) -> None:
    with pytest.raises(FilterError, match=f"{next(iter(said))} cannot be") as caught:
        ReadOptions(**said)
    assert allowed in (caught.value.expected or "")


def test_an_unknown_option_lists_the_known_ones() -> None:
    with pytest.raises(FilterError, match="no option days_first") as caught:
        ReadOptions.of(days_first=True)
    assert "day_first" in (caught.value.expected or "")
    assert ReadOptions.of(day_first=True) == ReadOptions(day_first=True)
