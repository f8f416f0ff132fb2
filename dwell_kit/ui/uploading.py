"""The upload page: drop files, see what became of each, get its rejects, take it back."""

from __future__ import annotations

import asyncio
import html
from typing import Any, Final

import panel as pn

from dwell_kit.errors import DwellError
from dwell_kit.ui import landing
from dwell_kit.ui.components import Uploader
from dwell_kit.ui.lists import Listing
from dwell_kit.ui.verdict import verdict
from dwell_kit.workspace import Workspace

_COLUMNS: Final = (
    ("seq", "number", True), ("filename", "file", False), ("environment", "environment", False),
    ("status", "status", False), ("uploaded_at", "when (UTC)", False), ("accepted", "accepted", True),
    ("rejected", "rejected", True), ("score", "quality", True), ("quality", "quality report", None),
    ("rejects", "rejects", None), ("undo", "take back", None),
)  # fmt: skip


class UploadPage(pn.viewable.Viewer):  # type: ignore[misc]
    """Uploads of a workspace; `endpoint` takes the files, and hands rejects out."""

    def __init__(self, ws: Workspace, *, endpoint: str, most_bytes: int = 8 << 30, **params: Any) -> None:
        super().__init__(**params)
        self.ws = ws
        self._endpoint, _, self._of = endpoint.partition("?")
        places = ws.environments()["name"].to_list()
        self.drop = Uploader(
            endpoint=endpoint, environments=places, environment=places[0] if len(places) == 1 else "",
            most_bytes=most_bytes, sizing_mode="stretch_width", margin=0,
        )  # fmt: skip
        self.known = landing.note("")
        self.history = Listing("History", "No uploads yet: drop a file above.", _COLUMNS)
        self.said = pn.pane.HTML("", sizing_mode="stretch_width", margin=0)
        self.drop.param.watch(lambda _event: self.refresh(), "finished")
        self.history.table.param.watch(self._acted, "acted")
        self.refresh()

    def __panel__(self) -> Any:
        parts = (self.drop, self.known, self.said, self.history.table)
        return pn.Column(*parts, sizing_mode="stretch_width", styles={"gap": "12px"}, margin=0)

    def refresh(self) -> None:
        """The history as it is now."""
        places = self.ws.environments()
        self._zones = dict(places.select("name", "tz").iter_rows())
        names = places["name"].to_list()
        self.drop.environments = names
        self.known.visible = bool(names)
        self.known.object = "<br>".join(
            f"<b>{html.escape(name)}</b> · {landing.available(self.ws, name)}" for name in names
        )
        self.history.show([self._row(upload) for upload in self.ws.uploads()])

    def _row(self, upload: dict[str, Any]) -> dict[str, Any]:
        report = upload["report"] or {}
        shown: dict[str, Any] = {
            name: upload[name] for name in ("seq", "filename", "environment", "status")
        }  # fmt: skip
        shown.update({name: report.get(name) for name in ("accepted", "rejected", "score")})
        shown["key"] = str(upload["seq"])
        shown["uploaded_at"] = f"{upload['uploaded_at']:%Y-%m-%d %H:%M}"
        shown["quality"] = {"text": "Report", "act": "quality", "expands": True} if report else ""
        shown["rejects"] = shown["undo"] = ""
        if report.get("rejected"):
            of = f"?{self._of}" if self._of else ""
            href = f"{self._endpoint}/{upload['upload_id']}/rejects{of}"
            shown["rejects"] = {"text": "Download", "href": href, "download": True}
        if upload["status"] == "processed":
            confirm = f"Take back {upload['filename']}, and what it replaced returns?"
            shown["undo"] = {"text": "Undo", "act": "undo", "confirm": confirm}
        return shown

    async def _acted(self, event: Any) -> None:
        key = event.new["key"]
        upload = next((u for u in self.ws.uploads() if str(u["seq"]) == key), None)
        if event.new["act"] == "quality":
            report = upload["report"] if upload else None
            tz = self._zones.get(upload["environment"], "UTC") if upload else "UTC"
            self.history.reveal(event.new, verdict(report, tz) if report else None)
            return
        try:
            found = await asyncio.to_thread(self.ws.undo, int(key))
        except DwellError as error:
            said = html.escape(str(error)).replace("\n", "<br>")
            self.said.object = f"<span role=alert>{said}</span>"
        else:
            self.said.object = f"<span role=status>{html.escape(found['filename'])} was taken back.</span>"
        self.refresh()
