"""What report notebooks show and keep: tables for people, the same tables as files."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from IPython.display import HTML

from dwell_kit.schema.cells import cell, title
from dwell_kit.schema.columns import COUNT, SUPPRESSED, UNIQUE_VISITORS
from dwell_kit.schema.text import said
from dwell_kit.workspace import exporting

KEY_FIGURES = (  # the longest visit is not among them: it is about one person
    ("unique_visitors", "Visitors (persons)"),
    ("visits", "Visits"),
    ("repeat_visitors", "Persons with two or more visits"),
    ("dwell_mean_s", "Dwell of a visit, mean"),
    ("dwell_median_s", "Dwell of a visit, median"),
    ("dwell_p95_s", "Dwell of a visit, 95th percentile"),
    ("dwell_per_person_s", "Dwell of a person, mean"),
    ("peak_occupancy", "Most people at one instant"),
    ("peak_hour", "Peak hour (local clock)"),
    ("busiest_camera", "Busiest camera"),
    ("open_visits", "Visits still open at the end"),
)
REPEAT_FIGURES = (
    ("unique_visitors", "Visitors (persons)"),
    ("repeat_visitors", "Persons with two or more visits"),
    ("repeat_rate", "Their share of the visitors"),
    ("repeat_day_visitors", "Persons with visits on two or more days"),
)


def key_figures(
    figures: dict[str, Any],
    previous: dict[str, Any] | None,
    *,
    before: str = "day before",
    which: Sequence[tuple[str, str]] = KEY_FIGURES,
) -> pl.DataFrame:
    """Columns figure, value and `before` (blank if `previous` is None), as text; of a hidden figure the reason.

    Parameters
    ----------
    figures, previous : of `summary` or `summary_for_viewer`. which : figures and their titles.
    """
    columns = {"value": figures, before: previous}
    return pl.DataFrame(
        {
            "figure": [title for _, title in which],
            **{name: [_shown(figure, of) for figure, _ in which] for name, of in columns.items()},
        }
    )


def _shown(name: str, figures: dict[str, Any] | None) -> str:
    if figures is None:
        return ""
    why: str | None = figures.get(SUPPRESSED, {}).get(name)
    return why or said(name, figures[name])


def by_clock(table: pl.DataFrame, tz: str) -> pl.DataFrame:
    """Rows by `bucket` with the local weekday (1 = Monday) and hour of each, once per hour of the clock.

    Where the clock is turned back the first of the two is kept. For a week these are the cells of its weekday ×
    hour, hidden where the rows are.
    """
    local = pl.col("bucket").dt.convert_time_zone(tz)
    named = table.with_columns(
        local.dt.weekday().cast(pl.Int64).alias("weekday"), local.dt.hour().cast(pl.Int64).alias("hour")
    )
    return named.unique(["weekday", "hour"], keep="first", maintain_order=True)


def chart_scripts() -> HTML:
    """BokehJS itself, once a report, so that charts are drawn without a network."""
    from bokeh.resources import INLINE

    return HTML(INLINE.render())  # type: ignore[no-untyped-call]


def chart(element: Any, description: str) -> HTML:
    """A HoloViews object as a chart with its text alternative; `chart_scripts` comes first in the report."""
    import holoviews as hv
    from bokeh.embed import components
    from bokeh.models.annotations import Legend

    drawn = hv.render(element, backend="bokeh")
    drawn.update(sizing_mode="stretch_width", width=None)  # as wide as the page, on a telephone too
    for legend in drawn.select({"type": Legend}):
        if legend in drawn.above:  # its margin and a location in pixels make room twice, and lap over the plot
            legend.update(location="top_left", margin=0, padding=4, spacing=12, border_line_alpha=0.0)
    label = html.escape(description)
    script, div = components(drawn, wrap_script=True)
    figure = f'<figure role="img" aria-label="{label}">{div}<figcaption>{label}</figcaption></figure>{script}'
    return HTML(figure)  # type: ignore[no-untyped-call]


def table(frame: pl.DataFrame, tz: str = "UTC") -> HTML:
    """A frame as a plain table: titles, times by the clock of `tz`, durations in words; texts are escaped.

    What `suppressed` blanks is "hidden"; persons are blank where something was counted that carries no ids.
    """
    shown = _without_ids(frame)
    titles = [title(name, tz, dtype) for name, dtype in shown.schema.items() if name != SUPPRESSED]
    rows = [_words(row, tz) for row in shown.iter_rows(named=True)]
    head = f"<thead>{_line('th', titles)}</thead>"
    body = f"<tbody>{''.join(_line('td', words) for words in rows)}</tbody>"
    return HTML(f'<div class="table"><table>{head}{body}</table></div>')  # type: ignore[no-untyped-call]


def _without_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """No persons beside a count means that nobody said who: unknown, not zero."""
    if not {COUNT, UNIQUE_VISITORS} <= set(frame.columns):
        return frame
    unknown = (pl.col(UNIQUE_VISITORS) == 0) & (pl.col(COUNT) > 0)
    return frame.with_columns(pl.when(~unknown).then(UNIQUE_VISITORS))


def _words(row: dict[str, Any], tz: str) -> list[str]:
    hidden = row.get(SUPPRESSED)
    return [
        "hidden" if hidden and value is None else cell(name, value, tz)
        for name, value in row.items()
        if name != SUPPRESSED
    ]


def _line(tag: str, words: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(word)}</{tag}>" for word in words) + "</tr>"


def save(frame: pl.DataFrame, folder: str, name: str) -> None:
    """Keep a table as CSV, JSON and Parquet; nothing without a folder."""
    if folder:
        for suffix in (".csv", ".json", ".parquet"):
            exporting.write(frame, Path(folder) / f"{name}{suffix}")
