"""Erase one person everywhere, with a proof."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from dwell_kit.errors import NotFoundError
from dwell_kit.schema import columns as c
from dwell_kit.store import registry, snapshots, uploads
from dwell_kit.store.database import lists
from dwell_kit.store.keys import PersonCoder
from dwell_kit.store.lake import (
    CROWD_EVENTS_LOG,
    PERSONS,
    POSITIONS_LOG,
    REJECTS_LOG,
    SIGHTINGS_LOG,
    TABLES,
)
from dwell_kit.store.raw import raw_path
from dwell_kit.workspace.handle import Handle, who
from dwell_kit.workspace.maintaining import remove_unnamed
from dwell_kit.workspace.publishing import Draft, Step, no_step, publishing
from dwell_kit.workspace.querying import resolve_environment

_FACTS = (SIGHTINGS_LOG, CROWD_EVENTS_LOG, POSITIONS_LOG)


def erase(
    ws: Handle, person_id: str, *, environment: str | None = None, source: str | None = None, step: Step = no_step
) -> dict[str, Any]:
    """Remove a person's rows from every table, file and older version, and prove it.

    The deletion is written down by code only. Kept raw files that held the person are removed as a whole;
    every other fact of theirs is in the lake. Versions from before can no longer be opened.

    Returns
    -------
    rows removed per table, raw files and payload rows removed, and `left` (what a search of every file on
    disk still finds: zero).
    """
    place = resolve_environment(ws, environment)
    with ws.database.read() as connection:
        history = uploads.history(connection, place.name)
    sources = [source] if source else sorted({u["source"] for u in history})
    codes = [PersonCoder(ws.secret, place.name, s).code(person_id) for s in sources]
    with publishing(ws, reason="erase a person", step=step) as draft:
        rows = _rows(ws, draft, place.name, codes)
        if rows.is_empty() and not _known(ws, draft, codes):
            raise NotFoundError(f"there is no person {person_id!r} in {place.name!r}", found=repr(person_id))
        removed = _delete(ws, draft, place.name, codes, person_id)
        step("rows deleted")
        draft.finally_do.append(lambda connection: _forget(connection, place.name, person_id))
        draft.finally_do.append(
            lambda connection: registry.note(
                connection,
                who=who(),
                action="erase",
                detail={"environment": place.name, "codes": [f"{k & (2**64 - 1):016x}" for k in codes]},
                now=ws.now(),
            )
        )
    with ws.database.write() as connection:
        snapshots.forget_before(connection, draft.snapshot_id or 0, now=ws.now())
    touched = {u["seq"]: u for u in history if u["seq"] in set(rows[c.SEQ].to_list())}
    # of an upload that was taken back no row is left to say who was in it: its file goes as a whole
    gone = [u for u in history if u["status"] == uploads.UNDONE]
    for upload in gone:
        shutil.rmtree(ws.layout.payload / str(upload["seq"]), ignore_errors=True)
    proof: dict[str, Any] = {
        "rows": removed,
        "payload_rows": sum(_clean_payload(ws, seq, rows) for seq in touched),
        "raw_files": sum(_remove_raw(ws, u) for u in [*touched.values(), *gone]),
    }
    shutil.rmtree(ws.layout.hot / place.name, ignore_errors=True)
    ws.loaded.clear()
    remove_unnamed(ws, keep_versions=1)
    step("files removed")
    proof["left"] = _search(ws, codes)
    return proof


def _rows(ws: Handle, draft: Draft, environment: str, codes: list[int]) -> pl.DataFrame:
    parts = [
        ws.lake.scan(t, draft.versions)
        .filter((pl.col(c.ENVIRONMENT) == environment) & pl.col(c.PERSON_CODE).is_in(codes))
        .select(c.SEQ, c.ROW_NO)
        for t in _FACTS
    ]
    return pl.concat(parts).collect()


def _known(ws: Handle, draft: Draft, codes: list[int]) -> bool:
    known = ws.lake.scan(PERSONS, draft.versions).filter(pl.col(c.PERSON_CODE).is_in(codes))
    return not known.limit(1).collect().is_empty()


def _delete(ws: Handle, draft: Draft, environment: str, codes: list[int], person_id: str) -> dict[str, int]:
    removed = {}
    text = ", ".join(str(code) for code in codes)
    for table in (*_FACTS, PERSONS):
        if table.name not in draft.versions:
            continue
        before = _count(ws, draft, table.name)
        draft.versions[table.name] = ws.lake.delete(table, f"{c.PERSON_CODE} IN ({text})", draft.versions)
        removed[table.name] = before - _count(ws, draft, table.name)
    if REJECTS_LOG.name in draft.versions:
        here = pl.col(c.ENVIRONMENT) == environment
        mine = pl.col(c.RAW).str.contains(person_id, literal=True) | (pl.col(c.VALUE) == person_id)
        bad = ws.lake.scan(REJECTS_LOG, draft.versions).filter(here & mine).select(c.SEQ, c.ROW_NO).collect()
        for seq, row_no in bad.unique().iter_rows():
            predicate = f"{c.SEQ} = {seq} AND {c.ROW_NO} = {row_no}"
            draft.versions[REJECTS_LOG.name] = ws.lake.delete(REJECTS_LOG, predicate, draft.versions)
        removed[REJECTS_LOG.name] = bad.height
    return removed


def _count(ws: Handle, draft: Draft, name: str) -> int:
    return int(ws.lake.scan(TABLES[name], draft.versions).select(pl.len()).collect().item())


def _forget(connection: sa.Connection, environment: str, person_id: str) -> None:
    connection.execute(sa.delete(lists).where(lists.c.environment == environment, lists.c.person_id == person_id))


def _clean_payload(ws: Handle, seq: int, rows: pl.DataFrame) -> int:
    gone = rows.filter(pl.col(c.SEQ) == seq).select(c.ROW_NO)
    removed = 0
    for path in sorted((ws.layout.payload / str(seq)).glob("*.parquet")):
        frame = pl.read_parquet(path)
        kept = frame.join(gone, on=c.ROW_NO, how="anti")
        if kept.height < frame.height:
            removed += frame.height - kept.height
            _rewrite(path, kept)
    return removed


def _rewrite(path: Path, frame: pl.DataFrame) -> None:
    staging = path.with_suffix(".new")
    frame.write_parquet(staging, compression="zstd", compression_level=1)
    staging.replace(path)


def _remove_raw(ws: Handle, upload: dict[str, Any]) -> int:
    if not upload["content_hash"]:
        return 0
    path = raw_path(ws.layout.raw, upload["content_hash"])
    existed = path.exists()
    path.unlink(missing_ok=True)
    return int(existed)


def _search(ws: Handle, codes: list[int]) -> int:
    """Rows with one of the codes in any Parquet file on disk, named by a snapshot or not."""
    left = 0
    for table in (*_FACTS, PERSONS):
        for path in ws.lake.folder(table).glob("**/*.parquet"):
            scan = pl.scan_parquet(path, hive_partitioning=False)
            left += scan.filter(pl.col(c.PERSON_CODE).is_in(codes)).select(pl.len()).collect().item()
    return left
