"""Coverage by camera and local hour: up, down, silent or unknown, over all uploads of a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.watched import overlap
from dwell_kit.errors import FilterError, NotFoundError
from dwell_kit.ingest import rhythm
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.coverage import Coverage, Intervals
from dwell_kit.schema.time import US, bucket_edges, from_us, local_clock
from dwell_kit.store import hot, registry, statements
from dwell_kit.store.database import camera_status
from dwell_kit.store.snapshots import Snapshot
from dwell_kit.workspace.coding import starts_by_quarter
from dwell_kit.workspace.covering import Status, changed, coverage_of
from dwell_kit.workspace.handle import Handle

LOCAL_HOUR: Final = "local_hour"
DOWN_S: Final = "down_s"
SILENT_HOURS: Final = "silent_hours"
_ALL_UP: Final = "all up"
_WHOLE: Final = "whole"
_SLOT: Final = "slot"
_KEEP: Final = 4
_NEVER: Final[Intervals] = np.empty((0, 2), np.int64)


def coverage(
    ws: Handle, environment: registry.Environment, *, by: str | None = None, cameras: Sequence[str] = ()
) -> pl.DataFrame:
    """When cameras were watched: their stretches, or (by="hour") every hour, see `hours`.

    Returns
    -------
    camera_id, covered_from, covered_till (UTC), silent_hours (that begin in the stretch), a row for each stretch.

    Raises
    ------
    FilterError : for another `by`. NotFoundError : for a camera nobody knows.
    """
    if by not in {None, "hour"}:
        raise FilterError(
            f"there is no coverage by {by!r}", expected="hour, or stretches: by=None", found=repr(by)
        )
    with ws.database.read() as connection:
        there = [row["camera_id"] for row in registry.cameras(connection, environment.name)]
    for camera in cameras:
        if camera not in there:
            raise NotFoundError(
                f"there is no camera {camera!r} in {environment.name!r}",
                expected=", ".join(there[:30]) or "none: no camera is known",
                found=repr(camera),
            )
    wanted = [camera for camera in there if not cameras or camera in cameras]
    table = hours(ws, environment, ws.snapshot()).filter(pl.col(c.CAMERA).is_in(wanted))
    if by == "hour":
        return table
    known = coverage_of(ws, environment.name, ws.snapshot())
    silent = table.filter(pl.col(rhythm.STATE) == "silent").sort(c.HOUR)
    begun = silent.select(c.CAMERA, pl.col(c.HOUR).to_physical()).partition_by(c.CAMERA, as_dict=True)
    rows = []
    for camera in wanted:
        at = begun[(camera,)][c.HOUR].to_numpy() if (camera,) in begun else ()
        spans = known.of_camera(camera)
        first, last = np.searchsorted(at, spans).T
        held = zip(spans.tolist(), (last - first).tolist(), strict=True)
        rows += [(camera, from_us(a), from_us(b), n) for (a, b), n in held]
    moment = pl.Datetime("us", "UTC")
    times = {"covered_from": moment, "covered_till": moment}
    schema: dict[str, Any] = {c.CAMERA: pl.String, **times, SILENT_HOURS: pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def hours(ws: Handle, environment: registry.Environment, snapshot: Snapshot) -> pl.DataFrame:
    """Every camera and local hour from the first to the last that anything is known of.

    `down`: the camera was stated to be down, and nothing of the hour is covered. `up`: somebody was seen, or it
    was stated to be up for the whole hour: then nobody came. `silent`: the hour is covered, nobody was seen, and
    by the camera's own rhythm (the same local hour of its other wholly covered days, `rhythm.odds`) that is
    implausible: it was probably down. `unknown`: everything else, as an export carries no heartbeat.

    Returns
    -------
    camera_id, hour (UTC), local_hour (ISO text with its offset), state, odds (null where nothing is judged),
    sightings (that start in it), covered_s, down_s (stated).
    """
    key = (environment.name, snapshot.id, environment.tz)
    if key not in ws.hours:
        for old in list(ws.hours)[: max(0, len(ws.hours) - _KEEP + 1)]:
            ws.hours.pop(old, None)
        ws.hours[key] = _hours(ws, environment, snapshot)
    return ws.hours[key]


def silent_hours(
    ws: Handle, environment: registry.Environment, snapshot: Snapshot, coded: Coded, selection: Selection
) -> int:
    """How many hours of the selected cameras, in the selected time, are silent."""
    silent = hours(ws, environment, snapshot).filter(pl.col(rhythm.STATE) == "silent")
    if not selection.camera[:-1].all():
        chosen = [name for name, on in zip(coded.cameras, selection.camera, strict=False) if on]
        silent = silent.filter(pl.col(c.CAMERA).is_in(chosen))
    begin, spans = silent[c.HOUR].to_physical().to_numpy(), selection.intervals
    if not len(begin) or not len(spans):
        return 0
    at = np.minimum(np.searchsorted(spans[:, 1], begin, side="right"), len(spans) - 1)
    return int(((spans[at, 1] > begin) & (spans[at, 0] < begin + rhythm.HOUR_US)).sum())


class _Stated(NamedTuple):
    """When a camera was stated to be down, and up."""

    down: Intervals
    up: Intervals


def _hours(ws: Handle, environment: registry.Environment, snapshot: Snapshot) -> pl.DataFrame:
    known = coverage_of(ws, environment.name, snapshot)
    counts = starts_by_quarter(ws, environment.name, snapshot)
    with ws.database.read() as connection:
        rows = statements.standing(connection, camera_status, environment.name, snapshot.id)
        cameras = [row["camera_id"] for row in registry.cameras(connection, environment.name)]
    stated = _stated([Status.of(row) for row in rows])
    cameras = sorted({*cameras, *counts[c.CAMERA].to_list()})
    starts = counts[hot.QUARTER].to_numpy() * hot.QUARTER_US
    edges = _edges(known, cameras, starts, stated, environment.tz)
    seen = np.zeros((len(cameras), len(edges) - 1), np.int64)
    place = {camera: q for q, camera in enumerate(cameras)}
    at = np.searchsorted(edges, starts, side="right") - 1
    camera = np.array([place[q] for q in counts[c.CAMERA]], np.int64)
    np.add.at(seen, (camera, at), counts[c.N_SIGHTINGS].to_numpy())
    grid = _grid(known, cameras, edges, stated, environment.tz).with_columns(
        pl.Series(c.N_SIGHTINGS, seen.ravel())
    )
    # hours that are not wholly covered are compared with nothing, and measure nothing
    same = pl.when(_WHOLE).then(pl.col(_SLOT))
    return _labelled(grid.with_columns(rhythm.odds([pl.col(c.CAMERA), same], pl.col(_WHOLE))))


def _edges(
    known: Coverage, cameras: Sequence[str], starts: NDArray[np.int64], stated: dict[str, _Stated], tz: str
) -> NDArray[np.int64]:
    """Edges of the local hours that hold all coverage, sightings and statements; (1,) if there are none."""
    spans = [known.of_camera(camera) for camera in cameras]
    spans += [held for both in stated.values() for held in both]
    # a start is in its hour, the end of a span in the one before it
    inside = np.concatenate([starts, *(held[:, 0] for held in spans), *(held[:, 1] - 1 for held in spans)])
    if not len(inside):
        return np.zeros(1, np.int64)
    return bucket_edges(int(inside.min()), int(inside.max()), every="hour", tz=tz)


def _grid(
    known: Coverage, cameras: Sequence[str], edges: NDArray[np.int64], stated: dict[str, _Stated], tz: str
) -> pl.DataFrame:
    """camera_id, hour (µs), local_hour, slot (clock hour), covered_s, down_s, all up, whole: for every camera."""
    begin, length = edges[:-1], np.diff(edges)
    moment = pl.Series(begin, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
    local = moment.dt.convert_time_zone(tz).dt.strftime("%Y-%m-%dT%H:%M%:z")
    nothing = _Stated(_NEVER, _NEVER)
    covered = np.array([overlap(known.of_camera(camera), edges) for camera in cameras])
    down = np.array([overlap(stated.get(camera, nothing).down, edges) for camera in cameras])
    up = np.array([overlap(stated.get(camera, nothing).up, edges) for camera in cameras])
    every = np.tile(np.arange(len(begin)), len(cameras))
    return pl.DataFrame(
        {
            c.CAMERA: pl.Series(cameras, dtype=pl.String).gather(np.repeat(np.arange(len(cameras)), len(begin))),
            c.HOUR: pl.Series(begin[every], dtype=pl.Int64),
            LOCAL_HOUR: local.gather(every),
            _SLOT: pl.Series(local_clock(begin, tz)[1][every], dtype=pl.Int64),
            c.COVERED_S: pl.Series(covered.ravel() / US, dtype=pl.Float64),
            DOWN_S: pl.Series(down.ravel() / US, dtype=pl.Float64),
            _ALL_UP: pl.Series((up == length).ravel(), dtype=pl.Boolean),
            _WHOLE: pl.Series((covered == length).ravel(), dtype=pl.Boolean),
        }
    )


def _labelled(frame: pl.DataFrame) -> pl.DataFrame:
    up = (pl.col(c.N_SIGHTINGS) > 0) | pl.col(_ALL_UP)
    state = (
        pl.when((pl.col(DOWN_S) > 0) & (pl.col(c.COVERED_S) == 0))
        .then(pl.lit("down"))
        .when(up)
        .then(pl.lit("up"))
        .when(pl.col(rhythm.ODDS) < rhythm.IMPLAUSIBLE)
        .then(pl.lit("silent"))
        .otherwise(pl.lit("unknown"))
    )
    moment = pl.col(c.HOUR).cast(pl.Datetime("us", "UTC"))
    odds = pl.when(~up).then(pl.col(rhythm.ODDS)).alias(rhythm.ODDS)
    return frame.select(
        c.CAMERA, moment, LOCAL_HOUR, state.alias(rhythm.STATE), odds, c.N_SIGHTINGS, c.COVERED_S, DOWN_S
    )


def _stated(said: Sequence[Status]) -> dict[str, _Stated]:
    """What holds of each camera once later statements have overruled earlier ones."""
    found: dict[str, _Stated] = {}
    for status in said:
        before = found.get(status.camera, _Stated(_NEVER, _NEVER))
        against = status._replace(up=not status.up)
        found[status.camera] = _Stated(changed(before.down, against), changed(before.up, status))
    return found
