"""Who comes: bars by age group and gender."""

from __future__ import annotations

from typing import Any, Final

import holoviews as hv
import polars as pl

from dwell_kit.plots import theme
from dwell_kit.schema import columns as c
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS

SAID: Final = "said"
"""A column of words for the tooltip, where a figure is better said than shown."""


def plot_demographics(
    table: Any,
    *,
    figure: str = c.UNIQUE_VISITORS,
    title: str = "Who comes",
    unit: str = "persons",
    stacked: bool = True,
) -> Any:
    """A figure by age group and gender; suppressed cells are left out, `other` is what is not determined.

    Parameters
    ----------
    table : of the quantity `demographics`: age_group, gender, and `figure`.
    stacked : genders on top of each other, for figures that add up; else side by side, as for medians.
    """
    given = theme.polars_of(table)
    frame = given.drop_nulls(figure)
    if frame.is_empty():
        return theme.empty(title, theme.SUPPRESSED) if given.height else theme.empty(title)
    order = {word: i for i, word in enumerate(AGE_GROUPS)}
    ranked = frame.sort(
        pl.col(c.AGE_GROUP).replace_strict(order, default=len(order), return_dtype=pl.Int64), c.GENDER
    )
    more = [name for name in (SAID,) if name in ranked.columns]
    data = ranked.select(c.AGE_GROUP, c.GENDER, figure, *more).to_pandas()
    bars = hv.Bars(
        data,
        [hv.Dimension(c.AGE_GROUP, label="age group"), hv.Dimension(c.GENDER)],
        [hv.Dimension(figure, label=figure.replace("_", " "), unit=unit), *more],
    )
    shown = f"@{SAID}" if more else f"@{figure}{{0,0.[00]}} {unit}"
    colors = {gender: theme.GENDER_COLORS[gender] for gender in GENDERS if gender in set(data[c.GENDER])}
    return theme.styled(
        bars,
        title=title,
        stacked=stacked,
        color=c.GENDER,
        cmap=colors,
        line_color=None,
        tools=["hover"],
        hover_tooltips=[
            ("age group", f"@{c.AGE_GROUP}"), ("gender", f"@{c.GENDER}"), (figure.replace("_", " "), shown),
        ],
        legend_position="top",
        hooks=[] if stacked else [_groups_only],
        xlabel="age group",
    )  # fmt: skip


def _groups_only(plot: Any, _element: Any) -> None:
    """The colours say the gender: under each bar its name would only collide with the next one's."""
    plot.handles["x_range"].update(range_padding=0.04, group_padding=1.0)
    plot.handles["xaxis"].update(
        major_label_text_font_size="0px", major_label_standoff=0, major_tick_line_color=None,
        group_text_font_style="normal", group_text_font_size="11px", separator_line_alpha=0.0,
    )  # fmt: skip
