"""Erase one person everywhere, with a proof.

Facts are erased as they were recorded: what sources said of the id. Of persons who are linked to it nothing goes
but the link; an identity that a split made can be erased by its own name, and the rest of the person stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa

from dwell_kit.errors import NotFoundError
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import Table
from dwell_kit.store import erasures, links, registry, snapshots, uploads
from dwell_kit.store.codes import code_text
from dwell_kit.store.database import lists
from dwell_kit.store.erasures import Erasure
from dwell_kit.store.keys import PersonCoder
from dwell_kit.store.lake import (
    CROWD_EVENTS_LOG,
    KEY_HASH,
    PERSONS,
    POSITIONS_LOG,
    REJECTS_LOG,
    SIGHTINGS_LOG,
    TABLES,
)
from dwell_kit.workspace.finishing import FACTS, finish
from dwell_kit.workspace.handle import Handle, who
from dwell_kit.workspace.identity import Identities, identities
from dwell_kit.workspace.publishing import Draft, Step, no_step, publishing
from dwell_kit.workspace.querying import resolve_environment
from dwell_kit.workspace.scrubbing import with_cell

_TIME = {CROWD_EVENTS_LOG.name: c.STARTED, SIGHTINGS_LOG.name: c.STARTED, POSITIONS_LOG.name: c.TIME}


@dataclass(frozen=True)
class _Whom:
    """Whose rows go: those with a code, or what a split took away from them."""

    environment: str
    person_id: str
    codes: tuple[int, ...]
    split: links.Link | None
    splits: tuple[links.Link, ...]
    """Every split there ever was."""
    identities: Identities

    def rows(self, scan: pl.LazyFrame, table: Table) -> pl.LazyFrame:
        """The rows of a log that go; of a split-off sighting every message goes, whatever time each said."""
        if self.split is None:
            return scan.filter(pl.col(c.PERSON_CODE).is_in(self.codes))
        taken = self.identities.only_split(scan, _TIME[table.name])
        taken = taken.filter(pl.col(c.PERSON_CODE).is_in(list(self.forgotten())))
        return scan.join(taken, on=[c.SOURCE, KEY_HASH], how="semi") if KEY_HASH in table.names else taken

    def forgotten(self) -> dict[int, str]:
        """Code → id of whom links say nothing any more: the person, and the identities that their splits made."""
        codes = [self.identities.split_code(self.person_id)] if self.split else self.codes
        own = dict.fromkeys(codes, self.person_id)
        for split in self.splits:  # the oldest first: one may be of an identity that an older one made
            if all(m.code in own for m in split.members):
                own[self.identities.split_code(split.name or "")] = split.name or ""
        return own

    def others(self) -> list[str]:
        """Who else is recorded to be the same person."""
        own = set(self.forgotten())
        mine = set(self.identities.canonical(own))
        members = {m for link in self.identities.links for m in link.members if m.code not in own}
        return sorted({m.person_id for m in members if mine & set(self.identities.canonical([m.code]))})


def erase(
    ws: Handle, person_id: str, *, environment: str | None = None, source: str | None = None, step: Step = no_step
) -> dict[str, Any]:
    """Remove a person's rows from every table, file and older version, and prove it.

    The deletion is written down by code only. Kept raw files that mention the person are removed as a whole;
    every other fact of theirs is in the lake. Versions from before can no longer be opened. An erasure that is
    interrupted once its snapshot is published is finished by the next write; until then the state knows the id.

    Returns
    -------
    rows removed per table, payload rows and cells, raw files and looks removed, links (that named the person),
    linked (ids that are recorded to be the same person: their rows are there still), and `left`: in how many
    places a search of every file on disk (facts, rejects, payload, raw files, looks) still finds the person: zero.
    """
    place = resolve_environment(ws, environment)
    proof: dict[str, Any] = {}
    with publishing(ws, reason=snapshots.ERASE, step=step) as draft:
        with ws.database.read() as connection:
            sources = [source] if source else uploads.sources(connection, place.name)
        whom = _whom(ws, place.name, person_id, sources)
        rows = _rows(ws, draft, whom)
        rejected = _rejected(ws, draft, place.name, person_id)
        if rows.is_empty() and rejected.is_empty() and not whom.split and not _known(ws, draft, list(whom.codes)):
            draft.cancelled = True
            return _finished_now(draft, place.name, person_id)
        said: dict[str, Any] = {"linked": whom.others()}
        said["rows"] = _delete(ws, draft, whom, rows, rejected)
        step("rows deleted")
        begun: list[tuple[int, Erasure]] = []

        def record(connection: sa.Connection) -> None:
            said["links"] = _forget(connection, whom)
            _note(ws, connection, whom)
            snapshots.forget_before(connection, draft.snapshot_id or 0, now=ws.now())
            erasure = _erasure(whom, rows, rejected, said)
            begun.append((erasures.begin(connection, erasure, now=ws.now()), erasure))

        draft.finally_do.append(record)
        draft.afterwards.append(lambda: proof.update(finish(ws, *begun[0], step)))
    return proof


def _finished_now(draft: Draft, environment: str, person_id: str) -> dict[str, Any]:
    """The proof of an earlier erasure of the person that was interrupted."""
    for erasure, proof in draft.finished:
        if (erasure.environment, erasure.person_id) == (environment, person_id):
            return proof
    raise NotFoundError(f"there is no person {person_id!r} in {environment!r}", found=repr(person_id))


def _erasure(whom: _Whom, rows: pl.DataFrame, rejected: pl.DataFrame, said: dict[str, Any]) -> Erasure:
    return Erasure(
        environment=whom.environment,
        person_id=whom.person_id,
        codes=[] if whom.split else list(whom.codes),
        rows={
            str(table): [list(row) for row in part.select(c.SEQ, c.ROW_NO).iter_rows()]
            for (table,), part in rows.partition_by("table", as_dict=True).items()
        },
        rejected=rejected[c.SEQ].unique().to_list(),
        proof=said,
        looks_of=list(whom.codes),
    )


def _whom(ws: Handle, environment: str, person_id: str, sources: list[str]) -> _Whom:
    known = identities(ws, environment, ws.snapshot())
    with ws.database.read() as connection:
        ever = tuple(links.splits_ever(connection, environment))
    for split in known.splits:
        if split.name == person_id:
            return _Whom(environment, person_id, tuple(m.code for m in split.members), split, ever, known)
    codes = [PersonCoder(ws.secret, environment, s).code(person_id) for s in sources]
    return _Whom(environment, person_id, tuple(codes), None, ever, known)


def _rows(ws: Handle, draft: Draft, whom: _Whom) -> pl.DataFrame:
    """table, seq, row_no of the facts that go."""
    parts = [
        whom.rows(ws.lake.scan(t, draft.versions).filter(pl.col(c.ENVIRONMENT) == whom.environment), t).select(
            pl.lit(t.name).alias("table"), c.SEQ, c.ROW_NO
        )
        for t in FACTS
    ]
    return pl.concat(parts).collect()


def _known(ws: Handle, draft: Draft, codes: list[int]) -> bool:
    known = ws.lake.scan(PERSONS, draft.versions).filter(pl.col(c.PERSON_CODE).is_in(codes))
    return not known.limit(1).collect().is_empty()


def _rejected(ws: Handle, draft: Draft, environment: str, person_id: str) -> pl.DataFrame:
    """seq and row_no of the rejects with the person in a cell."""
    if REJECTS_LOG.name not in draft.versions:
        return pl.DataFrame(schema={c.SEQ: pl.Int64, c.ROW_NO: pl.Int64})
    here = ws.lake.scan(REJECTS_LOG, draft.versions).filter(pl.col(c.ENVIRONMENT) == environment)
    return with_cell(here, person_id).select(c.SEQ, c.ROW_NO).unique()


def _delete(ws: Handle, draft: Draft, whom: _Whom, rows: pl.DataFrame, rejected: pl.DataFrame) -> dict[str, int]:
    removed = {}
    codes = f"{c.PERSON_CODE} IN ({', '.join(str(code) for code in whom.codes)})"
    for table in FACTS if whom.split else (*FACTS, PERSONS):
        if table.name not in draft.versions:
            continue
        before = _count(ws, draft, table.name)
        mine = rows.filter(pl.col("table") == table.name).group_by(c.SEQ).agg(pl.col(c.ROW_NO).unique())
        chosen_rows = [
            f"({c.SEQ} = {s} AND {c.ROW_NO} IN ({', '.join(map(str, n))}))" for s, n in mine.iter_rows()
        ]
        predicate = " OR ".join(chosen_rows) if whom.split else codes
        if predicate:
            draft.versions[table.name] = ws.lake.delete(table, predicate, draft.versions)
        removed[table.name] = before - _count(ws, draft, table.name)
    for (seq,), part in rejected.partition_by(c.SEQ, as_dict=True).items():
        numbers = ", ".join(map(str, part[c.ROW_NO].to_list()))
        predicate = f"{c.SEQ} = {seq} AND {c.ROW_NO} IN ({numbers})"
        draft.versions[REJECTS_LOG.name] = ws.lake.delete(REJECTS_LOG, predicate, draft.versions)
    removed[REJECTS_LOG.name] = rejected.height
    return removed


def _count(ws: Handle, draft: Draft, name: str) -> int:
    return int(ws.lake.scan(TABLES[name], draft.versions).select(pl.len()).collect().item())


def _forget(connection: sa.Connection, whom: _Whom) -> int:
    """Take the person off lists and out of links; returns how many links named them."""
    gone = whom.forgotten()
    names = set(gone.values())
    here = (lists.c.environment == whom.environment) & lists.c.person_id.in_(names)
    connection.execute(sa.delete(lists).where(here))
    splits = names if whom.split else names - {whom.person_id}
    return links.forget(connection, whom.environment, gone, names=splits, said=whom.person_id)


def _note(ws: Handle, connection: sa.Connection, whom: _Whom) -> None:
    codes = [code_text(code) for code in whom.forgotten()]
    detail = {"environment": whom.environment, "codes": codes}
    registry.note(connection, who=who(), action="erase", detail=detail, now=ws.now())
