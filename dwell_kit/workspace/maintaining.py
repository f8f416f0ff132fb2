"""Compaction, clean-up and a check-up."""

from __future__ import annotations

import shutil
import stat
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from dwell_kit.schema import columns as c
from dwell_kit.store import database as db
from dwell_kit.store import erasures, snapshots, uploads
from dwell_kit.store.lake import TABLES, files
from dwell_kit.store.raw import raw_path
from dwell_kit.workspace import remembering
from dwell_kit.workspace.handle import Handle
from dwell_kit.workspace.publishing import Step, no_step, publishing
from dwell_kit.workspace.sweeping import living, remove_unnamed, sweep


def compact(
    ws: Handle, *, keep_versions: int = 10, raw_days: float | None = None, step: Step = no_step
) -> dict[str, Any]:
    """Merge small files, and remove files that none of the newest `keep_versions` snapshots names.

    Looks whose time is up (`Settings.looks_days`) go too.

    Parameters
    ----------
    raw_days : kept raw files whose last upload is as old or older go too; None asks the settings, where 0 keeps
        them for good. Facts, payload and rejects stay: only the file as it came can be had no more.
    """
    sweep(ws)
    merged: dict[str, tuple[int, int]] = {}
    with publishing(ws, reason="compact", step=step) as draft:
        for table in TABLES.values():
            if table.name not in draft.versions:
                continue
            delta = ws.lake.writable(table, draft.versions)
            before = len(delta.file_uris())
            delta.optimize.compact()
            fresh = ws.lake.newest(table)
            draft.versions[table.name] = fresh.version()
            merged[table.name] = (before, len(fresh.file_uris()))
            step(f"{table.name} compacted")
        looks = remembering.expire(ws, "*", ws.now())
    removed = remove_unnamed(ws, keep_versions=keep_versions)
    return {
        "files": {name: {"before": a, "after": b} for name, (a, b) in merged.items()},
        "files_removed": removed,
        "looks_removed": looks,
        "raw_files_removed": _retire_raw(ws, (ws.settings.raw_days or None) if raw_days is None else raw_days),
        "version": draft.snapshot_id,
    }


def _retire_raw(ws: Handle, days: float | None) -> int:
    """Remove kept raw files that no upload of the last `days` brought; returns how many."""
    if days is None:
        return 0
    since = ws.now() - timedelta(days=days)
    with ws.database.read() as connection:
        history = [u for u in uploads.history(connection) if u["content_hash"]]
    young = {u["content_hash"] for u in history if u["uploaded_at"] > since}
    paths = {raw_path(ws.layout.raw, u["content_hash"]) for u in history if u["content_hash"] not in young}
    old = [path for path in paths if path.exists()]
    for path in old:
        path.unlink()
    return len(old)


@dataclass(frozen=True)
class Finding:
    """One check of `doctor`."""

    check: str
    ok: bool
    detail: str


def doctor(ws: Handle) -> list[dict[str, Any]]:
    """Check that the workspace is whole: state, snapshot, files, counts, key, disk. Changes nothing."""
    snapshot = ws.snapshot()
    checks = [
        Finding("state", ws.database.revision() == db.HEAD, f"schema {ws.database.revision()}"),
        _files(ws, snapshot.versions),
        _counts(ws, snapshot.versions),
        _interrupted(ws),
        _unfinished(ws),
        Finding("looks", *remembering.check(ws)),
        _key(ws),
        _disk(ws),
    ]
    return [asdict(finding) for finding in checks]


def _files(ws: Handle, versions: dict[str, int]) -> Finding:
    named = files(ws.lake, versions)
    missing = [p for p in named if not p.exists()]
    return Finding("files", not missing, f"{len(named)} files named, {len(missing)} missing")


def _counts(ws: Handle, versions: dict[str, int]) -> Finding:
    """Every processed upload's stored rows are in the logs; more are not."""
    with ws.database.read() as connection:
        history = uploads.history(connection)
    promised = {u["seq"]: u["report"]["stored"] for u in history if u["status"] == uploads.PROCESSED}
    found: dict[int, int] = {}
    for name, table in TABLES.items():
        if name.endswith("_log") and name != "rejects_log":
            counted = ws.lake.scan(table, versions).group_by(c.SEQ).len().collect()
            for seq, rows in counted.iter_rows():
                found[seq] = found.get(seq, 0) + rows
    wrong = {s for s in promised.keys() | found.keys() if promised.get(s, 0) != found.get(s, 0)}
    erased = any(s.get("reason") == snapshots.ERASE for s in _reasons(ws))
    detail = f"{sum(found.values())} rows of {len(promised)} uploads"
    if wrong and erased:
        return Finding("counts", True, detail + ", fewer than reported since persons were erased")
    return Finding("counts", not wrong, detail + (f", uploads {sorted(wrong)} differ" if wrong else ""))


def _reasons(ws: Handle) -> list[dict[str, Any]]:
    with ws.database.read() as connection:
        return [dict(r) for r in connection.execute(sa.select(db.snapshots.c.reason)).mappings()]


def _interrupted(ws: Handle) -> Finding:
    with ws.database.read() as connection:
        pending = [u for u in uploads.history(connection) if u["status"] == uploads.PENDING]
    dead = [u["upload_id"] for u in pending if u["upload_id"] not in living(ws)]
    return Finding(
        "uploads", not dead, f"{len(pending)} in progress, {len(dead)} interrupted (swept at the next ingest)"
    )


def _unfinished(ws: Handle) -> Finding:
    with ws.database.read() as connection:
        found = len(erasures.pending(connection))
    detail = f"{found} begun and not finished: the person is in files still (the next write finishes it)"
    return Finding("erasures", not found, detail if found else "none unfinished")


def _key(ws: Handle) -> Finding:
    mode = stat.S_IMODE(ws.layout.key.stat().st_mode)
    return Finding("person key", not mode & 0o077, f"mode {mode:o}")


def _disk(ws: Handle) -> Finding:
    free = shutil.disk_usage(ws.layout.root).free
    return Finding("disk", free > 1 << 30, f"{free / 2**30:.1f} GiB free")
