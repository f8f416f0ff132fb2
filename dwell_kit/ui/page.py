"""What every page does: filters from the link, questions overtaken by newer ones, a visitor who leaves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import panel as pn

from dwell_kit.errors import DwellError, in_words
from dwell_kit.schema.filters import Filters
from dwell_kit.ui import view
from dwell_kit.ui.filtering import Filtering
from dwell_kit.workspace import Workspace

Made = TypeVar("Made")
_log = logging.getLogger(__name__)


class Page:
    """One visitor's page of a workspace.

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
        self.filtering = Filtering(ws, query, tell=tell)
        self.filtering.bar.param.watch(self._asked, "asked")
        self._linked = view.beside(exports)
        self._turn = 0

    def _column(self, *parts: Any) -> Any:
        """The parts of a page, which tell each other by it that something was asked for (`js/common.js`)."""
        styles = {"gap": "12px"}
        return pn.Column(*parts, css_classes=["dk-page"], sizing_mode="stretch_width", styles=styles, margin=0)

    async def load(self) -> None:
        """Show everything, once the page is there."""
        raise NotImplementedError

    def draw(self) -> None:
        """Show everything at once, where nobody waits for the page yet."""
        raise NotImplementedError

    def first(self) -> str:
        """What can be read before any script has run, as HTML; nothing for most pages."""
        return ""

    def prepare(self) -> None:
        """Get ready ahead of a visitor: what is quick to send may be shown already, the rest when they open it."""
        self.draw()

    async def opened(self) -> None:
        """Somebody opened the page as it was prepared: what was kept back is shown."""

    async def apply(self, filters: Filters) -> None:
        """Show everything under other filters; a later call overtakes an earlier one."""
        raise NotImplementedError

    def close(self) -> None:
        """Nobody looks any more: what is still being worked out is dropped."""
        self._turn += 1

    async def reopen(self, query: str) -> None:
        """Somebody opened a page that was drawn ahead: what their link asks for, and what came in since."""
        filters = self.filtering.first(query)
        if filters != self.filtering.filters or self.filtering.stale:
            await self.apply(filters)
        else:
            await self.opened()

    async def _worked_out(self, work: Callable[..., Made], *given: Any) -> Made | None:
        """What `work` gives, done beside the page.

        None if a newer wish has overtaken it, or it cannot be: then the bar says so, and `_refused` follows.
        """
        self._turn += 1
        turn = self._turn
        try:
            made = await asyncio.to_thread(work, *given)
        except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it, whatever it is
            if not isinstance(error, DwellError):
                _log.exception("%s cannot be shown", type(self).__name__)
            if turn == self._turn:
                self.filtering.fail(in_words(error))
                await self._refused()
            return None
        return made if turn == self._turn else None

    async def _refused(self) -> None:
        """What was asked for means nothing: what is shown stays, and what was still to be drawn of it is drawn."""

    async def _asked(self, event: Any) -> None:
        filters = self.filtering.asked(event.new)
        if filters is not None:
            await self.apply(filters)
