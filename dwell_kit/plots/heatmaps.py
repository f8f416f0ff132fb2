"""When and where it is busy: weekday × hour and camera × hour."""

from __future__ import annotations

from typing import Any

import holoviews as hv
import polars as pl

from dwell_kit.plots import theme
from dwell_kit.schema import columns as c

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def plot_weekday_hour(table: Any, *, tz: str = "UTC", title: str = "When it is busy") -> Any:
    """Mean occupancy by local weekday and clock hour; hours without coverage are blank.

    Parameters
    ----------
    table : of the quantity `weekday_hour`: weekday, hour, occupancy_mean, visits.
    """
    frame = theme.polars_of(table)
    day = pl.col(c.WEEKDAY).replace_strict(dict(enumerate(_DAYS, start=1)), return_dtype=pl.String)
    return _heatmap(frame.with_columns(day.alias("day")), "day", "weekday", _DAYS[::-1], tz, title)


def plot_camera_hour(table: Any, *, tz: str = "UTC", title: str = "Where it is busy") -> Any:
    """Mean occupancy by camera and local clock hour; a person on two cameras is in both rows.

    Parameters
    ----------
    table : of the quantity `camera_hour`: camera_id, hour, occupancy_mean, visits.
    """
    frame = theme.polars_of(table)
    cameras = sorted(frame[c.CAMERA].unique().to_list(), reverse=True) if frame.height else []
    return _heatmap(frame, c.CAMERA, "camera", cameras, tz, title)


def _heatmap(frame: pl.DataFrame, row: str, label: str, order: Any, tz: str, title: str) -> Any:
    known = frame.drop_nulls(c.OCCUPANCY_MEAN)
    if known.is_empty():
        return theme.empty(title)
    data = known.select(c.HOUR, row, c.OCCUPANCY_MEAN, c.VISITS).to_pandas()
    element = hv.HeatMap(
        data,
        [
            hv.Dimension(c.HOUR, label=f"clock hour ({tz})"),
            hv.Dimension(row, label=label, values=[v for v in order if v in set(data[row])]),
        ],
        [hv.Dimension(c.OCCUPANCY_MEAN, label="mean occupancy", unit="persons"), hv.Dimension(c.VISITS)],
    )
    return theme.styled(
        element,
        title=title,
        cmap=list(theme.SEQUENTIAL),
        colorbar=True,
        clipping_colors={"NaN": "#00000000"},
        clabel="persons (mean)",
        tools=["hover"],
        height=60 + 28 * max(7, len(set(data[row]))),
        xticks=list(range(24)),
        clim=(0, float(data[c.OCCUPANCY_MEAN].max()) or 1.0),
    )
