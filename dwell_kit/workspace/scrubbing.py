"""Take a person out of the files beside the lake's facts: payload cells, rejects, kept raw files."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl

from dwell_kit.schema import columns as c
from dwell_kit.store import uploads
from dwell_kit.store.lake import REJECTS_LOG
from dwell_kit.store.raw import mentions, raw_path
from dwell_kit.workspace.handle import Handle


def clean_files(
    ws: Handle, history: list[dict[str, Any]], rows: pl.DataFrame, rejected: set[int], person_id: str
) -> dict[str, int]:
    """Take the person out of payload and kept raw files.

    Parameters
    ----------
    rows : seq and row_no of theirs. rejected : uploads with a reject that names them.
    """
    touched = {*rows[c.SEQ].to_list(), *rejected}
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


def left_in_files(ws: Handle, history: list[dict[str, Any]], person_id: str) -> int:
    """In how many rejects, payload rows and kept raw files on disk the person is found."""
    left = 0
    seqs = [upload["seq"] for upload in history]
    for path in ws.lake.folder(REJECTS_LOG).glob("**/*.parquet"):
        mine = pl.scan_parquet(path, hive_partitioning=False).filter(pl.col(c.SEQ).is_in(seqs))
        left += with_cell(mine, person_id).height
    left += sum(_names(pl.read_parquet(path), person_id) for seq in seqs for path in _payload_files(ws, seq))
    return left + sum(_mentioned(ws, upload, person_id) for upload in history)


def with_cell(rejects: pl.LazyFrame, person_id: str) -> pl.DataFrame:
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
