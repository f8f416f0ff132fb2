"""The inbox behind Tornado: the same uploads and downloads in Voilà and in JupyterLab."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, authenticated, stream_request_body

from dwell_kit.errors import DwellError

if TYPE_CHECKING:  # Jupyter starts without what the inbox needs
    from dwell_kit.serve.answers import Answer
    from dwell_kit.serve.inbox import Arrival, Download, Inbox

_CHUNK = 1 << 20
PREFIX = "dwell"


def handlers(base_url: str, inbox_of: Callable[[str], Inbox]) -> list[Any]:
    """The routes under `base_url`/dwell.

    Parameters
    ----------
    inbox_of : the inbox of a workspace asked for ("" where the server has one only).
    """
    return [
        (url_path_join(base_url, PREFIX, pattern), handler, {"inbox_of": inbox_of})
        for pattern, handler in (
            (r"uploads/check", Check),
            (r"uploads", Upload),
            (r"uploads/([\w-]+)/rejects", Rejects),
            (r"uploads/([\w-]+)", Said),
            (r"rows\.(\w+)", Rows),
            (r"runs", Runs),
            (r"runs/([\w.-]+)", Run),
            (r"runs/([\w.-]+)/(.+)", RunFile),
        )
    ]


class _Handler(JupyterHandler):  # type: ignore[misc]
    def initialize(self, inbox_of: Callable[[str], Inbox]) -> None:
        self._inbox_of = inbox_of

    def check_xsrf_cookie(self) -> None:
        """Pages of other origins change nothing: their browsers say where they come from."""
        origin = self.request.headers.get("Origin")
        if origin and urlsplit(origin).netloc != self.request.host:
            raise HTTPError(403, "a page of another site asked")

    def get_login_url(self) -> str:
        """Who is not signed in is refused: a download must not become the page that asks for a password."""
        raise HTTPError(403, "sign in to Jupyter first")

    def write_error(self, status_code: int, **given: Any) -> None:
        """What went wrong, as the pages read it."""
        error = given.get("exc_info", (None, None))[1]
        said = error.log_message if isinstance(error, HTTPError) else None
        self.set_status(status_code)
        self.finish({"error": {"what": said or f"The server answered {status_code}"}})

    @property
    def inbox(self) -> Inbox:
        return self._inbox_of(self.get_query_argument("workspace", ""))

    @property
    def asked(self) -> Mapping[str, str]:
        return {name: self.get_query_argument(name) for name in self.request.query_arguments}

    def answer(self, answer: Answer) -> None:
        self.set_status(answer.status)
        self.finish(answer.body)

    def refuse(self, error: DwellError) -> None:
        from dwell_kit.serve.answers import refused

        self.answer(refused(error))

    async def send(self, make: Callable[[], Download]) -> None:
        """A file, removed once it was sent; or why there is none."""
        try:
            download = await asyncio.to_thread(make)
        except DwellError as error:
            self.refuse(error)
            return
        try:
            self.set_header("Content-Type", "application/octet-stream")
            self.set_header("Content-Disposition", f'attachment; filename="{download.name}"')
            await self.stream(download.path)
        finally:
            download.path.unlink(missing_ok=True)
        self.finish()

    async def stream(self, path: Path) -> None:
        """A file piece by piece, so that none is held whole."""
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                self.write(chunk)
                await self.flush()


class Check(_Handler):
    """Whether a file of this name and beginning can be one of ours."""

    @authenticated
    async def post(self) -> None:
        self.answer(await asyncio.to_thread(self.inbox.check, self.asked, self.request.body))


@stream_request_body
class Upload(_Handler):
    """A file as a stream: it goes to disk as it comes."""

    arrival: Arrival | None = None
    wrong: DwellError | None = None

    async def prepare(self) -> None:  # type: ignore[override]
        await super().prepare()
        if self.request.method != "PUT" or self.current_user is None or self.request.connection is None:
            return
        # one byte more than is taken, so that it is the inbox that says no
        self.request.connection.set_max_body_size(self.inbox.most_bytes + 1)  # type: ignore[attr-defined]
        self.arrival = self.inbox.receive(self.get_query_argument("name", ""))

    def data_received(self, chunk: bytes) -> None:
        if self.arrival is None or self.wrong is not None:
            return
        try:
            self.arrival.write(chunk)
        except DwellError as error:  # the rest is let pass: the browser reads the answer after its last byte
            self.wrong = error

    @authenticated
    def put(self) -> None:
        if self.arrival is None:
            raise HTTPError(400)
        if self.wrong is not None:
            self.arrival.abort()
            self.refuse(self.wrong)
            return
        self.answer(self.arrival.done(self.asked))

    def on_connection_close(self) -> None:
        super().on_connection_close()
        if self.arrival is not None:
            self.arrival.abort()


class Said(_Handler):
    """How far a job is."""

    @authenticated
    def get(self, job: str) -> None:
        self.answer(self.inbox.said(job))


class Rejects(_Handler):
    """The rows of an upload that were not accepted."""

    @authenticated
    async def get(self, upload: str) -> None:
        inbox = self.inbox
        await self.send(lambda: inbox.rejects(upload))


class Rows(_Handler):
    """Exactly the rows that a table shows."""

    @authenticated
    async def get(self, kind: str) -> None:
        inbox, asked = self.inbox, self.asked
        await self.send(lambda: inbox.rows(kind, asked))


class Runs(_Handler):
    """Start a report."""

    @authenticated
    def put(self) -> None:
        asked = {name: value for name, value in self.asked.items() if name not in ("report", "workspace")}
        self.answer(self.inbox.press.start(self.get_query_argument("report", ""), asked))


class Run(_Handler):
    """How far a report is."""

    @authenticated
    def get(self, job: str) -> None:
        self.answer(self.inbox.press.said(job))


class RunFile(_Handler):
    """A file of a report run, which reaches nothing around it."""

    @authenticated
    async def get(self, run: str, name: str) -> None:
        from dwell_kit.serve.press import HEADERS

        try:
            found = self.inbox.press.file(run, name)
        except DwellError as error:
            self.refuse(error)
            return
        self.set_header("Content-Type", found.media_type)
        for header, value in HEADERS.items():
            self.set_header(header, value)
        if not found.inline:
            self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(found.path.name)}")
        await self.stream(found.path)
        self.finish()


class Inboxes:
    """The inboxes of the workspaces that the pages of one Jupyter server show.

    Parameters
    ----------
    root : where relative paths begin. usual : the workspace where none is named.
    allowed : folders that a workspace must be in, or be.
    """

    def __init__(self, *, root: Path, usual: Path, allowed: Iterable[Path]) -> None:
        self._root, self._usual = root, usual
        self._allowed = [folder.resolve() for folder in allowed]
        self._open: dict[Path, Inbox] = {}

    def __call__(self, workspace: str) -> Inbox:
        path = (self._root / workspace).resolve() if workspace else self._usual
        if not any(path.is_relative_to(folder) for folder in self._allowed):
            raise HTTPError(
                403,
                f"{path} is outside the folders whose workspaces pages may use: start Jupyter with "
                f"DWELL_WORKSPACE={path}, or name its folder in c.DwellKit.workspaces",
            )
        if path not in self._open:
            from dwell_kit.serve.inbox import Inbox
            from dwell_kit.workspace import open as open_workspace

            try:
                self._open[path] = Inbox(open_workspace(path, create=False))
            except DwellError as error:
                raise HTTPError(404, str(error)) from error
        return self._open[path]

    def close(self) -> None:
        """Let go of all of them."""
        while self._open:
            _, inbox = self._open.popitem()
            inbox.close()
            inbox.ws.close()
