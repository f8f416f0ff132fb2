"""When cameras were watched, and when they were silent: unknown is hatched, never empty."""

from __future__ import annotations

from typing import Any, Final

import holoviews as hv
import polars as pl

from dwell_kit.plots import theme
from dwell_kit.schema import columns as c

COLORS: Final = {"seen": theme.ACCENT, "nobody seen": "#0d948833", "silent": theme.WARNING, "down": theme.MIDDLE}
_CORNERS: Final = ["x0", "y0", "x1", "y1"]


def plot_coverage(stretches: Any, *, tz: str = "UTC", title: str = "When cameras were watched") -> Any:
    """A strip for each camera: somebody seen, nobody, implausibly silent, down; what is not covered is hatched.

    Parameters
    ----------
    stretches : camera_id, state, started_at, ended_at (UTC), hours: of `Workspace.quality`.
    """
    frame = theme.polars_of(stretches)
    if frame.is_empty():
        return theme.empty(title, "no export says when a camera was watched")
    cameras = sorted(frame[c.CAMERA].unique().to_list(), reverse=True)
    row = pl.col(c.CAMERA).replace_strict({q: i for i, q in enumerate(cameras)}, return_dtype=pl.Float64)
    placed = frame.with_columns(
        theme.local(frame[c.STARTED], tz).alias("x0"),
        theme.local(frame[c.ENDED], tz).alias("x1"),
        (row - 0.36).alias("y0"),
        (row + 0.36).alias("y1"),
    )
    tips = [
        ("camera", f"@{c.CAMERA}"), ("state", "@state"), ("from", "@x0{%a %d %b %H:%M}"),
        ("until", "@x1{%a %d %b %H:%M}"), ("hours", "@hours{0,0}"),
    ]  # fmt: skip
    common = {
        "line_color": None, "tools": ["hover"], "hover_tooltips": tips,
        "hover_formatters": {"@x0": "datetime", "@x1": "datetime"},
    }  # fmt: skip
    layers = []
    for state, color in COLORS.items():
        mine = placed.filter(pl.col("state") == state)
        if mine.height:
            strip = hv.Rectangles(mine.to_pandas(), _CORNERS, [c.CAMERA, "state", "hours"], label=state)
            layers.append(theme.styled(strip, color=color, **common))
    gone = placed.filter(~pl.col("state").is_in(list(COLORS)))
    if gone.height:
        strip = hv.Rectangles(gone.to_pandas(), _CORNERS, [c.CAMERA, "state", "hours"], label="not covered")
        layers.append(theme.hatched(strip, **common))
    return theme.styled(
        hv.Overlay(layers),
        title=title,
        height=80 + 22 * max(4, len(cameras)),
        yticks=list(enumerate(cameras)),
        ylim=(-0.5, len(cameras) - 0.5),
        xlabel=f"local time ({tz})",
        ylabel="",
        legend_position="top",
    )
