"""`dwell serve`: pages, uploads and downloads of one workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import panel as pn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from panel.io.fastapi import add_applications

import dwell_kit
from dwell_kit.plots import theme
from dwell_kit.serve import reports, uploads
from dwell_kit.serve.gate import LoopbackOnly
from dwell_kit.serve.inbox import Inbox
from dwell_kit.serve.sessions import end_with_their_tab
from dwell_kit.ui.frame import page
from dwell_kit.ui.movement import Movement
from dwell_kit.ui.overview import Overview
from dwell_kit.ui.pages import PAGES
from dwell_kit.ui.reporting import Reports
from dwell_kit.ui.sessions import Sessions
from dwell_kit.ui.uploading import UploadPage
from dwell_kit.workspace import Workspace
from dwell_kit.workspace import open as open_workspace

_ICON: Final = (Path(__file__).parent / "icon.svg").read_text(encoding="utf-8")


def create(workspace: str | Path, *, gate: type[LoopbackOnly] = LoopbackOnly) -> FastAPI:
    """The application on one workspace; `uvicorn.run` takes it. Answers this machine only (see `gate`).

    Its addresses are all relative, so that a proxy may serve it under any path.
    """
    ws = open_workspace(workspace)
    inbox = Inbox(ws)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        inbox.close()
        ws.close()

    app = FastAPI(
        title="dwell_kit", version=dwell_kit.__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.include_router(uploads.router(inbox))
    app.include_router(reports.router(inbox.press))
    app.add_api_route("/", _first_page, include_in_schema=False)
    if ws.environments().height:
        for place in ws.environments()["name"]:
            ws.compare(environment=place)  # columns, kernels and figures, before the first visitor waits for them
    app.add_api_route("/favicon.ico", lambda: Response(_ICON, media_type="image/svg+xml"), include_in_schema=False)
    end_with_their_tab()
    theme.load_server()
    pages = add_applications(
        {
            "/overview": _filtered(ws, "Overview", Overview),
            "/sessions": _filtered(ws, "Sessions", Sessions),
            "/movement": _filtered(ws, "Movement", Movement),
            "/upload": _upload(ws),
            "/reports": _filtered(ws, "Reports", Reports, exports="runs"),
        },
        app=app,
        session_history=0,
    )
    app.add_api_route("/health", lambda: JSONResponse(_health(ws, pages)))
    app.add_middleware(gate)
    return app


def _first_page(request: Request) -> RedirectResponse:
    """The first page, with what the link asks for."""
    query = request.url.query
    return RedirectResponse(PAGES[0][0] + (f"?{query}" if query else ""))


def _health(ws: Workspace, pages: Any) -> dict[str, Any]:
    """That the server answers, the data version, and how many people have a page open."""
    sessions = sum(len(context.sessions) for context in pages._applications.values())
    return {"ok": True, "version": ws.snapshot_id, "sessions": sessions}


def _filtered(
    ws: Workspace, heading: str, kind: Callable[..., Any], *, exports: str = "rows"
) -> Callable[[], Any]:
    def make() -> Any:
        location = pn.state.location
        query = location.search if location is not None else ""

        def tell(new: str) -> None:
            made.filtering.bar.address = new

        made = kind(ws, query, tell=tell, exports=exports)
        pn.state.onload(made.load)
        pn.state.on_session_destroyed(lambda _context: made.close())
        return page(heading, made, PAGES, first=made.first())

    return make


def _upload(ws: Workspace) -> Callable[[], Any]:
    def make() -> Any:
        return page("Upload", UploadPage(ws, endpoint="uploads"), PAGES)

    return make
