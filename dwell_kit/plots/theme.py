"""One look: the same colour for the same thing everywhere, units on every axis, empty plots that say so."""

from __future__ import annotations

from typing import Any, Final

import holoviews as hv
import narwhals as nw
import polars as pl
from bokeh.models.annotations import ColorBar
from holoviews.core import Store

ACCENT: Final = "#0f766e"
MIDDLE: Final = "#6b7f99"
"""Words on a light and on a dark ground: about 4 to 1 against both."""
MUTED: Final = "#94a3b8"
WARNING: Final = "#d97706"
"""Limits and open visits."""
SEQUENTIAL: Final = tuple(f"#0d9488{round(255 * i / 32):02x}" for i in range(33))
"""From the card's own ground to the accent, light or dark, so that empty is never the brightest."""
OKABE_ITO: Final = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#F0E442",
    "#000000",
    "#999999",
)
GENDER_COLORS: Final = {"female": "#CC79A7", "male": "#0072B2", "other": "#999999"}
WIDTH: Final = 760
HEIGHT: Final = 260
SUPPRESSED: Final = "suppressed: every group is of too few persons"


def load(*, inline: bool = True) -> None:
    """Load Bokeh into a notebook; `inline` puts its scripts into the page, so that it opens without a network."""
    import panel as pn

    hv.extension.inline = inline
    hv.extension("bokeh", logo=False)
    pn.extension(inline=inline)


def polars_of(table: Any) -> pl.DataFrame:
    """The table as a Polars frame, whatever it came as."""
    return table if isinstance(table, pl.DataFrame) else nw.from_native(table, eager_only=True).to_polars()


def local(times: pl.Series, tz: str) -> pl.Series:
    """Times as the wall clock of `tz` shows them (Bokeh draws naive times as they are)."""
    return times.dt.convert_time_zone(tz).dt.replace_time_zone(None)


def styled(element: Any, **options: Any) -> Any:
    """The element with the house's options for the Bokeh backend."""
    if "bokeh" not in Store.renderers:
        import holoviews.plotting.bokeh  # noqa: F401 - registers the backend
    base = {"width": WIDTH, "height": HEIGHT, "toolbar": "above", "autohide_toolbar": True, "fontscale": 1.0}
    return element.opts(**{**base, **options}, backend="bokeh")


def hatched(element: Any, **options: Any) -> Any:
    """Rectangles of what is not known: hatched on no ground, so that they are neither zero nor something."""

    def hatch(plot: Any, _element: Any) -> None:
        plot.handles["glyph"].update(hatch_pattern="/", hatch_color=MUTED, hatch_alpha=0.5, hatch_scale=8.0)

    given = {"tools": [], "line_color": None, **options}
    return styled(element, color="#00000000", hooks=[hatch], **given)


def stepped(rows: pl.DataFrame, at: str) -> pl.DataFrame:
    """Rows that hold until the next one begins, with their ends: an area knows no steps.

    >>> stepped(pl.DataFrame({"t": [0, 1, 2], "y": [5, 7, 6]}), "t").rows()
    [(0, 5), (1, 5), (1, 7), (2, 7), (2, 6)]
    """
    ends = rows[:-1].with_columns(rows[at][1:])
    return pl.concat([ends, rows]).sort(at, maintain_order=True)


def empty(title: str, note: str = "no data in this selection") -> Any:
    """What is drawn where there is nothing to draw."""
    text = hv.Text(0.5, 0.5, note)
    return styled(text, title=title, xaxis=None, yaxis=None, text_color=MUTED, xlim=(0, 1), ylim=(0, 1))


def load_quietly() -> None:
    """Bokeh for HoloViews, with nothing printed into a notebook."""
    import holoviews.plotting.bokeh  # noqa: F401 - registers the backend

    hv.Store.set_current_backend("bokeh")


def load_notebook() -> None:
    """Bokeh and Panel for a page of JupyterLab, scripts and all: no request leaves the machine."""
    import panel as pn

    pn.extension(comms="ipywidgets", inline=True)


def load_notebook_again() -> None:
    """The same for a page that may have been reloaded since: the kernel cannot know, so the scripts go anew."""
    from panel.io.notebook import load_notebook as send

    send(inline=True, reloading=False)


def load_server() -> None:
    """Bokeh for pages that a server hands out: without this, HoloViews knows no backend."""
    import panel as pn

    hv.extension("bokeh", logo=False)
    pn.extension()


def legend_of(drawn: Any) -> list[dict[str, str]]:
    """What a Bokeh figure's legend says (label, color, kind: line or fill), for a page to say itself."""
    found: dict[str, dict[str, str]] = {}
    for item in (item for legend in drawn.legend for item in legend.items):
        glyph = item.renderers[0].glyph
        fill, line = getattr(glyph, "fill_color", None), getattr(glyph, "line_color", None)
        transform = getattr(fill, "transform", None) or getattr(fill, "get", lambda _: None)("transform")
        if transform is not None:
            for word, color in zip(transform.factors, transform.palette, strict=False):
                found[word] = {"label": word, "color": color, "kind": "fill"}
            continue
        label = getattr(item.label, "value", None)
        if label is None:
            continue
        kind = "hatch" if getattr(glyph, "hatch_pattern", None) else "fill" if isinstance(fill, str) else "line"
        color = fill if kind == "fill" else MUTED if kind == "hatch" else line
        dash = getattr(glyph, "line_dash", None)
        found[label] = {"label": label, "color": str(color), "kind": "dash" if kind == "line" and dash else kind}
    return list(found.values())


def on_any_ground(drawn: Any, *, still: bool = True) -> Any:
    """A Bokeh figure that reads on a light and on a dark card: no ground of its own, words in a middle tone."""
    drawn.output_backend = "canvas"  # WebGL leaves slivers of an earlier width on a ground that is not painted
    drawn.update(background_fill_alpha=0.0, border_fill_alpha=0.0, outline_line_alpha=0.0)
    for axis in drawn.axis:
        axis.update(
            axis_label_text_color=MIDDLE, axis_label_text_font_style="normal", major_label_text_color=MIDDLE,
            axis_line_color=MIDDLE, minor_tick_line_alpha=0.0,
        )  # fmt: skip
        if axis.major_tick_line_color is not None:
            axis.major_tick_line_color = MIDDLE
        if hasattr(axis, "group_text_color"):
            axis.update(group_text_color=MIDDLE, separator_line_alpha=0.0)
    drawn.toolbar.update(autohide=True, logo=None)
    if still:  # a page scrolls over it; a finger does not drag it
        drawn.toolbar.update(active_drag=None, active_scroll=None)
    drawn.toolbar_inner = True
    for legend in drawn.legend:
        legend.update(background_fill_alpha=0.0, border_line_alpha=0.0, label_text_color=MIDDLE)
    for bar in drawn.select({"type": ColorBar}):
        bar.update(background_fill_alpha=0.0, major_label_text_color=MIDDLE, title_text_color=MIDDLE)
    drawn.title.text_color = MIDDLE
    return drawn
