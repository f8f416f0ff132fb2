"""`dwell link|split|unlink|links`: which ids are one person, which one id is two."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dwell_kit.cli.options import Environment, Json, Version, WorkspaceDir, name_and_value, say_why
from dwell_kit.cli.output import show

Reason = Annotated[str, typer.Option(help="How that is known; kept with the link.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (link, split, unlink, links):
        app.command()(command)


def link(
    persons: Annotated[list[str] | None, typer.Argument(help="Person ids, each in every source.")] = None,
    of: Annotated[
        list[str] | None, typer.Option("--of", help="source=ID: an id in this source only (repeatable).")
    ] = None,
    reason: Reason = "",
    workspace: WorkspaceDir = Path("workspace"),
    environment: Environment = None,
    as_json: Json = False,
) -> None:
    """Count persons as one in every figure and row, shown under the first id; `dwell unlink` takes it back."""
    import dwell_kit as dk

    say_why(reason)
    given: list[Any] = [*(persons or []), *(name_and_value(text, "--of") for text in of or [])]
    with dk.open(workspace, create=False) as ws:
        _tell(ws.link(given, reason=reason, environment=environment), ws.tz(environment), as_json=as_json)


def split(
    person: Annotated[str, typer.Argument(help="Person id.")],
    source: Annotated[str | None, typer.Option(help="The source that knows the id, if several do.")] = None,
    camera: Annotated[str | None, typer.Option(help="The sightings at this camera.")] = None,
    since: Annotated[str | None, typer.Option(help="Those that start from this time on (ISO).")] = None,
    until: Annotated[str | None, typer.Option(help="Those that start before this time.")] = None,
    name: Annotated[str | None, typer.Option(help="Id of the new identity; made up if none.")] = None,
    reason: Reason = "",
    workspace: WorkspaceDir = Path("workspace"),
    environment: Environment = None,
    as_json: Json = False,
) -> None:
    """Make some of a person's sightings another identity; `dwell unlink` takes it back."""
    import dwell_kit as dk

    say_why(reason)
    with dk.open(workspace, create=False) as ws:
        made = ws.split(
            person if source is None else (source, person), reason=reason, camera=camera, since=since, until=until,
            name=name, environment=environment,
        )  # fmt: skip
        _tell(made, ws.tz(environment), as_json=as_json)


def unlink(
    number: Annotated[int, typer.Argument(help="Number of the link.")],
    reason: Annotated[str, typer.Option(help="Why; kept.")] = "",
    workspace: WorkspaceDir = Path("workspace"),
    as_json: Json = False,
) -> None:
    """Take a link or a split back: figures are what they were without it."""
    import dwell_kit as dk

    with dk.open(workspace, create=False) as ws:
        undone = ws.unlink(number, reason=reason)
        _tell(undone, ws.tz(undone["environment"]), as_json=as_json)


def links(
    undone: Annotated[bool, typer.Option("--undone", help="Those taken back too.")] = False,
    workspace: WorkspaceDir = Path("workspace"),
    environment: Environment = None,
    version: Version = None,
    as_json: Json = False,
) -> None:
    """List links and splits, with who said so and why."""
    import dwell_kit as dk

    with dk.open(workspace, version=version, create=False) as ws:
        found, tz = ws.links(environment, undone=undone), ws.tz(environment)
    show(found if as_json else [_flat(row) for row in found] or "no links", as_json=as_json, tz=tz)


def _tell(made: dict[str, Any], tz: str, *, as_json: bool) -> None:
    show(made if as_json else _flat(made), as_json=as_json, tz=tz)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A link as a row of a table: persons in words."""
    persons = ", ".join(
        p["person_id"] if p["source"] is None else f"{p['person_id']} ({p['source']})" for p in row["persons"]
    )
    return {**row, "persons": persons}
