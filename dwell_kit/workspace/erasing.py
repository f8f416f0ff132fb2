"""Erase one person everywhere, with a proof."""

from __future__ import annotations

import csv
import json
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
from dwell_kit.store.raw import mentions, raw_path
from dwell_kit.workspace.handle import Handle, who
from dwell_kit.workspace.maintaining import remove_unnamed
from dwell_kit.workspace.publishing import Draft, Step, no_step, publishing
from dwell_kit.workspace.querying import resolve_environment

_FACTS = (SIGHTINGS_LOG, CROWD_EVENTS_LOG, POSITIONS_LOG)


def erase(
    ws: Handle, person_id: str, *, environment: str | None = None, source: str | None = None, step: Step = no_step
) -> dict[str, Any]:
    """Remove a person's rows from every table, file and older version, and prove it.

    The deletion is written down by code only. Kept raw files that mention the person are removed as a whole;
    every other fact of theirs is in the lake. Versions from before can no longer be opened.

    Returns
    -------
    rows removed per table, payload rows and cells removed, raw files removed, and `left`: in how many places a
    search of every file on disk (facts, rejects, payload, kept raw files) still finds the person. It is zero.
    """
    place = resolve_environment(ws, environment)
    with ws.database.read() as connection:
        history = uploads.history(connection, place.name)
    sources = [source] if source else sorted({u["source"] for u in history})
    codes = [PersonCoder(ws.secret, place.name, s).code(person_id) for s in sources]
    with publishing(ws, reason=snapshots.ERASE, step=step) as draft:
        rows = _rows(ws, draft, place.name, codes)
        rejected = _rejected(ws, draft, place.name, person_id)
        if rows.is_empty() and rejected.is_empty() and not _known(ws, draft, codes):
            raise NotFoundError(f"there is no person {person_id!r} in {place.name!r}", found=repr(person_id))
        removed = _delete(ws, draft, codes, rejected)
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
    proof: dict[str, Any] = {"rows": removed, **_clean_files(ws, history, rows, rejected, person_id)}
    shutil.rmtree(ws.layout.hot / place.name, ignore_errors=True)
    ws.loaded.clear()
    remove_unnamed(ws, keep_versions=1)
    step("files removed")
    proof["left"] = _search(ws, history, codes, person_id)
    return proof


def _clean_files(
    ws: Handle, history: list[dict[str, Any]], rows: pl.DataFrame, rejected: pl.DataFrame, person_id: str
) -> dict[str, int]:
    """Take the person out of payload and kept raw files."""
    touched = {*rows[c.SEQ].to_list(), *rejected[c.SEQ].to_list()}
    payload = raw = 0
    for upload in history:
        seq = upload["seq"]
        # of an upload that was taken back no row is left to say who was in it: its files go as a whole
        if upload["status"] == uploads.UNDONE:
            shutil.rmtree(ws.layout.payload / str(seq), ignore_errors=True)
            touched.add(seq)
        payload += _clean_payload(ws, seq, rows, person_id)
        if seq in touched or _mentioned(ws, upload, person_id):
            raw += _remove_raw(ws, upload)
    return {"payload_rows": payload, "raw_files": raw}


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


def _rejected(ws: Handle, draft: Draft, environment: str, person_id: str) -> pl.DataFrame:
    """seq and row_no of the rejects with the person in a cell."""
    if REJECTS_LOG.name not in draft.versions:
        return pl.DataFrame(schema={c.SEQ: pl.Int64, c.ROW_NO: pl.Int64})
    here = ws.lake.scan(REJECTS_LOG, draft.versions).filter(pl.col(c.ENVIRONMENT) == environment)
    return _with_cell(here, person_id).select(c.SEQ, c.ROW_NO).unique()


def _with_cell(rejects: pl.LazyFrame, person_id: str) -> pl.DataFrame:
    """Rejects that have a cell, or a word of a JSON record, that is the person's id and nothing more."""
    near = pl.col(c.RAW).str.contains(person_id, literal=True) | (pl.col(c.VALUE) == person_id)
    found = rejects.filter(near).collect()
    mine = [_has_cell(raw or "", value, person_id) for raw, value in found.select(c.RAW, c.VALUE).iter_rows()]
    return found.filter(pl.Series(mine, dtype=pl.Boolean))


def _has_cell(raw: str, value: str | None, person_id: str) -> bool:
    cells = next(csv.reader(raw.splitlines(keepends=True)), [])
    return (
        (value or "").strip() == person_id
        or any(cell.strip() == person_id for cell in cells)
        or json.dumps(person_id, ensure_ascii=False) in raw
        or json.dumps(person_id) in raw
    )


def _delete(ws: Handle, draft: Draft, codes: list[int], rejected: pl.DataFrame) -> dict[str, int]:
    removed = {}
    text = ", ".join(str(code) for code in codes)
    for table in (*_FACTS, PERSONS):
        if table.name not in draft.versions:
            continue
        before = _count(ws, draft, table.name)
        draft.versions[table.name] = ws.lake.delete(table, f"{c.PERSON_CODE} IN ({text})", draft.versions)
        removed[table.name] = before - _count(ws, draft, table.name)
    for (seq,), part in rejected.partition_by(c.SEQ, as_dict=True).items():
        numbers = ", ".join(map(str, part[c.ROW_NO].to_list()))
        predicate = f"{c.SEQ} = {seq} AND {c.ROW_NO} IN ({numbers})"
        draft.versions[REJECTS_LOG.name] = ws.lake.delete(REJECTS_LOG, predicate, draft.versions)
    removed[REJECTS_LOG.name] = rejected.height
    return removed


def _count(ws: Handle, draft: Draft, name: str) -> int:
    return int(ws.lake.scan(TABLES[name], draft.versions).select(pl.len()).collect().item())


def _forget(connection: sa.Connection, environment: str, person_id: str) -> None:
    connection.execute(sa.delete(lists).where(lists.c.environment == environment, lists.c.person_id == person_id))


def _clean_payload(ws: Handle, seq: int, rows: pl.DataFrame, person_id: str) -> int:
    """Remove the person's payload rows, and blank cells of other rows that are their id; returns how many rows."""
    gone = rows.filter(pl.col(c.SEQ) == seq).select(c.ROW_NO)
    changed = 0
    for path in _payload_files(ws, seq):
        frame = pl.read_parquet(path)
        named = _names(frame, person_id)
        kept = frame.with_columns(_blank(person_id)).join(gone, on=c.ROW_NO, how="anti")
        if kept.height < frame.height or named:
            changed += max(frame.height - kept.height, named)
            _rewrite(path, kept)
    return changed


def _payload_files(ws: Handle, seq: int) -> list[Path]:
    return sorted((ws.layout.payload / str(seq)).glob("*.parquet"))


def _blank(person_id: str) -> pl.Expr:
    texts = pl.selectors.string()
    return pl.when(texts.str.strip_chars() != person_id).then(texts).name.keep()


def _names(frame: pl.DataFrame, person_id: str) -> int:
    """Rows with a cell that is the person's id."""
    texts = frame.select(pl.selectors.string())
    if not texts.width:
        return 0
    return int(texts.select(pl.any_horizontal(pl.all().str.strip_chars() == person_id).sum()).item())


def _rewrite(path: Path, frame: pl.DataFrame) -> None:
    staging = path.with_suffix(".new")
    frame.write_parquet(staging, compression="zstd", compression_level=1)
    staging.replace(path)


def _mentioned(ws: Handle, upload: dict[str, Any], person_id: str) -> bool:
    path = _raw(ws, upload)
    return path is not None and mentions(path, upload["filename"], person_id)


def _raw(ws: Handle, upload: dict[str, Any]) -> Path | None:
    """The upload's kept raw file, if it is there."""
    if not upload["content_hash"]:
        return None
    path = raw_path(ws.layout.raw, upload["content_hash"])
    return path if path.exists() else None


def _remove_raw(ws: Handle, upload: dict[str, Any]) -> int:
    path = _raw(ws, upload)
    if path is None:
        return 0
    path.unlink()
    return 1


def _search(ws: Handle, history: list[dict[str, Any]], codes: list[int], person_id: str) -> int:
    """Rows with one of the codes or the id in any file on disk, named by a snapshot or not, and raw files."""
    left = 0
    for table in (*_FACTS, PERSONS):
        for path in ws.lake.folder(table).glob("**/*.parquet"):
            scan = pl.scan_parquet(path, hive_partitioning=False)
            left += scan.filter(pl.col(c.PERSON_CODE).is_in(codes)).select(pl.len()).collect().item()
    seqs = [upload["seq"] for upload in history]
    for path in ws.lake.folder(REJECTS_LOG).glob("**/*.parquet"):
        mine = pl.scan_parquet(path, hive_partitioning=False).filter(pl.col(c.SEQ).is_in(seqs))
        left += _with_cell(mine, person_id).height
    left += sum(_names(pl.read_parquet(path), person_id) for seq in seqs for path in _payload_files(ws, seq))
    return left + sum(_mentioned(ws, upload, person_id) for upload in history)
