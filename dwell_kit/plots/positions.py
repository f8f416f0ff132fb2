"""Where people were, as a map: datashader counts the points behind each pixel, so that millions pan and zoom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import holoviews as hv

from dwell_kit.plots import theme

HEIGHT: Final = 520
_X, _Y = "x", "y"
_ASIDE, _BELOW = 95, 50
"""Room of axes and colour bar, px."""


def plot_positions(
    table: Any,
    *,
    unit: str = "m",
    title: str = "Where people were",
    dynamic: bool = False,
    height: int = HEIGHT,
    hooks: Sequence[Any] = (),
) -> Any:
    """Points as an image of counts, on a logarithmic scale.

    Parameters
    ----------
    table : of `compute_points`: x, y. unit : m on the floor; px in a camera's image, whose y grows downwards.
    dynamic : counted anew for whatever part is looked at; needs a Python behind the page. Else one image.
    hooks : of HoloViews: called with the plot and the element whenever it was drawn.
    """
    from holoviews.operation.datashader import dynspread, rasterize

    frame = theme.polars_of(table)
    if frame.is_empty():
        return theme.empty(title, "no positions in this selection")
    dimensions = [hv.Dimension(name, label=f"{name} ({unit})") for name in (_X, _Y)]
    points = hv.Points(frame.select(_X, _Y).to_pandas(), dimensions)
    counted = rasterize(points, aggregator="count", dynamic=dynamic, width=theme.WIDTH, height=height)
    image = dynspread(counted, max_px=4, threshold=0.6, dynamic=dynamic)  # a lone point is still to be seen
    return theme.styled(
        image,
        title=title,
        height=height,
        hooks=[_fit, *hooks] if dynamic else list(hooks),
        cmap=list(theme.SEQUENTIAL[6:]),  # one position is seen; none is the ground
        cnorm="log",
        colorbar=True,
        colorbar_opts={"width": 8, "padding": 2, "major_tick_line_color": None, "bar_line_color": None},
        clabel=" ",
        clipping_colors={"NaN": "#00000000", "min": "#00000000"},
        data_aspect=1,
        invert_yaxis=unit == "px",
        default_tools=["pan", "wheel_zoom", "box_zoom", "reset", "save"],
        active_tools=["pan", "wheel_zoom"],
        tools=["hover"],
        hover_tooltips=[("x", f"$x{{0.00}} {unit}"), ("y", f"$y{{0.00}} {unit}"), ("positions", "@image{0,0}")],
    )


def _fit(plot: Any, _element: Any) -> None:
    """As wide as there is room, a metre being as long in both directions; HoloViews 1.23 fixes both sides."""
    figure = plot.state
    if figure.frame_width and figure.frame_height:
        ratio = (figure.frame_width + _ASIDE) / (figure.frame_height + _BELOW)
        figure.update(
            aspect_ratio=ratio, frame_width=None, frame_height=None, width=None, height=None,
            sizing_mode="scale_width", max_width=round((HEIGHT + _BELOW) * ratio),
        )  # fmt: skip
