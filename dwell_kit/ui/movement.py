"""The movement page: from place to place, where visits begin and end, and a map of every position."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Final

import panel as pn

from dwell_kit.analytics import registry as quantities
from dwell_kit.plots import theme
from dwell_kit.plots.positions import plot_positions
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters
from dwell_kit.ui import landing, naming
from dwell_kit.ui.cards import Drawing, draw, grid
from dwell_kit.ui.charts import FLOWS, Drawn
from dwell_kit.ui.page import Page
from dwell_kit.ui.style import WIDGET
from dwell_kit.workspace import Workspace

FLOOR: Final = "the floor"
_CAPTION: Final = "positions per pixel, logarithmic · pan and zoom: what is seen is counted anew"
_NONE: Final = (
    "No positions in this selection. They come with tracks (MOT text) and with tables of positions in metres: "
    "upload one, or choose other cameras and times."
)


class Movement(Page):
    """One visitor's page of movement; parameters as of `Page`."""

    def __init__(self, ws: Workspace, query: str = "", *, exports: str | None = None, **more: Any) -> None:
        super().__init__(ws, query, exports=exports, **more)
        self.flows = [Drawing.of(chart) for chart in FLOWS]
        self.plane = pn.widgets.Select(name="Map of", options=[FLOOR], width=240, stylesheets=[WIDGET], margin=0)
        self.image = pn.pane.HoloViews(sizing_mode="stretch_width", linked_axes=False, margin=0)
        what = "Where people were"
        self.map = Drawing("positions", what, _CAPTION, self._counted, wide=True, live=self.image)
        self._points: Any = None
        self._planes, self._unit = [FLOOR], "m"
        self.plane.param.watch(self._chosen, "value")

    def __panel__(self) -> Any:
        if self.filtering.empty:
            parts = [self.filtering.bar, landing.welcome(linked=self._linked)]
        else:
            parts = [self.filtering.bar, grid(self.flows), self.plane, self.map.card]
        return self._column(*parts)

    def close(self) -> None:
        """Nobody looks any more: the points are let go of."""
        super().close()
        self.image.object = self._points = None

    async def load(self) -> None:
        """Draw everything, once the page is there."""
        await self._draw()

    def draw(self) -> None:
        """Draw everything at once, where nobody waits for the page yet."""
        if not self.filtering.empty:
            wish = self.filtering.wish
            for drawing in (*self.flows, self.map):
                drawing.show(drawing.work_out(self.ws, wish), wish)
            self._show_map()

    async def apply(self, filters: Filters) -> None:
        """Show everything under other filters; a later call overtakes an earlier one."""
        if await self._worked_out(self.ws.compute, "transitions", filters) is None:
            return  # filters that mean nothing are said
        self.filtering.keep(filters)
        await self._draw()

    async def _refused(self) -> None:
        if any(one.shown != self.filtering.wish for one in (*self.flows, self.map)):
            await self._draw()

    async def _chosen(self, _event: Any) -> None:
        await self._draw_map()

    async def _draw(self) -> None:
        if self.filtering.empty:
            return
        self._turn += 1
        turn = self._turn
        await draw(self.flows, self.ws, self.filtering.wish, lambda: turn == self._turn)
        if turn == self._turn:
            await self._draw_map()

    async def _draw_map(self) -> None:
        turn, wish = self._turn, self.filtering.wish
        made = await asyncio.to_thread(self.map.work_out, self.ws, wish)
        if turn == self._turn:
            self.map.show(made, wish)
            self._show_map()

    def _counted(self, ws: Workspace, filters: Filters, _tz: str) -> Drawn:
        """The positions by camera, and the points of the plane that is looked at."""
        of_places = replace(filters, min_dwell=None, max_dwell=None, max_gap=Filters().max_gap)
        positions = ws.positions(of_places, as_="polars")
        counts = quantities.get("position_counts").compute(positions)
        named = naming.named(counts, naming.of_cameras(ws, filters.environment))
        planes = [FLOOR] if (counts["on_floor"] > 0).any() else []
        planes += [f"the image of {camera}" for camera in counts.filter(counts["in_image"] > 0)[c.CAMERA]]
        self._planes = planes or [FLOOR]
        plane = self.plane.value if self.plane.value in self._planes else self._planes[0]
        camera = None if plane == FLOOR else plane.removeprefix("the image of ")
        points = quantities.get("points").compute(positions, camera=camera)
        self._points, self._unit = points, "m" if camera is None else "px"
        if points.is_empty():
            return Drawn("", [], "", named, _NONE)
        plot_positions(points, unit=self._unit)  # compiled and tried here, beside the page
        said = f"A map of {points.height:,} positions on {plane}, in {self._unit}; the table has them by camera."
        return Drawn("", [], said, named)

    def _show_map(self) -> None:
        self.plane.options = self._planes
        if self._points is None or self._points.is_empty():
            self.image.object = None
            return
        self.image.object = plot_positions(
            self._points, unit=self._unit, title="", dynamic=True, hooks=[_on_any_ground]
        )
        self.map.card.said = f"<b>{self._points.height:,}</b> positions"


def _on_any_ground(plot: Any, _element: Any) -> None:
    theme.on_any_ground(plot.state, still=False)
