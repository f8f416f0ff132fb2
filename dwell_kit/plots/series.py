"""Things over time: occupancy, footfall, crowd events."""

from __future__ import annotations

from typing import Any, Final

import holoviews as hv
import polars as pl

from dwell_kit.plots import theme
from dwell_kit.schema import columns as c

_MOMENT: Final = {"@time": "datetime"}
_KINDS: Final = ("crowd", "loitering")
"""Of events, always in these colours."""


def plot_occupancy(table: Any, *, tz: str = "UTC", title: str = "People present at the same time") -> Any:
    """Mean occupancy as an area, the maximum as a line; buckets without coverage are gaps.

    Parameters
    ----------
    table : of the quantity `occupancy`: bucket, occupancy_mean, occupancy_max.
    """
    frame = theme.polars_of(table)
    if frame.is_empty():
        return theme.empty(title)
    known = frame.select(
        theme.local(frame[c.BUCKET], tz).alias("time"), c.OCCUPANCY_MEAN, pl.col(c.OCCUPANCY_MAX).cast(pl.Float64)
    )
    data = known.to_pandas()
    clock = hv.Dimension("time", label=f"local time ({tz})")
    persons = hv.Dimension(c.OCCUPANCY_MEAN, label="mean occupancy", unit="persons")
    most = hv.Dimension(c.OCCUPANCY_MAX, label="maximum occupancy", unit="persons")
    area = theme.styled(
        hv.Area(theme.stepped(known, "time").to_pandas(), clock, persons, label="mean"),
        color=theme.ACCENT,
        alpha=0.35,
        line_color=theme.ACCENT,
    )
    line = theme.styled(
        hv.Curve(data, clock, [most, persons], label="maximum"),
        color=theme.ACCENT,
        interpolation="steps-post",
        tools=["hover"],
        hover_mode="vline",
        hover_tooltips=[
            (f"from ({tz})", "@time{%a %d %b %H:%M}"),
            ("mean", f"@{c.OCCUPANCY_MEAN}{{0.0}} persons"),
            ("maximum", f"@{c.OCCUPANCY_MAX}{{0}} persons"),
        ],
        hover_formatters=_MOMENT,
    )
    return theme.styled(area * line, title=title, ylabel="persons", legend_position="top")


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
    return theme.styled(bars, title=title, color=theme.ACCENT, line_color=None, tools=["hover"], xrotation=45)


def plot_hour_profile(table: Any, *, tz: str = "UTC", title: str = "The day") -> Any:
    """Mean occupancy of each local clock hour as bars, the highest one in full colour; blank where not covered.

    Parameters
    ----------
    table : of the quantity `hour_profile`: hour, occupancy_mean.
    """
    frame = theme.polars_of(table).drop_nulls(c.OCCUPANCY_MEAN)
    if frame.is_empty():
        return theme.empty(title)
    top = frame[c.OCCUPANCY_MEAN].arg_max()
    data = frame.select(
        (pl.col(c.HOUR) - 0.42).alias("x0"), pl.lit(0.0).alias("y0"), (pl.col(c.HOUR) + 0.42).alias("x1"),
        pl.col(c.OCCUPANCY_MEAN).alias("y1"), pl.col(c.OCCUPANCY_MEAN), c.HOUR,
        pl.Series("clock", [f"{hour:02d}:00–{hour + 1:02d}:00" for hour in frame[c.HOUR]]),
    )  # fmt: skip
    bars = [
        theme.styled(
            hv.Rectangles(part.to_pandas(), ["x0", "y0", "x1", "y1"], [c.OCCUPANCY_MEAN, "clock", c.HOUR]),
            color=theme.ACCENT,
            alpha=alpha,
            line_color=None,
            tools=["hover"],
            hover_tooltips=[(f"clock ({tz})", "@clock"), ("mean present", f"@{c.OCCUPANCY_MEAN}{{0.00}} persons")],
        )
        for part, alpha in ((data.filter(pl.row_index() != top), 0.4), (data.filter(pl.row_index() == top), 1.0))
        if part.height
    ]
    return theme.styled(
        hv.Overlay(bars),
        title=title,
        xlim=(-0.5, 23.5),
        ylim=(0, float(data["y1"].max()) * 1.08 or 1.0),  # type: ignore[arg-type]
        xticks=[(hour, f"{hour:02d}") for hour in range(0, 24, 3)],
        xlabel=f"clock hour ({tz})",
        ylabel="persons (mean)",
        show_legend=False,
    )


def plot_crowd_events(
    events: Any, occupancy: Any = None, *, tz: str = "UTC", title: str = "Crowd and loitering events"
) -> Any:
    """Events per bucket as points in the colour of their kind, over the occupancy that was there.

    Parameters
    ----------
    events : of the quantity `crowd_per_hour` by event_type: bucket, event_type, count. What is suppressed is not
        drawn.
    occupancy : of the quantity `occupancy`, or None.
    """
    per_kind = theme.polars_of(events).drop_nulls(c.COUNT).sort(c.BUCKET)
    if per_kind.is_empty():
        return theme.empty(title)
    clock = hv.Dimension("time", label=f"local time ({tz})")
    count = hv.Dimension(c.COUNT, label="events")
    found = per_kind[c.EVENT_TYPE].unique().to_list()
    kinds = [*_KINDS, *sorted(set(found) - set(_KINDS))]
    layers = []
    if occupancy is not None:
        layers.append(plot_occupancy(occupancy, tz=tz, title=title))
    for kind, color in zip(kinds, theme.OKABE_ITO[1:], strict=False):
        if kind not in found:
            continue
        mine = per_kind.filter(pl.col(c.EVENT_TYPE) == kind)
        data = mine.select(theme.local(mine[c.BUCKET], tz).alias("time"), c.COUNT).to_pandas()
        points = hv.Scatter(data, clock, count, label=f"{kind} (events)")
        layers.append(
            theme.styled(
                points,
                color=color,
                size=6,
                tools=["hover"],
                hover_tooltips=[
                    ("kind", kind),
                    (f"from ({tz})", "@time{%a %d %b %H:%M}"),
                    ("events", f"@{c.COUNT}{{0,0}}"),
                ],
                hover_formatters=_MOMENT,
            )
        )
    return theme.styled(hv.Overlay(layers), title=title, ylabel="events, persons", legend_position="top")
