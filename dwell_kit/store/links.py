"""Links between identities: merges of persons, and splits of a person's sightings into another."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from dwell_kit.store import statements
from dwell_kit.store.database import identity_links as links
from dwell_kit.store.database import link_members as members
from dwell_kit.store.statements import Said

MERGE: Final = "merge"
SPLIT: Final = "split"
SPLIT_SOURCE: Final = "\x1fsplit"
"""The namespace of the codes of identities that a split made; no export can have it."""
_ERASED: Final = "(erased)"


@dataclass(frozen=True)
class Member:
    """A person as a source knows them; `source` is None for an identity that a split made."""

    source: str | None
    person_id: str
    code: int


@dataclass(frozen=True)
class Link:
    """A merge of its members, or a split of the members' sightings that start in [since, until) at a camera.

    Parameters
    ----------
    name : id of the identity that a split makes. camera, since, until : None for any.
    """

    number: int
    environment: str
    kind: str
    members: tuple[Member, ...]
    name: str | None = None
    camera: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def add(
    connection: Connection,
    environment: str,
    kind: str,
    people: Sequence[Member],
    said: Said,
    *,
    snapshot_id: int,
    **values: Any,
) -> int:
    """Write a link down; returns its number."""
    number = statements.add(
        connection, links, said, snapshot_id=snapshot_id, environment=environment, kind=kind, **values
    )
    rows = [
        {"link_id": number, "position": i, "source": m.source, "person_id": m.person_id, "person_code": m.code}
        for i, m in enumerate(people)
    ]
    connection.execute(sa.insert(members), rows)
    return number


def get(connection: Connection, number: int) -> Link:
    """A link in force.

    Raises
    ------
    NotFoundError : if there is none with this number, or it was taken back.
    """
    row = statements.get(connection, links, number, what="link", hint="`dwell links` lists them")
    return _with_members(connection, [row])[0]


def standing(connection: Connection, environment: str, snapshot_id: int) -> list[Link]:
    """The links in force in a snapshot, the oldest first."""
    return _with_members(connection, statements.standing(connection, links, environment, snapshot_id))


def history(connection: Connection, environment: str, snapshot_id: int) -> list[dict[str, Any]]:
    """Every link made up to a snapshot with who said so and why, and its `members`, the oldest first."""
    rows = statements.history(connection, links, environment, snapshot_id)
    found = _with_members(connection, rows)
    return [{**row, "members": link.members} for row, link in zip(rows, found, strict=True)]


def made_in(connection: Connection, environment: str, snapshot_id: int | None) -> list[int]:
    """Numbers of the links that came with a snapshot and are in force still."""
    query = sa.select(links.c.id).where(
        links.c.environment == environment, links.c.made_in == snapshot_id, links.c.undone_in.is_(None)
    )
    return list(connection.execute(query.order_by(links.c.id)).scalars())


def splits_ever(connection: Connection, environment: str) -> list[Link]:
    """Every split of an environment, in force or not."""
    query = sa.select(links).where(links.c.environment == environment, links.c.kind == SPLIT).order_by(links.c.id)
    return _with_members(connection, [dict(row) for row in connection.execute(query).mappings()])


def _with_members(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[Link]:
    numbers = [row["id"] for row in rows]
    query = (
        sa.select(members).where(members.c.link_id.in_(numbers)).order_by(members.c.link_id, members.c.position)
    )
    held: dict[int, list[Member]] = {number: [] for number in numbers}
    for m in connection.execute(query).mappings() if numbers else ():
        held[m["link_id"]].append(Member(m["source"], m["person_id"], int(m["person_code"])))
    return [
        Link(
            row["id"], row["environment"], row["kind"], tuple(held[row["id"]]), row["name"], row["camera_id"],
            row["since"], row["until"],
        )
        for row in rows
    ]  # fmt: skip


def forget(
    connection: Connection, environment: str, codes: Collection[int], *, names: Collection[str], said: str
) -> int:
    """Erase what links say of persons, in force or not; returns how many links that touched.

    A merge that is left with one person goes as a whole.

    Parameters
    ----------
    codes : of the persons, and of the identities that their splits made. names : of splits, which go.
    said : the id, which is blanked in the reasons of the links that stay.
    """
    mine = members.c.person_code.in_(list(codes))
    touched = set(connection.execute(sa.select(members.c.link_id).where(mine)).scalars())
    splits = sa.select(links.c.id).where(links.c.environment == environment, links.c.name.in_(list(names)))
    gone = set(connection.execute(splits).scalars())
    connection.execute(sa.delete(members).where(mine))
    left = sa.select(members.c.link_id, sa.func.count()).where(members.c.link_id.in_(touched))
    counted = {number: n for number, n in connection.execute(left.group_by(members.c.link_id))}
    kinds = sa.select(links.c.id, links.c.kind).where(links.c.id.in_(touched))
    least = {MERGE: 2, SPLIT: 1}
    gone |= {number for number, kind in connection.execute(kinds) if counted.get(number, 0) < least[kind]}
    connection.execute(sa.delete(members).where(members.c.link_id.in_(gone)))
    connection.execute(sa.delete(links).where(links.c.id.in_(gone)))
    for name in ("reason", "undone_reason"):
        column = links.c[name]
        here = (links.c.environment == environment) & column.contains(said, autoescape=True)
        connection.execute(sa.update(links).where(here).values({name: sa.func.replace(column, said, _ERASED)}))
    return len(touched | gone)
