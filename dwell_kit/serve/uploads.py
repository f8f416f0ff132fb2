"""The gateway's side of the inbox: `PUT /uploads` streams, `POST /uploads/check` looks at a head, files go out."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from dwell_kit.errors import DwellError
from dwell_kit.serve.answers import Answer, refused
from dwell_kit.serve.inbox import Download, Inbox


def router(inbox: Inbox) -> APIRouter:
    """The routes of uploads and downloads."""
    made = APIRouter()

    @made.post("/uploads/check")
    async def check(request: Request) -> JSONResponse:
        ends = await request.body()
        return _json(await run_in_threadpool(inbox.check, request.query_params, ends))

    @made.put("/uploads")
    async def upload(request: Request, name: str) -> JSONResponse:
        arrival = inbox.receive(name)
        try:
            async for chunk in request.stream():
                arrival.write(chunk)
        except BaseException as error:
            arrival.abort()
            if isinstance(error, DwellError):
                return _json(refused(error))
            raise
        return _json(arrival.done(request.query_params))

    @made.get("/uploads/{job}")
    def said(job: str) -> JSONResponse:
        return _json(inbox.said(job))

    @made.get("/uploads/{upload}/rejects", response_model=None)
    def rejects(upload: str) -> FileResponse | JSONResponse:
        return _file(lambda: inbox.rejects(upload))

    @made.get("/rows.{kind}", response_model=None)
    def rows(request: Request, kind: str) -> FileResponse | JSONResponse:
        return _file(lambda: inbox.rows(kind, request.query_params))

    return made


def _json(answer: Answer) -> JSONResponse:
    return JSONResponse(answer.body, status_code=answer.status)


def _file(make: Callable[[], Download]) -> FileResponse | JSONResponse:
    """A file that is removed once it was sent, or why there is none."""
    try:
        path, name = make()
    except DwellError as error:
        return _json(refused(error))
    return FileResponse(path, filename=name, background=BackgroundTask(path.unlink, missing_ok=True))
