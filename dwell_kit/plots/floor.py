"""The floor in metres, seen from above: zones, paths, and maps of cells. A metre is as long in both directions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import holoviews as hv
import polars as pl

from dwell_kit.plots import theme
from dwell_kit.schema import columns as c
from dwell_kit.schema.geometry import Zone

HEIGHT: Final = 460
SPEEDS: Final = "viridis"
"""Even steps of lightness, told apart by any eye, and far from the ground's colour at its middle."""
_DIMENSIONS: Final = [hv.Dimension("x", label="x (m)"), hv.Dimension("y", label="y (m)")]
_PERSONS: Final = theme.OKABE_ITO[:6]
"""Those that are seen on a light and on a dark ground."""
_TIPS: Final = [("person", f"@{c.PERSON}"), ("speed", f"@{c.SPEED_M_S}{{0.00}} m/s")]
_MAPS: Final = {
    c.DENSITY_MEAN: ("Mean density", "persons/m²"),
    c.PERSON_SECONDS: ("Time that people spent", "person-s"),
    c.SPEED_MEAN_M_S: ("Mean speed", "m/s"),
    c.OCCUPANCY_MAX: ("Most persons at once", "persons"),
    c.UNIQUE_VISITORS: ("Persons who were there", "persons"),
}


def plot_zones(zones: Iterable[Zone]) -> Any:
    """Outlines of zones with their names, to lay over a map of the floor.

    Parameters
    ----------
    zones : in metres.
    """
    held = list(zones)
    outlines = [{"x": [x for x, _ in (*z.polygon, z.polygon[0])], "y": [y for _, y in (*z.polygon, z.polygon[0])]}
                for z in held]  # fmt: skip
    corner = [(min(x for x, _ in z.polygon), max(y for _, y in z.polygon), z.name) for z in held]
    drawn = theme.styled(
        hv.Path(outlines, _DIMENSIONS), color=theme.MIDDLE, line_dash="dashed", line_width=1.5, height=HEIGHT
    )
    names = theme.styled(
        hv.Labels(corner, _DIMENSIONS, "name"),
        text_color=theme.MIDDLE, text_font_size="9pt", text_align="left", text_baseline="bottom", height=HEIGHT,
    )  # fmt: skip
    return drawn * names


def plot_paths(
    paths: Any,
    *,
    zones: Iterable[Zone] = (),
    color: str = c.PERSON,
    points: int = theme.WIDTH * HEIGHT,
    dynamic: bool = False,
    title: str = "Paths",
) -> Any:
    """Each path as a line from where it begins (a dot); where points outnumber pixels, as counts of paths.

    Parameters
    ----------
    paths : of the quantity `paths`: person_id, path, t, x_m, y_m, speed_m_s. zones : drawn over them.
    color : person_id, or speed_m_s, which is in m/s. points : from how many on lines are drawn by datashader.
    dynamic : see `plot_positions`.
    """
    frame = theme.polars_of(paths)
    if frame.is_empty():
        return theme.empty(title, "nobody was on the floor in this selection")
    if frame.height > points:
        drawn = _counted(frame, dynamic=dynamic)
    else:
        drawn = _by_speed(frame) if color == c.SPEED_M_S else _by_person(frame)
    return _on_floor(drawn, zones, title)


def plot_floor_map(
    table: Any,
    *,
    figure: str = c.DENSITY_MEAN,
    zones: Iterable[Zone] = (),
    title: str | None = None,
) -> Any:
    """A figure of each cell of the floor; where nobody was is blank.

    Parameters
    ----------
    table : of the quantity `floor_map`: x_m, y_m, and `figure`: density_mean_per_m2, person_seconds,
        speed_mean_m_s, occupancy_max or unique_visitors. zones : drawn over it.
    """
    said, unit = _MAPS[figure]
    title = f"{said} ({unit})" if title is None else title
    given = theme.polars_of(table)
    frame = given.drop_nulls(figure)
    if frame.is_empty():
        return theme.empty(title, theme.SUPPRESSED) if given.height else theme.empty(title)
    half = _side(given) / 2
    shown = list(dict.fromkeys((figure, c.X_M, c.Y_M, c.PERSON_SECONDS)))
    cells = frame.select(
        (pl.col(c.X_M) - half).alias("x"),
        (pl.col(c.Y_M) - half).alias("y"),
        (pl.col(c.X_M) + half).alias("x1"),
        (pl.col(c.Y_M) + half).alias("y1"),
        pl.col(shown).cast(pl.Float64),
    )
    speeds = figure == c.SPEED_MEAN_M_S
    element = hv.Rectangles(cells.to_pandas(), [*_DIMENSIONS, "x1", "y1"], shown)
    tips = [
        ("cell around", f"@{c.X_M}{{0.00}} m, @{c.Y_M}{{0.00}} m"),
        (said.lower(), f"@{figure}{{0,0.[000]}} {unit}"),
        ("time spent there", f"@{c.PERSON_SECONDS}{{0,0.0}} person-s"),
    ]
    drawn = theme.styled(
        element,
        color=figure,
        cmap=SPEEDS if speeds else list(theme.SEQUENTIAL[4:]),
        clim=(0, float(frame[figure].max() or 0) or 1.0),  # type: ignore[arg-type]
        line_color=None,
        tools=["hover"],
        hover_tooltips=tips,
        **_bar(unit),
    )
    return _on_floor(drawn, zones, title)


def _by_person(frame: pl.DataFrame) -> Any:
    who = sorted(frame[c.PERSON].unique().to_list())
    color = {name: _PERSONS[n % len(_PERSONS)] for n, name in enumerate(who)}
    drawn = theme.styled(
        hv.Segments(_steps(frame, color), [*_DIMENSIONS, "x1", "y1"], [c.PERSON, c.SPEED_M_S, "color"]),
        color="color", line_width=2.5, line_cap="round", tools=["hover"], hover_tooltips=_TIPS,
    )  # fmt: skip
    return drawn * _starts(frame, color)


def _by_speed(frame: pl.DataFrame) -> Any:
    known = frame.filter(pl.col(c.SPEED_M_S).is_not_null())
    top = float(known[c.SPEED_M_S].max() or 0) or 1.0  # type: ignore[arg-type]
    drawn = theme.styled(
        hv.Segments(_steps(known, {}), [*_DIMENSIONS, "x1", "y1"], [c.SPEED_M_S, c.PERSON]),
        color=c.SPEED_M_S, cmap=SPEEDS, clim=(0, top), line_width=3, line_cap="round", tools=["hover"],
        hover_tooltips=_TIPS, **_bar("m/s"),
    )  # fmt: skip
    return drawn * _starts(frame, {})


def _steps(frame: pl.DataFrame, color: dict[str, str]) -> Any:
    """A piece of line from each point of a path to its next one."""
    after = pl.col(c.X_M, c.Y_M).shift(-1).over(c.PERSON, c.PATH).name.suffix("1")
    pieces = frame.with_columns(after).drop_nulls(f"{c.X_M}1")
    return pieces.select(
        pl.col(c.X_M).alias("x"), pl.col(c.Y_M).alias("y"), pl.col(f"{c.X_M}1").alias("x1"),
        pl.col(f"{c.Y_M}1").alias("y1"), c.SPEED_M_S, c.PERSON,
        pl.Series("color", [color.get(who, theme.MIDDLE) for who in pieces[c.PERSON]], dtype=pl.String),
    ).to_pandas()  # fmt: skip


def _starts(frame: pl.DataFrame, color: dict[str, str]) -> Any:
    first = frame.group_by(c.PERSON, c.PATH, maintain_order=True).first()
    colors = pl.Series("color", [color.get(who, theme.MIDDLE) for who in first[c.PERSON]], dtype=pl.String)
    data = first.select(pl.col(c.X_M).alias("x"), pl.col(c.Y_M).alias("y"), colors).to_pandas()
    return theme.styled(hv.Points(data, _DIMENSIONS, "color"), color="color", size=8)


def _counted(frame: pl.DataFrame, *, dynamic: bool) -> Any:
    """How many paths go through each pixel, on a logarithmic scale."""
    from holoviews.operation.datashader import rasterize

    # a row of nothing after each path, so that datashader lifts the pen
    ends = frame.group_by(c.PERSON, c.PATH).agg(pl.col(c.TIME).max(), pl.lit(None, pl.Float64).alias(c.X_M))
    joined = (
        pl.concat([frame.select(c.PERSON, c.PATH, c.TIME, c.X_M, c.Y_M), ends], how="diagonal")
        .with_columns(pl.col(c.X_M).is_null().alias("end"))
        .sort(c.PERSON, c.PATH, "end", c.TIME, maintain_order=True)
    )
    line = hv.Path([joined.select(pl.col(c.X_M).alias("x"), pl.col(c.Y_M).alias("y")).to_pandas()], _DIMENSIONS)
    image = rasterize(line, aggregator="count", dynamic=dynamic, width=theme.WIDTH, height=HEIGHT)
    return theme.styled(
        image, cmap=list(theme.SEQUENTIAL[6:]), cnorm="log",
        clipping_colors={"NaN": "#00000000", "min": "#00000000"},
        tools=["hover"], hover_tooltips=[("x", "$x{0.00} m"), ("y", "$y{0.00} m"), ("paths", "@image{0,0}")],
        **_bar("paths"),
    )  # fmt: skip


def _side(cells: pl.DataFrame) -> float:
    """The side of a cell, m: the least distance between middles; 1 if there is one cell only."""
    apart = [cells[name].unique().sort().diff().drop_nulls() for name in (c.X_M, c.Y_M)]
    found = [float(each.min()) for each in apart if len(each)]  # type: ignore[arg-type]
    return min(found, default=1.0)


def _bar(unit: str) -> dict[str, Any]:
    look = {"width": 8, "padding": 2, "major_tick_line_color": None, "bar_line_color": None, "title": unit}
    return {"colorbar": True, "colorbar_opts": look, "clabel": unit}


def _on_floor(drawn: Any, zones: Iterable[Zone], title: str) -> Any:
    held = list(zones)
    overlay = drawn * plot_zones(held) if held else drawn
    return theme.styled(
        overlay, title=title, height=HEIGHT, data_aspect=1, xlabel="x (m)", ylabel="y (m)", show_legend=False,
        active_tools=[],
    )  # fmt: skip
