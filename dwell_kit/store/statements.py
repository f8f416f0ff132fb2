"""What people say about a workspace: each statement holds from one snapshot on, until another takes it back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Table

from dwell_kit.errors import NotFoundError


class Said(NamedTuple):
    """Who says it, when, and why."""

    who: str
    at: datetime
    reason: str


def holds(table: Table, snapshot_id: int) -> sa.ColumnElement[bool]:
    """True for the statements that a snapshot knows."""
    open_ended = table.c.undone_in.is_(None) | (table.c.undone_in > snapshot_id)
    return (table.c.made_in <= snapshot_id) & open_ended


def add(connection: Connection, table: Table, said: Said, *, snapshot_id: int, **values: Any) -> int:
    """A new statement, in force from `snapshot_id` on; returns its number."""
    row = {**values, "who": said.who, "at": said.at, "reason": said.reason, "made_in": snapshot_id}
    return int(connection.execute(sa.insert(table).values(**row).returning(table.c.id)).scalar_one())


def take_back(connection: Connection, table: Table, number: int, said: Said, *, snapshot_id: int) -> None:
    """End a statement with `snapshot_id`; older snapshots still know it."""
    values = {"undone_in": snapshot_id, "undone_by": said.who, "undone_at": said.at}
    connection.execute(
        sa.update(table).where(table.c.id == number).values(**values, undone_reason=said.reason or None)
    )


def standing(connection: Connection, table: Table, environment: str, snapshot_id: int) -> list[dict[str, Any]]:
    """The environment's statements in force in a snapshot, the oldest first."""
    query = sa.select(table).where(table.c.environment == environment, holds(table, snapshot_id))
    return [dict(row) for row in connection.execute(query.order_by(table.c.id)).mappings()]


def history(connection: Connection, table: Table, environment: str, snapshot_id: int) -> list[dict[str, Any]]:
    """Every statement made up to a snapshot, taken back or not, the oldest first."""
    query = sa.select(table).where(table.c.environment == environment, table.c.made_in <= snapshot_id)
    return [dict(row) for row in connection.execute(query.order_by(table.c.id)).mappings()]


def undone(row: dict[str, Any], snapshot_id: int) -> bool:
    """Whether a statement was taken back by a snapshot."""
    return row["undone_in"] is not None and row["undone_in"] <= snapshot_id


def get(connection: Connection, table: Table, number: int, *, what: str, hint: str) -> dict[str, Any]:
    """A statement that is in force.

    Raises
    ------
    NotFoundError : if there is none with this number, or it was taken back.
    """
    row = connection.execute(sa.select(table).where(table.c.id == number)).mappings().first()
    if row is None:
        raise NotFoundError(f"there is no {what} {number}", found=str(number), hint=hint)
    if row["undone_in"] is not None:
        raise NotFoundError(
            f"{what} {number} was taken back already",
            expected=f"a {what} that is in force",
            found=f"taken back on {row['undone_at']:%Y-%m-%d} by {row['undone_by']}",
            hint=hint,
        )
    return dict(row)
