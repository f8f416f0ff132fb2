"""The gateway's side of the press: `PUT /runs` starts a report, `GET /runs/…` follows it and hands files out."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse

from dwell_kit.errors import DwellError
from dwell_kit.serve.answers import refused
from dwell_kit.serve.press import HEADERS, Press


def router(press: Press) -> APIRouter:
    """The routes of reports."""
    made = APIRouter()

    @made.put("/runs")
    def start(request: Request, report: str) -> JSONResponse:
        answer = press.start(report, {k: v for k, v in request.query_params.items() if k != "report"})
        return JSONResponse(answer.body, status_code=answer.status)

    @made.get("/runs/{job}")
    def said(job: str) -> JSONResponse:
        answer = press.said(job)
        return JSONResponse(answer.body, status_code=answer.status)

    @made.get("/runs/{run}/{name:path}", response_model=None)
    def file(run: str, name: str) -> FileResponse | JSONResponse:
        try:
            found = press.file(run, name)
        except DwellError as error:
            answer = refused(error)
            return JSONResponse(answer.body, status_code=answer.status)
        kept = (
            {}
            if found.inline
            else {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.path.name)}"}
        )
        return FileResponse(found.path, media_type=found.media_type, headers={**HEADERS, **kept})

    return made
