"""The second half of an erasure: once its snapshot is published, the person goes from every file.

It runs under the lease. So an erasure that whoever gets the lease finds begun is one that was interrupted.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import polars as pl

from dwell_kit.schema import columns as c
from dwell_kit.store import erasures, uploads
from dwell_kit.store.erasures import Erasure
from dwell_kit.store.lake import CROWD_EVENTS_LOG, PERSONS, POSITIONS_LOG, SIGHTINGS_LOG
from dwell_kit.workspace import remembering
from dwell_kit.workspace.handle import Handle
from dwell_kit.workspace.scrubbing import clean_files, left_in_files
from dwell_kit.workspace.sweeping import remove_unnamed

FACTS = (SIGHTINGS_LOG, CROWD_EVENTS_LOG, POSITIONS_LOG)
"""The logs whose rows are of persons."""


def finish_pending(ws: Handle) -> list[tuple[Erasure, dict[str, Any]]]:
    """Finish the erasures that were interrupted; each with its proof."""
    with ws.database.read() as connection:
        found = erasures.pending(connection)
    return [(erasure, finish(ws, number, erasure)) for number, erasure in found.items()]


def finish(ws: Handle, number: int, erasure: Erasure, step: Callable[[str], None] | None = None) -> dict[str, Any]:
    """Clean every file of the person, search what is left, forget them, and return the proof; may be repeated."""
    said = step or (lambda _name: None)
    with ws.database.read() as connection:
        history = uploads.history(connection, erasure.environment)
    cleaned = clean_files(ws, history, _numbers(erasure), set(erasure.rejected), erasure.person_id)
    of_uploads = _uploads_with_looks(erasure, history)
    looks = remembering.forget(ws, erasure.environment, erasure.looks_of, of_uploads)
    said("payload and raw files cleaned")
    shutil.rmtree(ws.layout.hot / erasure.environment, ignore_errors=True)
    ws.loaded.clear()
    ws.identities.clear()
    remove_unnamed(ws, keep_versions=1)
    said("files removed")
    left = _search(ws, erasure, history)
    left += remembering.count(ws, erasure.environment, erasure.looks_of, of_uploads)
    with ws.database.write() as connection:
        erasures.done(connection, number)
    ws.database.settle()
    said("erasure finished")
    return {**erasure.proof, **cleaned, "looks": looks, "left": left}


def _uploads_with_looks(erasure: Erasure, history: list[dict[str, Any]]) -> set[str] | None:
    """Uploads whose looks of the person go; None for all: the whole person does."""
    if erasure.codes:
        return None
    seqs = set(_numbers(erasure)[c.SEQ].to_list())
    return {upload["upload_id"] for upload in history if upload["seq"] in seqs}


def _numbers(erasure: Erasure, *tables: str) -> pl.DataFrame:
    """seq, row_no of the person's rows; of all tables if none is named."""
    rows = [row for table in tables or erasure.rows for row in erasure.rows.get(table, [])]
    return pl.DataFrame(rows, schema={c.SEQ: pl.Int64, c.ROW_NO: pl.Int64}, orient="row")


def _search(ws: Handle, erasure: Erasure, history: list[dict[str, Any]]) -> int:
    """Rows of the person in any file on disk, named by a snapshot or not, and raw files that mention them."""
    left = 0
    for table in (*FACTS, PERSONS) if erasure.codes else FACTS:
        rows = _numbers(erasure, table.name).lazy()
        for path in ws.lake.folder(table).glob("**/*.parquet"):
            scan = pl.scan_parquet(path, hive_partitioning=False)
            if erasure.codes:
                found = scan.filter(pl.col(c.PERSON_CODE).is_in(erasure.codes))
            else:
                found = scan.join(rows, on=[c.SEQ, c.ROW_NO], how="semi")
            left += found.select(pl.len()).collect().item()
    return left + left_in_files(ws, history, erasure.person_id)
