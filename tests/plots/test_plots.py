"""What reaches the elements, and that every plot can be drawn, also without data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import holoviews as hv
import polars as pl
import pytest

from dwell_kit.plots import demographics, distributions, heatmaps, movement, series, theme

BUCKETS = [datetime(2025, 5, 5, hour, tzinfo=UTC) for hour in (22, 23)]
UTC_US = pl.Datetime("us", "UTC")
OCCUPANCY = pl.DataFrame(
    {"bucket": BUCKETS, "occupancy_mean": [1.5, None], "occupancy_max": [3, None]},
    schema={"bucket": UTC_US, "occupancy_mean": pl.Float64, "occupancy_max": pl.Int64},
)
EVENTS = pl.DataFrame(
    {
        "bucket": [BUCKETS[0], BUCKETS[0], BUCKETS[1]],
        "event_type": ["crowd", "loitering", "loitering"],
        "count": [3, 4, None],
    },
    schema_overrides={"bucket": UTC_US},
)
HOURS = pl.DataFrame({"camera_id": ["a", "b"], "hour": [9, 10], "occupancy_mean": [2.0, None], "visits": [5, 0]})
WEEK = HOURS.with_columns(weekday=pl.Series([1, 7])).drop("camera_id")
HISTOGRAM = pl.DataFrame({"from_s": [0.0, 60.0], "till_s": [60.0, 120.0], "count": [3, 1]})
SURVIVAL = pl.DataFrame({"t_s": [0.0, 60.0], "survival": [1.0, 0.5], "low": [1.0, 0.2], "high": [1.0, 0.8]})
MEDIANS = pl.DataFrame(
    {"km_median_s": [60.0], "naive_closed_only_median_s": [50.0], "naive_as_if_closed_median_s": [None]},
    schema_overrides={"naive_as_if_closed_median_s": pl.Float64},
)
PEOPLE = pl.DataFrame(
    {
        "age_group": ["20-29", "3-9", "20-29"],
        "gender": ["male", "other", "female"],
        "unique_visitors": [3, None, 4],
    }
)
GAPS = pl.DataFrame({"max_gap_s": [60.0, 600.0], "visits": [9, 5]})
FOOTFALL = pl.DataFrame({"bucket": BUCKETS, "visits": [4, 0]}, schema_overrides={"bucket": UTC_US})
AGES = pl.DataFrame({"age_group": ["3-9", "other"], "hour": [9, 23], "count": [2, 1], "median_s": [60.0, 1060.0]})
CROWDS = pl.DataFrame(
    {"camera_id": ["a", "a"], "hour": [9, 9], "event_type": ["crowd", "loitering"], "count": [2, 5]}
)
FREQUENCY = pl.DataFrame({"visits": [1, 2], "unique_visitors": [8, 2], "share": [0.8, 0.2]})

PLOTS: dict[str, tuple[Callable[..., Any], pl.DataFrame]] = {
    "occupancy": (series.plot_occupancy, OCCUPANCY),
    "footfall": (series.plot_footfall, FOOTFALL),
    "crowd": (series.plot_crowd_events, EVENTS),
    "histogram": (distributions.plot_dwell_histogram, HISTOGRAM),
    "survival": (distributions.plot_survival, SURVIVAL),
    "sensitivity": (distributions.plot_sensitivity, GAPS),
    "weekday_hour": (heatmaps.plot_weekday_hour, WEEK),
    "camera_hour": (heatmaps.plot_camera_hour, HOURS),
    "demographics": (demographics.plot_demographics, PEOPLE),
    "age_hour": (heatmaps.plot_age_hour, AGES),
    "crowd_camera_hour": (heatmaps.plot_crowd_camera_hour, CROWDS),
    "hour_profile": (series.plot_hour_profile, HOURS.select("hour", "occupancy_mean")),
    "visit_frequency": (distributions.plot_visit_frequency, FREQUENCY),
}


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize("kind", ["polars", "pandas", "empty"])
def test_every_plot_can_be_drawn(name: str, kind: str) -> None:
    plot, table = PLOTS[name]
    given = {"polars": table, "pandas": table.to_pandas(), "empty": table.clear()}[kind]
    drawn = plot(given)
    assert hv.render(drawn, backend="bokeh") is not None
    texts = [e.data[2] for e in drawn.traverse(lambda e: e, [hv.Text])]
    assert ("no data in this selection" in texts) == (kind == "empty")


def test_times_are_shown_by_the_local_clock() -> None:
    drawn = series.plot_occupancy(OCCUPANCY, tz="Europe/Berlin")
    area = drawn.get(0)
    assert str(area.dimension_values("time")[0])[:16] == "2025-05-06T00:00"
    assert "Europe/Berlin" in area.kdims[0].label


def test_uncovered_buckets_are_gaps_not_zeros() -> None:
    values = series.plot_occupancy(OCCUPANCY).get(0).dimension_values("occupancy_mean")
    assert values[:2].tolist() == [1.5, 1.5]  # until the next bucket begins
    assert values[2] != values[2]
    cells, unknown = heatmaps.plot_camera_hour(HOURS)
    assert list(cells.data["camera_id"]) == ["a"]
    assert list(unknown.data["camera_id"]) == ["b"]


def test_the_mean_steps_with_the_buckets() -> None:
    hours = [datetime(2025, 5, 5, hour, tzinfo=UTC) for hour in (8, 9, 10)]
    known = pl.DataFrame({"bucket": hours, "occupancy_mean": [1.0, 3.0, 2.0], "occupancy_max": [2, 4, 3]})
    known = known.with_columns(pl.col("bucket").cast(UTC_US))
    area = series.plot_occupancy(known).get(0)
    drawn = zip(area.dimension_values("time"), area.dimension_values("occupancy_mean"), strict=True)
    assert [(str(at)[11:13], mean) for at, mean in drawn] == [
        ("08", 1.0), ("09", 1.0), ("09", 3.0), ("10", 3.0), ("10", 2.0),
    ]  # fmt: skip


def test_events_of_all_cameras_are_added_up() -> None:
    points = series.plot_crowd_events(EVENTS, OCCUPANCY).traverse(lambda e: e, [hv.Scatter])
    assert {p.label: p.dimension_values("count").tolist() for p in points} == {
        "crowd (events)": [3], "loitering (events)": [4],
    }  # fmt: skip


def test_durations_are_in_minutes() -> None:
    assert distributions.plot_dwell_histogram(HISTOGRAM).edges.tolist() == [0.0, 1.0, 2.0]
    drawn = distributions.plot_survival(SURVIVAL, summary=MEDIANS)
    curves = drawn.traverse(lambda e: e, [lambda e: type(e) is hv.Curve])
    assert [c.label for c in curves] == [
        "Kaplan–Meier",
        "median, Kaplan–Meier",
        "median, open visits left out",
    ]


def test_the_band_steps_where_the_curve_does() -> None:
    known = pl.DataFrame({"t_s": [0.0, 60.0, 120.0], "survival": [1.0, 0.5, 0.2]})
    known = known.with_columns(low=pl.Series([1.0, 0.2, 0.1]), high=pl.Series([1.0, 0.8, 0.4]))

    def band(**more: Any) -> list[tuple[float, ...]]:
        (area,) = distributions.plot_survival(known, **more).traverse(lambda e: e, [hv.Area])
        return list(area.dframe()[["dwell", "low", "high"]].itertuples(index=False, name=None))

    assert band() == [(0, 1, 1), (1, 1, 1), (1, 0.2, 0.8), (2, 0.2, 0.8), (2, 0.1, 0.4)]
    assert band(steps=False) == [(0, 1, 1), (1, 0.2, 0.8), (2, 0.1, 0.4)]


def test_the_same_thing_has_the_same_colour() -> None:
    few = demographics.plot_demographics(PEOPLE.filter(pl.col("gender") == "male"))
    assert few.opts.get("style").kwargs["cmap"] == {"male": theme.GENDER_COLORS["male"]}
    assert {color[:7] for color in theme.SEQUENTIAL} == {"#0d9488"}
    assert list(theme.SEQUENTIAL) == sorted(theme.SEQUENTIAL)  # from nothing to all of it: empty is the ground


def test_what_is_suppressed_says_so() -> None:
    hidden = PEOPLE.with_columns(unique_visitors=pl.lit(None, pl.Int64))
    assert theme.SUPPRESSED in str(demographics.plot_demographics(hidden).data)
    assert theme.SUPPRESSED not in str(demographics.plot_demographics(hidden.clear()).data)
    gone = HISTOGRAM.with_columns(count=pl.lit(None, pl.Int64))
    assert theme.SUPPRESSED in str(distributions.plot_dwell_histogram(gone).data)


def test_a_gender_has_its_colour_whatever_comes_first() -> None:
    bars = demographics.plot_demographics(PEOPLE.sort("gender", descending=True))
    drawn = hv.render(bars, backend="bokeh")
    mapper = drawn.renderers[0].glyph.fill_color.transform
    found = dict(zip(mapper.factors, mapper.palette, strict=True))
    assert found == {g: theme.GENDER_COLORS[g] for g in found}


def test_bars_side_by_side_have_the_colour_of_their_gender() -> None:
    table = PEOPLE.with_columns(median_dwell=pl.col("unique_visitors").cast(pl.Float64))
    drawn = hv.render(demographics.plot_demographics(table, figure="median_dwell", stacked=False), backend="bokeh")
    (bars,) = drawn.renderers
    data = bars.data_source.data
    assert list(data["color"]) == list(data["gender"])


def test_a_figure_for_any_ground_has_none_of_its_own() -> None:
    for plot in (heatmaps.plot_camera_hour(HOURS), series.plot_occupancy(OCCUPANCY)):
        drawn = theme.on_any_ground(hv.render(plot, backend="bokeh"))
        assert drawn.background_fill_alpha == drawn.border_fill_alpha == 0
        assert {axis.major_label_text_color for axis in drawn.axis} == {theme.MIDDLE}


def test_flows_and_bands_are_drawn() -> None:
    flows = pl.DataFrame(
        {"origin": ["a", "b"], "destination": ["b", "a"], "count": [3, None], "share": [1.0, None]}
    )
    assert len(movement.plot_flows(flows).data) == 1
    assert movement.plot_flows(flows, figure="count").data["count"].tolist() == [3.0]
    assert theme.SUPPRESSED in str(movement.plot_flows(flows.tail(1)).data)
    assert hv.render(movement.plot_flows(flows), backend="bokeh")
    broken = pl.DataFrame({"switches_per_hour": [0.0, 1.0], "unique_visitors": [10.0, 8.0]})
    drawn = distributions.plot_fragmentation(broken)
    assert drawn.get(0).data["as seen"].tolist() == [10.0, 10.0]
    assert hv.render(drawn, backend="bokeh")
