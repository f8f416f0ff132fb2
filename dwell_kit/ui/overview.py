"""The overview page: filters, key figures, the rows behind them, charts."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable
from typing import Any

import panel as pn

from dwell_kit.errors import DwellError, FilterError
from dwell_kit.schema.filters import Filters
from dwell_kit.ui import kpis
from dwell_kit.ui.charts import CHARTS, Chart
from dwell_kit.ui.components import Cards
from dwell_kit.ui.filtering import Filtering
from dwell_kit.ui.rows import RowsPanel
from dwell_kit.ui.style import CAPTION, CARD
from dwell_kit.workspace import Workspace


class Overview:
    """One visitor's overview of a workspace.

    Parameters
    ----------
    query : of the URL; what it asks for is shown first.
    tell : called with the new query whenever the filters change.
    exports : base URL of downloads, or None where there is no server for them.
    """

    def __init__(
        self,
        ws: Workspace,
        query: str = "",
        *,
        tell: Callable[[str], None] | None = None,
        exports: str | None = None,
    ) -> None:
        self.ws = ws
        self._turn = 0
        self.filtering = Filtering(ws, query, tell=tell)
        self.cards = Cards(sizing_mode="stretch_width")
        self.rows = RowsPanel(ws, exports=exports)
        self.coverage = pn.pane.HTML(sizing_mode="stretch_width", stylesheets=[CARD])
        self.panes = {chart.name: _pane(chart) for chart in CHARTS}
        self.filtering.bar.param.watch(self._asked, "asked")
        self.cards.param.watch(self._opened, "opened")
        self._show_figures(self._figures(self.filtering.filters))

    def __panel__(self) -> Any:
        grid = pn.FlexBox(
            *(_card(chart, self.panes[chart.name]) for chart in CHARTS),
            sizing_mode="stretch_width", gap="12px", styles={"margin-top": "12px"},
        )  # fmt: skip
        parts = (self.filtering.bar, self.coverage, self.cards, self.rows, grid)
        return pn.Column(*parts, sizing_mode="stretch_width", styles={"gap": "12px"})

    def close(self) -> None:
        """Nobody looks any more: what is still being worked out is dropped."""
        self._turn += 1
        self.rows.visible = False

    async def load(self) -> None:
        """Draw the charts, once the page is there."""
        await self._draw(self.filtering.filters, self._turn)

    def draw(self) -> None:
        """Draw the charts at once, where nobody waits for the page yet."""
        if not self.filtering.empty:
            for chart in CHARTS:
                self.panes[chart.name].object = _figure(chart, self.ws, self.filtering.filters, self.filtering.tz)

    async def reopen(self, query: str) -> None:
        """Somebody opened a page that was drawn ahead: what their link asks for, and what came in since."""
        filters = self.filtering.first(query)
        if filters != self.filtering.filters or self.filtering.stale:
            await self.apply(filters)

    async def _asked(self, event: Any) -> None:
        filters = self.filtering.asked(event.new)
        if filters is not None:
            await self.apply(filters)

    async def apply(self, filters: Filters) -> None:
        """Show everything under other filters; a later call overtakes an earlier one."""
        self._turn += 1
        turn = self._turn
        self.cards.busy = True
        try:
            shown = await asyncio.to_thread(self._figures, filters)
        except DwellError as error:
            self.filtering.fail(str(error))
            self.cards.busy = False
            return
        if turn != self._turn:
            return
        self.filtering.keep(filters)
        self._show_figures(shown)
        await self._draw(filters, turn)

    def _figures(self, filters: Filters) -> dict[str, Any]:
        """Everything above the charts."""
        if self.filtering.empty:
            return {"empty": True}
        return {"compared": self.ws.compare(filters), "covered": self._covered(filters)}

    def _show_figures(self, shown: dict[str, Any]) -> None:
        if shown.get("empty"):
            self.coverage.object = "<b>Nothing is here yet.</b> Upload an export, and its figures appear."
            return
        compared = shown["compared"]
        self.cards.param.update(items=kpis.items(compared.figures, compared.before), busy=False)
        figures = compared.figures
        said = [f"<b>{shown['covered']}</b>"]
        if figures["anonymous_sightings"]:
            said.append(f"{100 * figures['anonymous_share']:.1f} % of the sightings have no person")
        if figures.get("excluded_persons"):
            said.append(f"{figures['excluded_persons']:,} persons on lists are left out")
        if figures.get("silent_hours"):
            said.append(f"{figures['silent_hours']:,} h silent, implausibly by the cameras' own rhythm")
        if compared.reason:
            said.append(html.escape(compared.reason))
        self.coverage.object = " · ".join(said)
        if self.rows.visible:
            self.rows.refresh(self.filtering.filters)

    def _covered(self, filters: Filters) -> str:
        known = self.ws.coverage(filters.environment, as_="polars")
        if known.is_empty():
            return "Nothing is covered by an export"
        since, until = known["covered_from"].min(), known["covered_till"].max()
        if filters.since is not None and filters.until is not None:
            share = self.ws.covered_share(filters.since, filters.until, environment=filters.environment)
            return f"Exports cover {100 * (share or 0):.1f} % of this period"
        hours = (until - since).total_seconds() / 3600  # type: ignore[operator]
        share = self.ws.covered_share(since, until, environment=filters.environment)  # type: ignore[arg-type]
        return (
            f"Exports cover {100 * (share or 0):.1f} % of {hours:,.0f} hours, {since:%d %b %Y} to {until:%d %b %Y}"
        )

    async def _draw(self, filters: Filters, turn: int) -> None:
        if self.filtering.empty:
            return
        tz = self.filtering.tz
        for chart in CHARTS:
            pane = self.panes[chart.name]
            try:
                figure = await asyncio.to_thread(_figure, chart, self.ws, filters, tz)
            except FilterError as error:  # crowd events know no zones
                if turn == self._turn:
                    pane.object = None
                    pane.name = str(error)
                continue
            if turn != self._turn:
                return
            pane.object = figure

    def _opened(self, event: Any) -> None:
        name = event.new["name"]
        if self.cards.shown == name and self.rows.visible:
            self.rows.visible, self.cards.shown = False, ""
            return
        kpi = next(kpi for kpi in kpis.KPIS if kpi.name == name)
        self.cards.shown = name
        self.rows.reveal(kpi.title, kpi.rows, self.filtering.filters, sort=kpi.sort, parameters=kpi.parameters)


def _figure(chart: Chart, ws: Workspace, filters: Filters, tz: str) -> Any:
    given = filters.but(zones=()) if chart.name == "crowd" else filters
    return chart.figure(chart.tables_of(ws, given), tz=tz)


def _pane(chart: Chart) -> Any:
    return pn.pane.Bokeh(sizing_mode="stretch_width", min_height=260, name=chart.name)


def _card(chart: Chart, pane: Any) -> Any:
    head = f"<h2>{html.escape(chart.question)}</h2><p>{html.escape(chart.caption)}</p>"
    width = "1 1 100%" if chart.wide else "1 1 420px"
    return pn.Column(
        pn.pane.HTML(head, sizing_mode="stretch_width", stylesheets=[CAPTION]), pane,
        sizing_mode="stretch_width", stylesheets=[CARD], styles={"flex": width, "min-width": "0"},
    )  # fmt: skip
