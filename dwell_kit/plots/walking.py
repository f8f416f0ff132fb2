"""How fast people walk, how dense it is over time and what that means, and how long they stay in each zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import holoviews as hv
import numpy as np
import polars as pl

from dwell_kit.plots import theme
from dwell_kit.schema import columns as c
from dwell_kit.schema.text import duration

LEVEL_COLORS: Final[Mapping[str, str]] = {
    "A": "#fde725", "B": "#90d743", "C": "#35b779", "D": "#21918c", "E": "#31688e", "F": "#443983",
}  # fmt: skip
"""Of viridis: from light to dark as it gets worse, told apart by any eye."""
_CORNERS: Final = ["x0", "y0", "x1", "y1"]
_CLOCK: Final = "@time{%a %d %b %H:%M:%S}"


def plot_speed_histogram(table: Any, *, title: str = "How fast people walk") -> Any:
    """Time that people spent at each speed.

    Parameters
    ----------
    table : of the quantity `speed_histogram`: from_m_s, till_m_s, person_seconds, share.
    """
    given = theme.polars_of(table)
    if given.is_empty() or given[c.PERSON_SECONDS].null_count() == given.height:
        return theme.empty(title, theme.SUPPRESSED) if given.height else theme.empty(title)
    edges = np.append(given[c.FROM_M_S].to_numpy(), given[c.TILL_M_S][-1])
    bars = hv.Histogram(
        (edges, given[c.PERSON_SECONDS].to_numpy()),
        kdims=[hv.Dimension("speed", unit="m/s")],
        vdims=[hv.Dimension("time", label="time spent", unit="person-s")],
    )
    tips = [("speed", "@left{0.[00]} to under @right{0.[00]} m/s"), ("time", "@top{0,0.0} person-s")]
    return theme.styled(
        bars, title=title, color=theme.ACCENT, line_color=None, tools=["hover"], hover_tooltips=tips
    )


def plot_density(
    table: Any, *, zone: str | None = None, bounds: Sequence[float] = (), tz: str = "UTC", title: str | None = None
) -> Any:
    """Mean and maximum density of a zone over time, over the bands of its level of service.

    Parameters
    ----------
    table : of the quantity `density`: zone_id, bucket, density_mean_per_m2, density_max_per_m2, scheme, level_max.
    zone : which one; the first if None. bounds : (5,) 1/m², of `analytics.service.bounds_per_m2`.
    """
    given = theme.polars_of(table)
    if zone is None:
        zone = given[c.ZONE][0] if given.height else "the zone"
    frame = given.filter(pl.col(c.ZONE) == zone)
    known = frame.drop_nulls(c.DENSITY_MEAN)
    title = f"Density in {zone}" if title is None else title
    if known.is_empty():
        return theme.empty(title, theme.SUPPRESSED) if frame.height else theme.empty(title)
    scheme = frame[c.SCHEME][0]
    top = 1.15 * float(known[c.DENSITY_MAX].max() or 0) or 1.0  # type: ignore[arg-type]
    times = theme.local(frame[c.BUCKET], tz).alias("time")
    data = frame.select(times, c.DENSITY_MEAN, c.DENSITY_MAX, c.LEVEL_MEAN, c.LEVEL_MAX).to_pandas()
    clock = hv.Dimension("time")
    per_m2 = hv.Dimension("density", label="density", unit="persons/m²")
    words = [c.DENSITY_MEAN, c.LEVEL_MEAN, c.LEVEL_MAX]
    data["density"] = data[c.DENSITY_MAX]
    most = theme.styled(
        hv.Curve(data, clock, [per_m2, *words], label="maximum"),
        color=theme.OKABE_ITO[5], interpolation="steps-post", line_width=2, tools=["hover"], hover_mode="vline",
        hover_tooltips=[
            (f"from ({tz})", _CLOCK),
            ("maximum", f"@density{{0.00}} persons/m², level @{c.LEVEL_MAX}"),
            ("mean", f"@{c.DENSITY_MEAN}{{0.00}} persons/m², level @{c.LEVEL_MEAN}"),
        ],
        hover_formatters={"@time": "datetime"},
    )  # fmt: skip
    mean = theme.styled(
        hv.Curve(data.assign(density=data[c.DENSITY_MEAN]), clock, per_m2, label="mean"),
        color=theme.OKABE_ITO[7], interpolation="steps-post", line_width=2, line_dash="dashed",
    )  # fmt: skip
    return theme.styled(
        hv.Overlay([*_bands(times, bounds, top), mean, most]),
        title=f"{title} (levels: {scheme.replace('_', ', ')})",
        ylim=(0, top),
        xlabel=f"local time ({tz})",
        ylabel="density (persons/m²)",
        legend_position="right",
    )


def _bands(times: pl.Series, bounds: Sequence[float], top: float) -> list[Any]:
    """A stripe over all the time for each level that is in sight."""
    from_, till = times.min(), times.max()
    stripes = zip(LEVEL_COLORS.items(), [0.0, *bounds], [*bounds, top], strict=False)
    return [
        theme.styled(
            hv.Rectangles(
                [(from_, low, till, min(high, top))], ["time", "low", "till", "high"], label=f"level {level}"
            ),
            color=color,
            alpha=0.35,
            line_color=None,
        )
        for (level, color), low, high in stripes
        if len(bounds) and low < top
    ]


def plot_level_of_service(
    table: Any, *, figure: str = c.SHARE, title: str = "Level of service: share of the time"
) -> Any:
    """How long each level lasted, for each zone and scheme, as stacked bars.

    Parameters
    ----------
    table : of the quantity `level_of_service`: zone_id, scheme, level, lasted_s, person_seconds, and `figure`:
        share, of the watched time, or person_share, of the time that persons spent there.
    """
    given = theme.polars_of(table)
    frame = given.drop_nulls(figure)
    if frame.is_empty():
        return theme.empty(title, theme.SUPPRESSED) if given.height else theme.empty(title)
    place = pl.format("{} · {}", c.ZONE, pl.col(c.SCHEME).str.replace("_", ", "))
    rows = frame.select(place.alias("place"), c.LEVEL, (100 * pl.col(figure)).alias("percent"), c.LASTED_S)
    places = list(dict.fromkeys(rows["place"].to_list()))[::-1]
    at = pl.col("place").replace_strict({p: i for i, p in enumerate(places)}, return_dtype=pl.Float64)
    placed = rows.with_columns(at.alias("at"), pl.col("percent").cum_sum().over("place").alias("x1"))
    spans = placed.with_columns(
        (pl.col("x1") - pl.col("percent")).alias("x0"), (pl.col("at") - 0.38).alias("y0"),
        (pl.col("at") + 0.38).alias("y1"), pl.Series("said", [duration(s) for s in placed[c.LASTED_S]]),
    )  # fmt: skip
    layers = [
        theme.styled(
            hv.Rectangles(mine.to_pandas(), _CORNERS, ["place", c.LEVEL, "percent", "said"], label=level),
            color=color, line_color=None, tools=["hover"],
            hover_tooltips=[
                ("where", "@place"), ("level", f"@{c.LEVEL}"), ("share", "@percent{0.0} %"), ("lasted", "@said"),
            ],
        )
        for level, color in LEVEL_COLORS.items()
        if (mine := spans.filter(pl.col(c.LEVEL) == level, pl.col("percent") > 0)).height
    ]  # fmt: skip
    return theme.styled(
        hv.Overlay(layers),
        title=title,
        height=110 + 34 * max(2, len(places)),
        xlim=(0, 100),
        ylim=(-0.6, len(places) - 0.4),
        yticks=list(enumerate(places)),
        xlabel="share (%)",
        ylabel="",
        legend_position="right",
    )


def plot_zone_dwell(table: Any, *, title: str = "How long people stay in each zone") -> Any:
    """Each visit to a zone as a point, and their median as a bar.

    Parameters
    ----------
    table : of the quantity `zone_visits`: zone_id, person_id, dwell_s, open.
    """
    frame = theme.polars_of(table)
    if frame.is_empty():
        return theme.empty(title)
    zones = sorted(frame[c.ZONE].unique().to_list(), reverse=True)
    row = pl.col(c.ZONE).replace_strict({z: float(i) for i, z in enumerate(zones)}, return_dtype=pl.Float64)
    minutes = float(frame[c.DWELL_S].max() or 0) > 600  # type: ignore[arg-type]
    unit, per = ("min", 60.0) if minutes else ("s", 1.0)
    said = pl.Series("said", [duration(s) for s in frame[c.DWELL_S]])
    data = frame.select(
        (pl.col(c.DWELL_S) / per).alias("dwell"), row.alias("row"), c.ZONE, c.PERSON, said,
        pl.when(c.OPEN).then(pl.lit("still there at the end")).otherwise(pl.lit("left")).alias("ended"),
    )  # fmt: skip
    median = data.group_by("row", c.ZONE).agg(pl.col("dwell").median(), pl.len().alias("visits")).select(
        pl.lit(0.0).alias("x0"), (pl.col("row") - 0.35).alias("y0"), pl.col("dwell").alias("x1"),
        (pl.col("row") + 0.35).alias("y1"), c.ZONE, "visits",
    )  # fmt: skip
    bars = theme.styled(
        hv.Rectangles(median.to_pandas(), _CORNERS, [c.ZONE, "visits"], label="median"),
        color=theme.ACCENT, alpha=0.35, line_color=None, tools=["hover"],
        hover_tooltips=[("zone", f"@{c.ZONE}"), ("median", f"@x1{{0.0}} {unit}"), ("visits", "@visits{0,0}")],
    )  # fmt: skip
    points = theme.styled(
        hv.Points(data.to_pandas(), ["dwell", "row"], [c.ZONE, c.PERSON, "said", "ended"], label="a visit"),
        color=theme.ACCENT, size=8, tools=["hover"],
        hover_tooltips=[("person", f"@{c.PERSON}"), ("zone", f"@{c.ZONE}"), ("dwell", "@said"), ("", "@ended")],
    )  # fmt: skip
    return theme.styled(
        bars * points,
        title=title,
        height=120 + 40 * max(2, len(zones)),
        xlim=(0, 1.08 * float(data["dwell"].max() or 0) or 1.0),  # type: ignore[arg-type]
        ylim=(-0.6, len(zones) - 0.4),
        yticks=list(enumerate(zones)),
        xlabel=f"dwell in the zone ({unit})",
        ylabel="",
        legend_position="right",
    )
