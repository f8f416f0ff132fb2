"""How good the data are behind a selection: what the uploads' reports say together, and each camera's coverage."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from dwell_kit.ingest import quality as reports
from dwell_kit.ingest import rhythm
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import bucket_edges, parse_moment, to_us
from dwell_kit.store import registry, snapshots, uploads
from dwell_kit.workspace import hourly
from dwell_kit.workspace.handle import Handle
from dwell_kit.workspace.querying import resolve_environment

SEEN: Final = "seen"
NOBODY: Final = "nobody seen"
SILENT: Final = "silent"
DOWN: Final = "down"
UNCOVERED: Final = "not covered"
STATES: Final = (SEEN, NOBODY, SILENT, DOWN, UNCOVERED)
"""Of a camera's hour: somebody was seen; covered without anybody; implausibly so; stated to be down; unknown."""
_MOMENT: Final = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class Quality:
    """The quality of the data behind a selection.

    uploads : those that touch the time looked at, newest first. report : theirs together.
    reasons : reason, rows (rejected), share (of the rows read); the most frequent first.
    stretches : camera_id, state (one of `STATES`), started_at, ended_at (UTC, whole hours), hours.
    cameras : camera_id, covered_share (of the hours looked at), silent_h.
    covered_share : of the hours of all cameras looked at, None without any; silent_h : of them all.
    """

    uploads: list[dict[str, Any]]
    report: reports.Report
    reasons: pl.DataFrame
    stretches: pl.DataFrame
    cameras: pl.DataFrame
    covered_share: float | None
    silent_h: int


def quality(ws: Handle, filters: Filters) -> Quality:
    """The quality of the uploads of an environment that touch the time of the filters, and of the cameras chosen.

    The hours are local ones, see `hourly.hours`: in a `seen` one somebody was; `down` was stated; `silent` is
    implausible by the camera's other days; other covered ones are `nobody seen`, the rest `not covered`.
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
    together = reports.combined(report for _, report in touching)
    hours = _hours(hourly.hours(ws, place, snapshot), chosen, since, until, place.tz)
    by_camera = _by_camera(hours)
    share: Any = by_camera["covered_share"].mean()  # each camera has the same hours
    return Quality(
        [u for u, _ in touching], together, _reasons(together), _stretches(hours), by_camera,
        share, int(by_camera["silent_h"].sum()),
    )  # fmt: skip


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
    known: pl.DataFrame, cameras: list[str], since: datetime | None, until: datetime | None, tz: str
) -> pl.DataFrame:
    """camera_id, hour (UTC; local hours), state: every hour of the time looked at, of every camera."""
    mine = known.filter(pl.col(c.CAMERA).is_in(cameras))
    if mine.is_empty():
        return pl.DataFrame(schema={c.CAMERA: pl.String, c.HOUR: _MOMENT, "state": pl.String})
    first, last = mine[c.HOUR].to_physical().min(), mine[c.HOUR].to_physical().max()
    low = to_us(since) if since else int(first)  # type: ignore[arg-type]
    high = to_us(until) if until else int(last) + 1  # type: ignore[arg-type]
    edges = bucket_edges(low, max(high - 1, low), every="hour", tz=tz)
    grid = pl.DataFrame({c.HOUR: pl.Series(edges[:-1]).cast(_MOMENT)})
    everywhere = pl.concat([grid.with_columns(pl.lit(camera).alias(c.CAMERA)) for camera in cameras])
    states = everywhere.join(mine, on=[c.CAMERA, c.HOUR], how="left").sort(c.CAMERA, c.HOUR)
    of, covered = pl.col(rhythm.STATE), (pl.col(c.COVERED_S) > 0).fill_null(value=False)
    state = (
        pl.when(pl.col(c.N_SIGHTINGS) > 0).then(pl.lit(SEEN)).when(of == "down").then(pl.lit(DOWN))
        .when(of == "silent").then(pl.lit(SILENT)).when(covered).then(pl.lit(NOBODY)).otherwise(pl.lit(UNCOVERED))
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
            (~pl.col("state").is_in([UNCOVERED, DOWN])).mean().alias("covered_share"),
            (pl.col("state") == SILENT).sum().cast(pl.Int64).alias("silent_h"),
        )
        .sort(c.CAMERA)
    )
