"""Maps of the floor: what reaches the elements, and that they can be drawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import holoviews as hv
import polars as pl
import pytest

from dwell_kit.plots import floor, theme
from dwell_kit.schema.geometry import Zone

SHOP = Zone("shop", ((0, 0), (2, 0), (2, 1), (0, 1)))
START = datetime(2025, 5, 1, 9, tzinfo=UTC)
PATHS = pl.DataFrame(
    {
        "person_id": ["p"] * 4 + ["q"] * 2,
        "path": [1, 1, 2, 2, 1, 1],
        "t": [START + timedelta(seconds=s) for s in (0, 1, 9, 10, 0, 1)],
        "x_m": [0.0, 1.0, 5.0, 5.0, 0.0, 0.0],
        "y_m": [0.0, 0.0, 0.0, 1.0, 3.0, 3.0],
        "speed_m_s": [1.0, 1.0, 1.0, 1.0, 0.0, 0.0],
    }
)
CELLS = pl.DataFrame(
    {
        "x_m": [0.25, 0.75, 0.25],
        "y_m": [0.25, 0.25, 1.25],
        "person_seconds": [4.0, 1.0, 2.0],
        "unique_visitors": [1, 1, 2],
        "occupancy_max": [1, 1, 2],
        "density_mean_per_m2": [1.6, 0.4, 0.8],
        "speed_mean_m_s": [0.0, 1.2, None],
    }
)


def axes_of(plot: object) -> tuple[str, str]:
    drawn = hv.render(plot, backend="bokeh")
    return drawn.xaxis[0].axis_label, drawn.yaxis[0].axis_label


def test_a_line_for_each_path_and_none_across_a_gap() -> None:
    drawn = floor.plot_paths(PATHS, zones=[SHOP])
    steps = drawn.get(0).data
    assert steps[["x", "y", "x1", "y1"]].to_numpy().tolist() == [[0, 0, 1, 0], [5, 0, 5, 1], [0, 3, 0, 3]]
    colors = steps["color"].tolist()
    assert colors[0] == colors[1] != colors[2]
    assert len(drawn.get(1)) == 3  # a dot where each begins
    assert axes_of(drawn) == ("x (m)", "y (m)")


def test_by_speed_in_metres_a_second() -> None:
    drawn = floor.plot_paths(PATHS, color="speed_m_s")
    assert drawn.get(0).data["speed_m_s"].tolist() == [1.0, 1.0, 0.0]
    assert floor.plot_paths(PATHS, color="speed_m_s").get(0).data["x1"].tolist() == [1.0, 5.0, 0.0]
    assert axes_of(drawn) == ("x (m)", "y (m)")


def test_where_points_outnumber_pixels_paths_are_counted() -> None:
    drawn = floor.plot_paths(PATHS, points=3)
    (image,) = drawn.traverse(lambda x: x, [hv.Image])
    counts = image.dimension_values(2, flat=False)
    middle = counts[:, counts.shape[1] // 2]
    assert not (middle > 0).any()  # nothing between the two paths of p
    assert counts[counts == counts].max() >= 1
    assert axes_of(drawn) == ("x (m)", "y (m)")


@pytest.mark.parametrize("figure", ["density_mean_per_m2", "person_seconds", "speed_mean_m_s", "occupancy_max"])
def test_cells_have_their_size_and_figure(figure: str) -> None:
    drawn = floor.plot_floor_map(CELLS, figure=figure, zones=[SHOP])
    cells = drawn.get(0).data
    assert cells[figure].tolist() == CELLS[figure].drop_nulls().to_list()
    assert (cells["x1"] - cells["x"]).tolist() == pytest.approx([0.5] * len(cells))
    assert axes_of(drawn) == ("x (m)", "y (m)")
    assert hv.render(floor.plot_floor_map(CELLS.head(1), figure=figure), backend="bokeh")


def test_nothing_says_so() -> None:
    assert "nobody" in str(floor.plot_paths(PATHS.clear()).data)
    assert hv.render(floor.plot_floor_map(CELLS.clear()), backend="bokeh")
    hidden = CELLS.with_columns(pl.lit(None, pl.Float64).alias("density_mean_per_m2"))
    assert theme.SUPPRESSED in str(floor.plot_floor_map(hidden).data)
