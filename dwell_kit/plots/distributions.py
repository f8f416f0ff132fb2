"""How long: histogram and survival curve of dwell, and how figures move with max_gap."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import numpy as np
import polars as pl

from dwell_kit.plots import theme
from dwell_kit.schema import columns as c
from dwell_kit.schema.text import duration

_MINUTE_S = 60.0


def plot_dwell_histogram(table: Any, *, title: str = "How long visits last") -> Any:
    """Visits by dwell, in minutes.

    Parameters
    ----------
    table : of the quantity `dwell_histogram`: from_s, till_s, count.
    """
    frame = theme.polars_of(table)
    if frame.is_empty() or frame[c.COUNT].null_count() == frame.height:
        return theme.empty(title, theme.SUPPRESSED) if frame.height else theme.empty(title)
    edges = np.append(frame["from_s"].to_numpy(), frame["till_s"][-1]) / _MINUTE_S
    data = (edges, frame[c.COUNT].cast(pl.Float64).to_numpy())
    bars = hv.Histogram(data, kdims=[hv.Dimension("dwell", unit="min")], vdims=[hv.Dimension("visits")])
    tips = [("dwell", "@left{0.[0]} to under @right{0.[0]} min"), ("visits", "@top{0,0}")]
    return theme.styled(
        bars, title=title, color=theme.ACCENT, line_color=None, tools=["hover"], hover_tooltips=tips
    )


def plot_visit_frequency(table: Any, *, title: str = "How often people come") -> Any:
    """Persons by their number of visits; the last bar stands for that many or more.

    Parameters
    ----------
    table : of the quantity `visit_frequency`: visits, unique_visitors, share.
    """
    frame = theme.polars_of(table)
    if frame.is_empty() or frame[c.UNIQUE_VISITORS].null_count() == frame.height:
        return theme.empty(title, theme.SUPPRESSED) if frame.height else theme.empty(title)
    if not frame[c.UNIQUE_VISITORS].sum():
        return theme.empty(title)
    last = frame[c.VISITS].max()
    label = pl.Series("times", [f"{n}+" if n == last else str(n) for n in frame[c.VISITS]])
    data = frame.select(label, c.UNIQUE_VISITORS, (100 * pl.col(c.SHARE)).alias("percent")).to_pandas()
    bars = hv.Bars(
        data,
        hv.Dimension("times", label="visits of a person"),
        [hv.Dimension(c.UNIQUE_VISITORS, label="persons"), "percent"],
    )
    tips = [
        ("visits", "@times"),
        ("persons", f"@{c.UNIQUE_VISITORS}{{0,0}}"),
        ("of all visitors", "@percent{0.0} %"),
    ]
    return theme.styled(
        bars, title=title, color=theme.ACCENT, line_color=None, tools=["hover"], hover_tooltips=tips
    )


def plot_survival(
    table: Any, *, summary: Any = None, steps: bool = True, title: str = "Share of visits that last longer"
) -> Any:
    """The Kaplan–Meier curve with its band, and the medians of the naive readings beside it.

    Parameters
    ----------
    table : of the quantity `survival`: t_s, survival, low, high. summary : of `survival_summary`, or None.
    steps : the table has every step; False for a curve that is known at some times only, between which it is
        drawn as falling evenly.
    """
    frame = theme.polars_of(table)
    if frame.height < 2:  # the first row is t = 0 and says nothing
        return theme.empty(title)
    said = pl.Series("said", [duration(s) for s in frame["t_s"]])
    known = frame.select(
        (pl.col("t_s") / _MINUTE_S).alias("dwell"), "survival", "low", "high", said,
        *((100 * pl.col(n)).alias(f"{n}_percent") for n in ("survival", "low", "high")),
    )  # fmt: skip
    data = known.to_pandas()
    dwell, share = hv.Dimension("dwell", unit="min"), hv.Dimension("survival", label="share still there")
    around = theme.stepped(known.select("dwell", "low", "high"), "dwell").to_pandas() if steps else data
    band = theme.styled(hv.Area(around, dwell, ["low", "high"], label="95 % band"), color=theme.ACCENT, alpha=0.2)
    curve = theme.styled(
        hv.Curve(
            data, dwell, [share, "said", "survival_percent", "low_percent", "high_percent"], label="Kaplan–Meier"
        ),
        color=theme.ACCENT,
        interpolation="steps-post" if steps else "linear",
        tools=["hover"],
        hover_mode="vline",
        hover_tooltips=[
            ("longer than", "@said"),
            ("visits", "@survival_percent{0.0} %"),
            ("95 % band", "@low_percent{0.0} to @high_percent{0.0} %"),
        ],
    )
    layers = [band, curve]
    if summary is not None:
        row = theme.polars_of(summary).row(0, named=True)
        for name, label, color in (
            ("km_median_s", "median, Kaplan–Meier", theme.ACCENT),
            ("naive_closed_only_median_s", "median, open visits left out", theme.WARNING),
            ("naive_as_if_closed_median_s", "median, open visits as if closed", theme.MUTED),
        ):
            if row[name] is not None:
                at = row[name] / _MINUTE_S
                ends = {"dwell": [at, at], "survival": [0.0, 1.0]}
                layers.append(
                    theme.styled(
                        hv.Curve(ends, dwell, share, label=label), color=color, line_dash="dashed", line_width=1
                    )
                )
    return theme.styled(
        hv.Overlay(layers),
        title=title,
        legend_position="top_right",  # where the curve is not, and no wider than a telephone
        ylim=(0, 1.02),
        ylabel="share still there",
    )


def plot_fragmentation(
    table: Any, *, figure: str = c.UNIQUE_VISITORS, title: str = "What the figure would be if identities broke"
) -> Any:
    """A key figure over assumed rates of identity switches, as a band from no switch to the rate on the axis.

    Parameters
    ----------
    table : of the quantity `fragmentation`: switches_per_hour and key figures. figure : the column drawn.
    """
    frame = theme.polars_of(table).drop_nulls(figure)
    if frame.is_empty():
        return theme.empty(title)
    data = frame.select(
        pl.col(c.SWITCHES_PER_H).alias("rate"),
        pl.col(figure).alias("value"),
        pl.col(figure).first().alias("as seen"),
    ).to_pandas()
    rate = hv.Dimension("rate", label="switches of identity per hour of presence", unit="1/h")
    value = hv.Dimension("value", label=figure.replace("_", " "))
    band = theme.styled(hv.Area(data, rate, ["value", "as seen"], label="band"), color=theme.WARNING, alpha=0.2)
    curve = theme.styled(hv.Curve(data, rate, value, label="if they broke"), color=theme.WARNING, tools=["hover"])
    return theme.styled(band * curve, title=title, ylabel=figure.replace("_", " "), legend_position="top")


def plot_sensitivity(
    table: Any, *, figure: str = c.VISITS, title: str = "How the figure moves with the gap that ends a visit"
) -> Any:
    """A key figure for several values of max_gap.

    Parameters
    ----------
    table : of the quantity `sensitivity`: max_gap_s and key figures. figure : the column drawn.
    """
    frame = theme.polars_of(table)
    if frame.is_empty():
        return theme.empty(title)
    data = frame.select((pl.col("max_gap_s") / _MINUTE_S).alias("max_gap"), figure).to_pandas()
    curve = hv.Curve(
        data, hv.Dimension("max_gap", unit="min"), hv.Dimension(figure, label=figure.replace("_", " "))
    )
    return theme.styled(curve, title=title, color=theme.ACCENT, tools=["hover"])
