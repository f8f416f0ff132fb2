"""`dwell report run`: notebooks as reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dwell_kit.cli.options import Json, WorkspaceDir, name_and_value
from dwell_kit.cli.output import show


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    group = typer.Typer(help="Report notebooks.", no_args_is_help=True)
    group.command("run")(run)
    group.callback()(lambda: None)
    app.add_typer(group, name="report")


def run(
    name: Annotated[str, typer.Argument(help="Report, e.g. daily, or the path of a notebook.")],
    date: Annotated[
        str | None, typer.Option(help="Local day, YYYY-MM-DD; default is the last one with data.")
    ] = None,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value (repeatable).")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run folders.")] = Path("reports"),
    workspace: WorkspaceDir = Path("workspace"),
    as_json: Json = False,
) -> None:
    """Run a report: notebook, offline HTML, data and manifest in one folder."""
    from dwell_kit.report.run import run_report

    parameters: dict[str, str] = dict(name_and_value(text, "--parameter") for text in parameter or [])
    if date is not None:
        parameters["date"] = date
    show(run_report(name, workspace=workspace, parameters=parameters, output=output).as_dict(), as_json=as_json)
