"""Schedules of reports, and what became of each time that was due."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from dwell_kit.errors import InputError, NotFoundError
from dwell_kit.store.database import report_runs, report_schedules

RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"


def add(connection: Connection, **values: Any) -> None:
    """A new schedule.

    Raises
    ------
    InputError : if there is one of that name.
    """
    table = report_schedules
    if connection.execute(sa.select(table.c.name).where(table.c.name == values["name"])).first():
        raise InputError(f"there is a schedule {values['name']!r} already", hint="remove it first")
    connection.execute(sa.insert(table).values(**values))


def remove(connection: Connection, name: str) -> None:
    """Forget a schedule; the history of its runs stays."""
    if not connection.execute(sa.delete(report_schedules).where(report_schedules.c.name == name)).rowcount:
        known = ", ".join(s["name"] for s in schedules(connection)) or "none yet"
        raise NotFoundError(f"there is no schedule {name!r}", expected=known, found=repr(name))


def schedules(connection: Connection) -> list[dict[str, Any]]:
    """All schedules, by name."""
    rows = connection.execute(sa.select(report_schedules).order_by(report_schedules.c.name)).mappings()
    return [dict(row) for row in rows]


def runs(connection: Connection, schedule: str | None = None, status: str | None = None) -> list[dict[str, Any]]:
    """Runs, the latest due first."""
    query = sa.select(report_runs).order_by(report_runs.c.due_at.desc(), report_runs.c.id.desc())
    if schedule is not None:
        query = query.where(report_runs.c.schedule == schedule)
    if status is not None:
        query = query.where(report_runs.c.status == status)
    return [dict(row) for row in connection.execute(query).mappings()]


def last_due(connection: Connection, schedule: str) -> datetime | None:
    """The latest time of a schedule that somebody took on."""
    query = sa.select(report_runs.c.due_at).where(report_runs.c.schedule == schedule)
    found: datetime | None = connection.execute(query.order_by(report_runs.c.due_at.desc()).limit(1)).scalar()
    return found


def claim(connection: Connection, schedule: str, due_at: datetime, *, now: datetime) -> int | None:
    """Take a due time on, still to be begun; None if somebody else has it: no time is run twice."""
    taken = sa.select(report_runs.c.id).where(report_runs.c.schedule == schedule, report_runs.c.due_at == due_at)
    if connection.execute(taken).first():
        return None
    values = {"schedule": schedule, "due_at": due_at, "status": RUNNING, "attempts": 0, "started_at": now}
    return int(
        connection.execute(sa.insert(report_runs).values(**values).returning(report_runs.c.id)).scalar_one()
    )


def under_way(connection: Connection, run: int) -> dict[str, Any] | None:
    """A run that has not ended; None if it has."""
    query = sa.select(report_runs).where(report_runs.c.id == run, report_runs.c.status == RUNNING)
    found = connection.execute(query).mappings().first()
    return None if found is None else dict(found)


def change(connection: Connection, run: int, **values: Any) -> None:
    """Change what is known of a run."""
    connection.execute(sa.update(report_runs).where(report_runs.c.id == run).values(**values))
