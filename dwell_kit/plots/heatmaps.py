"""When and where it is busy, who stays when, where crowds form: tables of cells over the hours of the day."""

from __future__ import annotations

from typing import Any

import polars as pl

from dwell_kit.plots import theme
from dwell_kit.plots.grid import HOURS, plot_cells
from dwell_kit.schema import columns as c
from dwell_kit.schema.demographics import AGE_GROUPS
from dwell_kit.schema.text import duration

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_OCCUPANCY = ("mean present", f"@{c.OCCUPANCY_MEAN}{{0.00}} persons")
_STARTED = ("visits started", f"@{c.VISITS}{{0,0}}")


def plot_weekday_hour(table: Any, *, tz: str = "UTC", title: str = "When it is busy") -> Any:
    """Mean occupancy by local weekday and clock hour; hours without coverage are hatched.

    Parameters
    ----------
    table : of the quantity `weekday_hour`: weekday, hour, occupancy_mean, visits.
    """
    frame = theme.polars_of(table)
    day = pl.col(c.WEEKDAY).replace_strict(dict(enumerate(_DAYS, start=1)), return_dtype=pl.String)
    return _by_hour(
        frame.with_columns(day.alias("day")), "day", _DAYS, c.OCCUPANCY_MEAN, (_OCCUPANCY, _STARTED), tz, title
    )


def plot_camera_hour(table: Any, *, tz: str = "UTC", title: str = "Where it is busy") -> Any:
    """Mean occupancy by camera and local clock hour; a person on two cameras is in both rows.

    Parameters
    ----------
    table : of the quantity `camera_hour`: camera_id, hour, occupancy_mean, visits.
    """
    frame = theme.polars_of(table)
    cameras = sorted(frame[c.CAMERA].unique().to_list())
    return _by_hour(frame, c.CAMERA, cameras, c.OCCUPANCY_MEAN, (_OCCUPANCY, _STARTED), tz, title)


def plot_age_hour(table: Any, *, tz: str = "UTC", title: str = "Who stays when") -> Any:
    """Median dwell by age group and local clock hour of the visit's start, in minutes.

    Parameters
    ----------
    table : of the quantity `dwell` by age_group and hour: age_group, hour, count, median_s.
    """
    frame = theme.polars_of(table).drop_nulls(c.MEDIAN_S)
    said = frame.with_columns(
        (pl.col(c.MEDIAN_S) / 60).alias("minutes"), pl.Series("said", [duration(s) for s in frame[c.MEDIAN_S]])
    )
    known = set(frame[c.AGE_GROUP].to_list())
    ages = [age for age in (*AGE_GROUPS, "other") if age in known]
    tips = (("median dwell", "@said"), ("visits", f"@{c.COUNT}{{0,0}}"))
    return _by_hour(said, c.AGE_GROUP, list(dict.fromkeys(ages)), "minutes", tips, tz, title, hatch=False)


def plot_crowd_camera_hour(table: Any, *, tz: str = "UTC", title: str = "Where crowds form") -> Any:
    """Crowd and loitering events by camera and local clock hour, all kinds and days added up.

    Parameters
    ----------
    table : of the quantity `crowd_camera_hour`: camera_id, hour, event_type, count.
    """
    frame = theme.polars_of(table).drop_nulls(c.COUNT)
    kinds = sorted(frame[c.EVENT_TYPE].unique().to_list())
    wide = (
        frame.pivot(c.EVENT_TYPE, index=[c.CAMERA, c.HOUR], values=c.COUNT, aggregate_function="sum")
        .with_columns(pl.col(kinds).fill_null(0))
        .with_columns(pl.sum_horizontal(kinds).alias("events"))
        if frame.height
        else pl.DataFrame(schema={c.CAMERA: pl.String, c.HOUR: pl.Int64, "events": pl.Int64})
    )
    tips = tuple((kind, f"@{{{kind}}}{{0,0}} events") for kind in kinds)
    return _by_hour(
        wide, c.CAMERA, sorted(wide[c.CAMERA].unique().to_list()), "events", tips, tz, title, hatch=False
    )


def _by_hour(
    frame: pl.DataFrame,
    row: str,
    rows: Any,
    figure: str,
    tips: tuple[tuple[str, str], ...],
    tz: str,
    title: str,
    *,
    hatch: bool = True,
) -> Any:
    known = frame.drop_nulls(figure)
    if known.is_empty():
        return theme.empty(title)
    clock = pl.col(c.HOUR).map_elements(lambda h: f"{h:02d}:00–{h + 1:02d}:00", return_dtype=pl.String)
    return plot_cells(
        known.with_columns(clock.alias("clock")),
        column=c.HOUR,
        row=row,
        figure=figure,
        columns=range(24),
        rows=[value for value in rows if value in set(frame[row].to_list())],
        column_labels=HOURS,
        every=3,
        tooltips=[(row.replace("_id", "").replace("_", " "), f"@{row}"), (f"clock ({tz})", "@clock"), *tips],
        xlabel=f"clock hour ({tz})",
        title=title,
        unknown=frame.filter(pl.col(figure).is_null()) if hatch else None,
    )
