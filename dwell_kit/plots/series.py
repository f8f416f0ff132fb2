"""Things over time: occupancy, footfall, crowd events."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import polars as pl

from dwell_kit.plots import theme
from dwell_kit.schema import columns as c


def plot_occupancy(table: Any, *, tz: str = "UTC", title: str = "People present at the same time") -> Any:
    """Mean occupancy as an area, the maximum as a line; buckets without coverage are gaps.

    Parameters
    ----------
    table : of the quantity `occupancy`: bucket, occupancy_mean, occupancy_max.
    """
    frame = theme.polars_of(table)
    if frame.is_empty():
        return theme.empty(title)
    data = frame.select(
        theme.local(frame[c.BUCKET], tz).alias("time"), c.OCCUPANCY_MEAN, pl.col(c.OCCUPANCY_MAX).cast(pl.Float64)
    ).to_pandas()
    clock = hv.Dimension("time", label=f"local time ({tz})")
    persons = hv.Dimension(c.OCCUPANCY_MEAN, label="mean occupancy", unit="persons")
    most = hv.Dimension(c.OCCUPANCY_MAX, label="maximum occupancy", unit="persons")
    area = theme.styled(
        hv.Area(data, clock, persons, label="mean"),
        color=theme.ACCENT,
        alpha=0.35,
        line_color=theme.ACCENT,
        tools=["hover"],
    )
    line = theme.styled(
        hv.Curve(data, clock, most, label="maximum"),
        color=theme.ACCENT,
        interpolation="steps-post",
        tools=["hover"],
    )
    return theme.styled(area * line, title=title, ylabel="persons", legend_position="top_left")


def plot_footfall(table: Any, *, tz: str = "UTC", title: str = "Visits started") -> Any:
    """Visits started per bucket as bars.

    Parameters
    ----------
    table : of the quantity `footfall`: bucket, visits.
    """
    frame = theme.polars_of(table)
    if frame.is_empty():
        return theme.empty(title)
    spans = frame[c.BUCKET].diff().drop_nulls()
    whole_days = (
        bool(len(spans)) and spans.min() >= pl.Series([86_400_000_000 * 23 // 24]).cast(pl.Duration("us"))[0]
    )
    label = theme.local(frame[c.BUCKET], tz).dt.strftime("%a %d %b" if whole_days else "%d %b %H:%M")
    data = frame.select(label.alias("time"), c.VISITS).to_pandas()
    bars = hv.Bars(data, hv.Dimension("time", label=f"local time ({tz})"), hv.Dimension(c.VISITS, unit="visits"))
    return theme.styled(bars, title=title, color=theme.ACCENT, tools=["hover"], xrotation=45)


def plot_crowd_events(
    events: Any, occupancy: Any = None, *, tz: str = "UTC", title: str = "Crowd and loitering events"
) -> Any:
    """Events per bucket as points in the colour of their kind, over the occupancy that was there.

    Parameters
    ----------
    events : of the quantity `crowd_per_hour`: bucket, event_type, count; cameras are added up.
    occupancy : of the quantity `occupancy`, or None.
    """
    frame = theme.polars_of(events).drop_nulls(c.COUNT)  # what is suppressed is not drawn
    if frame.is_empty():
        return theme.empty(title)
    per_kind = frame.group_by(c.BUCKET, c.EVENT_TYPE).agg(pl.col(c.COUNT).sum()).sort(c.BUCKET)
    clock = hv.Dimension("time", label=f"local time ({tz})")
    count = hv.Dimension(c.COUNT, label="events")
    kinds = sorted(per_kind[c.EVENT_TYPE].unique().to_list())
    layers = []
    if occupancy is not None:
        layers.append(plot_occupancy(occupancy, tz=tz, title=title))
    for kind, color in zip(kinds, theme.OKABE_ITO[1:], strict=False):
        mine = per_kind.filter(pl.col(c.EVENT_TYPE) == kind)
        data = mine.select(theme.local(mine[c.BUCKET], tz).alias("time"), c.COUNT).to_pandas()
        points = hv.Scatter(data, clock, count, label=f"{kind} (events)")
        layers.append(theme.styled(points, color=color, size=6, tools=["hover"]))
    return theme.styled(hv.Overlay(layers), title=title, ylabel="events, persons", legend_position="top_left")
