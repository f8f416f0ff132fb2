"""The sessions page: any table of rows under the filters, paged, sorted and searched on the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

import panel as pn

from dwell_kit.schema.filters import Filters
from dwell_kit.ui import landing, view
from dwell_kit.ui.page import Page
from dwell_kit.ui.rows import RowsPanel
from dwell_kit.ui.style import WIDGET
from dwell_kit.workspace import Workspace

TABLES: Final = {
    "Visits": ("visits", "started_at", {}),
    "Zone visits": ("zone_visits", "started_at", {}),
    "Persons": ("top_visitors", "visits", {"n": 1_000_000}),
    "Sightings": ("sightings", "started_at", {}),
    "Sightings, every column": ("sightings", "started_at", {"payload": 1}),
    "Crowd events": ("crowd_events", "recorded_at", {}),
    "Crowd events, every column": ("crowd_events", "recorded_at", {"payload": 1}),
    "From place to place": ("transitions", "count", {}),
    "Positions": ("positions", "t", {}),
    "Origin and destination": ("origin_destination", "visits", {}),
}


_TABLE: Final = "table"
"""What the link calls the table that is looked at."""


class Sessions(Page):
    """One visitor's tables; parameters as of `Page`."""

    def __init__(
        self,
        ws: Workspace,
        query: str = "",
        *,
        tell: Callable[[str], None] | None = None,
        exports: str | None = None,
    ) -> None:
        table, filters = view.apart(query, _TABLE)
        self._tell = tell or (lambda _query: None)
        super().__init__(ws, filters, tell=self._told, exports=exports)
        self.rows = RowsPanel(ws, exports=exports)
        self.choice = pn.widgets.Select(
            name="Table", options=list(TABLES), width=240, stylesheets=[WIDGET], margin=0
        )
        self._choose(table)
        self.choice.param.watch(self._chosen, "value")
        self._filters = self.filtering.filters  # asked for last, shown or not yet

    def __panel__(self) -> Any:
        if self.filtering.empty:
            parts: tuple[Any, ...] = (self.filtering.bar, landing.welcome(linked=self._linked))
        else:
            parts = (self.filtering.bar, self.choice, self.rows)
        return self._column(*parts)

    def close(self) -> None:
        """Nobody looks any more: the rows are let go of."""
        super().close()
        self.rows.visible = False

    async def load(self) -> None:
        """Show the first table, once the page is there."""
        await self.apply(self.filtering.filters)

    def draw(self) -> None:
        """Show the first table at once, where nobody waits for the page yet."""
        if not self.filtering.empty:
            what, sort, parameters = TABLES[self.choice.value]
            filters = self.filtering.filters
            self.rows.reveal(str(self.choice.value), what, filters, sort=sort, parameters=parameters)

    async def reopen(self, query: str) -> None:
        """Somebody opened a page that was drawn ahead, perhaps for another table."""
        table, filters = view.apart(query, _TABLE)
        self._choose(table)
        await super().reopen(filters)

    def _choose(self, table: str) -> None:
        """The table of a link; one that is not there says so."""
        if table in TABLES:
            self.choice.value = table
        elif table:
            self.filtering.fail(f"there is no table {table!r}\n  expected: {', '.join(TABLES)}")

    def _told(self, query: str) -> None:
        """The link names the table where it is not the first one."""
        named = urlencode({_TABLE: self.choice.value}) if self.choice.value != next(iter(TABLES)) else ""
        self._tell("&".join(filter(None, (query, named))))

    async def _chosen(self, _event: Any) -> None:
        await self.apply(self._filters)

    async def apply(self, filters: Filters) -> None:
        """Show the chosen table under other filters; a later call overtakes an earlier one."""
        if self.filtering.empty:
            return
        heading = str(self.choice.value)
        what, sort, parameters = TABLES[heading]
        self._filters = filters
        self.rows.table.busy = True
        held = await self._worked_out(self.rows.prepare, what, filters, parameters)
        if held is None:
            return
        self.filtering.keep(filters)
        self.rows.reveal(heading, what, filters, sort=sort, parameters=parameters, held=held)

    async def _refused(self) -> None:
        self._filters = self.filtering.filters
        self.rows.table.busy = False
