"""`dwell compact|erase|doctor`: looking after a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dwell_kit.cli.options import Environment, Json, WorkspaceDir
from dwell_kit.cli.output import show


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("compact")(compact)
    app.command("erase")(erase)
    app.command("doctor")(doctor)
    app.command("audit")(audit)


def compact(
    workspace: WorkspaceDir = Path("workspace"),
    keep_versions: Annotated[int, typer.Option(min=1, help="Versions that can still be opened.")] = 10,
    raw_days: Annotated[
        float | None, typer.Option(min=0, help="Days after which kept raw files go (default: DWELL_RAW_DAYS).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Merge small files; remove those that only old versions name, and raw files and looks kept long enough."""
    import dwell_kit as dk

    with dk.open(workspace, create=False) as ws:
        show(ws.compact(keep_versions=keep_versions, raw_days=raw_days), as_json=as_json)


def audit(workspace: WorkspaceDir = Path("workspace"), as_json: Json = False) -> None:
    """Who changed what, oldest first."""
    import dwell_kit as dk

    with dk.open(workspace, create=False) as ws:
        show(ws.audit(), as_json=as_json, title="audit log")


def erase(
    person: Annotated[str, typer.Argument(help="Person id.")],
    workspace: WorkspaceDir = Path("workspace"),
    environment: Environment = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove one person everywhere, older versions included. Cannot be undone."""
    import dwell_kit as dk

    if not yes:
        typer.confirm(f"Erase {person!r} for good?", abort=True)
    with dk.open(workspace, create=False) as ws:
        show(ws.erase(person, environment=environment), as_json=as_json)


def doctor(workspace: WorkspaceDir = Path("workspace"), as_json: Json = False) -> None:
    """Check that a workspace is whole; exit code 1 if it is not."""
    import dwell_kit as dk

    with dk.open(workspace, create=False) as ws:
        findings = ws.doctor()
    show(findings, as_json=as_json)
    if not all(finding["ok"] for finding in findings):
        raise typer.Exit(1)
