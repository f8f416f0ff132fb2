"""The sessions page: any table of rows under the filters, paged, sorted and searched on the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import panel as pn

from dwell_kit.errors import DwellError
from dwell_kit.ui import landing, view
from dwell_kit.ui.filtering import Filtering
from dwell_kit.ui.rows import RowsPanel
from dwell_kit.ui.style import WIDGET
from dwell_kit.workspace import Workspace

TABLES: Final = {
    "Visits": ("visits", "started_at", {}),
    "Zone visits": ("zone_visits", "started_at", {}),
    "Persons": ("top_visitors", "visits", {"n": 1_000_000}),
    "Sightings": ("sightings", "started_at", {}),
    "Crowd events": ("crowd_events", "recorded_at", {}),
    "From place to place": ("transitions", "count", {}),
    "Positions": ("positions", "t", {}),
    "Origin and destination": ("origin_destination", "visits", {}),
}


class Sessions:
    """One visitor's tables; parameters as of `Overview`."""

    def __init__(
        self,
        ws: Workspace,
        query: str = "",
        *,
        tell: Callable[[str], None] | None = None,
        exports: str | None = None,
    ) -> None:
        self._linked = view.beside(exports)
        self.filtering = Filtering(ws, query, tell=tell)
        self.rows = RowsPanel(ws, exports=exports)
        self.choice = pn.widgets.Select(
            name="Table", options=list(TABLES), width=240, stylesheets=[WIDGET], margin=0
        )
        self.filtering.bar.param.watch(self._asked, "asked")
        self.choice.param.watch(self._chosen, "value")

    def __panel__(self) -> Any:
        if self.filtering.empty:
            parts: tuple[Any, ...] = (self.filtering.bar, landing.welcome(linked=self._linked))
        else:
            parts = (self.filtering.bar, self.choice, self.rows)
        return pn.Column(*parts, sizing_mode="stretch_width", styles={"gap": "12px"})

    def close(self) -> None:
        """Nobody looks any more: the rows are let go of."""
        self.rows.visible = False

    async def load(self) -> None:
        """Show the first table, once the page is there."""
        await self._show(self.filtering.filters)

    def draw(self) -> None:
        """Show the first table at once, where nobody waits for the page yet."""
        if not self.filtering.empty:
            what, sort, parameters = TABLES[self.choice.value]
            filters = self.filtering.filters
            self.rows.reveal(str(self.choice.value), what, filters, sort=sort, parameters=parameters)

    async def reopen(self, query: str) -> None:
        """Somebody opened a page that was drawn ahead: what their link asks for, and what came in since."""
        filters = self.filtering.first(query)
        if filters != self.filtering.filters or self.filtering.stale:
            await self._show(filters)

    async def _asked(self, event: Any) -> None:
        filters = self.filtering.asked(event.new)
        if filters is not None:
            await self._show(filters)

    async def _chosen(self, _event: Any) -> None:
        await self._show(self.filtering.filters)

    async def _show(self, filters: Any) -> None:
        if self.filtering.empty:
            return
        what, sort, parameters = TABLES[self.choice.value]
        try:
            held = await asyncio.to_thread(self.rows.prepare, what, filters, parameters)
        except DwellError as error:
            self.filtering.fail(str(error))
            return
        self.filtering.keep(filters)
        self.rows.reveal(str(self.choice.value), what, filters, sort=sort, parameters=parameters, held=held)
