"""The charts of the overview: which quantity each draws, what its caption says, how it is drawn."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import polars as pl
from bokeh.embed import json_item

from dwell_kit.plots import demographics, distributions, heatmaps, movement, series, theme
from dwell_kit.schema import cells
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.text import duration
from dwell_kit.ui import naming
from dwell_kit.workspace import Workspace

_DRAWING = threading.Lock()
"""HoloViews keeps its options in one place for the whole process."""
_ALL_ZONES: Final = "Of all zones: events do not say in which one they were."
NOTHING: Final = "Nothing in this selection: choose other filters, or upload an export of this time."


@dataclass(frozen=True)
class Drawn:
    """What a card shows of a chart: a figure, its legend, its words, and its figures as a frame.

    `figure` is a Bokeh figure as JSON, ready to be embedded; empty if there is none. `said` is HTML above the
    figure; None leaves what was said before.
    """

    figure: str
    legend: list[dict[str, str]]
    alternative: str
    frame: pl.DataFrame
    nothing: str = ""
    said: str | None = None


@dataclass(frozen=True)
class Chart:
    """A chart: `tables` are quantities with their parameters, handed to `draw` with the zone as `tz`.

    `figure` is the column of the first table that the chart is about: its text alternative names the greatest.
    """

    name: str
    question: str
    caption: str
    tables: tuple[tuple[str, dict[str, Any]], ...]
    draw: Callable[..., Any]
    figure: str = ""
    zoned: bool = True
    wide: bool = False
    zones: bool = True
    """Whether its quantity knows zones; if not, it is of all of them."""
    zeros: bool = True
    """Whether it says something where its figure is 0 throughout."""
    nothing: str = NOTHING
    extra: dict[str, Any] = field(default_factory=dict)

    def drawn(self, ws: Workspace, filters: Filters, tz: str) -> Drawn:
        """The chart under filters, from the library."""
        given = filters if self.zones else filters.but(zones=())
        said = None if self.zones else _ALL_ZONES if filters.zones else ""
        names = naming.of_cameras(ws, filters.environment)
        tables = [
            naming.named(ws.compute(name, given, parameters=more, as_="polars"), names)
            for name, more in self.tables
        ]
        first = tables[0]
        if first.is_empty() or (self.figure and not self._worth(first[self.figure].drop_nulls())):
            return Drawn("", [], "", first, self.nothing, said)
        made = drawn(lambda: self._element(tables, tz), first, self.figure, self.caption, tz)
        return replace(made, said=said)

    def _worth(self, figures: pl.Series) -> bool:
        return len(figures) > 0 and (self.zeros or bool((figures != 0).any()))

    def _element(self, tables: list[Any], tz: str) -> Any:
        return self.draw(*tables, title="", **({"tz": tz} if self.zoned else {}), **self.extra)


def drawn(make: Callable[[], Any], frame: pl.DataFrame, figure: str, caption: str, tz: str) -> Drawn:
    """A HoloViews object as a Bokeh figure as wide as its card, with its legend and words beside it."""
    import holoviews as hv

    with _DRAWING:
        plot = hv.renderer("bokeh").get_plot(make())
        plot.document = None  # else the process's own document holds every plot for as long as it lives
        made = plot.state
    made.update(sizing_mode="stretch_width", width=None)
    legend = theme.legend_of(made)
    for old in made.legend:
        old.visible = False
    embedded = json.dumps(json_item(theme.on_any_ground(made)), separators=(",", ":"))
    return Drawn(embedded, legend, _alternative(frame, figure, caption, tz), frame)


def _alternative(frame: pl.DataFrame, figure: str, caption: str, tz: str) -> str:
    """The chart in a sentence: what is drawn, and its greatest value."""
    said = f"{caption}. {frame.height:,} rows."
    at = frame[figure].arg_max() if figure in frame.columns else None
    if at is None:
        return said
    row = frame.row(at, named=True)
    keys = [n for n, t in frame.schema.items() if n == "hour" or not t.is_numeric()]
    where = ", ".join(f"{n.replace('_', ' ')} {cells.cell(n, row[n], tz)}" for n in keys if row[n] is not None)
    name = cells.title(figure, tz, frame.schema[figure])
    return f"{said} Greatest {name}: {cells.cell(figure, row[figure], tz)}" + (f" ({where})." if where else ".")


def _survival(curve: Any, medians: Any, *, title: str) -> Any:
    return distributions.plot_survival(curve, summary=medians, title=title)


def _dwell_by_group(table: Any, *, title: str) -> Any:
    frame = table.with_columns(
        (pl.col("median_s") / 60).alias("median_dwell"),
        pl.Series(demographics.SAID, [duration(s) for s in table["median_s"]]),
    )
    return demographics.plot_demographics(frame, figure="median_dwell", unit="min", title=title, stacked=False)


_NO_EVENTS: Final = "No crowd or loitering events here: upload an Insight Report, or choose another time."
CHARTS: Final = (
    Chart(
        "occupancy", "People present",
        "persons present at the same time, mean and most per local hour · gaps where not covered",
        (("occupancy", {"every": "hour"}),), series.plot_occupancy, "occupancy_mean", wide=True,
    ),
    Chart(
        "dwell", "How long visits last", "visits by dwell, minutes · open visits as they were seen",
        (("dwell_histogram", {}),), distributions.plot_dwell_histogram, "count", zoned=False,
    ),
    Chart(
        "survival", "How many are still there",
        "share of visits that last longer, minutes (Kaplan–Meier) · dashed: medians, naive ones beside it",
        (("survival", {"points": 400}), ("survival_summary", {})), _survival, "", zoned=False,
    ),
    Chart(
        "hour_profile", "The peak hour",
        "mean persons present by local clock hour over covered time · the highest is the peak hour",
        (("hour_profile", {}),), series.plot_hour_profile, "occupancy_mean",
    ),
    Chart(
        "weekday_hour", "When it is busy", "mean persons present, weekday × local hour · hatched: not covered",
        (("weekday_hour", {}),), heatmaps.plot_weekday_hour, "occupancy_mean",
    ),
    Chart(
        "camera_hour", "Where it is busy",
        "mean persons per camera and local hour · who is on two cameras is in both rows · hatched: not covered",
        (("camera_hour", {}),), heatmaps.plot_camera_hour, "occupancy_mean",
    ),
    Chart(
        "demographics", "Who comes", "persons by age group and gender · other: not determined",
        (("demographics", {}),), demographics.plot_demographics, "unique_visitors", zoned=False,
    ),
    Chart(
        "dwell_by_group", "Who stays", "median dwell of a visit by age group and gender, minutes",
        (("demographics", {}),), _dwell_by_group, "median_s", zoned=False,
    ),
    Chart(
        "age_hour", "Who stays when",
        "median dwell of a visit, minutes, by age group and the local hour it began · few visits: mind the count",
        (("dwell", {"by": ("age_group", "hour")}),), heatmaps.plot_age_hour, "median_s",
    ),
    Chart(
        "visit_frequency", "How often people come", "persons by their number of visits in this selection",
        (("visit_frequency", {}),), distributions.plot_visit_frequency, "unique_visitors", zoned=False,
    ),
    Chart(
        "sensitivity", "If a visit ended sooner or later",
        "visits for other gaps that end a visit (max_gap, minutes) · steep: say the gap with the figure",
        (("sensitivity", {}),), distributions.plot_sensitivity, "visits", zoned=False, zeros=False,
    ),
    Chart(
        "fragmentation", "If people were mistaken for others",
        "visitors if identities broke so often per hour of presence · the band: how much too high it may be",
        (("fragmentation", {}),), distributions.plot_fragmentation, "unique_visitors", zoned=False, zeros=False,
    ),
    Chart(
        "crowd", "Crowds", "crowd and loitering events per local hour, over the persons present",
        (("crowd_per_hour", {"by": ("event_type",)}), ("occupancy", {"every": "hour"})),
        series.plot_crowd_events, "count", wide=True, zones=False, nothing=_NO_EVENTS,
    ),
    Chart(
        "crowd_camera_hour", "Where crowds form",
        "crowd and loitering events by camera and local clock hour, days added up",
        (("crowd_camera_hour", {}),), heatmaps.plot_crowd_camera_hour, "count", zones=False, nothing=_NO_EVENTS,
    ),
)  # fmt: skip
FLOWS: Final = (
    Chart(
        "transitions", "From place to place",
        "share of those who went on from a camera, by the next one · within a visit",
        (("transitions", {}),), movement.plot_flows, "share", zoned=False,
        nothing="Nobody went from one camera to another in this selection: choose a longer time or more cameras.",
    ),
    Chart(
        "origin_destination", "Where visits begin and end",
        "visits by the camera that saw them first and the one that saw them last",
        (("origin_destination", {}),), movement.plot_flows, "visits", zoned=False, extra={"figure": "visits"},
    ),
)  # fmt: skip
