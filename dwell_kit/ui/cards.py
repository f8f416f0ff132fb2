"""Cards with charts: drawn one by one in a thread, dropped when a newer filter has overtaken them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import panel as pn

from dwell_kit.errors import FilterError
from dwell_kit.schema.filters import Filters
from dwell_kit.ui import cells
from dwell_kit.ui.charts import Chart, Drawn
from dwell_kit.ui.components import ChartCard
from dwell_kit.workspace import Workspace


class Drawing:
    """One card: what it shows, and how it comes by it; `live` is a chart that goes on asking Python."""

    def __init__(
        self,
        name: str,
        question: str,
        caption: str,
        make: Callable[[Workspace, Filters, str], Drawn],
        *,
        wide: bool = False,
        figure: bool = True,
        live: Any = None,
    ) -> None:
        self.name, self.make = name, make
        self.card = ChartCard(
            question=question, caption=caption, has_figure=figure, live=live, margin=0,
            sizing_mode="stretch_width", styles={"flex": "1 1 100%" if wide else "1 1 420px", "min-width": "0"},
        )  # fmt: skip
        self._frame: Any = None
        self._tz = "UTC"
        self.card.param.watch(lambda _event: self._fill(), "wanted")

    @classmethod
    def of(cls, chart: Chart) -> Drawing:
        """The card of a chart."""
        return cls(chart.name, chart.question, chart.caption, chart.drawn, wide=chart.wide)

    def work_out(self, ws: Workspace, filters: Filters, tz: str) -> Drawn:
        """What to show: the work, which may run beside the page; a filter that means nothing here is said."""
        try:
            return self.make(ws, filters, tz)
        except FilterError as error:
            import polars as pl

            return Drawn("", [], "", pl.DataFrame(), str(error))

    def show(self, drawn: Drawn, tz: str, at: int) -> None:
        """Show it: the answer to the wish of `at`, see `FilterBar`."""
        self._frame, self._tz = drawn.frame, tz
        self.card.param.update(
            legend=drawn.legend, alternative=drawn.alternative, nothing=drawn.nothing, answers=at,
            **({} if drawn.said is None else {"said": drawn.said}), figure=drawn.figure,
        )  # fmt: skip
        self._fill()

    def _fill(self) -> None:
        wanted = self._frame is not None and (self.card.wanted or not self.card.has_figure)
        self.card.table = cells.table(self._frame, self._tz) if wanted else {}


async def draw(
    drawings: Iterable[Drawing], ws: Workspace, filters: Filters, tz: str, at: int, still: Callable[[], bool]
) -> None:
    """Draw cards one after the other, for the wish of `at`, while `still` says that somebody waits for them."""
    for drawing in drawings:
        made = await asyncio.to_thread(drawing.work_out, ws, filters, tz)
        if not still():
            return
        drawing.show(made, tz, at)


def grid(drawings: Iterable[Drawing]) -> Any:
    """Cards beside each other where they fit."""
    made = (drawing.card for drawing in drawings)
    return pn.FlexBox(*made, sizing_mode="stretch_width", gap="12px", margin=0, align_items="stretch")
