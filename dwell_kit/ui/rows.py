"""The rows behind a figure, as a table that pages on the server."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

import panel as pn
import polars as pl

from dwell_kit.errors import DwellError
from dwell_kit.schema.cells import cell, title
from dwell_kit.schema.filters import Filters
from dwell_kit.ui import view
from dwell_kit.ui.components import DataTable
from dwell_kit.workspace import Workspace
from dwell_kit.workspace.paging import Rows, View


def _closed() -> Any:
    """What stands where the table is not."""
    return pn.Spacer(height=0)


FORMATS: Final = (("csv", "CSV"), ("xlsx", "Excel"), ("parquet", "Parquet"))


class RowsPanel(pn.viewable.Viewer):  # type: ignore[misc]
    """A table that opens under the cards; closed until `show`."""

    def __init__(self, ws: Workspace, *, exports: str | None = None, **params: Any) -> None:
        super().__init__(**params)
        self.ws = ws
        self.exports = exports
        self.table = DataTable(sizing_mode="stretch_width", margin=0)
        self.box = pn.Column(_closed(), sizing_mode="stretch_width", margin=0)
        self.table.param.watch(self._asked, "asked")
        self._what = "visits"
        self._parameters: dict[str, Any] = {}
        self._filters = Filters()
        self._held: Rows | None = None
        self._tz = "UTC"

    def __panel__(self) -> Any:
        return self.box

    @property
    def visible(self) -> bool:
        """Whether the table is open."""
        return self.table in self.box

    @visible.setter
    def visible(self, value: bool) -> None:
        self.box[:] = [self.table if value else _closed()]
        if not value:
            self._held = None  # nobody looks at it any more

    def prepare(self, what: str, filters: Filters, parameters: dict[str, Any]) -> Rows:
        """The rows to be revealed: the work, which may run beside the page."""
        return self.ws.rows(what, filters, parameters=parameters)

    def reveal(
        self,
        heading: str,
        what: str,
        filters: Filters,
        *,
        sort: str = "",
        parameters: dict[str, Any] | None = None,
        held: Rows | None = None,
    ) -> None:
        """Open the rows of a quantity under filters, the greatest of `sort` first."""
        self._what, self._parameters = what, parameters or {}
        self.table.title = heading
        self.table.state = {**self.table.state, "sort": sort, "descending": True, "search": "", "column": ""}
        self.refresh(filters, held=held)
        self.visible = True

    def refresh(self, filters: Filters, *, held: Rows | None = None) -> None:
        """The same rows under other filters."""
        self._filters = filters
        place = self.ws.environments().row(by_predicate=pl.col("name") == filters.environment, named=True)
        self._tz = place["tz"]
        self._held = held or self.prepare(self._what, filters, self._parameters)
        self.table.state = {**self.table.state, "page": 0}
        self._draw()

    def _asked(self, event: Any) -> None:
        asked = {name: event.new[name] for name in self.table.state}
        self.table.state = asked
        self._draw()

    def _draw(self) -> None:
        if self._held is None:
            return
        state = self.table.state
        seen = View(
            sort=state["sort"] or None,
            descending=bool(state["descending"]),
            search=state["search"],
            column=state["column"] or None,
        )
        try:
            total, page = self._held.page(seen, page=int(state["page"]), size=int(state["size"]))
        except DwellError:  # another table has other columns
            self.table.state = {**state, "sort": "", "column": ""}
            total, page = self._held.page(View(search=state["search"]), page=0, size=int(state["size"]))
        self.table.param.update(
            columns=[
                {"name": name, "title": title(name, self._tz, dtype), "number": dtype.is_numeric()}
                for name, dtype in page.schema.items()
            ],
            rows=[
                [cell(name, value, self._tz) for name, value in row.items()] for row in page.iter_rows(named=True)
            ],
            total=total,
            exports=self._links(),
            busy=False,
        )
        self.table.drawn += 1

    def _links(self) -> list[dict[str, str]]:
        if self.exports is None:
            return []
        state = self.table.state
        shown = {name: state[name] for name in ("sort", "search", "column") if state[name]}
        if state["descending"]:
            shown["descending"] = "1"
        filters = view.to_query(self._filters)
        base, _, of = self.exports.partition("?")
        parameters = {f"p_{k}": _text(v) for k, v in self._parameters.items()}
        asked = urlencode({"what": self._what, **parameters, **shown, "filters": filters})
        return [
            {"format": kind, "title": title, "href": f"{base}.{kind}?{'&'.join(filter(None, (asked, of)))}"}
            for kind, title in FORMATS
        ]


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
