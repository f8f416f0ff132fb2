"""Cards with charts: drawn one by one in a thread, dropped when a newer filter has overtaken them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import panel as pn
import polars as pl

from dwell_kit.errors import FilterError, in_words
from dwell_kit.schema.filters import Filters
from dwell_kit.ui import cells
from dwell_kit.ui.charts import Chart, Drawn
from dwell_kit.ui.components import ChartCard
from dwell_kit.workspace import Workspace

_log = logging.getLogger(__name__)


class Wish(NamedTuple):
    """What is to be seen: the filters, their zone, and which wish of the filter bar that answers (its `at`)."""

    filters: Filters
    tz: str
    at: int


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
        self.shown: Wish | None = None
        self.card.param.watch(lambda _event: self._fill(), "wanted")

    @classmethod
    def of(cls, chart: Chart) -> Drawing:
        """The card of a chart."""
        return cls(chart.name, chart.question, chart.caption, chart.drawn, wide=chart.wide)

    def work_out(self, ws: Workspace, wish: Wish) -> Drawn:
        """What to show: the work, which may run beside the page; what goes wrong is said in the chart's place."""
        try:
            return self.make(ws, wish.filters, wish.tz)
        except Exception as error:  # noqa: BLE001 - one chart must not keep the others from being drawn
            if not isinstance(error, FilterError):  # that one is about what was asked for
                _log.exception("the chart %s cannot be drawn", self.name)
            return Drawn("", [], "", pl.DataFrame(), in_words(error))

    def show(self, drawn: Drawn, wish: Wish) -> None:
        """Show it: the answer to a wish."""
        self._frame, self.shown = drawn.frame, wish
        self.card.param.update(
            legend=drawn.legend, alternative=drawn.alternative, nothing=drawn.nothing, answers=wish.at,
            **({} if drawn.said is None else {"said": drawn.said}), figure=drawn.figure,
        )  # fmt: skip
        self._fill()

    def _fill(self) -> None:
        wanted = self._frame is not None and (self.card.wanted or not self.card.has_figure)
        self.card.table = cells.table(self._frame, self.shown.tz) if wanted and self.shown else {}


async def draw(drawings: Iterable[Drawing], ws: Workspace, wish: Wish, still: Callable[[], bool]) -> None:
    """Draw cards one after the other while `still` says that somebody waits for them."""
    for drawing in drawings:
        made = await asyncio.to_thread(drawing.work_out, ws, wish)
        if not still():
            return
        drawing.show(made, wish)


def grid(drawings: Iterable[Drawing]) -> Any:
    """Cards beside each other where they fit."""
    made = (drawing.card for drawing in drawings)
    return pn.FlexBox(*made, sizing_mode="stretch_width", gap="12px", margin=0, align_items="stretch")
