"""The commit point: one row that names a version of every table. What no snapshot names was never said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from dwell_kit.errors import NotFoundError
from dwell_kit.store.database import snapshots
from dwell_kit.store.lake import Versions


@dataclass(frozen=True)
class Snapshot:
    """A consistent state of all tables. `id` 0 is the empty workspace."""

    id: int
    created_at: datetime | None
    reason: str
    versions: Versions
    erased_at: datetime | None = None


INGEST: Final = "ingest"
UNDO: Final = "undo"
"""Reasons of a snapshot, each before the upload's id."""
ERASE: Final = "erase a person"
"""The reason of a snapshot that left somebody out for good."""
EMPTY = Snapshot(0, None, "empty", {})


def latest(connection: Connection) -> Snapshot:
    """The newest snapshot; `EMPTY` before the first."""
    row = connection.execute(sa.select(snapshots).order_by(snapshots.c.id.desc()).limit(1)).mappings().first()
    return _snapshot(row) if row else EMPTY


def get(connection: Connection, snapshot_id: int) -> Snapshot:
    """The snapshot with this id.

    Raises
    ------
    NotFoundError : if there is none, or if an erasure emptied it.
    """
    if snapshot_id == 0:
        return EMPTY
    row = connection.execute(sa.select(snapshots).where(snapshots.c.id == snapshot_id)).mappings().first()
    if row is None:
        newest = latest(connection).id
        raise NotFoundError(
            f"there is no version {snapshot_id}", expected=f"a version from 0 to {newest}", found=str(snapshot_id)
        )
    found = _snapshot(row)
    if found.erased_at is not None:
        raise NotFoundError(
            f"version {snapshot_id} was removed on {found.erased_at:%Y-%m-%d}",
            hint=_why_removed(connection, found),
        )
    return found


def _why_removed(connection: Connection, gone: Snapshot) -> str:
    query = sa.select(snapshots.c.id).where(
        snapshots.c.reason == ERASE, snapshots.c.id > gone.id, snapshots.c.created_at <= gone.erased_at
    )
    if connection.execute(query.limit(1)).first() is not None:
        return "a person was erased, from every version before that day too; open a newer one"
    return "compaction kept newer versions only (`dwell compact --keep-versions`); open a newer one"


def kept(connection: Connection, snapshot_id: int) -> Snapshot | None:
    """The snapshot with this id; None if there is none, or its files are gone."""
    row = connection.execute(sa.select(snapshots).where(snapshots.c.id == snapshot_id)).mappings().first()
    return _snapshot(row) if row is not None and row["erased_at"] is None else None


def as_of(connection: Connection, moment: datetime) -> Snapshot:
    """The newest snapshot made at or before `moment`; `EMPTY` before the first."""
    newest = sa.select(sa.func.max(snapshots.c.id)).where(snapshots.c.created_at <= moment)
    snapshot_id = connection.execute(newest).scalar()
    return get(connection, snapshot_id) if snapshot_id is not None else EMPTY


def add(connection: Connection, versions: Versions, *, reason: str, now: datetime) -> int:
    """Write the commit point; the snapshot is visible when the transaction ends."""
    made = connection.execute(
        sa.insert(snapshots).values(created_at=now, reason=reason, versions=versions).returning(snapshots.c.id)
    )
    return int(made.scalar_one())


def uploads_in(connection: Connection, snapshot_id: int) -> set[str]:
    """Ids of the uploads whose rows a snapshot shows: ingested up to it, and not taken back by then."""
    query = sa.select(snapshots.c.reason).where(snapshots.c.id <= snapshot_id).order_by(snapshots.c.id)
    found: set[str] = set()
    for reason in connection.execute(query).scalars():
        verb, _, upload_id = reason.partition(" ")
        if verb == INGEST:
            found.add(upload_id)
        elif verb == UNDO:
            found.discard(upload_id)
    return found


def forget_before(connection: Connection, snapshot_id: int, *, now: datetime) -> None:
    """Mark every snapshot before `snapshot_id` as removed: an erasure or a compaction took its files."""
    old = (snapshots.c.id < snapshot_id) & snapshots.c.erased_at.is_(None)
    connection.execute(sa.update(snapshots).where(old).values(erased_at=now))


def _snapshot(row: Any) -> Snapshot:
    return Snapshot(row["id"], row["created_at"], row["reason"], dict(row["versions"]), row["erased_at"])
