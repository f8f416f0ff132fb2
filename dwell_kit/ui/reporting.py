"""The reports page: start a run, open what was run, see what the schedules did."""

from __future__ import annotations

import asyncio
import html
from datetime import datetime
from typing import Any, Final

from dwell_kit.report import shelf
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.text import duration
from dwell_kit.schema.time import zone
from dwell_kit.ui import landing
from dwell_kit.ui.components import ReportForm
from dwell_kit.ui.lists import Listing
from dwell_kit.ui.page import Page
from dwell_kit.workspace import Workspace

_RUNS: Final = (
    ("created_at", "when", False), ("report", "report", False), ("status", "status", False),
    ("about", "of", False),
    ("version", "data version", True), ("duration_s", "took", True), ("schedule", "schedule", False),
    ("open", "page", None), ("files", "files", None),
)  # fmt: skip
_SCHEDULES: Final = (
    ("name", "schedule", False), ("report", "report", False), ("cron", "when (cron)", False),
    ("tz", "zone", False),
    ("last", "last due", False), ("status", "status", False), ("history", "history", None),
)  # fmt: skip


class Reports(Page):
    """One visitor's page of reports; parameters as of `Page`, `exports` is where runs start and files lie."""

    def __init__(self, ws: Workspace, query: str = "", *, exports: str | None = None, **more: Any) -> None:
        super().__init__(ws, query, exports=exports, **more)
        self._base, _, self._of = (exports or "").replace("/rows", "/runs").partition("?")
        self.filtering.bar.brief = True
        places = ws.environments()["name"].to_list()
        self.form = ReportForm(
            endpoint=self._address(""), kinds=shelf.kinds(), environments=places, margin=0,
            environment=str(self.filtering.filters.environment or ""), sizing_mode="stretch_width",
        )  # fmt: skip
        self.runs = Listing("Runs", "No report was run yet: run one above.", _RUNS)
        self.plans = Listing(
            "Schedules", "No schedules yet: the command “dwell report schedule add” makes one.", _SCHEDULES
        )
        self.runs.table.param.watch(self._acted, "acted")
        self.plans.table.param.watch(self._history, "acted")
        self.form.param.watch(self._finished, "finished")

    def __panel__(self) -> Any:
        if self.filtering.empty:
            parts: list[Any] = [self.filtering.bar, landing.welcome(linked=self._linked), self.plans.table]
        else:
            known = landing.note(landing.available(self.ws, str(self.filtering.filters.environment)))
            form = self.form if self._base else landing.note("Run one with <code>dwell report run daily</code>.")
            parts = [self.filtering.bar, known, form, self.runs.table, self.plans.table]
        return self._column(*parts)

    async def load(self) -> None:
        """Show what was run, once the page is there."""
        await asyncio.to_thread(self.draw)

    def draw(self) -> None:
        """Show what was run."""
        self.runs.entitle("created_at", f"when ({self._tz})")
        self.runs.show([self._run(run) for run in shelf.runs(self.ws)])
        self.plans.show([self._plan(plan) for plan in shelf.schedules(self.ws)])

    async def reopen(self, query: str) -> None:
        """Somebody opened a page that was drawn ahead."""
        self.filtering.keep(self.filtering.first(query))
        await self.load()

    async def apply(self, filters: Filters) -> None:
        """Reports of another environment."""
        self.filtering.keep(filters)
        self.form.environment = str(filters.environment or "")

    async def _finished(self, _event: Any) -> None:
        await self.load()

    @property
    def _tz(self) -> str:
        return self.filtering.tz

    def _address(self, tail: str) -> str:
        return f"{self._base}{tail}" + (f"?{self._of}" if self._of else "")

    def _run(self, run: dict[str, Any]) -> dict[str, Any]:
        """A run as the table shows it: text, links and buttons."""
        given = ", ".join(f"{name} {value}" for name, value in (run["given"] or {}).items())
        about = run["period"] or given or ("" if run["schedule"] else "the last with data")
        failed = run["error"] is not None
        shown = {
            **run,
            "created_at": _at(datetime.fromisoformat(run["created_at"]), self._tz),
            "about": about,
            "duration_s": "" if run["duration_s"] is None else duration(run["duration_s"]),
            "version": "" if run["version"] is None else f"{run['version']:,}",
            "schedule": run["schedule"] or "",
            "open": "", "files": "", "key": run["id"],
        }  # fmt: skip
        if failed:
            shown["open"] = {"text": "What happened", "act": "why", "expands": True}
        elif run["files"] and self._base:
            shown["open"] = {"text": "Open", "href": self._address(f"/{run['id']}/report.html")}
            shown["files"] = {"text": f"{len(run['files'])} files", "act": "files", "expands": True}
        return shown

    def _plan(self, plan: dict[str, Any]) -> dict[str, Any]:
        last = plan["last"]
        return {
            **plan, "key": plan["name"], "last": "" if last is None else _at(last["due_at"], plan["tz"]),
            "status": "not due yet" if last is None else last["status"],
            "history": {"text": "History", "act": "history", "expands": True},
        }  # fmt: skip

    def _acted(self, event: Any) -> None:
        """Open what went wrong, or the files, under a run; or close it."""
        run = next((r for r in shelf.runs(self.ws) if r["id"] == event.new["key"]), None)
        self.runs.reveal(event.new, None if run is None else self._detail(run))

    def _detail(self, run: dict[str, Any]) -> str:
        if run["error"] is not None:
            error = run["error"]
            said = [f"<b>{html.escape(str(error.get('what') or 'The report failed'))}</b>"]
            said += [
                f"<span class=muted>{word}:</span> {html.escape(str(error[word]))}"
                for word in ("where", "expected", "found", "hint")
                if error.get(word)
            ]
            return "<br>".join(said)
        base = self._address("")
        path, _, of = base.partition("?")
        links = "".join(
            f'<li><a data-href="{html.escape(path)}/{html.escape(run["id"])}/{html.escape(name)}'
            f'{"?" + html.escape(of) if of else ""}" target="_blank" rel="noopener">{html.escape(name)}</a></li>'
            for name in [*run["files"], "manifest.json"]
        )
        return f"<ul class=reasons>{links}</ul>"

    def _history(self, event: Any) -> None:
        """Open what became of a schedule's times."""
        name = event.new["key"]
        plan = next((p for p in shelf.schedules(self.ws) if p["name"] == name), None)
        past = [run for run in shelf.history(self.ws) if run["schedule"] == name]
        tz = plan["tz"] if plan else self._tz
        rows = "".join(
            f"<li>{_at(run['due_at'], tz)} · {html.escape(run['status'])}"
            f"{' · ' + html.escape(run['error']) if run['error'] else ''}"
            f"{' · attempts ' + str(run['attempts']) if run['attempts'] > 1 else ''}</li>"
            for run in past[:50]
        )
        self.plans.reveal(event.new, f"<ul class=reasons>{rows}</ul>" if rows else "It was not due yet.")


def _at(moment: datetime, tz: str) -> str:
    return moment.astimezone(zone(tz)).strftime("%Y-%m-%d %H:%M:%S")
