"""The upload page: drop files, see what became of them, take one back."""

from __future__ import annotations

import html
from typing import Any

import panel as pn

from dwell_kit.errors import DwellError
from dwell_kit.ui.components import DataTable, Uploader
from dwell_kit.ui.style import WIDGET
from dwell_kit.workspace import Workspace

_COLUMNS = (
    ("seq", "number", True), ("filename", "file", False), ("environment", "environment", False),
    ("status", "status", False), ("uploaded_at", "when (UTC)", False), ("accepted", "accepted", True),
    ("rejected", "rejected", True), ("score", "quality", True),
)  # fmt: skip
_PAGE = 10


class UploadPage(pn.viewable.Viewer):  # type: ignore[misc]
    """Uploads of a workspace; `endpoint` takes the files."""

    def __init__(self, ws: Workspace, *, endpoint: str, most_bytes: int = 8 << 30, **params: Any) -> None:
        super().__init__(**params)
        self.ws = ws
        places = ws.environments()["name"].to_list()
        self.drop = Uploader(
            endpoint=endpoint, environments=places, environment=places[0] if len(places) == 1 else "",
            most_bytes=most_bytes, sizing_mode="stretch_width",
        )  # fmt: skip
        self.history = DataTable(title="History", empty="no uploads yet", sizing_mode="stretch_width")
        self.undo = pn.widgets.TextInput(name="Take back upload number", width=180, stylesheets=[WIDGET])
        self.undo_button = pn.widgets.Button(name="Undo", button_type="default", align="end", stylesheets=[WIDGET])
        self.said = pn.pane.HTML("", sizing_mode="stretch_width")
        self.drop.param.watch(lambda _event: self.refresh(), "finished")
        self.history.param.watch(self._asked, "asked")
        self.undo_button.on_click(self._undo)
        self.refresh()

    def __panel__(self) -> Any:
        row = pn.FlexBox(self.undo, self.undo_button, gap="8px")
        return pn.Column(
            self.drop, self.history, row, self.said, sizing_mode="stretch_width", styles={"gap": "12px"}
        )

    def refresh(self) -> None:
        """The history as it is now."""
        state = self.history.state
        rows = [self._row(upload) for upload in self.ws.uploads()]
        wanted = state["search"].lower()
        rows = [row for row in rows if not wanted or any(wanted in cell.lower() for cell in row)]
        names = [name for name, *_ in _COLUMNS]
        if state["sort"] in names:
            at, number = names.index(state["sort"]), _COLUMNS[names.index(state["sort"])][2]
            key = (lambda row: float(row[at] or -1)) if number else (lambda row: row[at])
            rows.sort(key=key, reverse=state["descending"])
        first = state["page"] * _PAGE
        self.history.param.update(
            columns=[{"name": name, "title": title, "number": number} for name, title, number in _COLUMNS],
            rows=rows[first : first + _PAGE],
            total=len(rows),
            state={**state, "size": _PAGE},
        )
        self.history.drawn += 1

    def _row(self, upload: dict[str, Any]) -> list[str]:
        report = upload["report"] or {}
        values = {**upload, **{name: report.get(name) for name in ("accepted", "rejected", "score")}}
        values["uploaded_at"] = f"{upload['uploaded_at']:%Y-%m-%d %H:%M:%S}"
        return ["" if values[name] is None else str(values[name]) for name, *_ in _COLUMNS]

    def _asked(self, event: Any) -> None:
        self.history.state = {name: event.new[name] for name in self.history.state}
        self.refresh()

    def _undo(self, _event: Any) -> None:
        try:
            found = self.ws.undo(str(self.undo.value or "").strip())
        except DwellError as error:
            self.said.object = f"<span role=alert>{_escaped(str(error))}</span>"
        else:
            self.said.object = f"<span role=status>{_escaped(found['filename'])} was taken back.</span>"
        self.refresh()


def _escaped(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")
