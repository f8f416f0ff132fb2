"""The `Workspace` object: handles and thin delegations. Its public names are frozen by a test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import Connection

from dwell_kit.errors import FilterError
from dwell_kit.ingest.batches import ReadOptions
from dwell_kit.ingest.quality import Report
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.geometry import Zone
from dwell_kit.schema.hours import OpeningHours
from dwell_kit.schema.tables import UTC_US
from dwell_kit.schema.time import parse_moment, zone
from dwell_kit.settings import Settings
from dwell_kit.store import registry, snapshots, uploads
from dwell_kit.workspace import (
    checking,
    comparing,
    covering,
    erasing,
    exporting,
    hourly,
    ingesting,
    judging,
    linking,
    maintaining,
    paging,
    querying,
    recovering,
    spreading,
    track_runs,
    tracking,
    undoing,
    watching,
)
from dwell_kit.workspace.comparing import Comparison
from dwell_kit.workspace.handle import Handle, open_handle, who
from dwell_kit.workspace.judging import Quality
from dwell_kit.workspace.paging import Rows
from dwell_kit.workspace.publishing import Step, no_step
from dwell_kit.workspace.querying import Kind


def open(
    path: str | os.PathLike[str] | None = None,
    *,
    version: int | None = None,
    as_of: datetime | str | None = None,
    create: bool = True,
    settings: Settings | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Workspace:
    """Open the workspace folder at `path`; a new or empty folder becomes one.

    Parameters
    ----------
    version : look at this snapshot id, read-only. as_of : at the newest one at that time.
    create : make the workspace if there is none.
    clock : gives the current time (UTC); for tests and simulations.

    Raises
    ------
    WorkspaceError : if the folder is not a workspace or cannot be used.
    NotFoundError : if there is no such workspace (and none is to be made) or version.
    """
    if version is not None and as_of is not None:
        raise FilterError("version and as_of say the same thing twice", expected="one of the two")
    chosen = settings or Settings.from_environment()
    handle = open_handle(
        path if path is not None else chosen.workspace,
        create=create,
        settings=chosen,
        now=clock or (lambda: datetime.now(UTC)),
    )
    with handle.database.read() as connection:
        if version is not None:
            handle.pinned = snapshots.get(connection, version)
        elif as_of is not None:
            handle.pinned = snapshots.as_of(connection, parse_moment(as_of, "UTC"))
    return Workspace(handle)


class Workspace:
    """A folder of facts. Made by `dwell_kit.open`; use it as a context manager or call `close`."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r}, snapshot {self.snapshot_id})"

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database; the workspace can be opened again."""
        self._handle.loaded.clear()
        self._handle.compared.clear()
        self._handle.database.dispose()

    @property
    def path(self) -> Path:
        """The workspace's folder."""
        return self._handle.layout.root

    @property
    def snapshot_id(self) -> int:
        """The version that queries see: it changes with every ingest, undo, erasure, link and camera status."""
        return self._handle.snapshot().id

    # in

    def ingest(
        self,
        path: str | os.PathLike[str],
        *,
        environment: str | None = None,
        source: str = ingesting.DEFAULT_SOURCE,
        reader: str | None = None,
        tz: str | None = None,
        window: tuple[datetime | str, datetime | str] | None = None,
        uploader: str | None = None,
        notes: str | None = None,
        progress: ingesting.Progress | None = None,
        step: Step = no_step,
        **options: Any,
    ) -> Report:
        """Read one file: detected, validated, deduplicated, visible at once or not at all.

        Parameters
        ----------
        environment : the site; may be left out when there is at most one (a new one is called `main`).
        source : namespace of person ids and keys within the environment.
        reader : a reader's name instead of detection.
        tz : IANA zone of the environment, set with its first upload; naive local times are in it.
        window : the time that the export covers; default is the span of its rows.
        options : of the reader, such as columns={"person_id": "Kunde"}, day_first=True, time_format="…".

        Raises
        ------
        InputError : (and its kinds) when the file as a whole cannot be used; the workspace is as before.
        FilterError : for an option that is not known, or a value that it cannot have.
        """
        name, known = self._place(environment, tz)
        target = ingesting.Target(
            environment=name, source=source, reader=reader, window=window, uploader=uploader, notes=notes, tz=tz
        )
        recovered = recovering.recover(self._handle)
        report = ingesting.ingest(
            self._handle, path, target=replace(target, said=tuple(recovered)),
            options=ReadOptions.of(tz=known, **options), progress=progress, step=step,
        )  # fmt: skip
        if report.repeated:  # its notes are those of the first time
            report.notes += recovered
        return report

    def check_file(
        self,
        path: str | os.PathLike[str],
        *,
        known: tuple[int, int] | None = None,
        environment: str | None = None,
        tz: str | None = None,
        window: tuple[datetime | str, datetime | str] | None = None,
        **options: Any,
    ) -> None:
        """Raise what `ingest` would raise of a file, as far as it is known; nothing is taken in.

        Parameters
        ----------
        known : how many bytes at the beginning and at the end of the file are there; None if it is whole.
        environment, tz, window, options : as of `ingest`.
        """
        name, zone_of = self._place(environment, tz)
        target = ingesting.Target(environment=name, window=window, tz=tz)
        checking.check_file(
            self._handle, Path(path), target=target, options=ReadOptions.of(tz=zone_of, **options),
            known=None if known is None else checking.Known(*known),
        )  # fmt: skip

    def track(
        self,
        cameras: Sequence[track_runs.TrackedCamera | Mapping[str, Any]],
        *,
        start: datetime | str | None = None,
        zones: Iterable[Zone] = (),
        seconds: float | None = None,
        store_every_s: float = track_runs.STORE_EVERY_S,
        lag_s: float | None = None,
        embedder: str | None = None,
        embedder_weights: str | None = None,
        device: str | None = None,
        look_threshold: float | None = None,
        workers: int | None = None,
        cluster: str | None = None,
        chunk_s: float | None = None,
        environment: str | None = None,
        source: str = ingesting.DEFAULT_SOURCE,
        tz: str | None = None,
        uploader: str | None = None,
        notes: str | None = None,
        progress: tracking.Progress | None = None,
        step: Step = no_step,
    ) -> Report:
        """Track persons in videos; positions, sightings and stays in zones are stored as those of files are.

        Parameters
        ----------
        cameras : what is tracked, e.g. [{"camera_id": "door", "video": "door.mp4", "calibration": "door.csv"}];
            `workspace.track_runs.TrackedCamera` says what may be given. Cameras with calibrations share a floor.
        start : instant of the first frame; a naive one is local to the environment. seconds : where to stop;
            live cameras go on without, until Ctrl-C or a request to end.
        store_every_s : media time after which what live cameras saw is stored, while they go on; a run that is
            killed in between leaves the rest to whoever tracks or ingests next.
        lag_s : how far paths look ahead to be made smooth; 2 s unless said; 0 keeps places as seen.
        zones : of the floor, in metres. progress : called with media time, length and the cameras' status.
        embedder : takes looks of persons (clip, colours), so that who was lost, or was there in an earlier run, is
            known again from a cosine of `look_threshold` on (0.8 unless given): as a link, which `links` lists and
            `unlink` takes back. Looks are kept for `Settings.looks_days`, privately.
        embedder_weights, device : what it opens, and where it runs.
        workers : processes of this machine that watch recordings in chunks; scripts call this under
            `if __name__ == "__main__":`, since each process imports them. cluster : address of a Dask scheduler
            instead, whose workers see the videos under the same paths. chunk_s : media time of a chunk, 300 s.

        Raises
        ------
        InputError, AskError : (and their kinds) as the videos say; the workspace is as before.
        DwellError : if there is no such cluster.
        """
        run = track_runs.Run(
            cameras=track_runs.cameras_of(cameras),
            start=start,
            zones=tuple(zones),
            seconds=seconds,
            store_every_s=store_every_s,
            lag_s=lag_s,
            embedder=embedder,
            embedder_weights=embedder_weights,
            device=device,
            look_threshold=look_threshold,
            spread=spreading.Spread(workers=workers, cluster=cluster, chunk_s=chunk_s),
        )
        name, zone_of = self._place(environment, tz)
        target = ingesting.Target(environment=name, source=source, uploader=uploader, notes=notes, tz=tz)
        return tracking.track(self._handle, run, target=target, tz=zone_of, progress=progress, step=step)

    def _place(self, environment: str | None, tz: str | None) -> tuple[str, str]:
        """The environment that a file goes to, and the zone that it is read in."""
        name = self._target_environment(environment, tz)
        with self._handle.database.read() as connection:
            known = {e.name: e.tz for e in registry.environments(connection)}
        return name, tz or known.get(name, "UTC")

    def _target_environment(self, name: str | None, tz: str | None) -> str:
        if tz is not None:
            zone(tz)
        if name is not None:
            return registry.check_environment_name(name)
        known = self.environments()["name"].to_list()
        if len(known) > 1:
            raise FilterError(
                "which environment does this file belong to?",
                expected="one of " + ", ".join(known),
                hint="environment=…",
            )
        return known[0] if known else ingesting.DEFAULT_ENVIRONMENT

    def undo(self, upload: str | int, *, step: Step = no_step) -> dict[str, Any]:
        """Take an upload back; what it had replaced is there again."""
        return undoing.undo(self._handle, upload, step=step)

    def erase(
        self, person_id: str, *, environment: str | None = None, source: str | None = None, step: Step = no_step
    ) -> dict[str, Any]:
        """Remove one person everywhere, older versions included; returns the proof."""
        recovering.insist(self._handle)
        return erasing.erase(self._handle, person_id, environment=environment, source=source, step=step)

    def compact(self, *, keep_versions: int = 10, raw_days: float | None = None) -> dict[str, Any]:
        """Merge small files; remove those that only old versions name, and raw files of `raw_days` or older."""
        return maintaining.compact(self._handle, keep_versions=keep_versions, raw_days=raw_days)

    def link(
        self,
        persons: Iterable[linking.Person],
        *,
        reason: str,
        environment: str | None = None,
        by: str | None = None,
    ) -> dict[str, Any]:
        """Count persons as one, shown under the first id; an id means it in every source, else (source, id)."""
        place = querying.resolve_environment(self._handle, environment)
        return linking.link(self._handle, place.name, persons, reason=reason, by=by)

    def split(
        self,
        person: linking.Person,
        *,
        reason: str,
        camera: str | None = None,
        since: datetime | date | str | None = None,
        until: datetime | date | str | None = None,
        name: str | None = None,
        environment: str | None = None,
        by: str | None = None,
    ) -> dict[str, Any]:
        """Make a person's sightings at a camera, or starting in [since, until), another identity called `name`."""
        place = querying.resolve_environment(self._handle, environment)
        return linking.split(
            self._handle,
            place.name,
            person,
            reason=reason,
            camera=camera,
            since=since,
            until=until,
            name=name,
            by=by,
        )

    def unlink(self, link: int, *, reason: str = "", by: str | None = None) -> dict[str, Any]:
        """Take a merge or split back: figures are to the byte what they were without it."""
        return linking.unlink(self._handle, link, reason=reason, by=by)

    def links(self, environment: str | None = None, *, undone: bool = False) -> list[dict[str, Any]]:
        """The merges and splits in force, with who said so and why; with `undone`, those taken back too."""
        place = querying.resolve_environment(self._handle, environment)
        return linking.listing(self._handle, place.name, undone=undone)

    def doctor(self) -> list[dict[str, Any]]:
        """Check that the workspace is whole; changes nothing."""
        return maintaining.doctor(self._handle)

    # state

    def environments(self) -> pl.DataFrame:
        """name, tz, opening_hours (as text; null: always open) of every environment."""
        with self._handle.database.read() as connection:
            known = registry.environments(connection)
        hours = [OpeningHours.from_dict(e.opening_hours).text() if e.opening_hours else None for e in known]
        rows = [(e.name, e.tz, said) for e, said in zip(known, hours, strict=True)]
        return pl.DataFrame(rows, schema=dict.fromkeys(("name", "tz", "opening_hours"), pl.String), orient="row")

    def tz(self, environment: str | None = None) -> str:
        """IANA time zone of an environment."""
        return querying.resolve_environment(self._handle, environment).tz

    def set_environment(
        self, name: str, *, tz: str | None = None, opening_hours: OpeningHours | None = None
    ) -> None:
        """Make an environment, or change its time zone or opening hours."""
        if tz is not None:
            zone(tz)
        hours = opening_hours.as_dict() if opening_hours is not None else None
        with self._handle.database.write() as connection:
            registry.put_environment(connection, name, now=self._handle.now(), tz=tz, opening_hours=hours)
            self._note(connection, "environment", environment=name, tz=tz, opening_hours=hours)

    def cameras(self, environment: str | None = None, *, as_: Kind = "pandas") -> Any:
        """camera_id, name, group, store, department, division of an environment's cameras."""
        place = querying.resolve_environment(self._handle, environment)
        with self._handle.database.read() as connection:
            rows = registry.cameras(connection, place.name)
        names = ["environment", "camera_id", *registry.CAMERA_WORDS]
        return querying.give(pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String)), as_)

    def zones(self, environment: str | None = None) -> list[str]:
        """Ids of the zones that exports named."""
        place = querying.resolve_environment(self._handle, environment)
        with self._handle.database.read() as connection:
            return registry.zone_ids(connection, place.name)

    def edit_camera(self, camera_id: str, *, environment: str | None = None, **words: str) -> None:
        """Rename or regroup a camera; no fact is read again."""
        place = querying.resolve_environment(self._handle, environment)
        with self._handle.database.write() as connection:
            registry.edit_camera(connection, place.name, camera_id, words)
            self._note(connection, "camera", environment=place.name, camera_id=camera_id, **words)

    def set_list(self, name: str, persons: Iterable[str], *, rule: str, environment: str | None = None) -> None:
        """Replace a list of people (e.g. staff) that figures leave out; `rule` says how they were chosen."""
        place = querying.resolve_environment(self._handle, environment)
        with self._handle.database.write() as connection:
            members = list(dict.fromkeys(persons))
            registry.put_list(connection, place.name, name, members, rule=rule, now=self._handle.now())
            # no ids: the log outlives an erasure
            self._note(connection, "list", environment=place.name, list=name, rule=rule, persons=len(members))

    def lists(self, environment: str | None = None) -> Mapping[str, list[str]]:
        """List name → person ids."""
        place = querying.resolve_environment(self._handle, environment)
        with self._handle.database.read() as connection:
            return registry.listed(connection, place.name)

    def list_rules(self, environment: str | None = None) -> Mapping[str, str]:
        """List name → the rule by which its members were chosen, as it was said."""
        place = querying.resolve_environment(self._handle, environment)
        with self._handle.database.read() as connection:
            return registry.list_rules(connection, place.name)

    def audit(self) -> pl.DataFrame:
        """at (UTC), who, action, detail (JSON) of every change, oldest first; append-only."""
        with self._handle.database.read() as connection:
            rows = registry.audit(connection)
        names = ("at", "who", "action", "detail")
        return pl.DataFrame(rows, schema=dict(zip(names, (UTC_US, *[pl.String] * 3), strict=True)), orient="row")

    def _note(self, connection: Connection, action: str, **detail: Any) -> None:
        registry.note(connection, who=who(), action=action, detail=detail, now=self._handle.now())

    def coverage(
        self,
        environment: str | None = None,
        *,
        by: str | None = None,
        cameras: Iterable[str] = (),
        as_: Kind = "pandas",
    ) -> Any:
        """When each camera was watched, as the uploads and what people stated say.

        camera_id, covered_from, covered_till, silent_hours (in which silence is implausible); by="hour":
        camera_id, hour, local_hour, state (up, down, silent, unknown), odds, sightings, covered_s, down_s.
        """
        place = querying.resolve_environment(self._handle, environment)
        return querying.give(hourly.coverage(self._handle, place, by=by, cameras=tuple(cameras)), as_)

    def set_camera_status(
        self,
        camera_id: str,
        since: datetime | date | str,
        until: datetime | date | str,
        *,
        state: str = "down",
        reason: str,
        environment: str | None = None,
        by: str | None = None,
    ) -> dict[str, Any]:
        """State that a camera was down, or up, in [since, until): its coverage is cut, or extended, by it."""
        place = querying.resolve_environment(self._handle, environment)
        return watching.state(self._handle, place, camera_id, (since, until), state=state, reason=reason, by=by)

    def clear_camera_status(self, status: int, *, reason: str = "", by: str | None = None) -> dict[str, Any]:
        """Take back what was stated of a camera: coverage is what it was without."""
        return watching.clear(self._handle, status, reason=reason, by=by)

    def camera_status(self, environment: str | None = None, *, undone: bool = False) -> list[dict[str, Any]]:
        """What was stated of cameras, with who said so and why; with `undone`, what was taken back too."""
        place = querying.resolve_environment(self._handle, environment)
        return watching.listing(self._handle, place.name, undone=undone)

    def available(self, environment: str | None = None) -> dict[str, Any]:
        """covered_from and covered_till (UTC; None if nothing is covered), the number of uploads, last_upload."""
        place = querying.resolve_environment(self._handle, environment)
        return covering.available(self._handle, place.name, self._handle.snapshot())

    def covered_share(
        self, since: date | str, until: date | str, *, environment: str | None = None
    ) -> float | None:
        """The share of a time (of its opening hours, where the environment has some) in which any camera was
        watched; None if it was never open.
        """
        place = querying.resolve_environment(self._handle, environment)
        known = covering.coverage_of(self._handle, place.name, self._handle.snapshot())
        return covering.share_of(known, parse_moment(since, place.tz), parse_moment(until, place.tz), place)

    def uploads(self, environment: str | None = None) -> list[dict[str, Any]]:
        """The history of uploads, newest first, each with its quality report."""
        with self._handle.database.read() as connection:
            return uploads.history(connection, environment)

    def quality(self, filters: Filters | None = None, **loose: Any) -> Quality:
        """How good the data behind a selection are: rows, reasons, coverage of each camera, overall score."""
        return judging.quality(self._handle, _filters(filters, loose))

    def rejects(self, upload: str | int, *, as_: Kind = "pandas") -> Any:
        """The rows of an upload that were not accepted, with the reason."""
        return querying.give(querying.rejects(self._handle, upload), as_)

    def write_rejects(self, upload: str | int, path: str | os.PathLike[str]) -> Path:
        """Write an upload's rejects as a CSV with the file's own header, to be fixed and ingested again."""
        return querying.write_rejects(self._handle, upload, Path(path))

    # facts

    def sightings(
        self, filters: Filters | None = None, *, payload: bool = False, as_: Kind = "pandas", **loose: Any
    ) -> Any:
        """One row per person and camera stay; place and time filters keep whole sightings that touch."""
        frame = querying.facts(self._handle, "sightings", _filters(filters, loose), payload=payload)
        return querying.give(frame, as_)

    def crowd_events(
        self, filters: Filters | None = None, *, payload: bool = False, as_: Kind = "pandas", **loose: Any
    ) -> Any:
        """Crowd and loitering events; they name a camera, and no zone."""
        frame = querying.facts(self._handle, "crowd_events", _filters(filters, loose), payload=payload)
        return querying.give(frame, as_)

    def positions(self, filters: Filters | None = None, *, as_: Kind = "pandas", **loose: Any) -> Any:
        """Where people were, instant by instant."""
        frame = querying.facts(self._handle, "positions", _filters(filters, loose), payload=False)
        return querying.give(frame, as_)

    def visits(self, filters: Filters | None = None, *, as_: Kind = "pandas", **loose: Any) -> Any:
        """One row per visit: a person's sightings merged while gaps are at most `max_gap`."""
        return self.compute("visits", filters, as_=as_, **loose)

    # figures

    def check(self, filters: Filters | None = None, **loose: Any) -> None:
        """Whether filters mean something here.

        Raises
        ------
        FilterError, NotFoundError : for a place that is not known, opening hours that nobody set, a time that ends
            before it begins.
        """
        querying.scope(self._handle, _filters(filters, loose))

    def summary(self, filters: Filters | None = None, **loose: Any) -> dict[str, Any]:
        """The key figures under filters; `analytics.summary` defines each."""
        return querying.compute(self._handle, "summary", _filters(filters, loose))

    def rows(
        self,
        what: str,
        filters: Filters | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        **loose: Any,
    ) -> Rows:
        """Facts or a quantity as rows that can be paged, sorted, searched and exported as they are shown."""
        return paging.rows(self._handle, what, _filters(filters, loose), **(parameters or {}))

    def compare(self, filters: Filters | None = None, *, k: int | None = None, **loose: Any) -> Comparison:
        """The key figures, and those of the same local length before, where exports cover enough of it.

        Parameters
        ----------
        k : for people who may not see rows: figures about fewer than k persons are hidden, and `suppressed` among
            them says why.
        """
        return comparing.compare(self._handle, _filters(filters, loose), k=k)

    def compute(
        self,
        quantity: str,
        filters: Filters | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        as_: Kind = "pandas",
        **loose: Any,
    ) -> Any:
        """Any quantity of the registry by name, on everything stored: `ws.compute("occupancy", camera="door")`."""
        result = querying.compute(self._handle, quantity, _filters(filters, loose), **(parameters or {}))
        return querying.give(result, as_) if isinstance(result, pl.DataFrame) else result

    def excluded(self, filters: Filters | None = None, **loose: Any) -> int:
        """How many known persons figures and rows leave out because they are on a list (staff)."""
        return querying.excluded(self._handle, _filters(filters, loose))

    def export(
        self,
        path: str | os.PathLike[str],
        what: str = "sightings",
        filters: Filters | None = None,
        *,
        payload: bool = False,
        parameters: Mapping[str, Any] | None = None,
        **loose: Any,
    ) -> Path:
        """Write facts or a quantity as CSV, Excel, JSON or Parquet (by the ending); formulas are neutralised."""
        if what in {"sightings", "crowd_events", "positions"}:
            frame = querying.facts(self._handle, what, _filters(filters, loose), payload=payload)  # type: ignore[arg-type]
        else:
            result = querying.compute(self._handle, what, _filters(filters, loose), **(parameters or {}))
            frame = result if isinstance(result, pl.DataFrame) else pl.DataFrame([result])
        return exporting.write(frame, path)


def _filters(filters: Filters | None, loose: Mapping[str, Any]) -> Filters:
    """`filters` with the loose ones in place of its own."""
    if filters is not None and not isinstance(filters, Filters):
        raise FilterError(
            "filters are no Filters",
            expected="dwell_kit.Filters, or filters by name such as camera='door'",
            found=f"{filters!r} ({type(filters).__name__})",
        )
    return (filters or Filters()).with_(**loose)
