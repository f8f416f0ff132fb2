"""What every door takes in and gives out: uploads that stream to disk, rejects and rows as files.

The doors (FastAPI in the gateway, Tornado in Voilà and JupyterLab) move bytes; what they mean is here.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from dwell_kit.errors import DwellError, FilterError, FormatError, LimitError, NotFoundError
from dwell_kit.serve.answers import Answer, refused
from dwell_kit.serve.jobs import Jobs
from dwell_kit.serve.press import Press
from dwell_kit.ui import view
from dwell_kit.workspace import Workspace
from dwell_kit.workspace.paging import View

MOST_BYTES: Final = 8 << 30
HEAD_BYTES: Final = 1 << 19
TAIL_BYTES: Final = 1 << 19
_SUFFIXES: Final = (".csv", ".tsv", ".txt", ".json", ".ndjson", ".jsonl", ".parquet", ".gz", ".zip")
_MAGIC: Final = {".gz": b"\x1f\x8b", ".zip": b"PK", ".parquet": b"PAR1"}
_UNSAFE: Final = re.compile(r"[^\w. ()\[\]-]+")


def safe_name(name: str) -> str:
    """The file's own name without any path, and without what no file needs.

    >>> safe_name("../../etc/pass\\x00wd.csv"), safe_name("")
    ('pass_wd.csv', 'upload')
    """
    return _UNSAFE.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(". ")[:150] or "upload"


class Download(NamedTuple):
    """A file to be sent under a name, and removed."""

    path: Path
    name: str


class Inbox:
    """The uploads, downloads and report runs of one workspace."""

    def __init__(self, ws: Workspace, *, most_bytes: int = MOST_BYTES) -> None:
        self.ws = ws
        self.most_bytes = most_bytes
        self.folder = ws.path / "tmp" / "inbox"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.jobs = Jobs(ws.path, self.folder / "jobs")
        self.press = Press(ws)

    def close(self) -> None:
        """Take nothing more."""
        self.jobs.close()
        self.press.close()

    def check(self, asked: Mapping[str, str], ends: bytes) -> Answer:
        """Whether a file can be taken in, as far as its ends show: nothing of it is kept.

        Parameters
        ----------
        asked : name and size of the file, and what is said of it: environment, tz, camera, start, fps, since,
            until.
        ends : its first `HEAD_BYTES`, and what of its last `TAIL_BYTES` comes after them.
        """
        path = self.folder / uuid.uuid4().hex / safe_name(asked.get("name", ""))
        path.parent.mkdir(parents=True)
        try:
            size = _count(asked.get("size", "0"))
            _check_kind(path, size, ends, self.most_bytes)
            known = _lay_out(path, size, ends)
            self.ws.check_file(path, known=known, **_said(asked, path.name))
        except DwellError as error:
            return refused(error, 422)
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)
        return Answer(200, {"ok": True})

    def receive(self, name: str) -> Arrival:
        """A file that is about to come in."""
        return Arrival(self, safe_name(name))

    def said(self, job: str) -> Answer:
        """How far a job is."""
        known = self.jobs.said(safe_name(job))
        return refused(NotFoundError(f"there is no job {job!r}")) if known is None else Answer(200, known)

    def rejects(self, upload: str) -> Download:
        """The rows that were not accepted, to be fixed and ingested again."""
        target = self.folder / f"rejects-{uuid.uuid4().hex}.csv"
        self.ws.write_rejects(upload, target)
        return Download(target, f"rejects-{upload[:8]}.csv")

    def rows(self, kind: str, asked: Mapping[str, str]) -> Download:
        """Exactly the rows that a table shows: `what`, `filters` (a query), order, search, parameters `p_…`."""
        what = asked.get("what", "visits")
        seen = View(
            sort=asked.get("sort"),
            descending=asked.get("descending") == "1",
            search=asked.get("search", ""),
            column=asked.get("column"),
        )
        target = self.folder / f"rows-{uuid.uuid4().hex}.{kind}"
        filters = view.from_query(asked.get("filters", ""))
        self.ws.rows(what, filters, parameters=_parameters(asked.items())).export(seen, target)
        return Download(target, f"{what}.{kind}")


class Arrival:
    """One file on its way to disk; nothing of it stays in memory, and nothing on disk unless it is whole."""

    def __init__(self, inbox: Inbox, name: str) -> None:
        self._inbox = inbox
        self._job = uuid.uuid4().hex
        self._path = inbox.folder / self._job / name
        self._path.parent.mkdir(parents=True)
        self._file = self._path.open("wb")
        self._taken = 0

    def write(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises
        ------
        LimitError : if the file is too big.
        """
        self._taken += len(chunk)
        if self._taken > self._inbox.most_bytes:
            raise LimitError(
                "the file is too big", where=self._path.name, expected=f"at most {self._inbox.most_bytes:,} bytes"
            )
        self._file.write(chunk)

    def done(self, asked: Mapping[str, str]) -> Answer:
        """The file is whole: a job ingests it, with what the query says of it."""
        try:
            options = _said(asked, self._path.name)
        except DwellError as error:
            self.abort()
            return refused(error, 422)
        self._file.close()
        self._inbox.jobs.submit(self._job, self._path, options)
        return Answer(202, {"job": self._job})

    def abort(self) -> None:
        """The file will not come."""
        self._file.close()
        shutil.rmtree(self._path.parent, ignore_errors=True)


def _parameters(asked: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Parameters of the quantity: `p_n=10`, `p_by=camera_id,gender`."""
    given = {name[2:]: value for name, value in asked if name.startswith("p_")}
    return {
        name: int(value) if value.isdigit() else tuple(value.split(",")) if name == "by" else value
        for name, value in given.items()
    }


def _said(asked: Mapping[str, str], name: str) -> dict[str, Any]:
    """What a form says of a file, as `ingest` takes it."""
    since, until = asked.get("since"), asked.get("until")
    if bool(since) != bool(until):
        raise FilterError(
            "the time that the file covers has one end only", where=name, expected="from and until, or neither",
            hint="give both and drop the file again",
        )  # fmt: skip
    said: dict[str, Any] = {word: asked.get(word) or None for word in ("environment", "tz", "camera", "start")}
    if rate := asked.get("fps"):
        try:
            said["fps"] = float(rate)
        except ValueError:
            raise FilterError("the frames a second are no number", where=name, found=repr(rate)) from None
    return {**said, "window": (since, until)} if since and until else said


def _count(text: str) -> int:
    if not text.isdigit():
        raise FormatError("the size is no number", expected="bytes", found=repr(text))
    return int(text)


def _check_kind(path: Path, size: int, ends: bytes, most_bytes: int) -> None:
    """Raises what is wrong with a file's size, ending and first bytes."""
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
    if not ends.startswith(_MAGIC.get(suffix, b"")):
        raise FormatError(f"this is not a {suffix[1:]} file", where=path.name, hint="export it again")


def _lay_out(path: Path, size: int, ends: bytes) -> tuple[int, int] | None:
    """Write what is known of a file where it would be, and say how much that is; None if that is all of it.

    What packs tables names them at its end: there lies a hole in between, which takes no room.
    """
    first, last = ends[:HEAD_BYTES], ends[HEAD_BYTES:][-TAIL_BYTES:]
    whole = size <= len(ends)
    with path.open("wb") as file:
        file.write(ends if whole else first)
        if not whole and first.startswith(tuple(_MAGIC.values())):
            file.truncate(size)
            file.seek(size - len(last))
            file.write(last)
    return None if whole else (len(first), len(last))
