"""The rows of an upload into the logs, and which rows they replace."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.ingest.quality import Report
from dwell_kit.schema import columns as c
from dwell_kit.store import exits, upsert
from dwell_kit.store.lake import FACT, KEY_HASH, LOG_OF, SUPERSEDED
from dwell_kit.workspace.handle import Handle
from dwell_kit.workspace.publishing import Draft, Step
from dwell_kit.workspace.staging import Stager


def commit_tables(ws: Handle, stager: Stager, draft: Draft, report: Report, step: Step, *, events: bool) -> None:
    """Append what was staged, and say which rows are superseded by now; `report` gets its updates and duplicates.

    Parameters
    ----------
    events : the sightings are pairs of entries and exits.
    """
    environment = stager.environment
    affected = {
        table: _affected(ws, table, hashes, draft, environment) for table, hashes in stager.hashes().items()
    }
    for table, staged in stager.logs.items():
        draft.versions[staged.table.name] = ws.lake.append(staged, draft.versions, transaction=stager.upload_id)
        step(f"{table} committed")
    if not events and not any(len(hashes) for hashes in affected.values()):
        return
    superseded = ws.lake.scan(SUPERSEDED, draft.versions).filter(pl.col(c.ENVIRONMENT) == environment).collect()
    for table, hashes in affected.items():
        log = LOG_OF[table]
        rows = upsert.versions_of_keys(ws.lake, log, draft.versions, environment=environment, affected=hashes)
        updated, duplicates = upsert.counted(rows, seq=stager.seq)
        report.updated += updated
        report.duplicates += duplicates
        superseded = upsert.resolve(log, rows, environment=environment, superseded=superseded, affected=hashes)
    if events:
        superseded = exits.settle(ws.lake, draft.versions, superseded, environment=environment)
        report.duplicates += superseded.filter(pl.col(FACT) == exits.EXITS, pl.col(c.SEQ) == stager.seq).height
    draft.versions[SUPERSEDED.name] = ws.lake.replace(
        SUPERSEDED, superseded, draft.versions, environment=environment
    )
    step("superseded committed")


def _affected(ws: Handle, table: str, hashes: NDArray[np.int64], draft: Draft, environment: str) -> pl.Series:
    """Key hashes that have more than one version once this upload is in."""
    mine = pl.Series(KEY_HASH, hashes)
    known = upsert.known_hashes(ws.lake, LOG_OF[table], draft.versions, environment=environment, among=mine)
    again = pl.Series(KEY_HASH, upsert.repeated(hashes), dtype=pl.Int64)
    return pl.concat([known, again]).unique()
