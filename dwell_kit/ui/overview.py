"""The overview page: filters, key figures, the rows behind them, charts."""

from __future__ import annotations

import asyncio
import html
from datetime import timedelta
from typing import Any, Final

from dwell_kit.errors import DwellError
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.text import counted
from dwell_kit.schema.time import zone
from dwell_kit.ui import kpis, landing, naming, trust
from dwell_kit.ui.cards import Drawing, draw, grid
from dwell_kit.ui.charts import CHARTS, Drawn
from dwell_kit.ui.components import Cards
from dwell_kit.ui.first import first
from dwell_kit.ui.page import Page
from dwell_kit.ui.rows import RowsPanel
from dwell_kit.workspace import Workspace
from dwell_kit.workspace.comparing import Comparison

_BESIDE: Final = next(i for i, chart in enumerate(CHARTS) if chart.name == "visit_frequency") + 1
_LONG: Final = ("survival", "sensitivity", "fragmentation")
"""Charts of several passes over all visits: the others do not wait for them."""
_BACK: Final = "the persons with most visits, two or more · dwell: sum over their visits"


class Overview(Page):
    """One visitor's overview of a workspace; parameters as of `Page`."""

    def __init__(self, ws: Workspace, query: str = "", *, exports: str | None = None, **more: Any) -> None:
        super().__init__(ws, query, exports=exports, **more)
        self.cards = Cards(sizing_mode="stretch_width", margin=0)
        self.rows = RowsPanel(ws, exports=exports)
        self.coverage = landing.note("")
        self.drawings: list[Drawing] = []  # nobody waits for them before the figures are there
        self._peak = ""
        self.cards.param.watch(self._opened, "opened")
        self.box = self._column()
        self._laid_out = False
        self._prepared: list[Drawn] = []
        self._show_figures(self._figures(self.filtering.filters))

    def __panel__(self) -> Any:
        return self.box

    def _lay_out(self) -> None:
        """Cards, or what to do where there is nothing to show."""
        if self._laid_out:
            return
        if self.filtering.empty:
            self.box[:] = [self.filtering.bar, landing.welcome(linked=self._linked)]
            return
        self._laid_out = True
        self.box[:] = [self.filtering.bar, self.coverage, self.cards, self.rows]

    def _make_charts(self) -> None:
        """The cards below the rows, not shown yet."""
        if self.drawings:
            return
        self.drawings = [Drawing.of(chart) for chart in CHARTS]
        self.drawings.insert(_BESIDE, Drawing("returning", "Who comes back", _BACK, trust.returning, figure=False))
        trusted = Drawing("coverage", "How far to trust this", trust.COVERAGE, self._trusted, wide=True)
        self.drawings.append(trusted)
        self._say_peak()
        self._charts = grid(self.drawings)

    def _hang_charts(self) -> None:
        """The charts have their place on the page."""
        self._make_charts()
        if self._charts not in self.box.objects:
            self.box.append(self._charts)

    def _say_peak(self) -> None:
        for drawing in self.drawings:
            if drawing.name == "hour_profile":
                drawing.card.said = self._peak

    def close(self) -> None:
        """Nobody looks any more: what is still being worked out is dropped."""
        super().close()
        self.rows.visible = False

    def first(self) -> str:
        """The key figures, as HTML."""
        if self.filtering.empty:
            return ""
        return first(self.cards.items, self.coverage.object, self.ws.snapshot_id)

    async def load(self) -> None:
        """Draw the charts, once the page is there."""
        await self._draw()

    def draw(self) -> None:
        """Draw the charts at once, where nobody waits for the page yet."""
        if not self.filtering.empty:
            self._hang_charts()
            wish = self.filtering.wish
            for drawing in self.drawings:
                drawing.show(drawing.work_out(self.ws, wish), wish)

    def prepare(self) -> None:
        """Show the key figures and work the charts out; sixteen charts at once would keep the figures waiting."""
        if not self.filtering.empty:
            self._make_charts()
            self._prepared = [drawing.work_out(self.ws, self.filtering.wish) for drawing in self.drawings]

    async def opened(self) -> None:
        """Show the charts that were worked out, one after the other."""
        turn = self._turn
        if self._prepared:
            self._hang_charts()
        for drawing, made in zip(self.drawings, self._prepared, strict=False):
            if turn != self._turn:
                return
            drawing.show(made, self.filtering.wish)
            await asyncio.sleep(0)  # each is sent before the next
        self._prepared = []

    async def apply(self, filters: Filters) -> None:
        """Show everything under other filters; a later call overtakes an earlier one."""
        self._prepared = []
        self.cards.busy = True
        shown = await self._worked_out(self._figures, filters)
        if shown is None:
            return
        self._show_figures(shown)  # sent first: the bar takes as long again
        self.filtering.keep(filters)
        if self.rows.visible:
            self.rows.refresh(filters)
        turn = self._turn
        await asyncio.sleep(0)  # they are sent before the charts begin
        if turn == self._turn:
            await self._draw()

    async def _refused(self) -> None:
        self.cards.busy = False
        if owed := [one for one in self.drawings if one.shown != self.filtering.wish]:
            await self._draw(owed)

    def _figures(self, filters: Filters) -> dict[str, Any]:
        """Everything above the charts."""
        if self.filtering.empty:
            return {"empty": True}
        compared, names = self.ws.compare(filters), naming.of_cameras(self.ws, filters.environment)
        return {
            "items": kpis.items(compared.figures, compared.before, names),
            "said": self._said(compared, filters),
            "peak": trust.peak(compared.figures, self.ws.tz(filters.environment)),
        }

    def _show_figures(self, shown: dict[str, Any]) -> None:
        self._lay_out()
        if shown.get("empty"):
            return
        self.cards.param.update(items=shown["items"], busy=False)
        self.coverage.object = shown["said"]
        self._peak = shown["peak"]
        self._say_peak()

    def _said(self, compared: Comparison, filters: Filters) -> str:
        """What stands over the cards: what the figures are of, as HTML."""
        figures = compared.figures
        said = [f"<b>{self._covered(filters)}</b>"]
        if figures["anonymous_sightings"]:
            said.append(f"{100 * figures['anonymous_share']:.1f} % of the sightings have no person")
        if figures.get("excluded_persons"):
            who = counted(figures["excluded_persons"], "person on lists is", "persons on lists are")
            said.append(f"{who} left out")
        if figures.get("silent_hours"):
            said.append(f"{figures['silent_hours']:,} h silent, implausibly by the cameras' own rhythm")
        if compared.reason:
            said.append(html.escape(compared.reason))
        said.append(landing.available(self.ws, str(filters.environment)))
        return " · ".join(said) + landing.environments(self.ws)

    def _covered(self, filters: Filters) -> str:
        there = self.ws.available(filters.environment)
        since, until = there["covered_from"], there["covered_till"]
        if since is None:
            return "Nothing is covered by an export"
        if filters.since is not None and filters.until is not None:
            share = self.ws.covered_share(filters.since, filters.until, environment=filters.environment)
            return f"Exports cover {100 * (share or 0):.1f} % of this period"
        hours = (until - since).total_seconds() / 3600
        share = self.ws.covered_share(since, until, environment=filters.environment)
        place = zone(self.ws.tz(filters.environment))
        last = until - timedelta(microseconds=1)  # until midnight is of the day before
        said = " to ".join(f"{day.astimezone(place):%d %b %Y}" for day in (since, last))
        return f"Exports cover {100 * (share or 0):.1f} % of {hours:,.0f} hours, {said}"

    async def _draw(self, which: list[Drawing] | None = None) -> None:
        """Draw charts, by default all, of what is shown."""
        if self.filtering.empty:
            return
        self._hang_charts()
        turn = self._turn
        quick_first = sorted(which or self.drawings, key=lambda drawing: drawing.name in _LONG)
        await draw(quick_first, self.ws, self.filtering.wish, lambda: turn == self._turn)

    def _trusted(self, ws: Workspace, filters: Filters, tz: str) -> Drawn:
        names = naming.of_cameras(ws, filters.environment)
        return trust.coverage(ws.quality(filters), tz, names, linked=self._linked)

    async def _opened(self, event: Any) -> None:
        name = event.new["name"]
        if self.cards.shown == name and self.rows.visible:
            self.rows.visible, self.cards.shown = False, ""
            return
        kpi = next(kpi for kpi in kpis.KPIS if kpi.name == name)
        self.cards.shown = name
        filters, parameters = self.filtering.filters, kpi.parameters
        self.rows.table.busy = True
        try:
            held = await asyncio.to_thread(self.rows.prepare, kpi.rows, filters, parameters)
        except DwellError as error:
            self.rows.table.busy = False
            self.filtering.fail(str(error))
            return
        if self.cards.shown == name and self.filtering.filters == filters:  # nothing else was opened meanwhile
            self.rows.reveal(kpi.title, kpi.rows, filters, sort=kpi.sort, parameters=parameters, held=held)
