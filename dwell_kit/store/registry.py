"""Environments, cameras, zones, uploads, lists and the audit log: small questions to the state."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy import Connection

from dwell_kit.errors import InputError, NotFoundError
from dwell_kit.schema import columns as c
from dwell_kit.store import database as db
from dwell_kit.store.codes import code_of

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
CAMERA_WORDS = ("name", "group", "store", "department", "division")
GROUP_WORDS = ("group", "store", "department", "division")


@dataclass(frozen=True)
class Environment:
    """A site: its name, time zone and opening hours."""

    name: str
    tz: str
    opening_hours: dict[str, Any] | None = None


def check_environment_name(name: str) -> str:
    """`name`, if it can name a folder and a URL part."""
    if not _NAME.fullmatch(name):
        raise InputError(
            "an environment's name cannot be used",
            expected="1 to 100 letters, digits, '.', '_' or '-', the first a letter or digit",
            found=repr(name),
        )
    return name


def environments(connection: Connection) -> list[Environment]:
    """All environments, by name."""
    rows = connection.execute(sa.select(db.environments).order_by(db.environments.c.name)).mappings()
    return [Environment(r["name"], r["tz"], r["opening_hours"]) for r in rows]


def environment(connection: Connection, name: str) -> Environment:
    """The environment called `name`.

    Raises
    ------
    NotFoundError : if there is none; the known ones are listed.
    """
    known = environments(connection)
    for found in known:
        if found.name == name:
            return found
    raise NotFoundError(
        f"there is no environment {name!r}",
        expected=", ".join(e.name for e in known) or "none yet: ingest something first",
        found=repr(name),
    )


def put_environment(
    connection: Connection, name: str, *, now: datetime, tz: str | None = None, opening_hours: Any = None
) -> None:
    """Create the environment, or change what is given of it."""
    check_environment_name(name)
    table = db.environments
    found = connection.execute(sa.select(table).where(table.c.name == name)).first()
    if found is None:
        values = {"name": name, "tz": tz or "UTC", "opening_hours": opening_hours, "created_at": now}
        connection.execute(sa.insert(table).values(**values))
        return
    changes = {k: v for k, v in (("tz", tz), ("opening_hours", opening_hours)) if v is not None}
    if changes:
        connection.execute(sa.update(table).where(table.c.name == name).values(**changes))


def learn_cameras(connection: Connection, environment: str, seen: pl.DataFrame) -> None:
    """Add the cameras and zones that an export named; what a person edited stays as it is."""
    table = db.cameras
    here = table.c.environment == environment
    known = {r["camera_id"]: r for r in connection.execute(sa.select(table).where(here)).mappings()}
    wanted: dict[str, dict[str, Any]] = {}
    for row in seen.iter_rows(named=True):
        if row.get(c.CAMERA) is None:
            continue
        words = wanted.setdefault(row[c.CAMERA], dict.fromkeys(CAMERA_WORDS))
        words.update({w: row[w] for w in CAMERA_WORDS if row.get(w)})
    for camera_id, words in wanted.items():
        if camera_id not in known:
            values = {"environment": environment, "camera_id": camera_id, "edited": False, **words}
            connection.execute(sa.insert(table).values(**values))
        elif not known[camera_id]["edited"]:
            news = {w: v for w, v in words.items() if v and v != known[camera_id][w]}
            if news:
                connection.execute(sa.update(table).where(here, table.c.camera_id == camera_id).values(**news))
    _learn_zones(connection, environment, seen)


def relearn(connection: Connection, environment: str, said: Iterable[list[dict[str, Any]]]) -> None:
    """Know of cameras and zones what these exports said, the oldest first, and nothing else; edited ones stay."""
    for table, kept in ((db.cameras, db.cameras.c.edited), (db.zones, sa.false())):
        connection.execute(sa.delete(table).where(table.c.environment == environment, ~kept))
    for places in said:
        learn_cameras(connection, environment, pl.DataFrame(places, infer_schema_length=None))


def _learn_zones(connection: Connection, environment: str, seen: pl.DataFrame) -> None:
    if c.ZONE not in seen.columns:
        return
    table = db.zones
    known = set(connection.execute(sa.select(table.c.zone_id).where(table.c.environment == environment)).scalars())
    for row in seen.filter(pl.col(c.ZONE).is_not_null()).unique(c.ZONE, keep="first").iter_rows(named=True):
        if row[c.ZONE] not in known:
            connection.execute(
                sa.insert(table).values(
                    environment=environment,
                    zone_id=row[c.ZONE],
                    camera_id=row.get(c.CAMERA),
                    name=row.get("zone_name"),
                    vertices=row.get("zone_vertices"),
                )
            )


def zone_ids(connection: Connection, environment: str) -> list[str]:
    """The zones of an environment."""
    table = db.zones
    query = sa.select(table.c.zone_id).where(table.c.environment == environment).order_by(table.c.zone_id)
    return list(connection.execute(query).scalars())


def edit_camera(connection: Connection, environment: str, camera_id: str, words: Mapping[str, str]) -> None:
    """Rename or regroup a camera by hand; no fact changes."""
    unknown = set(words) - set(CAMERA_WORDS)
    if unknown:
        raise InputError(f"a camera has no {', '.join(sorted(unknown))}", expected=", ".join(CAMERA_WORDS))
    table = db.cameras
    where = (table.c.environment == environment) & (table.c.camera_id == camera_id)
    if connection.execute(sa.update(table).where(where).values(edited=True, **words)).rowcount == 0:
        raise NotFoundError(f"there is no camera {camera_id!r} in {environment!r}", found=repr(camera_id))


def cameras(connection: Connection, environment: str) -> list[dict[str, Any]]:
    """The cameras of an environment with their names and groups."""
    table = db.cameras
    query = sa.select(table).where(table.c.environment == environment).order_by(table.c.camera_id)
    return [dict(row) for row in connection.execute(query).mappings()]


def groups(connection: Connection, environment: str, words: tuple[str, ...] = GROUP_WORDS) -> dict[str, list[str]]:
    """Names of groups, stores, departments and divisions (those of `words`) → camera ids."""
    found: dict[str, list[str]] = {}
    for camera in cameras(connection, environment):
        for word in words:
            if camera[word]:
                found.setdefault(camera[word], []).append(camera["camera_id"])
    return found


def put_list(
    connection: Connection, environment: str, name: str, persons: Iterable[str], *, rule: str, now: datetime
) -> None:
    """Replace the members of a list (e.g. staff), with the rule by which they were chosen."""
    table = db.lists
    where = (table.c.environment == environment) & (table.c.list == name)
    connection.execute(sa.delete(table).where(where))
    rows = [
        {"environment": environment, "list": name, "person_id": p, "rule": rule, "added_at": now}
        for p in dict.fromkeys(persons)
    ]
    if rows:
        connection.execute(sa.insert(table), rows)


def listed(connection: Connection, environment: str) -> dict[str, list[str]]:
    """List name → person ids."""
    table = db.lists
    found: dict[str, list[str]] = {}
    query = sa.select(table.c.list, table.c.person_id).where(table.c.environment == environment)
    for name, person in connection.execute(query.order_by(table.c.list, table.c.person_id)):
        found.setdefault(name, []).append(person)
    return found


def list_rules(connection: Connection, environment: str) -> dict[str, str]:
    """List name → the rule by which its members were chosen."""
    table = db.lists
    query = sa.select(table.c.list, table.c.rule).where(table.c.environment == environment).distinct()
    return {name: rule for name, rule in connection.execute(query)}


def changes(connection: Connection) -> int:
    """Number of the newest entry of the audit log: whatever changes a figure makes one."""
    return connection.execute(sa.select(sa.func.max(db.audit.c.id))).scalar() or 0


def audit(connection: Connection) -> list[tuple[datetime, str, str, str]]:
    """at, who, action, detail (JSON) of every entry of the audit log, oldest first."""
    query = sa.select(db.audit).order_by(db.audit.c.id)
    return [
        (r["at"], r["who"], r["action"], json.dumps(r["detail"])) for r in connection.execute(query).mappings()
    ]


def erased_since(connection: Connection, environment: str, since: datetime) -> dict[int, datetime]:
    """Code of each person who was erased since → when."""
    query = sa.select(db.audit.c.at, db.audit.c.detail).where(db.audit.c.action == "erase", db.audit.c.at >= since)
    gone: dict[int, datetime] = {}
    for at, detail in connection.execute(query.order_by(db.audit.c.id)):
        if detail["environment"] == environment:
            gone.update(dict.fromkeys((code_of(text) for text in detail["codes"]), at))
    return gone


def note(connection: Connection, *, who: str, action: str, detail: dict[str, Any], now: datetime) -> None:
    """Append to the audit log."""
    connection.execute(sa.insert(db.audit).values(at=now, who=who, action=action, detail=detail))
