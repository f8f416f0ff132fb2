"""The charts of the overview: which quantity each draws, what its caption says, how it is drawn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from dwell_kit.plots import demographics, distributions, heatmaps, series, theme
from dwell_kit.schema.filters import Filters
from dwell_kit.workspace import Workspace

_DRAWING = threading.Lock()
"""HoloViews keeps its options in one place for the whole process."""


@dataclass(frozen=True)
class Chart:
    """A chart: `tables` are quantities with their parameters, handed to `draw` with the zone as `tz`."""

    name: str
    question: str
    caption: str
    tables: tuple[tuple[str, dict[str, Any]], ...]
    draw: Callable[..., Any]
    zoned: bool = True
    wide: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    def tables_of(self, ws: Workspace, filters: Filters) -> list[Any]:
        """What it draws, from the library."""
        return [ws.compute(name, filters, parameters=given, as_="polars") for name, given in self.tables]

    def figure(self, tables: list[Any], *, tz: str) -> Any:
        """A Bokeh figure as wide as its card."""
        import holoviews as hv

        words = {"tz": tz} if self.zoned else {}
        with _DRAWING:
            element = self.draw(*tables, title="", **words, **self.extra)
            drawn = hv.render(element, backend="bokeh")
        drawn.update(sizing_mode="stretch_width", width=None)
        return theme.on_any_ground(drawn)


def _survival(curve: Any, medians: Any, *, title: str) -> Any:
    return distributions.plot_survival(curve, summary=medians, title=title)


def _dwell_by_group(table: Any, *, title: str) -> Any:
    frame = table.with_columns((pl.col("median_s") / 60).alias("median_dwell"))
    return demographics.plot_demographics(frame, figure="median_dwell", unit="min", title=title, stacked=False)


CHARTS: Final = (
    Chart(
        "occupancy", "People present", "mean and most people at once, by local hour; gaps where not covered",
        (("occupancy", {"every": "hour"}),), series.plot_occupancy, wide=True,
    ),
    Chart(
        "dwell", "How long visits last", "visits by dwell in minutes; open visits as they were seen",
        (("dwell_histogram", {}),), distributions.plot_dwell_histogram, zoned=False,
    ),
    Chart(
        "survival", "How many are still there",
        "share of visits that last longer (Kaplan–Meier), naive medians beside it",
        (("survival", {"points": 400}), ("survival_summary", {})), _survival, zoned=False,
    ),
    Chart(
        "weekday_hour", "When it is busy", "mean people present by weekday and hour; blank where not covered",
        (("weekday_hour", {}),), heatmaps.plot_weekday_hour,
    ),
    Chart(
        "camera_hour", "Where it is busy", "mean people by camera and hour; who is on two cameras is in both rows",
        (("camera_hour", {}),), heatmaps.plot_camera_hour,
    ),
    Chart(
        "demographics", "Who comes", "persons by age group and gender as determined; other is what was not",
        (("demographics", {}),), demographics.plot_demographics, zoned=False,
    ),
    Chart(
        "dwell_by_group", "Who stays", "median dwell of a visit by age group and gender, minutes",
        (("demographics", {}),), _dwell_by_group, zoned=False,
    ),
    Chart(
        "crowd", "Crowds", "crowd and loitering events by local hour over the people present",
        (("crowd_per_hour", {}), ("occupancy", {"every": "hour"})), series.plot_crowd_events, wide=True,
    ),
)  # fmt: skip
