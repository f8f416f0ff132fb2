"""A file in: read, stage, publish. Nothing is visible before the snapshot row, nothing is lost after it."""

from __future__ import annotations

import json
import math
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection

from dwell_kit.errors import FilterError, in_words
from dwell_kit.ingest import readers
from dwell_kit.ingest.batches import Batch, Reader, ReadOptions
from dwell_kit.ingest.quality import NO_CAMERA, Collector, Report
from dwell_kit.ingest.rejects import shifted
from dwell_kit.ingest.sources import Source
from dwell_kit.ingest.stays import Stays
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS, REJECTS, SIGHTINGS
from dwell_kit.schema.time import from_us
from dwell_kit.store import exits, registry, snapshots, uploads
from dwell_kit.store.keys import PersonCoder
from dwell_kit.store.raw import PayloadWriter, RawKeeper, hash_file
from dwell_kit.workspace.committing import commit_tables
from dwell_kit.workspace.covering import parse_window
from dwell_kit.workspace.handle import Handle, who
from dwell_kit.workspace.publishing import Draft, Step, no_step, publishing
from dwell_kit.workspace.remembering import drop
from dwell_kit.workspace.staging import Stager
from dwell_kit.workspace.sweeping import claim, sweep

DEFAULT_ENVIRONMENT = "main"
DEFAULT_SOURCE = "main"
_Span = tuple[datetime | None, datetime | None]
_SAID = (
    "columns", "time_format", "day_first", "ambiguous", "utc_offset_confirmed", "loitering_unit", "encoding",
    "delimiter", "camera", "zone", "start", "fps", "stay_gap", "zones",
)  # fmt: skip
"""Options that change what a file says."""
Also = Callable[[Draft, Report], None]
"""What is to be published with an upload: called under the lease with its rows in the draft."""
Progress = Callable[[int, int], None]
"""Called with (bytes read, bytes in all; 0 if unknown)."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where an upload goes."""

    environment: str = DEFAULT_ENVIRONMENT
    source: str = DEFAULT_SOURCE
    reader: str | None = None
    window: tuple[datetime | str, datetime | str] | None = None
    """The time that the export covers, if the caller knows; else the span of its rows."""
    watched: Mapping[str, Sequence[tuple[datetime, datetime]]] | None = None
    """Camera → when it was watched, if the caller knows it of each; in place of `window`."""
    said: tuple[str, ...] = ()
    """What the report is to say of how the rows were made."""
    uploader: str | None = None
    notes: str | None = None
    tz: str | None = None
    """Time zone to give the environment."""


@dataclass(frozen=True)
class _Job:
    """A file, what reads it, and where it goes."""

    path: Path
    size: int
    readers: str
    target: Target
    options: ReadOptions


@dataclass(frozen=True)
class _Upload:
    """An upload on its way from its first byte to its snapshot."""

    seq: int
    upload_id: str
    target: Target
    stager: Stager
    window: _Span

    @property
    def covered(self) -> _Span:
        """The time that the rows speak for: the window given, else their span; none for crowd events alone."""
        stretches = [pair for pairs in (self.target.watched or {}).values() for pair in pairs]
        if stretches:
            return min(since for since, _ in stretches), max(until for _, until in stretches)
        if not self.stager.watches:
            return None, None
        if self.window[0] is not None or self.stager.span is None:
            return self.window
        return from_us(self.stager.span[0]), from_us(self.stager.span[1])


def ingest(
    ws: Handle,
    path: str | os.PathLike[str],
    *,
    target: Target,
    options: ReadOptions,
    progress: Progress | None = None,
    step: Step = no_step,
    also: Also | None = None,
) -> Report:
    """Read one file into the workspace; the report says what became of every row.

    The same bytes again change nothing and return the first report with `repeated` set.

    Raises
    ------
    InputError : if the file as a whole cannot be read; nothing stays behind, the upload is kept as failed.
    """
    window = check(ws, target)
    source = Source(Path(path), limits=options.limits)
    parts = [(part, reader_of(part, target, options)) for part in source.members()]
    job = _Job(Path(path), source.size, "+".join(dict.fromkeys(r.name for _, r in parts)), target, options)
    sweep(ws)
    before = _seen_before(ws, job)
    if before is not None:
        return before
    upload_id = uuid.uuid4().hex
    with claim(ws, upload_id):
        upload = _register(ws, job, upload_id, window)
        step("registered")
        return _ingest(ws, job, upload, progress, step, also)


def check(ws: Handle, target: Target) -> _Span:
    """The window given, as UTC instants, before a byte is read.

    Raises
    ------
    DwellError : if nothing can be written, or not there: a name, zone or window that means nothing, another zone.
    """
    ws.writable()
    registry.check_environment_name(target.environment)
    _check_zone(ws, target)
    return _window(ws, target)


def _check_zone(ws: Handle, target: Target) -> None:
    """An environment's time zone is set with its first upload: another one would move every day before it."""
    if target.tz is None:
        return
    with ws.database.read() as connection:
        known = next((e for e in registry.environments(connection) if e.name == target.environment), None)
        if known is None or known.tz == target.tz or not uploads.any_processed(connection, target.environment):
            return
    raise FilterError(
        f"the environment {known.name!r} is in another time zone",
        expected=known.tz,
        found=target.tz,
        hint=f"leave tz out; or, if {known.tz} was wrong, change it for everything that is there: "
        f"ws.set_environment({known.name!r}, tz={target.tz!r}), and read files with local times again",
    )


def _window(ws: Handle, target: Target) -> _Span:
    if target.window is None:
        return None, None
    with ws.database.read() as connection:
        known = {e.name: e.tz for e in registry.environments(connection)}
    return parse_window(target.window, target.tz or known.get(target.environment, "UTC"))


def _outside(upload: _Upload) -> list[str]:
    """A note if rows reach out of the window given."""
    since, until = upload.window
    span = upload.stager.span
    if since is None or until is None or span is None or (since <= from_us(span[0]) and from_us(span[1]) <= until):
        return []
    return [
        f"rows reach out of the window given ({since.isoformat()} to {until.isoformat()}): they span "
        f"{from_us(span[0]).isoformat()} to {from_us(span[1]).isoformat()}"
    ]


def reader_of(part: Source, target: Target, options: ReadOptions) -> Reader:
    """The reader that was named, or that knows the file."""
    return readers.get(target.reader) if target.reader else readers.detect(part, options)


def _ingest(
    ws: Handle, job: _Job, upload: _Upload, progress: Progress | None, step: Step, also: Also | None
) -> Report:
    temporary = ws.layout.temporary / f"{upload.upload_id}.raw"
    try:
        with RawKeeper(ws.layout.raw, temporary, keep=ws.settings.keep_raw) as raw:
            source = Source(job.path, on_bytes=_tee(raw, job.size, progress), limits=job.options.limits)
            collector = Collector(reader=job.readers, filename=source.name, header=_header(source, job))
            stays = Stays(max_gap=_seconds(job.options.stay_gap), zones=job.options.zones)
            parts: list[dict[str, Any]] = []
            for batch in batches(source, job.target, job.options, parts):
                collector.add(batch)
                upload.stager.add(batch)
                if batch.table == POSITIONS.name:
                    stays.add(batch.rows)
                step("batch staged")
            source.finish()
            upload.stager.add(_seen(stays, job.options))
            upload.stager.finish()
            step("staged")
            report = collector.report()
            report.upload_id = upload.upload_id
            report.stored = upload.stager.stored()
            report.parts = parts if len(parts) > 1 and report.header is not None else []
            report.notes.extend([*stays.notes(), *_outside(upload), *job.target.said])
            repeated = _publish(ws, upload, raw, job.readers, report, step, also)
    except BaseException as error:
        _fail(ws, upload, error)
        raise
    if repeated is not None:
        upload.stager.discard()
        with ws.database.write() as connection:
            uploads.change(connection, upload.seq, status=uploads.REPEATED)
        return repeated
    return report


def _seen(stays: Stays, options: ReadOptions) -> Batch:
    """What tracks say of presence: the same facts as an export of appearances (SPEC S1.5)."""
    zones = [
        {c.ZONE: z.name, "zone_name": z.name, "zone_vertices": json.dumps({"unit": z.unit, "vertices": z.polygon})}
        for z in options.zones
    ]
    named = pl.DataFrame(zones, schema=dict.fromkeys((c.CAMERA, c.ZONE, "zone_name", "zone_vertices"), pl.String))
    return Batch(
        table=SIGHTINGS.name,
        rows=stays.sightings(),
        rejects=REJECTS.empty(),
        cameras=named if options.zones else None,
    )


def _seconds(value: float | None) -> timedelta | None:
    if value is None:
        return None
    if not math.isfinite(value) or value < 0:
        raise FilterError("the gap in a stay is no length", expected="seconds, 0 or more", found=repr(value))
    return timedelta(seconds=value)


def _header(source: Source, job: _Job) -> list[str] | None:
    """The header that rejects are written under; None for records without one."""
    part = source.members()[0]
    return None if "insights" in job.readers else list(part.head(job.options).columns)


def batches(source: Source, target: Target, options: ReadOptions, parts: list[dict[str, Any]]) -> Iterator[Batch]:
    """The batches of every part of a file, their rows numbered through; `parts` learns where each begins."""
    last = 0
    for part in source.members():
        offset = last
        parts.append({"name": part.name, "after": offset, "header": list(part.head(options).columns)})
        for batch in reader_of(part, target, options).read(part, options):
            moved = shifted(batch, offset)
            last = max([last, *(int(f[c.ROW_NO].max()) for f in (moved.rows, moved.rejects) if f.height)])  # type: ignore[arg-type]
            yield moved


def _seen_before(ws: Handle, job: _Job) -> Report | None:
    """The report of the upload of the very same bytes, found without reading them through the reader."""
    target = job.target
    with ws.database.read() as connection:
        if not uploads.same_size(connection, target.environment, job.size):
            return None
        content_hash = hash_file(job.path)
        found = uploads.same_content(connection, target.environment, target.source, content_hash, job.readers)
    if found is None:
        return None
    notes = [*found["report"]["notes"], *_unused(job, found["seq"])]
    return Report.from_dict({**found["report"], "repeated": True, "notes": notes})


def _unused(job: _Job, seq: int) -> list[str]:
    """A note if something was said of how to read a file that is there already."""
    usual = ReadOptions()
    said = [name for name in _SAID if getattr(job.options, name) != getattr(usual, name)]
    said += ["window"] * (job.target.window is not None)
    if not said:
        return []
    return [f"{', '.join(said)}: not used, the file is there already; undo upload {seq} to read it anew"]


def _tee(raw: RawKeeper, total: int, progress: Progress | None) -> Callable[[bytes], None]:
    if progress is None:
        return raw

    def both(chunk: bytes) -> None:
        raw(chunk)
        progress(raw.bytes, total)

    return both


def _register(ws: Handle, job: _Job, upload_id: str, window: _Span) -> _Upload:
    target = job.target
    with ws.database.write() as connection:
        seq = uploads.begin(
            connection,
            upload_id=upload_id,
            environment=target.environment,
            source=target.source,
            reader=job.readers,
            filename=job.path.name,
            bytes=job.size,
            uploader=target.uploader or who(),
            uploaded_at=ws.now(),
            notes=target.notes,
        )
    stager = Stager(
        ws.lake,
        PayloadWriter(ws.layout.payload / str(seq)),
        PersonCoder(ws.secret, target.environment, target.source),
        upload_id=upload_id,
        seq=seq,
        environment=target.environment,
    )
    return _Upload(seq, upload_id, target, stager, window)


def _publish(
    ws: Handle, upload: _Upload, raw: RawKeeper, reader: str, report: Report, step: Step, also: Also | None
) -> Report | None:
    """Make the upload visible; returns the earlier report instead if the very same bytes are there already."""
    target = upload.target
    with publishing(ws, reason=f"{snapshots.INGEST} {upload.upload_id}", step=step) as draft:
        with ws.database.read() as connection:
            before = uploads.same_content(connection, target.environment, target.source, raw.content_hash, reader)
        if before is not None:
            draft.cancelled = True
            return Report.from_dict({**before["report"], "repeated": True})
        content_hash = raw.keep()
        step("raw kept")
        events = exits.READER in reader
        commit_tables(ws, upload.stager, draft, report, step, events=events)
        if also is not None:
            also(draft, report)
            step("looks kept")
        draft.finally_do.append(lambda connection: _enter(ws, upload, draft, report, content_hash, connection))
    return None


def _enter(
    ws: Handle, upload: _Upload, draft: Draft, report: Report, content_hash: str, connection: Connection
) -> None:
    target = upload.target
    report.snapshot_id = draft.snapshot_id
    # only now: a file that could not be read leaves no environment behind, and no other time zone
    registry.put_environment(connection, target.environment, now=ws.now(), tz=target.tz)
    if target.watched is not None:
        report.watched = {
            camera: [[since.isoformat(), until.isoformat()] for since, until in stretches]
            for camera, stretches in target.watched.items()
        }
    cameras = dict.fromkeys([q for q in report.coverage if q != NO_CAMERA] + list(report.watched or {}))
    named = pl.DataFrame({c.CAMERA: list(cameras)}, schema={c.CAMERA: pl.String})
    seen = pl.concat([*upload.stager.cameras, named], how="diagonal_relaxed").unique(maintain_order=True)
    registry.learn_cameras(connection, target.environment, seen)
    report.places = seen.to_dicts()
    covered = upload.covered
    uploads.change(
        connection,
        upload.seq,
        status=uploads.PROCESSED,
        content_hash=content_hash,
        covered_from=covered[0],
        covered_till=covered[1],
        report=report.as_dict(),
    )
    registry.note(
        connection,
        who=target.uploader or who(),
        action="ingest",
        detail={"upload_id": upload.upload_id, "environment": target.environment},
        now=ws.now(),
    )


def _fail(ws: Handle, upload: _Upload, error: BaseException) -> None:
    with ws.database.read() as connection:
        if uploads.get(connection, upload.seq)["status"] == uploads.PROCESSED:
            return  # it is published: what failed came after
    upload.stager.discard()
    drop(ws, upload.target.environment, upload.upload_id)
    with ws.database.write() as connection:
        uploads.change(connection, upload.seq, status=uploads.FAILED, notes=in_words(error))
