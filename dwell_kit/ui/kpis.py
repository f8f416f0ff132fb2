"""The cards on top of the overview: which figure, how it is said, and which rows are behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dwell_kit.schema.text import said


@dataclass(frozen=True)
class Kpi:
    """A key figure of `summary`; `rows` is what opens behind it, sorted by `sort`."""

    name: str
    title: str
    rows: str
    sort: str = ""
    note: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)


_BY_CAMERA: Final = {"by": ("camera_id",)}
_EVERYBODY: Final = {"n": 1_000_000}
_REPEAT: Final = {"n": 1_000_000, "least": 2}
KPIS: Final = (
    Kpi("unique_visitors", "Visitors", "top_visitors", "visits", "persons", _EVERYBODY),
    Kpi("visits", "Visits", "visits", "started_at", "of one person, without a longer gap"),
    Kpi("dwell_median_s", "Median dwell", "visits", "dwell_s", "of a visit, as seen"),
    Kpi("dwell_mean_s", "Mean dwell", "visits", "dwell_s", "of a visit, as seen"),
    Kpi("dwell_max_s", "Longest dwell", "visits", "dwell_s", "of a visit"),
    Kpi("dwell_per_person_s", "Dwell per person", "top_visitors", "sum_s", "mean over persons", _EVERYBODY),
    Kpi("repeat_rate", "Repeat visitors", "top_visitors", "visits", "of the visitors, 2 visits or more", _REPEAT),
    Kpi("peak_occupancy", "Most at once", "hourly_series", "occupancy_max", "persons present"),
    Kpi("peak_hour", "Peak hour", "hour_profile", "occupancy_mean", "highest mean, local clock"),
    Kpi("busiest_camera", "Busiest camera", "dwell", "sum_s", "most person-time", _BY_CAMERA),
    Kpi("cameras", "Active cameras", "dwell", "sum_s", "with a sighting", _BY_CAMERA),
    Kpi("open_visits", "Open visits", "open_visits", "started_at", "still there when coverage ends"),
)


def items(
    figures: dict[str, Any], before: dict[str, Any] | None, names: Mapping[str, str]
) -> list[dict[str, Any]]:
    """What the cards show: figure, change against the period before, and a note; cameras by their names."""
    return [_item(kpi, figures[kpi.name], None if before is None else before[kpi.name], names) for kpi in KPIS]


def _item(kpi: Kpi, value: Any, before: Any, names: Mapping[str, str]) -> dict[str, Any]:
    change, mood = _change(kpi.name, names.get(value, value), names.get(before, before))
    return {
        "name": kpi.name,
        "title": kpi.title,
        "value": said(kpi.name, names.get(value, value)),
        "raw": "" if value is None else value,
        "change": change,
        "mood": mood,
        "note": kpi.note,
    }


def _change(name: str, value: Any, before: Any) -> tuple[str, str]:
    """How a figure moved, and whether up or down; a word or an hour is named instead."""
    if before is None or value is None:
        return "", ""
    if name in {"peak_hour", "busiest_camera"}:
        return ("", "") if value == before else (f"was {said(name, before)}", "")
    if name.endswith("_rate"):
        points = 100 * (value - before)
        return f"{points:+.1f} pt", "up" if points > 0 else "down" if points < 0 else ""
    if not before:
        return "", ""
    share = 100 * (value - before) / before
    return f"{share:+.1f} %", "up" if share > 0 else "down" if share < 0 else ""
