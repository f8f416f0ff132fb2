"""Tables and charts as readers of a report see them."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta

import polars as pl
from bokeh.models.annotations import Legend

from dwell_kit.plots import series
from dwell_kit.report.show import chart, table

NINE = datetime(2025, 5, 14, 9, tzinfo=UTC)


def cells(frame: pl.DataFrame, tz: str = "UTC") -> list[list[str]]:
    lines = re.findall(r"<tr>(.*?)</tr>", table(frame, tz).data)
    return [[html.unescape(word) for word in re.findall(r"<t[hd]>(.*?)</t[hd]>", line)] for line in lines]


def test_times_are_by_the_clock_that_the_heading_names_and_durations_are_words() -> None:
    crowds = pl.DataFrame(
        {"camera_id": ["hall"], "started_at": [NINE + timedelta(seconds=68.162)], "duration_s": [9008.631]}
    )
    assert cells(crowds, "America/New_York") == [
        ["camera id", "started at (America/New_York)", "duration"],
        ["hall", "2025-05-14 05:01:08", "2 h 30 min"],
    ]
    assert cells(crowds)[0][1] == "started at (UTC)"


def test_what_is_hidden_and_what_nobody_said_are_no_figures() -> None:
    events = pl.DataFrame(
        {
            "event_type": ["loitering", "loitering", "crowd"],
            "count": [1009, None, 2],
            "unique_visitors": [8, None, 0],
            "suppressed": [False, True, False],
        }
    )
    assert cells(events) == [
        ["event type", "count", "unique visitors"],
        ["loitering", "1,009", "8"],
        ["loitering", "hidden", "hidden"],
        ["crowd", "2", "–"],
    ]


def test_texts_are_escaped() -> None:
    assert "<b>" not in table(pl.DataFrame({"<b>file": ["<b>.csv"]})).data
    assert cells(pl.DataFrame({"file": ["<b>.csv", ""]})) == [["file"], ["<b>.csv"], [""]]


def test_a_legend_on_top_takes_no_room_but_its_own() -> None:
    times = [NINE + timedelta(hours=i) for i in range(3)]
    occupancy = pl.DataFrame({"bucket": times, "occupancy_mean": [1.0, 2.0, 1.0], "occupancy_max": [1, 3, 2]})
    drawn = chart(series.plot_occupancy(occupancy), "People present").data
    assert f'"margin":{Legend().margin}' not in drawn
    assert '"margin":0' in drawn
