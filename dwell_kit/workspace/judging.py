"""How good the data are behind a selection: what the uploads' reports say together, and each camera's coverage."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from dwell_kit.analytics.watched import overlap
from dwell_kit.ingest import quality as reports
from dwell_kit.ingest import rhythm
from dwell_kit.schema import columns as c
from dwell_kit.schema.coverage import Coverage
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import parse_moment, to_us
from dwell_kit.store import registry, snapshots, uploads
from dwell_kit.workspace.covering import coverage_of
from dwell_kit.workspace.handle import Handle
from dwell_kit.workspace.querying import resolve_environment

SEEN: Final = "seen"
NOBODY: Final = "nobody seen"
SILENT: Final = "silent"
UNCOVERED: Final = "not covered"
STATES: Final = (SEEN, NOBODY, SILENT, UNCOVERED)
"""Of a camera's hour: somebody was seen; covered without anybody; implausibly without anybody; unknown."""
_MOMENT: Final = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class Quality:
    """The quality of the data behind a selection.

    uploads : those that touch the time looked at, newest first. report : theirs together.
    reasons : reason, rows (rejected), share (of the rows read); the most frequent first.
    stretches : camera_id, state (one of `STATES`), started_at, ended_at (UTC, whole hours), hours.
    cameras : camera_id, covered_share (of the hours looked at), silent_h.
    """

    uploads: list[dict[str, Any]]
    report: reports.Report
    reasons: pl.DataFrame
    stretches: pl.DataFrame
    cameras: pl.DataFrame


def quality(ws: Handle, filters: Filters) -> Quality:
    """The quality of the uploads of an environment that touch the time of the filters, and of the cameras chosen.

    An hour in which somebody was seen is `seen`; `silent` is decided by `rhythm.coverage_by_hour` from the
    camera's other days; other covered hours are `nobody seen`; hours that no upload covers are `not covered`.
    """
    place = resolve_environment(ws, filters.environment)
    snapshot = ws.snapshot()
    since, until = (None if m is None else parse_moment(m, place.tz) for m in (filters.since, filters.until))
    with ws.database.read() as connection:
        alive = snapshots.uploads_in(connection, snapshot.id)
        history = [u for u in uploads.history(connection, place.name) if u["upload_id"] in alive]
        cameras = [row["camera_id"] for row in registry.cameras(connection, place.name)]
        groups = registry.groups(connection, place.name)
    in_groups = {camera for name in filters.groups for camera in groups.get(name, [])}
    chosen = [
        q for q in cameras if _chosen(q, filters.cameras) and _chosen(q, in_groups if filters.groups else ())
    ]
    given = [(u, reports.Report.from_dict(u["report"])) for u in history if u["report"]]
    touching = [(u, report) for u, report in given if _touches(report, since, until)]
    whole = reports.combined(report for u, report in given if u["covered_from"] is not None)
    together = reports.combined(report for _, report in touching)
    known = coverage_of(ws, place.name, snapshot)
    hours = _hours(whole, known, chosen, since, until)
    return Quality([u for u, _ in touching], together, _reasons(together), _stretches(hours), _by_camera(hours))


def _chosen(camera: str, wanted: Collection[str]) -> bool:
    return not wanted or camera in wanted


def _touches(report: reports.Report, since: datetime | None, until: datetime | None) -> bool:
    if report.first is None or report.last is None:
        return True  # nothing of it was accepted: it belongs to no time
    first, last = datetime.fromisoformat(report.first), datetime.fromisoformat(report.last)
    return (since is None or last >= since) and (until is None or first < until)


def _reasons(report: reports.Report) -> pl.DataFrame:
    rows = [(reason, n, n / report.rows_read) for reason, n in report.reasons.items()]
    schema: dict[str, Any] = {c.REASON: pl.String, "rows": pl.Int64, c.SHARE: pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row").sort("rows", c.REASON, descending=[True, False])


def _hours(
    report: reports.Report,
    known: Coverage,
    cameras: list[str],
    since: datetime | None,
    until: datetime | None,
) -> pl.DataFrame:
    """camera_id, hour (UTC), state: every hour of the time looked at, of every camera."""
    seen = report.coverage_by_hour().select(c.CAMERA, c.HOUR, rhythm.STATE)
    anywhere = [pair for q in cameras for pair in known.of_camera(q).tolist()]
    if not anywhere:
        return pl.DataFrame(schema={c.CAMERA: pl.String, c.HOUR: _MOMENT, "state": pl.String})
    low = to_us(since) if since else min(a for a, _ in anywhere)
    high = to_us(until) if until else max(b for _, b in anywhere)
    first, after = low // rhythm.HOUR_US, -(-high // rhythm.HOUR_US)
    edges = np.arange(first, after + 1, dtype=np.int64) * rhythm.HOUR_US
    grid = pl.DataFrame({c.HOUR: pl.Series(edges[:-1]).cast(_MOMENT)})
    parts = [
        grid.with_columns(
            pl.lit(camera).alias(c.CAMERA),
            pl.Series("covered", overlap(known.of_camera(camera), edges) > 0, dtype=pl.Boolean),
        )
        for camera in cameras
    ]
    states = pl.concat(parts).join(seen, on=[c.CAMERA, c.HOUR], how="left").sort(c.CAMERA, c.HOUR)
    of = pl.col(rhythm.STATE)
    state = (
        pl.when(of == "up").then(pl.lit(SEEN)).when(~pl.col("covered")).then(pl.lit(UNCOVERED))
        .when(of == "silent").then(pl.lit(SILENT)).otherwise(pl.lit(NOBODY))
    )  # fmt: skip
    return states.select(c.CAMERA, c.HOUR, state.alias("state"))


def _stretches(hours: pl.DataFrame) -> pl.DataFrame:
    """Neighbouring hours of one state as one row."""
    run = (pl.struct(c.CAMERA, "state").rle_id()).alias("run")
    return (
        hours.with_columns(run)
        .group_by("run", maintain_order=True)
        .agg(
            pl.col(c.CAMERA).first(), pl.col("state").first(), pl.col(c.HOUR).min().alias(c.STARTED),
            (pl.col(c.HOUR).max() + timedelta(hours=1)).alias(c.ENDED), pl.len().cast(pl.Int64).alias("hours"),
        )
        .drop("run")
    )  # fmt: skip


def _by_camera(hours: pl.DataFrame) -> pl.DataFrame:
    return (
        hours.group_by(c.CAMERA)
        .agg(
            (pl.col("state") != UNCOVERED).mean().alias("covered_share"),
            (pl.col("state") == SILENT).sum().cast(pl.Int64).alias("silent_h"),
        )
        .sort(c.CAMERA)
    )
