"""The history of uploads: one row each, from pending to processed, failed or undone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from dwell_kit.errors import NotFoundError
from dwell_kit.store.database import uploads

PENDING: Final = "pending"
PROCESSED: Final = "processed"
FAILED: Final = "failed"
UNDONE: Final = "undone"
REPEATED: Final = "repeated"
_NUMBER_DIGITS: Final = 10
"""Numbers as long as this are ids: no workspace has so many uploads."""


def begin(connection: Connection, **values: Any) -> int:
    """Register an upload as pending; returns its sequence number, which orders uploads."""
    made = connection.execute(sa.insert(uploads).values(status=PENDING, **values).returning(uploads.c.seq))
    return int(made.scalar_one())


def change(connection: Connection, seq: int, **values: Any) -> None:
    """Change what is known of an upload."""
    connection.execute(sa.update(uploads).where(uploads.c.seq == seq).values(**values))


def history(connection: Connection, environment: str | None = None) -> list[dict[str, Any]]:
    """All uploads, newest first."""
    query = sa.select(uploads).order_by(uploads.c.seq.desc())
    if environment is not None:
        query = query.where(uploads.c.environment == environment)
    return [dict(row) for row in connection.execute(query).mappings()]


def numbers(connection: Connection, environment: str) -> dict[str, int]:
    """Id → number of each upload of an environment."""
    query = sa.select(uploads.c.upload_id, uploads.c.seq).where(uploads.c.environment == environment)
    return {upload_id: int(seq) for upload_id, seq in connection.execute(query)}


def freshness(connection: Connection, environment: str) -> tuple[int, datetime | None]:
    """How many uploads an environment shows, and when the last of them came in."""
    query = sa.select(sa.func.count().over(), uploads.c.uploaded_at).where(
        uploads.c.environment == environment, uploads.c.status == PROCESSED
    )
    newest = connection.execute(query.order_by(uploads.c.seq.desc()).limit(1)).first()
    return (0, None) if newest is None else (int(newest[0]), newest[1])


def sources(connection: Connection, environment: str) -> list[str]:
    """The namespaces of ids that an environment's uploads came in."""
    query = sa.select(uploads.c.source).where(uploads.c.environment == environment).distinct()
    return sorted(connection.execute(query).scalars())


def get(connection: Connection, upload: str | int) -> dict[str, Any]:
    """One upload by number, or by id (a unique beginning is enough).

    A number that some upload has is never taken for the beginning of another one's id.

    Raises
    ------
    NotFoundError : if there is none, or more than one begins so.
    """
    text = str(upload)
    rows: list[Any] = []
    if text.isdecimal() and len(text) < _NUMBER_DIGITS:
        rows = list(connection.execute(sa.select(uploads).where(uploads.c.seq == int(text))).mappings())
    if not rows and not isinstance(upload, int):
        query = sa.select(uploads).where(uploads.c.upload_id.startswith(text, autoescape=True)).limit(2)
        rows = list(connection.execute(query).mappings())
    if len(rows) != 1:
        raise NotFoundError(
            f"there is no upload {text!r}" if not rows else f"more than one upload begins with {text!r}",
            hint="`dwell uploads` lists them",
        )
    return dict(rows[0])


def same_content(
    connection: Connection, environment: str, source: str, content_hash: str, reader: str, *, undone: bool = False
) -> Any:
    """The processed upload of the very same bytes by the same reader into the same place, if there is one; with
    `undone`, one that was until somebody undid it too.
    """
    query = (
        sa.select(uploads)
        .where(
            uploads.c.environment == environment,
            uploads.c.source == source,
            uploads.c.content_hash == content_hash,
            uploads.c.reader == reader,
            uploads.c.status.in_((PROCESSED, UNDONE) if undone else (PROCESSED,)),
        )
        .limit(1)
    )
    return connection.execute(query).mappings().first()


def same_size(connection: Connection, environment: str, size: int) -> bool:
    """True if a processed upload of the environment has as many bytes: worth hashing the file first."""
    query = sa.select(uploads.c.seq).where(
        uploads.c.environment == environment, uploads.c.bytes == size, uploads.c.status == PROCESSED
    )
    return connection.execute(query.limit(1)).first() is not None


def any_processed(connection: Connection, environment: str) -> bool:
    """True if the environment shows an upload."""
    query = sa.select(uploads.c.seq).where(uploads.c.environment == environment, uploads.c.status == PROCESSED)
    return connection.execute(query.limit(1)).first() is not None


@dataclass(frozen=True)
class Window:
    """The time that an upload covers, the cameras it names, and whether all of its rows lie inside.

    `alone` : it says this of its one camera, and nothing of others that come with it elsewhere.
    """

    since: datetime
    until: datetime
    cameras: tuple[str, ...]
    holds_its_rows: bool
    alone: bool = False


def windows(connection: Connection, environment: str, among: Collection[str]) -> list[Window]:
    """Those of the environment's uploads whose ids are `among` and that cover time, in order of time."""
    report = uploads.c.report
    query = sa.select(
        uploads.c.upload_id,
        uploads.c.covered_from,
        uploads.c.covered_till,
        report["coverage"],
        report["first"].as_string(),
        report["last"].as_string(),
        report["watched"],
    ).where(uploads.c.environment == environment, uploads.c.covered_from.is_not(None))
    found = []
    for upload_id, since, until, cameras, first, last, watched in connection.execute(query):
        if upload_id not in among:
            continue
        inside = not first or (_moment(first) >= since and _moment(last) <= until)
        if watched is None:
            found.append(Window(since, until, tuple(cameras or ()), inside))
        for camera, stretches in (watched or {}).items():
            found += [Window(_moment(a), _moment(b), (camera,), inside, alone=True) for a, b in stretches]
    return sorted(found, key=lambda w: w.since)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
