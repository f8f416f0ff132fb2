"""Facts and figures out of a workspace, under one set of filters."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from sqlalchemy import Connection

from dwell_kit.analytics import registry as quantities
from dwell_kit.analytics import selection
from dwell_kit.analytics.events import of_words, recorded_in
from dwell_kit.analytics.selection import Selection
from dwell_kit.errors import FilterError, NotFoundError
from dwell_kit.ingest import rejects as writing
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.coverage import Coverage
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.hours import OpeningHours, clock_intervals, intersect
from dwell_kit.schema.time import parse_moment
from dwell_kit.store import registry, uploads, upsert
from dwell_kit.store.lake import CROWD_EVENTS_LOG, POSITIONS_LOG, REJECTS_LOG, SIGHTINGS_LOG
from dwell_kit.store.raw import read_payload
from dwell_kit.store.snapshots import Snapshot
from dwell_kit.workspace import hourly
from dwell_kit.workspace.coding import coded_columns, known_ids, person_codes
from dwell_kit.workspace.covering import coverage_of
from dwell_kit.workspace.handle import Handle
from dwell_kit.workspace.identity import identities

Kind = Literal["pandas", "polars", "arrow"]
_GROUP = "group"
_NO_GROUP = "(none)"
_OF_PERSONS = ("environment", "age_groups", "genders", "attributes", "include_listed")
_OF_VISITS = {"min_dwell", "max_dwell", "max_gap"}
_GIVEN = {"selection", "filters", "tz", "coverage", "groups", "excluded"}


@dataclass(frozen=True)
class Scope:
    """One environment in one snapshot, with what the filters need to know of it."""

    environment: registry.Environment
    snapshot: Snapshot
    coded: Coded
    selection: Selection
    filters: Filters
    coverage: Coverage
    groups: dict[str, list[str]]
    excluded: int
    """Persons left out because they are on a list (staff)."""


def resolve_environment(ws: Handle, name: str | None) -> registry.Environment:
    """The environment called `name`, or the only one.

    Raises
    ------
    FilterError : if none is named and there are several: no query crosses environments unless it names each.
    """
    with ws.database.read() as connection:
        known = registry.environments(connection)
        if name is not None:
            return registry.environment(connection, name)
    if len(known) == 1:
        return known[0]
    if not known:
        raise NotFoundError("the workspace is empty", hint="ingest something first: ws.ingest(path)")
    raise FilterError(
        "which environment?",
        expected="one of " + ", ".join(e.name for e in known),
        hint="pass environment=…",
    )


def scope(ws: Handle, filters: Filters) -> Scope:
    """Everything a quantity needs, compiled once."""
    environment = resolve_environment(ws, filters.environment)
    snapshot = ws.snapshot()
    coded = coded_columns(ws, environment.name, snapshot)
    with ws.database.read() as connection:
        groups = registry.groups(connection, environment.name)
        _check_places(connection, environment.name, filters)
    people = [] if filters.include_listed else _listed(ws, environment.name)
    barred = np.array(selection.person_positions(coded, people), np.int64)
    hours = _opening_hours(environment) if filters.open_hours else None
    coverage = coverage_of(ws, environment.name, snapshot)
    compiled = selection.compile(
        filters, coded, tz=environment.tz, groups=groups, listed=barred, open_hours=hours, coverage=coverage
    )
    return Scope(environment, snapshot, coded, compiled, filters, coverage, groups, len(barred))


def _check_places(connection: Connection, environment: str, filters: Filters) -> None:
    """Raises NotFoundError for a place that nobody knows: a slip of the pen is not an empty hall."""
    known = {
        "camera": (filters.cameras, [row["camera_id"] for row in registry.cameras(connection, environment)]),
        "group": (filters.groups, list(registry.groups(connection, environment))),
        "zone": (filters.zones, registry.zone_ids(connection, environment)),
    }
    for kind, (asked, there) in known.items():
        for name in asked:
            if name not in there:
                raise NotFoundError(
                    f"there is no {kind} {name!r} in {environment!r}",
                    expected=", ".join(sorted(there)[:30]) or f"none: no {kind} is known",
                    found=repr(name),
                )


def compute(ws: Handle, name: str, filters: Filters, **parameters: Any) -> Any:
    """A quantity of the registry on what is stored: a Polars frame, or a dict for a summary.

    Raises
    ------
    NotFoundError : for an unknown quantity. FilterError : for an unknown parameter.
    """
    quantities.get(name)
    found = scope(ws, filters)
    if level := _level(parameters.get("by")):
        return _by_level(ws, name, found, level, parameters)
    return _call(ws, name, found, parameters)


def _call(ws: Handle, name: str, found: Scope, parameters: dict[str, Any]) -> Any:
    quantity = quantities.get(name)
    function = quantity.compute
    known = inspect.signature(function).parameters
    unknown = set(parameters) - set(known)
    if unknown:
        raise FilterError(
            f"{name} has no parameter {', '.join(sorted(unknown))}",
            expected=", ".join(p for p in known if p not in _GIVEN and p not in quantity.takes),
        )
    needed = {p.name for p in known.values() if p.kind is p.KEYWORD_ONLY and p.default is p.empty}
    if missing := sorted(needed - set(parameters)):
        pairs = ", ".join(f'"{word}": …' for word in missing)
        raise FilterError(f"{name} needs {', '.join(missing)}", hint=f"parameters={{{pairs}}}")
    given = {
        "selection": found.selection,
        "tz": found.environment.tz,
        "coverage": found.coverage,
        "groups": found.groups,
        "excluded": found.excluded,
    }
    arguments = {key: value for key, value in given.items() if key in known and key not in parameters}
    tables = [_table(ws, found, table) for table in quantity.takes]
    result = function(*tables, **arguments, **parameters)
    if name == "summary":
        result["excluded_persons"] = found.excluded
        result["silent_hours"] = hourly.silent_hours(
            ws, found.environment, found.snapshot, found.coded, found.selection
        )
    return result


def _level(by: Any) -> str | None:
    """The word of `by` that names a kind of camera group, if `by` is a list of keys that has one."""
    words = [word for word in by if word in registry.GROUP_WORDS] if isinstance(by, tuple | list) else []
    if len(words) > 1:
        raise FilterError("cameras are grouped by one kind at a time", expected=", ".join(registry.GROUP_WORDS))
    return words[0] if words else None


def _by_level(ws: Handle, name: str, found: Scope, level: str, parameters: dict[str, Any]) -> Any:
    """A quantity by group, store, department or division: each is a mapping from names to cameras.

    Cameras that are in none of the kind are together under `(none)`: nobody drops out unseen.
    """
    with ws.database.read() as connection:
        groups = registry.groups(connection, found.environment.name, (level,))
        cameras = {row["camera_id"] for row in registry.cameras(connection, found.environment.name)}
    if alone := sorted(cameras.difference(*groups.values())):
        groups.setdefault(_NO_GROUP, []).extend(alone)
    by = tuple(_GROUP if word == level else word for word in parameters["by"])
    result = _call(ws, name, found, {**parameters, "by": by, "groups": groups})
    return result.rename({_GROUP: level}) if _GROUP in result.columns else result


def _table(ws: Handle, found: Scope, table: str) -> Any:
    """A table that a quantity is handed: coded sightings, visits, or crowd events under the same filters."""
    if table == "sightings":
        return found.coded
    if table == "visits":
        return quantities.get("visits").compute(
            found.coded, selection=found.selection, tz=found.environment.tz, coverage=found.coverage
        )
    if table == "crowd_events":
        return recorded_in(facts(ws, "crowd_events", found.filters, payload=False), found.selection.intervals)
    if table == "positions":
        return facts(ws, "positions", found.filters, payload=False)
    raise FilterError(
        f"a workspace stores no {table}", hint="call the function in dwell_kit.analytics with your own"
    )


def facts(
    ws: Handle, table: Literal["sightings", "crowd_events", "positions"], filters: Filters, *, payload: bool
) -> pl.DataFrame:
    """Rows of a contract, with raw person ids, that the filters select (place and time touch, never clip).

    Words of a person are those in `analytics`: determined, with most sighting time. A crowd event of nobody whom
    sightings know goes by its own.

    Raises
    ------
    FilterError : for a filter on something that such a row does not say.
    """
    silent = _OF_VISITS | ({"zones"} if table == "crowd_events" else set())
    if given := set(filters.as_dict()) & silent:
        raise FilterError(
            f"{table.replace('_', ' ')} cannot be filtered by {', '.join(sorted(given))}",
            hint="filter them by camera and time" if "zones" in given else "ask for visits, or a quantity",
        )
    environment = resolve_environment(ws, filters.environment)
    snapshot = ws.snapshot()
    log = {"sightings": SIGHTINGS_LOG, "crowd_events": CROWD_EVENTS_LOG, "positions": POSITIONS_LOG}[table]
    start, end = {
        "sightings": (c.STARTED, c.ENDED), "crowd_events": (c.STARTED, c.RECORDED), "positions": (c.TIME, c.TIME),
    }[table]  # fmt: skip
    if table == "positions":
        rows = ws.lake.scan(log, snapshot.versions).filter(pl.col(c.ENVIRONMENT) == environment.name)
    else:
        rows = upsert.current(ws.lake, log, snapshot.versions, environment=environment.name)
    who = identities(ws, environment.name, snapshot)
    rows = who.apply(rows, start)
    by_words = Filters() if table == "crowd_events" else filters
    rows = rows.filter(
        *_conditions(ws, environment, filters, rows, start, end), *_of_persons(ws, environment, by_words)
    )
    code = pl.col(c.PERSON_CODE)
    if filters.persons:
        rows = rows.filter(code.is_in(who.codes_of(filters.persons).tolist()))
    if not filters.include_listed and (excluded := _listed(ws, environment.name)):
        rows = rows.filter(code.is_null() | ~code.is_in(who.codes_of(excluded).tolist()))
    rows = rows.join(known_ids(ws, who, snapshot).unique(c.PERSON_CODE), on=c.PERSON_CODE, how="left")
    frame = rows.collect(engine="streaming").sort(start, end, c.SEQ, c.ROW_NO)
    if table == "crowd_events" and (filters.age_groups or filters.genders or filters.attributes):
        frame = _events_of_words(ws, environment.name, snapshot, filters, frame)
    frame = _clocked(frame, filters, environment, start, end)
    front = [c.ENVIRONMENT, c.PERSON, c.CAMERA, start, *([end] if end != start else [])]
    hidden = {c.PERSON_CODE, "key_hash", c.DAY}
    frame = frame.select(*front, *[n for n in frame.columns if n not in {*front, *hidden}])
    return with_payload(ws, frame) if payload else frame


def _clocked(
    frame: pl.DataFrame, filters: Filters, environment: registry.Environment, start: str, end: str
) -> pl.DataFrame:
    """The rows that touch the selected weekdays, clock hours and opening hours."""
    if not frame.height or not (filters.weekdays or filters.hours or filters.open_hours):
        return frame
    first, last = (frame[name].to_physical().to_numpy() for name in (start, end))
    low, high = int(first.min()), int(last.max()) + 1
    spans = clock_intervals(low, high, tz=environment.tz, weekdays=filters.weekdays, hours=filters.hours)
    if filters.open_hours:
        spans = intersect(spans, _opening_hours(environment).intervals(low, high, environment.tz))
    spans = intersect(spans, np.array([selection.looked_at(filters, environment.tz)]))
    if not len(spans):
        return frame.clear()
    at = np.minimum(np.searchsorted(spans[:, 1], first, side="right"), len(spans) - 1)
    begins, ends = spans[at].T
    closed = (begins == last) & (end == c.RECORDED)
    return frame.filter(pl.Series((ends > first) & ((begins < last) | (begins <= first) | closed)))


def _opening_hours(environment: registry.Environment) -> OpeningHours:
    if not environment.opening_hours:
        raise FilterError(
            "there are no opening hours",
            where=f"environment {environment.name}",
            hint="give the environment its opening hours, or leave open_hours out",
        )
    return OpeningHours.from_dict(environment.opening_hours)


def _listed(ws: Handle, environment: str) -> list[str]:
    """Raw ids of the people on any list."""
    with ws.database.read() as connection:
        return sorted({p for people in registry.listed(connection, environment).values() for p in people})


def excluded(ws: Handle, filters: Filters) -> int:
    """How many known persons are left out because they are on a list."""
    environment = resolve_environment(ws, filters.environment)
    people = [] if filters.include_listed else _listed(ws, environment.name)
    coded = coded_columns(ws, environment.name, ws.snapshot()) if people else None
    return len(selection.person_positions(coded, people)) if coded else 0


def _conditions(
    ws: Handle, environment: registry.Environment, filters: Filters, rows: pl.LazyFrame, start: str, end: str
) -> list[pl.Expr]:
    made = []
    with ws.database.read() as connection:
        _check_places(connection, environment.name, filters)
    names = rows.collect_schema().names()
    if filters.since is not None:
        since = parse_moment(filters.since, environment.tz)
        if filters.until is not None and parse_moment(filters.until, environment.tz) < since:
            raise FilterError(
                "the selected time ends before it begins",
                expected="since before until",
                found=f"since {filters.since}, until {filters.until} ({environment.tz})",
            )
        closed = pl.lit(end == c.RECORDED) & (pl.col(end) == since)
        made.append((pl.col(end) > since) | (pl.col(start) >= since) | closed)
    if filters.until is not None:
        made.append(pl.col(start) < parse_moment(filters.until, environment.tz))
    if filters.cameras:
        made.append(pl.col(c.CAMERA).is_in(filters.cameras))
    if filters.groups:
        with ws.database.read() as connection:
            groups = registry.groups(connection, environment.name)
        cameras = {camera for g in filters.groups for camera in groups.get(g, [])}
        made.append(pl.col(c.CAMERA).is_in(sorted(cameras)))
    if filters.zones and c.ZONE in names:
        made.append(pl.col(c.ZONE).is_in(filters.zones))
    return made


def _of_persons(ws: Handle, environment: registry.Environment, filters: Filters) -> list[pl.Expr]:
    """The persons whom age group, gender and attributes select."""
    if not (filters.age_groups or filters.genders or filters.attributes):
        return []
    chosen = scope(ws, Filters.of(**{n: getattr(filters, n) for n in _OF_PERSONS})).selection.person
    codes = person_codes(ws, environment.name, ws.snapshot())[chosen]
    return [pl.col(c.PERSON_CODE).is_in(pl.Series(codes).implode())]


def _events_of_words(
    ws: Handle, environment: str, snapshot: Snapshot, filters: Filters, events: pl.DataFrame
) -> pl.DataFrame:
    """Crowd events by age group, gender and attributes, see `analytics.events`."""
    coded, codes = coded_columns(ws, environment, snapshot), person_codes(ws, environment, snapshot)
    wanted = events[c.PERSON_CODE].fill_null(0).to_numpy()
    at = np.searchsorted(codes, wanted)
    known = (at < len(codes)) & events[c.PERSON_CODE].is_not_null().to_numpy()
    known[known] = codes[at[known]] == wanted[known]
    position = np.where(known, at, -1)
    return events.filter(pl.Series(of_words(events, filters, coded, position), dtype=pl.Boolean))


def with_payload(ws: Handle, frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with every column of their file that no contract took, as text."""
    parts = [read_payload(ws.layout.payload, seq) for seq in frame[c.SEQ].unique().to_list()]
    found = [p for p in parts if p is not None]
    if not found:
        return frame
    payload = pl.concat(found, how="diagonal_relaxed")
    return frame.lazy().join(payload, on=[c.SEQ, c.ROW_NO], how="left", suffix="_payload").collect()


def rejects(ws: Handle, upload: str | int) -> pl.DataFrame:
    """The rows of an upload that were not accepted: row_no, column, value, reason, raw."""
    with ws.database.read() as connection:
        found = uploads.get(connection, upload)
    return (
        ws.lake.scan(REJECTS_LOG, ws.snapshot().versions)
        .filter((pl.col(c.ENVIRONMENT) == found["environment"]) & (pl.col(c.SEQ) == found["seq"]))
        .select(c.ROW_NO, c.COLUMN, c.VALUE, c.REASON, c.RAW)
        .sort(c.ROW_NO)
        .collect()
    )


def write_rejects(ws: Handle, upload: str | int, path: Path) -> Path:
    """An upload's rejects under the file's own header, with the reasons in front."""
    with ws.database.read() as connection:
        found = uploads.get(connection, upload)
    report = found["report"] or {}
    parts = [
        writing.Part(name=p["name"], after=p["after"], header=tuple(p["header"])) for p in report.get("parts", ())
    ]
    writing.write_rejects(path, report.get("header"), rejects(ws, found["upload_id"]), parts=parts)
    return path


def give(frame: pl.DataFrame, kind: Kind) -> Any:
    """The frame as pandas (default everywhere), Polars or Arrow."""
    if kind == "polars":
        return frame
    if kind == "arrow":
        return frame.to_arrow()
    if kind == "pandas":
        return frame.to_pandas()
    raise FilterError(f"there is no kind of frame {kind!r}", expected="pandas, polars or arrow", found=repr(kind))
