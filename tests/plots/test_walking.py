"""Speeds, density and dwell in zones: what reaches the elements, and that they can be drawn."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import holoviews as hv
import polars as pl
import pytest

from dwell_kit.plots import theme, walking

START = datetime(2025, 5, 1, 9, tzinfo=UTC)
SPEEDS = pl.DataFrame(
    {"from_m_s": [0.0, 0.5], "till_m_s": [0.5, 1.0], "person_seconds": [3.0, 9.0], "share": [0.25, 0.75]}
)
DENSITY = pl.DataFrame(
    {
        "zone_id": ["hall", "hall", "shop"],
        "bucket": [START, START + timedelta(minutes=1), START],
        "density_mean_per_m2": [0.2, None, 0.1],
        "density_max_per_m2": [0.6, None, 0.25],
        "scheme": ["fruin_walkway"] * 3,
        "level_mean": ["A", None, "A"],
        "level_max": ["C", None, "A"],
    },
    schema_overrides={"bucket": pl.Datetime("us", "UTC")},
)
SERVICE = pl.DataFrame(
    {
        "zone_id": ["hall"] * 3,
        "scheme": ["fruin_walkway"] * 3,
        "level": ["A", "B", "C"],
        "lasted_s": [60.0, 0.0, 20.0],
        "share": [0.75, 0.0, 0.25],
        "person_share": [None, None, None],
    },
    schema_overrides={"person_share": pl.Float64},
)
STAYS = pl.DataFrame(
    {
        "zone_id": ["shop", "shop", "hall"],
        "person_id": ["p", "q", "p"],
        "dwell_s": [4.0, 8.0, 2.0],
        "open": [False, True, False],
    }
)
BOUNDS = [0.3, 0.43, 0.72, 1.08, 2.15]


@pytest.mark.parametrize(
    ("plot", "table", "labels"),
    [
        (walking.plot_speed_histogram, SPEEDS, ("speed (m/s)", "time spent (person-s)")),
        (walking.plot_density, DENSITY, ("local time (UTC)", "density (persons/m²)")),
        (walking.plot_level_of_service, SERVICE, ("share (%)", "")),
        (walking.plot_zone_dwell, STAYS, ("dwell in the zone (s)", "")),
    ],
)
def test_units_are_on_the_axes_and_nothing_says_so(
    plot: Callable[..., Any], table: pl.DataFrame, labels: tuple[str, str]
) -> None:
    drawn = hv.render(plot(table), backend="bokeh")
    assert (drawn.xaxis[0].axis_label, drawn.yaxis[0].axis_label or "") == labels
    assert hv.render(plot(table.to_pandas()), backend="bokeh")
    assert "no data" in str(plot(table.clear()).data)


def test_only_levels_in_sight_have_a_band_and_the_scheme_is_named() -> None:
    drawn = walking.plot_density(DENSITY, bounds=BOUNDS)
    bands = [each.label for each in drawn if isinstance(each, hv.Rectangles)]
    assert bands == ["level A", "level B", "level C"]
    shop = walking.plot_density(DENSITY, zone="shop", bounds=BOUNDS, tz="Europe/Berlin")
    assert [each.label for each in shop if isinstance(each, hv.Rectangles)] == ["level A"]
    for plot in (drawn, shop):
        figure = hv.render(plot, backend="bokeh")
        assert "fruin, walkway" in figure.title.text
        assert figure.xaxis[0].axis_label.startswith("local time")
        assert "level A" in {item.label.value for item in figure.legend[0].items}
    assert not [each for each in walking.plot_density(DENSITY) if isinstance(each, hv.Rectangles)]


def test_shares_are_stacked_to_the_whole() -> None:
    drawn = walking.plot_level_of_service(SERVICE)
    spans = {each.label: (each.data["x0"][0], each.data["x1"][0]) for each in (drawn.get(0), drawn.get(1))}
    assert spans == {"A": (0.0, 75.0), "C": (75.0, 100.0)}
    assert theme.SUPPRESSED in str(walking.plot_level_of_service(SERVICE, figure="person_share").data)


def test_long_stays_are_in_minutes() -> None:
    long = STAYS.with_columns(pl.col("dwell_s") * 600)
    drawn = walking.plot_zone_dwell(long)
    assert drawn.get(0).data["x1"].tolist() == pytest.approx([60.0, 20.0], abs=60)
    assert hv.render(drawn, backend="bokeh").xaxis[0].axis_label == "dwell in the zone (min)"
