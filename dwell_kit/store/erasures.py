"""Erasures that are published and not finished: what their files are cleaned by, until that is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from dwell_kit.store.database import erasures

Rows = dict[str, list[list[int]]]
"""Table → [seq, row_no] of each row."""


@dataclass(frozen=True)
class Erasure:
    """Whose traces are removed.

    Parameters
    ----------
    codes : of the person; none where an identity that a split made is erased, and the person stays.
    rows : of the person, as the logs had them. rejected : uploads with a reject that names them.
    proof : what the erasure has removed so far. looks_of : codes whose looks go: those of the person, or, of an
        identity that a split made, the looks of the split person in the uploads that had `rows`.
    """

    environment: str
    person_id: str
    codes: list[int]
    rows: Rows
    rejected: list[int]
    proof: dict[str, Any]
    looks_of: list[int] = field(default_factory=list)


def begin(connection: Connection, erasure: Erasure, *, now: datetime) -> int:
    """Write down what is to be finished; returns its number."""
    detail = {
        "codes": erasure.codes, "rows": erasure.rows, "rejected": erasure.rejected, "proof": erasure.proof,
        "looks_of": erasure.looks_of,
    }  # fmt: skip
    made = connection.execute(
        sa.insert(erasures)
        .values(environment=erasure.environment, person_id=erasure.person_id, detail=detail, at=now)
        .returning(erasures.c.id)
    )
    return int(made.scalar_one())


def pending(connection: Connection) -> dict[int, Erasure]:
    """Number → erasure that is not finished, the oldest first."""
    rows = connection.execute(sa.select(erasures).order_by(erasures.c.id)).mappings()
    return {r["id"]: Erasure(r["environment"], r["person_id"], **r["detail"]) for r in rows}


def done(connection: Connection, number: int) -> None:
    """Forget a finished erasure, and with it whom it was of."""
    connection.execute(sa.delete(erasures).where(erasures.c.id == number))
