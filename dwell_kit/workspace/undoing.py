"""Take an upload back: its rows go, and what they had replaced is there again."""

from __future__ import annotations

from typing import Any

import polars as pl
from sqlalchemy import Connection

from dwell_kit.errors import NotFoundError
from dwell_kit.schema import columns as c
from dwell_kit.store import exits, links, registry, snapshots, statements, uploads, upsert
from dwell_kit.store.database import identity_links
from dwell_kit.store.lake import (
    CROWD_EVENTS_LOG,
    FACT,
    KEY_HASH,
    POSITIONS_LOG,
    REJECTS_LOG,
    SIGHTINGS_LOG,
    SUPERSEDED,
)
from dwell_kit.store.statements import Said
from dwell_kit.workspace.handle import Handle, who
from dwell_kit.workspace.publishing import Draft, Step, no_step, publishing
from dwell_kit.workspace.sweeping import drop_looks


def undo(ws: Handle, upload: str | int, *, step: Step = no_step) -> dict[str, Any]:
    """Hide an upload's rows in a new snapshot; older snapshots still show them. Returns the upload.

    The links that came with it are taken back, and the looks that it brought are forgotten.

    Raises
    ------
    NotFoundError : if there is no such upload, or it is not one that was processed.
    """
    with publishing(ws, reason=f"{snapshots.UNDO} {upload}", step=step) as draft:
        with ws.database.read() as connection:
            found = uploads.get(connection, upload)
        if found["status"] != uploads.PROCESSED:
            raise NotFoundError(
                f"upload {found['upload_id']} cannot be undone",
                expected=f"an upload that is {uploads.PROCESSED}",
                found=found["status"],
            )
        draft.reason = f"{snapshots.UNDO} {found['upload_id']}"
        events = exits.READER in found["reader"]
        _take_back(ws, draft, found["environment"], found["seq"], step, events=events)
        draft.finally_do.append(lambda connection: _forget_places(connection, found))
        draft.finally_do.append(lambda connection: _unlink(ws, connection, draft, found))
        draft.afterwards.append(lambda: drop_looks(ws))
        draft.finally_do.append(
            lambda connection: registry.note(
                connection, who=who(), action="undo", detail={"upload_id": found["upload_id"]}, now=ws.now()
            )
        )
    return {**found, "status": uploads.UNDONE}


def _forget_places(connection: Connection, upload: dict[str, Any]) -> None:
    """Mark the upload, and know of cameras and zones what the others said."""
    uploads.change(connection, upload["seq"], status=uploads.UNDONE)
    left = [u for u in uploads.history(connection, upload["environment"]) if u["status"] == uploads.PROCESSED]
    said = [(u["report"] or {}).get("places") for u in reversed(left)]
    if all(places is not None for places in said):  # else what an old upload said is not known any more
        registry.relearn(connection, upload["environment"], [places for places in said if places])


def _unlink(ws: Handle, connection: Connection, draft: Draft, upload: dict[str, Any]) -> None:
    """Take back the links that came with the upload."""
    made_in = (upload["report"] or {}).get("snapshot_id")
    said = Said(who(), ws.now(), f"upload {upload['seq']} was undone")
    for number in links.made_in(connection, upload["environment"], made_in):
        statements.take_back(connection, identity_links, number, said, snapshot_id=draft.snapshot_id or 0)


def _take_back(ws: Handle, draft: Draft, environment: str, seq: int, step: Step, *, events: bool) -> None:
    superseded = ws.lake.scan(SUPERSEDED, draft.versions).filter(pl.col(c.ENVIRONMENT) == environment).collect()
    for table in (SIGHTINGS_LOG, CROWD_EVENTS_LOG, POSITIONS_LOG, REJECTS_LOG):
        if table.name not in draft.versions:
            continue
        affected = pl.Series(KEY_HASH, [], dtype=pl.Int64)
        if KEY_HASH in table.names:
            mine = ws.lake.scan(table, draft.versions).filter(pl.col(c.SEQ) == seq).select(KEY_HASH)
            fact = table.name.removesuffix("_log")
            contested = superseded.filter(pl.col(FACT) == fact).lazy().select(KEY_HASH)
            affected = contested.join(mine, on=KEY_HASH, how="semi").unique().collect()[KEY_HASH]
        draft.versions[table.name] = ws.lake.delete(table, f"{c.SEQ} = {seq}", draft.versions)
        step(f"{table.name} taken back")
        if len(affected):
            rows = upsert.versions_of_keys(
                ws.lake, table, draft.versions, environment=environment, affected=affected
            )
            superseded = upsert.resolve(
                table, rows, environment=environment, superseded=superseded, affected=affected
            )
    if events:
        superseded = exits.settle(ws.lake, draft.versions, superseded, environment=environment)
    if SUPERSEDED.name in draft.versions:
        draft.versions[SUPERSEDED.name] = ws.lake.replace(
            SUPERSEDED, superseded, draft.versions, environment=environment
        )
    step("superseded taken back")
