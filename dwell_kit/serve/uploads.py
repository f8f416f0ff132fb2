"""`PUT /uploads`: a file streams to disk, another process ingests it; `POST /uploads/check` looks at its head."""

from __future__ import annotations

import re
import shutil
import uuid
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse

from dwell_kit.errors import DwellError, FormatError, LimitError, NotFoundError
from dwell_kit.ingest import readers
from dwell_kit.ingest.sources import Source
from dwell_kit.serve.jobs import Jobs
from dwell_kit.workspace import Workspace

MOST_BYTES: Final = 8 << 30
_SUFFIXES: Final = (".csv", ".tsv", ".txt", ".json", ".ndjson", ".jsonl", ".parquet", ".gz", ".zip")
_MAGIC: Final = {".gz": b"\x1f\x8b", ".zip": b"PK", ".parquet": b"PAR1"}
_UNSAFE: Final = re.compile(r"[^\w. ()\[\]-]+")


def refused(error: DwellError, status: int = 422) -> JSONResponse:
    """An error as people and programs read it."""
    return JSONResponse({"error": error.as_dict()}, status_code=status)


def safe_name(name: str) -> str:
    """The file's own name without any path, and without what no file needs.

    >>> safe_name("../../etc/pass\\x00wd.csv"), safe_name("")
    ('pass_wd.csv', 'upload')
    """
    return _UNSAFE.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(". ")[:150] or "upload"


def router(ws: Workspace, jobs: Jobs, inbox: Path, *, most_bytes: int = MOST_BYTES) -> APIRouter:
    """The routes; files wait in `inbox` until they are ingested."""
    made = APIRouter()

    @made.post("/uploads/check")
    async def check(request: Request, name: str, size: int = 0) -> JSONResponse:
        """Whether a file of this name and beginning can be one of ours."""
        head = await request.body()
        path = inbox / uuid.uuid4().hex / safe_name(name)
        path.parent.mkdir(parents=True)
        try:
            path.write_bytes(head[: 1 << 18])
            _look(path, size, most_bytes)
        except DwellError as error:
            return refused(error)
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)
        return JSONResponse({"ok": True})

    @made.put("/uploads")
    async def upload(
        request: Request,
        name: str,
        environment: str | None = None,
        tz: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> JSONResponse:
        """Take a file; answers with the job that ingests it."""
        job = uuid.uuid4().hex
        path = inbox / job / safe_name(name)
        path.parent.mkdir(parents=True)
        try:
            taken = 0
            with path.open("wb") as file:
                async for chunk in request.stream():
                    taken += len(chunk)
                    if taken > most_bytes:
                        raise LimitError(
                            "the file is too big", where=name, expected=f"at most {most_bytes:,} bytes"
                        )
                    file.write(chunk)
        except BaseException as error:
            shutil.rmtree(path.parent, ignore_errors=True)
            if isinstance(error, DwellError):
                return refused(error, 413)
            raise
        options: dict[str, Any] = {"environment": environment or None, "tz": tz or None}
        if since and until:
            options["window"] = (since, until)
        jobs.submit(job, path, options)
        return JSONResponse({"job": job}, status_code=202)

    @made.get("/uploads/{job}")
    def said(job: str) -> JSONResponse:
        """How far a job is."""
        known = jobs.said(safe_name(job))
        if known is None:
            return refused(NotFoundError(f"there is no job {job!r}"), 404)
        return JSONResponse(known)

    @made.get("/uploads/{upload}/rejects", response_model=None)
    def rejects(upload: str) -> FileResponse | JSONResponse:
        """The rows that were not accepted, to be fixed and ingested again."""
        target = inbox / f"rejects-{uuid.uuid4().hex}.csv"
        try:
            ws.write_rejects(upload, target)
        except DwellError as error:
            return refused(error, 404)
        return _download(target, f"rejects-{upload[:8]}.csv")

    return made


def _look(path: Path, size: int, most_bytes: int) -> None:
    """Raises what is wrong with a file, as far as its beginning shows."""
    if size > most_bytes:
        raise LimitError(
            "the file is too big", where=path.name, expected=f"at most {most_bytes:,} bytes", found=f"{size:,}"
        )
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise FormatError(
            "this kind of file cannot be read",
            where=path.name,
            expected=", ".join(_SUFFIXES),
            found=suffix or "no ending",
        )
    magic = _MAGIC.get(suffix)
    if magic is not None:
        if not path.read_bytes().startswith(magic):
            raise FormatError(f"this is not a {suffix[1:]} file", where=path.name, hint="export it again")
        return
    readers.detect(Source(path))


def _download(path: Path, name: str) -> FileResponse:
    """A file that is removed once it was sent."""
    from starlette.background import BackgroundTask

    return FileResponse(path, filename=name, background=BackgroundTask(path.unlink, missing_ok=True))
