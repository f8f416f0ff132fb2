"""A table of a few hundred things with links and buttons, sorted, searched and paged here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dwell_kit.ui.components import DataTable

_PAGE = 10


class Listing:
    """Rows are dictionaries with a `key`; `columns` are (name, title, is a number; None for links and buttons)."""

    def __init__(self, title: str, empty: str, columns: Sequence[tuple[str, str, bool | None]]) -> None:
        self._columns = columns
        self._rows: list[dict[str, Any]] = []
        self.table = DataTable(
            title=title,
            empty=empty,
            margin=0,
            sizing_mode="stretch_width",
            columns=[
                {"name": name, "title": heading, "number": bool(number), "plain": number is None}
                for name, heading, number in columns
            ],
        )
        self.table.state = {**self.table.state, "size": _PAGE}
        self.table.param.watch(self._asked, "asked")

    def entitle(self, name: str, title: str) -> None:
        """A column is called so from now on."""
        self.table.columns = [
            {**column, "title": title} if column["name"] == name else column for column in self.table.columns
        ]

    def show(self, rows: list[dict[str, Any]]) -> None:
        """These are the rows now."""
        self._rows = rows
        self._draw()

    def reveal(self, acted: dict[str, Any], html: str | None) -> None:
        """Open HTML of ours under a row, or close it if it is open."""
        closed = html is None or self.table.detail.get("by") == [acted["key"], acted["act"]]
        self.table.detail = (
            {} if closed else {"key": acted["key"], "html": html, "by": [acted["key"], acted["act"]]}
        )
        self.table.drawn += 1

    def _asked(self, event: Any) -> None:
        self.table.state = {name: event.new[name] for name in self.table.state}
        self._draw()

    def _draw(self) -> None:
        state = self.table.state
        rows = [row for row in self._rows if self._found(row, state["search"].lower(), state["column"])]
        kinds = {name: number for name, _, number in self._columns}
        if kinds.get(state["sort"]) is not None:
            rows.sort(key=lambda row: _rank(row[state["sort"]]), reverse=bool(state["descending"]))
        first = int(state["page"]) * _PAGE
        page = rows[first : first + _PAGE]
        names = [name for name, *_ in self._columns]
        cells = [
            [row[name] if isinstance(row[name], dict) else _text(row[name]) for name in names] for row in page
        ]
        self.table.param.update(rows=cells, keys=[str(row["key"]) for row in page], total=len(rows))
        self.table.drawn += 1

    def _found(self, row: dict[str, Any], wanted: str, column: str) -> bool:
        names = [column] if column else [name for name, _, number in self._columns if number is not None]
        return not wanted or any(wanted in _text(row[name]).lower() for name in names)


def _text(value: Any) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _rank(value: Any) -> tuple[int, float, str]:
    """Nothing first, then numbers by size, then words."""
    if value is None or value == "":
        return (0, 0.0, "")
    if isinstance(value, int | float):
        return (1, float(value), "")
    return (2, 0.0, str(value))
