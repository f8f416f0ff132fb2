"""`dwell environment|cameras|coverage|lists`: what the workspace knows of a site beside its facts."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from dwell_kit.cli.options import Environment, Json, Version, WorkspaceDir, from_till, say_why
from dwell_kit.cli.output import show
from dwell_kit.schema.text import counted


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("environment")(environment)
    app.command("cameras")(cameras)
    app.command("coverage")(coverage)
    app.command("lists")(lists)


def environment(
    name: Annotated[str | None, typer.Argument(help="Site to make or change; none lists them.")] = None,
    tz: Annotated[str | None, typer.Option(help="IANA time zone.")] = None,
    opens: Annotated[
        list[str] | None,
        typer.Option("--open", help="Opening hours by ISO weekday, e.g. '1-5 09:00-18:00' (repeatable)."),
    ] = None,
    closed: Annotated[list[str] | None, typer.Option(help="Local day without opening (repeatable).")] = None,
    workspace: WorkspaceDir = Path("workspace"),
    as_json: Json = False,
) -> None:
    """List, make or change environments."""
    import dwell_kit as dk
    from dwell_kit.schema.hours import OpeningHours

    hours = OpeningHours(weekly=_weekly(opens), closed=_days(closed or [])) if opens else None
    if closed and not opens:
        raise typer.BadParameter("closed days go with opening hours: give --open too", param_hint="--closed")
    with dk.open(workspace) as ws:
        if name is not None:
            ws.set_environment(name, tz=tz, opening_hours=hours)
        show(ws.environments(), as_json=as_json)


def _weekly(texts: list[str]) -> dict[int, tuple[tuple[str, str], ...]]:
    found: dict[int, tuple[tuple[str, str], ...]] = {}
    for text in texts:
        days, _, times = text.partition(" ")
        first, _, last = days.partition("-")
        opens, dash, closes = times.strip().partition("-")
        if not (first.isdigit() and (last or first).isdigit() and dash):
            raise typer.BadParameter(f"expected such as '1-5 09:00-18:00', found {text!r}", param_hint="--open")
        if int(first) > int(last or first):
            raise typer.BadParameter(f"the weekdays of {text!r} run backwards", param_hint="--open")
        for day in range(int(first), int(last or first) + 1):
            found[day] = (*found.get(day, ()), (opens, closes))
    return found


def _days(texts: list[str]) -> frozenset[date]:
    try:
        return frozenset(date.fromisoformat(text) for text in texts)
    except ValueError:
        raise typer.BadParameter(f"expected days as YYYY-MM-DD, found {texts}", param_hint="--closed") from None


def cameras(
    camera: Annotated[str | None, typer.Argument(help="Camera to rename or regroup; none lists them.")] = None,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    group: Annotated[str | None, typer.Option(help="Camera group.")] = None,
    store: Annotated[str | None, typer.Option(help="Store.")] = None,
    department: Annotated[str | None, typer.Option(help="Department.")] = None,
    division: Annotated[str | None, typer.Option(help="Division.")] = None,
    down: Annotated[str | None, typer.Option(help="FROM/TILL in which it was down, ISO times.")] = None,
    up: Annotated[str | None, typer.Option(help="FROM/TILL in which it was up, whoever came.")] = None,
    reason: Annotated[str, typer.Option(help="How that is known; kept.")] = "",
    clear: Annotated[int | None, typer.Option(help="Number of a status to take back.")] = None,
    status: Annotated[bool, typer.Option("--status", help="List what was stated of cameras.")] = False,
    workspace: WorkspaceDir = Path("workspace"),
    environment: Environment = None,
    as_json: Json = False,
) -> None:
    """List cameras; rename or regroup one; state when it was down or up. Nothing is read again, figures follow."""
    import dwell_kit as dk

    given = {"name": name, "group": group, "store": store, "department": department, "division": division}
    words = {word: value for word, value in given.items() if value is not None}
    stated = {state: from_till(text, f"--{state}") for state, text in (("down", down), ("up", up)) if text}
    if (words or stated) and camera is None:
        raise typer.BadParameter("which camera?", param_hint="CAMERA")
    if stated:
        say_why(reason)
    with dk.open(workspace, create=False) as ws:
        if camera is not None and words:
            ws.edit_camera(camera, environment=environment, **words)
        for state, (since, until) in stated.items():
            ws.set_camera_status(str(camera), since, until, state=state, reason=reason, environment=environment)
            if state == "down":
                _doubt(ws, str(camera), since, until, environment)
        if clear is not None:
            ws.clear_camera_status(clear, reason=reason)
        if stated or status or clear is not None:
            rows: Any = ws.camera_status(environment)
            show(rows if as_json or rows else "no camera has a status", as_json=as_json, tz=ws.tz(environment))
            return
        show(ws.cameras(environment, as_="polars"), as_json=as_json, title="cameras")


def _doubt(ws: Any, camera: str, since: Any, until: Any, environment: str | None) -> None:
    """Say that a camera stated to be down saw people all the same."""
    seen = ws.sightings(
        camera=camera, since=since, until=until, environment=environment, include_listed=True, as_="polars"
    )
    if seen.height:
        typer.echo(
            f"note: {camera} has {counted(seen.height, 'sighting', 'sightings')} in that time; they stay", err=True
        )


def coverage(
    hourly: Annotated[
        bool, typer.Option("--hourly", help="Each hour: up, down, silent (with the odds) or unknown.")
    ] = False,
    camera: Annotated[list[str] | None, typer.Option("--camera", help="Only these cameras (repeatable).")] = None,
    state: Annotated[str | None, typer.Option(help="Only hours that are up, down, silent or unknown.")] = None,
    workspace: WorkspaceDir = Path("workspace"),
    environment: Environment = None,
    version: Version = None,
    as_json: Json = False,
) -> None:
    """When each camera was watched, as the uploads and what people stated say."""
    import dwell_kit as dk

    if state is not None and not hourly:
        raise typer.BadParameter("only hours have a state: give --hourly too", param_hint="--state")
    if state not in {None, "up", "down", "silent", "unknown"}:
        raise typer.BadParameter(f"expected up, down, silent or unknown, found {state!r}", param_hint="--state")
    with dk.open(workspace, version=version, create=False) as ws:
        by = "hour" if hourly else None
        table = ws.coverage(environment, by=by, cameras=camera or (), as_="polars")
        tz = "UTC" if hourly else ws.tz(environment)  # an hour is said in both clocks
    silent = (table["state"] == "silent").sum() if hourly else table["silent_hours"].sum()
    if silent:
        where = "" if hourly else ": `dwell coverage --hourly` shows them with their odds"
        typer.echo(f"silent, implausibly by the cameras' own rhythm: {silent:,} h{where}", err=True)
    table = table if state is None else table.filter(table["state"] == state)
    show(table, as_json=as_json, title="coverage", tz=tz)


def lists(
    name: Annotated[str | None, typer.Argument(help="List to replace, e.g. staff; none shows all.")] = None,
    person: Annotated[list[str] | None, typer.Option("--person", help="Member (repeatable).")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Text file with a person id a line.")] = None,
    rule: Annotated[str | None, typer.Option(help="How the members were chosen; kept in the audit log.")] = None,
    workspace: WorkspaceDir = Path("workspace"),
    environment: Environment = None,
    as_json: Json = False,
) -> None:
    """Show lists of people that figures leave out, or replace one."""
    import dwell_kit as dk

    with dk.open(workspace, create=False) as ws:
        if name is not None:
            if not rule:
                raise typer.BadParameter("say how these people were chosen", param_hint="--rule")
            ws.set_list(name, [*(person or []), *_lines(file)], rule=rule, environment=environment)
        members, rules = ws.lists(environment), ws.list_rules(environment)
    rows = [{"list": n, "persons": len(p), "rule": rules[n]} for n, p in members.items()]
    known = {n: {"rule": rules[n], "persons": p} for n, p in members.items()}
    show(known if as_json else rows or "no lists", as_json=as_json)


def _lines(file: Path | None) -> list[str]:
    if file is None:
        return []
    if not file.is_file():
        raise typer.BadParameter(f"there is no file {file}", param_hint="--file")
    return [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
