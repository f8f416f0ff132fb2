"""`dwell simulate`, `dwell ingest`, `dwell uploads`, `dwell undo`, `dwell rejects`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from dwell_kit.cli.options import Environment, Json, WorkspaceDir, from_till, name_and_value
from dwell_kit.cli.output import show
from dwell_kit.errors import DwellError
from dwell_kit.schema.wording import in_options, spoken


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("simulate")(simulate)
    app.command("ingest")(ingest)
    app.command("uploads")(uploads)
    app.command("undo")(undo)
    app.command("rejects")(rejects)


def simulate(
    folder: Annotated[Path, typer.Argument(help="Where the files go.")],
    days: Annotated[int, typer.Option(help="Days to simulate.", min=1)] = 7,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
    as_json: Json = False,
) -> None:
    """Make a simulated campus: appearances.csv, insights.json and truth.json."""
    from dwell_kit.simulate import people

    simulation = people.simulate_campus(days=days, seed=seed)
    files = people.write(simulation, folder)
    show({"simulated": True, "days": days, "seed": seed, "files": [str(f) for f in files]}, as_json=as_json)


def ingest(
    files: Annotated[list[str] | None, typer.Argument(help="Exports: CSV, JSON, Parquet, gz, zip.")] = None,
    catalog: Annotated[
        Path | None, typer.Option(help="Intake catalog; the arguments are then its entries.")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value of the catalog (repeatable).")
    ] = None,
    workspace: WorkspaceDir = Path("workspace"),
    environment: Environment = None,
    source: Annotated[str, typer.Option(help="Namespace of person ids and keys.")] = "main",
    tz: Annotated[str | None, typer.Option(help="IANA time zone of the environment.")] = None,
    reader: Annotated[str | None, typer.Option(help="Reader to use instead of detection.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="contract_name=Header (repeatable).")] = None,
    time_format: Annotated[str | None, typer.Option(help="strptime format of the times.")] = None,
    day_first: Annotated[
        bool | None, typer.Option("--day-first/--month-first", help="Order of 03/04/2025.")
    ] = None,
    ambiguous: Annotated[
        str | None, typer.Option(help="earliest or latest: local times that happen twice, clocks turned back.")
    ] = None,
    loitering_unit: Annotated[str | None, typer.Option(help="s (default), ms, min or h.")] = None,
    camera: Annotated[str | None, typer.Option(help="Camera of files that name none.")] = None,
    start: Annotated[str | None, typer.Option(help="Instant of frame 0 (MOT text).")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames per second (MOT text).")] = None,
    stay_gap: Annotated[
        float | None, typer.Option(help="Seconds that a track may be lost within one stay (tracks).")
    ] = None,
    covers: Annotated[str | None, typer.Option(help="FROM/TILL that the export covers, ISO times.")] = None,
    utc_offset_confirmed: Annotated[
        bool | None,
        typer.Option(
            "--utc-offset-confirmed/--utc-offset-denied",
            help="Readable times that are a constant quarter-hour offset from the epochs are local, or are UTC.",
        ),
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of the text, if it is guessed wrong.")] = None,
    notes: Annotated[str | None, typer.Option(help="A remark to keep with the upload.")] = None,
    as_json: Json = False,
) -> None:
    """Read files into a workspace; the reports say what became of every row."""
    import dwell_kit as dk
    from dwell_kit.ingest.sources import Source
    from dwell_kit.schema.time import parse_moment

    options: dict[str, Any] = {
        "tz": tz,
        "reader": reader,
        "columns": dict(name_and_value(text, "--column") for text in column or []),
        "time_format": time_format,
        "day_first": day_first,
        "ambiguous": ambiguous,
        "loitering_unit": loitering_unit,
        "camera": camera,
        "fps": fps,
        "stay_gap": stay_gap,
        "utc_offset_confirmed": utc_offset_confirmed,
        "encoding": encoding,
        "start": parse_moment(start, tz or "UTC") if start else None,
    }
    said = {name: value for name, value in options.items() if value not in (None, {})}
    window = from_till(covers, "--covers") if covers else None
    reports, failures = [], []
    exports = _exports(files, catalog, parameter or [])
    if not any(path.is_file() for path, _ in exports):  # before a workspace is made for nothing
        Source(exports[0][0])
    with dk.open(workspace) as ws:
        for path, own in exports:
            try:
                with _progress(path, quiet=as_json) as progress:
                    report = ws.ingest(
                        path, environment=environment, source=source, window=window, notes=notes,
                        progress=progress, **{**own, **said},
                    )  # fmt: skip
            except DwellError as error:
                failures.append(error)
                reports.append({"file": str(path), **spoken(error).as_dict()})
                if not as_json:
                    typer.echo(f"{path}: {spoken(error)}", err=True)
            else:
                reports.append({"file": str(path), **report.as_dict()})
    if as_json:
        show(reports, as_json=True)
    else:
        _tell(reports)
    if failures:
        from dwell_kit.cli import EXIT_CODES

        raise typer.Exit(next(code for kind, code in EXIT_CODES if isinstance(failures[0], kind)))


def uploads(
    workspace: WorkspaceDir = Path("workspace"), environment: Environment = None, as_json: Json = False
) -> None:
    """List the uploads, newest first."""
    import dwell_kit as dk

    with dk.open(workspace, create=False) as ws:
        history = [u | {"notes": u["notes"] and in_options(u["notes"])} for u in ws.uploads(environment)]
    if as_json:
        show(history, as_json=True)
        return
    brief = ("seq", "upload_id", "filename", "environment", "status", "uploaded_at", "uploader")
    rows = [
        {**{k: u[k] for k in brief}, **{k: (u["report"] or {}).get(k) for k in ("accepted", "rejected")}}
        for u in history
    ]
    show(rows or "no uploads yet: `dwell ingest FILE`", as_json=False)


def undo(
    upload: Annotated[str, typer.Argument(help="Upload id (a unique beginning is enough) or number.")],
    workspace: WorkspaceDir = Path("workspace"),
    as_json: Json = False,
) -> None:
    """Take an upload back; what it had replaced is there again."""
    import dwell_kit as dk

    with dk.open(workspace, create=False) as ws:
        found = ws.undo(upload)
        show({"undone": found["upload_id"], "file": found["filename"], "version": ws.snapshot_id}, as_json=as_json)


def rejects(
    upload: Annotated[str, typer.Argument(help="Upload id or number.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="CSV to fix and ingest again.")] = None,
    workspace: WorkspaceDir = Path("workspace"),
    as_json: Json = False,
) -> None:
    """Show the rows that were not accepted, or write them to a CSV that can be fixed and ingested again."""
    import dwell_kit as dk

    with dk.open(workspace, create=False) as ws:
        if output is not None:
            show({"written": str(ws.write_rejects(upload, output))}, as_json=as_json)
        else:
            show(ws.rejects(upload, as_="polars"), as_json=as_json, title="rejected rows")


def _exports(
    files: list[str] | None, catalog: Path | None, parameter: list[str]
) -> list[tuple[Path, dict[str, Any]]]:
    """Files, and how a catalog says that they are read."""
    if not files:
        raise typer.BadParameter("no file given", param_hint="FILE")
    if catalog is None:
        if parameter:
            raise typer.BadParameter("only a catalog has parameters", param_hint="--parameter")
        return [(Path(f), {}) for f in files]
    from dwell_kit.workspace.catalogs import exported

    given = dict(name_and_value(text, "--parameter") for text in parameter)
    return [exported(catalog, entry, **given) for entry in files]


@contextmanager
def _progress(path: Path, *, quiet: bool) -> Iterator[Any]:
    """A progress bar on standard error, which scripts do not see."""
    if quiet:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"reading {path.name}", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def _tell(reports: list[dict[str, Any]]) -> None:
    names = ("rows_read", "accepted", "rejected", "updated", "duplicates", "score")
    rows = []
    for report in reports:
        if "error" in report:
            rows.append({"file": Path(report["file"]).name, "result": report["error"]})
            continue
        result = (
            "already there, nothing changed" if report.get("repeated") else f"upload {report['upload_id'][:8]}"
        )
        rows.append({"file": Path(report["file"]).name, "result": result, **{n: report.get(n) for n in names}})
    show(rows, as_json=False)
    for report in reports:
        for note in report.get("notes", []):
            typer.echo(f"{Path(report['file']).name}: {note}")
        for reason, count in (report.get("reasons") or {}).items():
            typer.echo(f"{Path(report['file']).name}: {count:,} rejected: {reason}")
