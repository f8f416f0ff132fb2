"""Merge and split identities by hand: written down with who and why, taken back the same way; no fact changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import Connection

from dwell_kit.errors import AskError, FilterError, InputError, NotFoundError
from dwell_kit.schema import columns as c
from dwell_kit.schema.time import parse_moment
from dwell_kit.store import links, registry, statements, upsert
from dwell_kit.store.codes import code_text
from dwell_kit.store.database import identity_links
from dwell_kit.store.keys import PersonCoder
from dwell_kit.store.lake import PERSONS, SIGHTINGS_LOG
from dwell_kit.store.links import Link, Member
from dwell_kit.store.snapshots import Snapshot
from dwell_kit.store.statements import Said
from dwell_kit.workspace.handle import Handle, who
from dwell_kit.workspace.identity import Identities, chosen, identities
from dwell_kit.workspace.publishing import Step, no_step, publishing

Person = str | tuple[str, str] | tuple[str, str, str]
"""An id in whatever source knows it, (source, id), or (environment, source, id)."""


def link(
    ws: Handle,
    environment: str,
    persons: Iterable[Person],
    *,
    reason: str,
    by: str | None = None,
    step: Step = no_step,
) -> dict[str, Any]:
    """Count two or more persons as one from a new snapshot on; returns the link.

    They are shown under the first id given. A bare id means that id in every source that knows it, so that one id
    may be enough.

    Raises
    ------
    NotFoundError : for a person nobody knows. InputError : without a reason, or if only one person is named.
    FilterError : for persons of different environments.
    """
    given = [persons] if isinstance(persons, str) else list(persons)
    said = _said(ws, by, reason)
    made: list[int] = []
    with publishing(ws, reason="link", step=step) as draft:
        known = _Known(ws, environment)
        people = known.members(given)
        standing = known.identities.canonical(m.code for m in people)
        if len(set(standing)) < 2:
            raise InputError(
                "these are one person already" if len(people) > 1 else "one person alone cannot be linked",
                expected="two persons or more",
                found=", ".join(_spoken(m) for m in people),
                hint="`dwell links` lists the links",
            )

        def write(connection: Connection) -> None:
            made.append(
                write_down(connection, environment, links.MERGE, people, said, snapshot_id=draft.snapshot_id or 0)
            )

        draft.finally_do.append(write)
    return _shown(ws, environment, made[0])


def split(
    ws: Handle,
    environment: str,
    person: Person,
    *,
    reason: str,
    camera: str | None = None,
    since: Any = None,
    until: Any = None,
    name: str | None = None,
    by: str | None = None,
    step: Step = no_step,
) -> dict[str, Any]:
    """Make a person's sightings that start in [since, until), at a camera, another identity called `name`.

    Returns the link, with the number of `sightings` that it takes away.

    Raises
    ------
    NotFoundError : for a person nobody knows, or if none of their sightings is meant. AskError : if sources know
    different persons by the id. InputError : without a reason, a choice, or with a name that is taken.
    """
    said = _said(ws, by, reason)
    window = _window(ws, environment, since, until)
    if camera is None and window == (None, None):
        raise InputError("all of a person cannot be split off", expected="a camera, since or until")
    made: list[int] = []
    with publishing(ws, reason="split", step=step) as draft:
        known = _Known(ws, environment)
        people = known.members([person])
        if len(set(known.identities.canonical(m.code for m in people))) > 1:
            raise AskError(
                f"sources know different persons by the id {people[0].person_id!r}",
                expected="one of " + ", ".join(str(m.source) for m in people),
                hint="source=…",
            )
        called = known.free_name(people[0], name)
        taken = known.sightings(Link(0, environment, links.SPLIT, people, called, camera, *window))
        if not taken:
            raise NotFoundError(
                f"no sighting of {people[0].person_id!r} is meant", hint="look at them: `dwell export` --person …"
            )

        def write(connection: Connection) -> None:
            number = write_down(
                connection, environment, links.SPLIT, people, said, snapshot_id=draft.snapshot_id or 0,
                name=called, camera_id=camera, since=window[0], until=window[1],
            )  # fmt: skip
            made.append(number)

        draft.finally_do.append(write)
    return {**_shown(ws, environment, made[0]), "sightings": taken}


def unlink(
    ws: Handle, number: int, *, reason: str = "", by: str | None = None, step: Step = no_step
) -> dict[str, Any]:
    """Take a merge or a split back in a new snapshot: figures are as if it had never been. Returns the link.

    Raises
    ------
    NotFoundError : if no such link is in force. InputError : if other links stand on the identity that it made.
    """
    said = _said(ws, by, reason or "(none)")._replace(reason=reason)
    with publishing(ws, reason="unlink", step=step) as draft:
        with ws.database.read() as connection:
            found = links.get(connection, number)
            others = links.standing(connection, found.environment, draft.base)
        _nothing_stands_on(ws, found, others)

        def write(connection: Connection) -> None:
            statements.take_back(connection, identity_links, number, said, snapshot_id=draft.snapshot_id or 0)
            _note(connection, "unlink", said, found.environment, number, found.members)

        draft.finally_do.append(write)
    return _shown(ws, found.environment, number)


def write_down(
    connection: Connection,
    environment: str,
    kind: str,
    people: Sequence[Member],
    said: Said,
    *,
    snapshot_id: int,
    **values: Any,
) -> int:
    """A link that holds from a snapshot on, and that in the audit log; returns its number."""
    number = links.add(connection, environment, kind, people, said, snapshot_id=snapshot_id, **values)
    _note(connection, {links.MERGE: "link", links.SPLIT: "split"}[kind], said, environment, number, people)
    return number


def listing(ws: Handle, environment: str, *, undone: bool = False) -> list[dict[str, Any]]:
    """The links of an environment that the open version knows, the oldest first; with `undone`, those taken back
    too.
    """
    snapshot = ws.snapshot()
    with ws.database.read() as connection:
        rows = links.history(connection, environment, snapshot.id)
    shown = [_as_dict(row, snapshot.id) for row in rows]
    return [row for row in shown if undone or row["undone_at"] is None]


class _Known:
    """The persons of an environment in the newest snapshot, looked up under the lease."""

    def __init__(self, ws: Handle, environment: str) -> None:
        self._ws = ws
        self._environment = environment
        self._snapshot: Snapshot = ws.snapshot()
        self.identities: Identities = identities(ws, environment, self._snapshot)

    def members(self, given: Sequence[Person]) -> tuple[Member, ...]:
        """The persons meant, none twice, in the order given."""
        wanted = [self._candidates(person) for person in given]
        there = self._there({m.code for found in wanted for m in found})
        made: dict[int, Member] = {}
        for person, found in zip(given, wanted, strict=True):
            known = [m for m in found if m.code in there or m.source is None]
            if not known:
                raise NotFoundError(
                    f"there is no person {person!r} in {self._environment!r}",
                    expected="an id as exports write it, or (source, id) with a source of "
                    + ", ".join(self.identities.sources),
                    found=repr(person),
                )
            made.update({m.code: m for m in known})
        return tuple(made.values())

    def free_name(self, person: Member, name: str | None) -> str:
        """`name`, or the person's id with the first number that makes it new."""
        tried = [name] if name else [f"{person.person_id}~{n}" for n in range(2, 1000)]
        for candidate in tried:
            if not any(m.source is None or m.code in self._there({m.code}) for m in self._candidates(candidate)):
                return candidate
        raise InputError(f"there is a person {tried[0]!r} already", found=repr(tried[0]), hint="name=…")

    def sightings(self, split: Link) -> int:
        """How many sightings a split would take away."""
        rows = upsert.current(self._ws.lake, SIGHTINGS_LOG, self._snapshot.versions, environment=self._environment)
        rows = self.identities.only_split(rows, c.STARTED).filter(chosen(split, c.STARTED))
        return int(rows.select(pl.len()).collect().item())

    def _candidates(self, person: Person) -> list[Member]:
        source, name = self._read(person)
        sources = self.identities.sources if source is None else (source,)
        found = [Member(s, name, PersonCoder(self._ws.secret, self._environment, s).code(name)) for s in sources]
        if source is None and name in {split.name for split in self.identities.splits}:
            found.append(Member(None, name, self.identities.split_code(name)))
        return found

    def _read(self, person: Any) -> tuple[str | None, str]:
        if isinstance(person, str):
            return None, person
        if not (
            isinstance(person, tuple | list) and len(person) in {2, 3} and all(isinstance(p, str) for p in person)
        ):
            raise FilterError("a person cannot be read", expected="an id, or (source, id)", found=repr(person))
        if len(person) == 3 and person[0] != self._environment:
            raise FilterError(
                "persons of different environments cannot be linked: every figure is about one environment",
                expected=f"persons of {self._environment!r}",
                found=repr(person),
            )
        return person[-2], person[-1]

    def _there(self, codes: set[int]) -> set[int]:
        known = self._ws.lake.scan(PERSONS, self._snapshot.versions).filter(
            pl.col(c.ENVIRONMENT) == self._environment, pl.col(c.PERSON_CODE).is_in(list(codes))
        )
        return set(known.select(c.PERSON_CODE).collect().to_series().to_list())


def _said(ws: Handle, by: str | None, reason: str) -> Said:
    if not reason.strip():
        raise InputError("say why", expected="a reason, which is kept with the link", hint="reason=…")
    return Said(by or who(), ws.now(), reason.strip())


def _window(ws: Handle, environment: str, since: Any, until: Any) -> tuple[datetime | None, datetime | None]:
    with ws.database.read() as connection:
        tz = registry.environment(connection, environment).tz
    begin = None if since is None else parse_moment(since, tz)
    end = None if until is None else parse_moment(until, tz)
    if begin is not None and end is not None and end <= begin:
        raise FilterError(
            "the chosen time ends before it begins",
            expected="since before until",
            found=f"since {begin.isoformat()}, until {end.isoformat()}",
        )
    return begin, end


def _nothing_stands_on(ws: Handle, link: Link, others: Sequence[Link]) -> None:
    if link.kind != links.SPLIT:
        return
    code = PersonCoder(ws.secret, link.environment, links.SPLIT_SOURCE).code(link.name or "")
    standing = [other.number for other in others if code in {m.code for m in other.members}]
    if standing:
        raise InputError(
            f"link {', '.join(map(str, standing))} is about {link.name!r}, which link {link.number} made",
            hint="take that one back first",
        )


def _note(
    connection: Connection, action: str, said: Said, environment: str, number: int, people: Sequence[Member]
) -> None:
    """In the audit log persons are codes: an erasure leaves no id there."""
    codes = [code_text(m.code) for m in people]
    detail = {"link": number, "environment": environment, "codes": codes}
    registry.note(connection, who=said.who, action=action, detail=detail, now=said.at)


def _spoken(member: Member) -> str:
    return member.person_id if member.source is None else f"{member.person_id} ({member.source})"


def _shown(ws: Handle, environment: str, number: int) -> dict[str, Any]:
    return next(row for row in listing(ws, environment, undone=True) if row["link"] == number)


def _as_dict(row: dict[str, Any], snapshot_id: int) -> dict[str, Any]:
    undone = statements.undone(row, snapshot_id)
    members: tuple[Member, ...] = row["members"]
    return {
        "link": row["id"],
        "kind": row["kind"],
        "environment": row["environment"],
        "persons": [{"source": m.source, "person_id": m.person_id} for m in members],
        "name": row["name"] or members[0].person_id,
        "camera_id": row["camera_id"],
        **{name: row[name] for name in ("since", "until", "reason", "who", "at")},
        "version": row["made_in"],
        **{name: row[name] if undone else None for name in ("undone_at", "undone_by", "undone_reason")},
    }
