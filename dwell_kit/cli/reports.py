"""`dwell report run`: notebooks as reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dwell_kit.cli.options import Json, WorkspaceDir, name_and_value
from dwell_kit.cli.output import show


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(help="Report notebooks.", no_args_is_help=True)
    group.command("run")(run)
    group.command("list")(list_)
    app.add_typer(group, name="report")


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
    said = result.as_dict()
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
