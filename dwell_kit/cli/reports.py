"""`dwell report run`: notebooks as reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dwell_kit.cli.options import Json, WorkspaceDir, name_and_value
from dwell_kit.cli.output import show

if TYPE_CHECKING:
    from dwell_kit.report.run import RunResult


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(help="Report notebooks.", no_args_is_help=True)
    group.command("run")(run)
    group.command("rerun")(rerun)
    group.command("list")(list_)
    group.add_typer(_schedules(), name="schedule")
    app.add_typer(group, name="report")


def _schedules() -> typer.Typer:
    """`dwell report schedule …`."""
    group = typer.Typer(help="Reports by the clock.", no_args_is_help=True)
    group.command("add")(schedule_add)
    group.command("list")(schedule_list)
    group.command("remove")(schedule_remove)
    group.command("history")(schedule_history)
    group.command("run")(schedule_run)
    return group


def run(
    name: Annotated[str, typer.Argument(help="Report, e.g. daily, or the path of a notebook.")],
    date: Annotated[
        str | None, typer.Option(help="Local day, YYYY-MM-DD; default is the last one with data.")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value (repeatable).")
    ] = None,
    pdf: Annotated[bool, typer.Option(help="Print a PDF too, if there is a Chromium.")] = True,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run folders.")] = Path("reports"),
    workspace: WorkspaceDir = Path("workspace"),
    as_json: Json = False,
) -> None:
    """Run a report: notebook, offline HTML, data and manifest in one folder."""
    from dwell_kit.report.run import run_report

    parameters: dict[str, str] = dict(name_and_value(text, "--parameter") for text in parameter or [])
    if date is not None:
        parameters["date"] = date
    result = run_report(name, workspace=workspace, parameters=parameters, output=output, pdf=pdf)
    _say(result, as_json=as_json)


def rerun(
    manifest: Annotated[Path, typer.Argument(help="manifest.json of the run to repeat.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run folders.")] = Path("reports"),
    as_json: Json = False,
) -> None:
    """Run a report again on the same version of the data; says which settings have changed since."""
    from dwell_kit.report.run import rerun as run_again

    _say(run_again(manifest, output=output), as_json=as_json)


def _say(result: RunResult, *, as_json: bool) -> None:
    said = result.as_dict()
    for warning in said["warnings"]:
        typer.echo(f"warning: {warning}", err=True)
    brief = ("folder", "version", "simulated", "duration_s")
    page = {"page": str(result.folder / "report.html")}
    show(
        said if as_json else {**{k: said[k] for k in brief}, **page},
        as_json=as_json,
        title=f"{said['report']} report",
    )


def list_(as_json: Json = False) -> None:
    """List the reports and their parameters."""
    from dwell_kit.report import templates

    found = [{"report": t.name, "parameters": _defaults(t.parameters)} for t in templates.names()]
    show(found, as_json=as_json)


def _defaults(parameters: dict[str, Any]) -> str:
    return ", ".join(f"{k}={v!r}" for k, v in parameters.items() if k not in {"workspace", "version", "data_dir"})


def schedule_add(
    name: Annotated[str, typer.Argument(help="What the schedule is called.")],
    report: Annotated[str, typer.Argument(help="Report, e.g. daily, or the path of a notebook.")],
    cron: Annotated[str, typer.Option(help="Five fields: minute hour day month weekday.")],
    tz: Annotated[str, typer.Option(help="IANA time zone of the cron expression.")] = "UTC",
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="name=value; {today}, {yesterday}, {last_week} are filled in."),
    ] = None,
    deliver: Annotated[
        list[str] | None, typer.Option(help="folder:PATH, webhook:URL or mailto:ADDRESS (repeatable).")
    ] = None,
    keep_days: Annotated[int | None, typer.Option(help="Remove runs older than this.", min=1)] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run folders.")] = Path("reports"),
    workspace: WorkspaceDir = Path("workspace"),
    as_json: Json = False,
) -> None:
    """Run a report whenever the cron expression is due; `schedule run` does it."""
    import dwell_kit as dk
    from dwell_kit.report import schedule

    parameters = dict(name_and_value(text, "--parameter") for text in parameter or [])
    with dk.open(workspace, create=False) as ws:
        schedule.add(
            ws._handle, name, report=report, cron=cron, tz=tz, output=output, parameters=parameters,
            deliver_to=tuple(deliver or ()), keep_days=keep_days,
        )  # fmt: skip
    show({"schedule": name, "report": report, "cron": cron, "tz": tz}, as_json=as_json)


def schedule_list(workspace: WorkspaceDir = Path("workspace"), as_json: Json = False) -> None:
    """List the schedules."""
    import dwell_kit as dk
    from dwell_kit.store import schedules

    with dk.open(workspace, create=False) as ws, ws._handle.database.read() as connection:
        found = schedules.schedules(connection)
    brief = [{k: s[k] for k in ("name", "report", "cron", "tz", "output")} for s in found]
    show(found if as_json else brief or "no schedules", as_json=as_json)


def schedule_remove(
    name: Annotated[str, typer.Argument(help="Schedule to forget; its history stays.")],
    workspace: WorkspaceDir = Path("workspace"),
    as_json: Json = False,
) -> None:
    """Forget a schedule."""
    import dwell_kit as dk
    from dwell_kit.store import schedules

    with dk.open(workspace, create=False) as ws, ws._handle.database.write() as connection:
        schedules.remove(connection, name)
    show({"removed": name}, as_json=as_json)


def schedule_history(
    name: Annotated[str | None, typer.Argument(help="Schedule; none shows all.")] = None,
    workspace: WorkspaceDir = Path("workspace"),
    as_json: Json = False,
) -> None:
    """What became of every time that was due."""
    import dwell_kit as dk
    from dwell_kit.store import schedules

    with dk.open(workspace, create=False) as ws, ws._handle.database.read() as connection:
        found = schedules.runs(connection, name)
    show(found or ([] if as_json else "no runs yet"), as_json=as_json)


def schedule_run(
    once: Annotated[bool, typer.Option("--once", help="Run what is due, and end.")] = False,
    workspace: WorkspaceDir = Path("workspace"),
    as_json: Json = False,
) -> None:
    """Run what is due now, missed times included, and go on every minute until Ctrl+C."""
    import time

    import dwell_kit as dk
    from dwell_kit.report import schedule

    with dk.open(workspace, create=False) as ws:
        while True:
            ran = schedule.run_due(ws._handle)
            if ran or once:
                show(ran or ([] if as_json else "nothing is due"), as_json=as_json)
            if once:
                return
            time.sleep(60 - time.time() % 60)
