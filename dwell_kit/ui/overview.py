"""The overview page: filters, key figures, the rows behind them, charts."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import panel as pn
import polars as pl

from dwell_kit.errors import DwellError, FilterError
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.text import duration
from dwell_kit.schema.time import parse_moment, zone
from dwell_kit.ui import kpis, view
from dwell_kit.ui.charts import CHARTS, Chart
from dwell_kit.ui.components import Cards, FilterBar, option
from dwell_kit.ui.rows import RowsPanel
from dwell_kit.ui.style import CAPTION, CARD
from dwell_kit.workspace import Workspace

_ONLY_ROWS: Final = ("min_dwell", "max_dwell")


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
        self._tell = tell or (lambda _query: None)
        self._turn = 0
        self.bar = FilterBar(sizing_mode="stretch_width")
        self.cards = Cards(sizing_mode="stretch_width")
        self.rows = RowsPanel(ws, exports=exports)
        self.coverage = pn.pane.HTML(sizing_mode="stretch_width", stylesheets=[CARD])
        self.panes = {chart.name: _pane(chart) for chart in CHARTS}
        self.bar.param.watch(self._asked, "asked")
        self.cards.param.watch(self._opened, "opened")
        self.filters = self._first(query)
        self._show_figures(self._figures(self.filters))

    def __panel__(self) -> Any:
        grid = pn.FlexBox(
            *(_card(chart, self.panes[chart.name]) for chart in CHARTS),
            sizing_mode="stretch_width", gap="12px", styles={"margin-top": "12px"},
        )  # fmt: skip
        parts = (self.bar, self.coverage, self.cards, self.rows, grid)
        return pn.Column(*parts, sizing_mode="stretch_width", styles={"gap": "12px"})

    def _first(self, query: str) -> Filters:
        """The filters of the link; a link that means nothing says so and shows everything."""
        places = self.ws.environments()["name"].to_list()
        default = Filters(environment=places[0]) if places else Filters()
        try:
            asked = view.from_query(query)
            return asked if asked.environment or not places else asked.but(environment=places[0])
        except DwellError as error:
            self.bar.error = str(error)
            return default

    async def load(self) -> None:
        """Draw the charts, once the page is there."""
        await self._draw(self.filters, self._turn)

    async def _asked(self, event: Any) -> None:
        try:
            filters = _filters(event.new)
        except DwellError as error:
            self.bar.error = str(error)
            return
        await self.apply(filters)

    async def apply(self, filters: Filters) -> None:
        """Show everything under other filters; a later call overtakes an earlier one."""
        self._turn += 1
        turn = self._turn
        self.cards.busy = True
        try:
            shown = await asyncio.to_thread(self._figures, filters)
        except DwellError as error:
            self.bar.error = str(error)
            self.cards.busy = False
            return
        if turn != self._turn:
            return
        self.filters = filters
        self._show_figures(shown)
        self._tell(view.to_query(filters))
        await self._draw(filters, turn)

    def _figures(self, filters: Filters) -> dict[str, Any]:
        """Everything above the charts."""
        if not self.ws.environments().height:
            return {"empty": True}
        compared = self.ws.compare(filters)
        return {"compared": compared, "options": self._options(filters), "covered": self._covered(filters)}

    def _show_figures(self, shown: dict[str, Any]) -> None:
        if shown.get("empty"):
            self.coverage.object = "<b>Nothing is here yet.</b> Upload an export, and its figures appear."
            return
        compared = shown["compared"]
        self.bar.param.update(options=shown["options"], value=_value(self.filters, shown["options"]["tz"]))
        self.cards.param.update(items=kpis.items(compared.figures, compared.before), busy=False)
        figures = compared.figures
        said = [f"<b>{shown['covered']}</b>"]
        if figures["anonymous_sightings"]:
            said.append(f"{100 * figures['anonymous_share']:.1f} % of the sightings have no person")
        if figures.get("excluded_persons"):
            said.append(f"{figures['excluded_persons']:,} persons on lists are left out")
        if compared.reason:
            said.append(html.escape(compared.reason))
        self.coverage.object = " · ".join(said)
        if self.rows.visible:
            self.rows.refresh(self.filters)

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

    def _options(self, filters: Filters) -> dict[str, Any]:
        places = self.ws.environments()
        place = places.row(by_predicate=pl.col("name") == filters.environment, named=True)
        cameras = self.ws.cameras(place["name"], as_="polars").to_dicts()
        groups = {
            row[word] for row in cameras for word in ("group", "store", "department", "division") if row[word]
        }
        return {
            "environments": places["name"].to_list(),
            "tz": place["tz"],
            "version": self.ws.snapshot_id,
            "cameras": [option(row["camera_id"], row["name"]) for row in cameras],
            "groups": [option(name) for name in sorted(groups)],
            "zones": [option(name) for name in self.ws.zones(place["name"])],
            "age_groups": [option(name) for name in AGE_GROUPS],
            "genders": [option(name) for name in GENDERS],
            "presets": self._presets(place["name"], place["tz"]),
        }

    def _presets(self, environment: str, tz: str) -> list[dict[str, str]]:
        """The last days that exports cover, by the local clock."""
        known = self.ws.coverage(environment, as_="polars")
        if known.is_empty():
            return []
        last: datetime = known["covered_till"].max().astimezone(zone(tz))  # type: ignore[union-attr,assignment]
        end = last.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) + timedelta(days=1)
        days = (("last day", 1), ("last 7 days", 7), ("last 28 days", 28))
        made = [
            {"label": name, "since": _local(end - timedelta(days=n)), "until": _local(end)} for name, n in days
        ]
        return [*made, {"label": "all data", "since": "", "until": ""}]

    async def _draw(self, filters: Filters, turn: int) -> None:
        if not self.ws.environments().height:
            return
        tz = self.bar.options["tz"]
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
        self.rows.reveal(kpi.title, kpi.rows, self.filters, sort=kpi.sort, parameters=kpi.parameters)


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


def _filters(asked: dict[str, Any]) -> Filters:
    """What the filter bar says, as filters."""
    given = {name: value for name, value in asked.items() if name != "at" and value not in (None, "", [])}
    return Filters.of(**given)


def _value(filters: Filters, tz: str) -> dict[str, Any]:
    """Filters as the filter bar shows them: times by the local clock, to the minute."""
    shown = filters.as_dict()
    for name in ("since", "until"):
        moment = getattr(filters, name)
        if moment is not None:
            shown[name] = _local(parse_moment(moment, tz).astimezone(zone(tz)).replace(tzinfo=None))
    low, high = filters.min_dwell, filters.max_dwell
    if low is not None or high is not None:
        ends = [duration(d.total_seconds()) if d is not None else "…" for d in (low, high)]
        shown["dwell_said"] = f"{ends[0]} to {ends[1]}"
    return shown


def _local(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M")
