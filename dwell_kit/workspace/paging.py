"""Rows behind a figure, a page at a time: sorted, searched and exported exactly as they are shown."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from dwell_kit.errors import FilterError
from dwell_kit.schema.filters import Filters
from dwell_kit.workspace import exporting, querying
from dwell_kit.workspace.handle import Handle

FACTS: Final = ("sightings", "crowd_events", "positions")


@dataclass(frozen=True, kw_only=True)
class View:
    """How rows are shown.

    Parameters
    ----------
    sort : a column, or None for the order of the table. search : text that a cell has to contain, any case;
    column : the only one to search in, else every column of text.
    """

    sort: str | None = None
    descending: bool = False
    search: str = ""
    column: str | None = None


@dataclass(frozen=True)
class Rows:
    """A table held for as long as somebody looks at it."""

    frame: pl.DataFrame

    def seen(self, view: View) -> pl.DataFrame:
        """The rows that a view leaves, in its order.

        Raises
        ------
        FilterError : for a column that is not there.
        """
        for name in (view.sort, view.column):
            if name and name not in self.frame.columns:
                raise FilterError(
                    f"there is no column {name!r}", expected=", ".join(self.frame.columns), found=repr(name)
                )
        frame = self.frame
        if view.search:
            frame = frame.filter(self._found(view))
        return frame.sort(view.sort, descending=view.descending, nulls_last=True) if view.sort else frame

    def _found(self, view: View) -> pl.Expr:
        texts = [n for n, dtype in self.frame.schema.items() if dtype in (pl.String, pl.Categorical)]
        names = [view.column] if view.column else texts
        wanted = view.search.lower()
        cells = [pl.col(n).cast(pl.String).str.to_lowercase().str.contains(wanted, literal=True) for n in names]
        return pl.any_horizontal(*cells).fill_null(value=False) if cells else pl.lit(False)

    def page(self, view: View, *, page: int, size: int) -> tuple[int, pl.DataFrame]:
        """(rows in all, rows of page 0, 1, …)."""
        seen = self.seen(view)
        return seen.height, seen.slice(page * size, size)

    def export(self, view: View, path: str | os.PathLike[str]) -> Path:
        """Write exactly the rows that the view shows, in its order; formulas are neutralised."""
        return exporting.write(self.seen(view), path)


def rows(ws: Handle, what: str, filters: Filters, **parameters: Any) -> Rows:
    """Facts or a quantity as rows; what facts cannot be filtered by is left to the figures.

    `payload` among the parameters: sightings and crowd events with every column that their files had.

    Raises
    ------
    NotFoundError : for an unknown quantity. FilterError : for one that is no table.
    """
    if what in FACTS:
        plain = replace(filters, min_dwell=None, max_dwell=None, max_gap=Filters().max_gap)
        if what == "crowd_events":
            plain = plain.but(zones=())
        payload = bool(parameters.get("payload")) and what != "positions"
        return Rows(querying.facts(ws, what, plain, payload=payload))  # type: ignore[arg-type]
    found = querying.compute(ws, what, filters, **parameters)
    if not isinstance(found, pl.DataFrame):
        raise FilterError(f"{what} is not a table", hint="ask for visits, or another quantity of rows")
    return Rows(found)
