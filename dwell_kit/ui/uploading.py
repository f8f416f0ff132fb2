"""The upload page: drop files, see what became of each, get its rejects, take it back."""

from __future__ import annotations

import asyncio
import html
from typing import Any, Final

import panel as pn

from dwell_kit.errors import DwellError
from dwell_kit.schema.wording import on_a_page
from dwell_kit.ui import landing
from dwell_kit.ui.components import Uploader
from dwell_kit.ui.lists import Listing
from dwell_kit.ui.verdict import verdict
from dwell_kit.workspace import Workspace

_COLUMNS: Final = (
    ("seq", "no", True), ("filename", "file", False), ("environment", "environment", False),
    ("status", "status", False), ("uploaded_at", "when (UTC)", False), ("accepted", "accepted", True),
    ("rejected", "rejected", True), ("score", "quality", True), ("more", "what became of it", None),
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
        what = "Report" if report else "Why" if upload["notes"] else ""
        shown["more"] = {"text": what, "act": "more", "expands": True} if what else ""
        shown["rejects"] = shown["undo"] = ""
        if report.get("rejected"):
            of = f"?{self._of}" if self._of else ""
            href = f"{self._endpoint}/{upload['upload_id']}/rejects{of}"
            shown["rejects"] = {"text": "Download", "href": href, "download": True}
        if upload["status"] == "processed":
            confirm = f"Take back {upload['filename']}, and what it replaced returns?"
            shown["undo"] = {"text": "Undo", "act": "undo", "confirm": confirm}
        return shown

    def _told(self, upload: dict[str, Any]) -> str:
        """What became of an upload, as HTML: its quality report, or why it failed."""
        if upload["report"]:
            return verdict(upload["report"], self._zones.get(upload["environment"], "UTC"))
        what, *lines = on_a_page(upload["notes"] or "").split("\n")
        return "<br>".join([f"<b>{html.escape(what)}</b>", *map(html.escape, lines)])

    async def _acted(self, event: Any) -> None:
        key = event.new["key"]
        upload = next((u for u in self.ws.uploads() if str(u["seq"]) == key), None)
        if event.new["act"] == "more":
            self.history.reveal(event.new, None if upload is None else self._told(upload))
            return
        try:
            found = await asyncio.to_thread(self.ws.undo, int(key))
        except DwellError as error:
            said = html.escape(str(error)).replace("\n", "<br>")
            self.said.object = f"<span role=alert>{said}</span>"
        else:
            self.said.object = f"<span role=status>{html.escape(found['filename'])} was taken back.</span>"
        self.refresh()
