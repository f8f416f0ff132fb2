"""Runs of tracking: persons are numbered through within an environment; a run that is there is not made again."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from dwell_kit.store.database import track_runs


def claim(
    connection: Connection, environment: str, source: str, *, persons: int, run_hash: str | None, now: datetime
) -> tuple[int, int]:
    """Numbers for the persons of a run: its id, and the first of `persons` numbers that nobody has or had.

    Numbers that a run has claimed are never given again, whatever becomes of it.
    """
    table = track_runs
    last = connection.execute(
        sa.select(sa.func.max(table.c.next_person)).where(table.c.environment == environment)
    ).scalar()
    first = int(last or 1)
    made = connection.execute(
        sa.insert(table)
        .values(
            environment=environment,
            source=source,
            run_hash=run_hash,
            first_person=first,
            next_person=first + persons,
            at=now,
        )
        .returning(table.c.id)
    )
    return int(made.scalar_one()), first


def wrote(connection: Connection, run: int, content_hash: str) -> None:
    """Remember the bytes that a run hands over to be stored."""
    connection.execute(sa.update(track_runs).where(track_runs.c.id == run).values(content_hash=content_hash))


def contents(connection: Connection, environment: str, source: str, run_hash: str) -> list[str]:
    """Hashes of what earlier runs of the very same kind wrote, the newest first."""
    table = track_runs
    query = (
        sa.select(table.c.content_hash)
        .where(
            table.c.environment == environment,
            table.c.source == source,
            table.c.run_hash == run_hash,
            table.c.content_hash.is_not(None),
        )
        .order_by(table.c.id.desc())
    )
    return list(connection.execute(query).scalars())
