"""Figures under one set of filters: summary, dwell, occupancy, visitors, peaks, demographics, crowd, export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dwell_kit.cli.options import Json, Version, WorkspaceDir, name_and_value, with_filters
from dwell_kit.cli.output import show
from dwell_kit.schema.text import counted

By = Annotated[list[str] | None, typer.Option("--by", help="Split by these (repeatable).")]
Every = Annotated[str, typer.Option("--every", help="15min, 30min, hour, day, week or month.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for name, command in (
        ("summary", summary),
        ("dwell", dwell),
        ("occupancy", occupancy),
        ("visitors", visitors),
        ("peaks", peaks),
        ("demographics", demographics),
        ("crowd", crowd),
        ("figure", figure),
        ("export", export),
    ):
        app.command(name)(with_filters(command))


def _answer(
    workspace: Path,
    version: int | None,
    quantity: str,
    filters: dict[str, Any],
    *,
    as_json: bool,
    title: str,
    **parameters: Any,
) -> None:
    """Work a quantity out and print it: times local to the environment in tables, UTC in JSON."""
    import dwell_kit as dk

    with dk.open(workspace, version=version, create=False) as ws:
        given = {k: v for k, v in parameters.items() if v is not None}
        result = ws.compute(quantity, parameters=given, as_="polars", **filters)
        _say_excluded(ws.excluded(**filters))
        tz = ws.tz(filters.get("environment"))
    show(result, as_json=as_json, title=title, tz=tz)


def _say_excluded(persons: int) -> None:
    """On standard error, so that scripts read figures only."""
    if persons:
        who = counted(persons, "person on lists is", "persons on lists are")
        typer.echo(f"{who} left out: --include-listed counts them", err=True)


def summary(
    filters: dict[str, Any],
    workspace: WorkspaceDir = Path("workspace"),
    version: Version = None,
    as_json: Json = False,
) -> None:
    """The key figures."""
    _answer(workspace, version, "summary", filters, as_json=as_json, title="summary")


def dwell(
    filters: dict[str, Any],
    by: By = None,
    grain: Annotated[str, typer.Option(help="visit, sighting or person.")] = "visit",
    histogram: Annotated[bool, typer.Option("--histogram", help="Distribution instead of figures.")] = False,
    confidence: Annotated[float | None, typer.Option(help="Level of the intervals, e.g. 0.95.")] = None,
    survival: Annotated[
        bool, typer.Option("--survival", help="Median and mean by Kaplan–Meier beside the naive figures.")
    ] = False,
    workspace: WorkspaceDir = Path("workspace"),
    version: Version = None,
    as_json: Json = False,
) -> None:
    """How long people stay."""
    quantity, parameters = "dwell", {"by": tuple(by or ()), "grain": grain, "confidence": confidence}
    if survival:
        quantity, parameters = "survival_summary", {"by": tuple(by or ())}
    elif histogram:
        quantity, parameters = "dwell_histogram", {}
    _answer(workspace, version, quantity, filters, as_json=as_json, title="dwell", **parameters)


def occupancy(
    filters: dict[str, Any],
    every: Every = "hour",
    by: Annotated[str | None, typer.Option("--by", help="camera, zone, age_group, gender, …")] = None,
    capacity: Annotated[
        int | None, typer.Option(help="Persons that the place is made for: shares of it, and time over it.")
    ] = None,
    workspace: WorkspaceDir = Path("workspace"),
    version: Version = None,
    as_json: Json = False,
) -> None:
    """How many people are there at the same time."""
    what = "occupancy" if capacity is None else "capacity_share"
    given = {"every": every, "by": by, "capacity": capacity}
    _answer(workspace, version, what, filters, as_json=as_json, title=what.replace("_", " "), **given)


def visitors(
    filters: dict[str, Any],
    what: Annotated[str, typer.Option(help="unique, repeat, top, new_returning, recency or gaps.")] = "repeat",
    workspace: WorkspaceDir = Path("workspace"),
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Who comes, and who comes back."""
    names = {
        "unique": "unique_visitors",
        "repeat": "repeat_visitors",
        "top": "top_visitors",
        "new_returning": "new_returning",
        "recency": "recency_frequency",
        "gaps": "inter_visit",
    }
    if what not in names:
        raise typer.BadParameter(f"expected {', '.join(names)}, found {what!r}", param_hint="--what")
    title = what.replace("_", " ")
    _answer(workspace, version, names[what], filters, as_json=as_json, title=title)


def peaks(
    filters: dict[str, Any],
    what: Annotated[
        str, typer.Option(help="peak_hour, hourly, daily, weekly, weekday_hour, camera_hour.")
    ] = "peak_hour",
    workspace: WorkspaceDir = Path("workspace"),
    version: Version = None,
    as_json: Json = False,
) -> None:
    """When it is busy."""
    known = ("peak_hour", "hourly", "daily", "weekly", "weekday_hour", "camera_hour")
    if what not in known:
        raise typer.BadParameter(f"expected {', '.join(known)}, found {what!r}", param_hint="--what")
    what = f"{what}_series" if what in {"hourly", "daily", "weekly"} else what
    _answer(workspace, version, what, filters, as_json=as_json, title=what.replace("_", " "))


def demographics(
    filters: dict[str, Any],
    by: By = None,
    every: Annotated[str | None, typer.Option("--every", help="Of each hour, day, week, month, … too.")] = None,
    workspace: WorkspaceDir = Path("workspace"),
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Visits, visitors, dwell and occupancy by age group and gender, and by time."""
    given = {"by": tuple(by) if by else None, "every": every, "occupancy": True}
    _answer(workspace, version, "demographics", filters, as_json=as_json, title="demographics", **given)


def crowd(
    filters: dict[str, Any],
    what: Annotated[str, typer.Option(help="per_hour or occupancy.")] = "per_hour",
    workspace: WorkspaceDir = Path("workspace"),
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Crowd and loitering events, alone or joined to occupancy."""
    if what not in {"per_hour", "occupancy"}:
        raise typer.BadParameter(f"expected per_hour or occupancy, found {what!r}", param_hint="--what")
    _answer(workspace, version, f"crowd_{what}", filters, as_json=as_json, title="crowd events")


def figure(
    name: Annotated[str, typer.Argument(help="A quantity of the registry; a wrong one lists them.")],
    filters: dict[str, Any],
    parameter: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="name=value (JSON).")] = None,
    workspace: WorkspaceDir = Path("workspace"),
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Any quantity by name."""
    parameters = dict(_parameter(text) for text in parameter or [])
    title = name.replace("_", " ")
    _answer(workspace, version, name, filters, as_json=as_json, title=title, **parameters)


def _parameter(text: str) -> tuple[str, Any]:
    name, value = name_and_value(text, "--parameter")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def export(
    path: Annotated[Path, typer.Argument(help="Target: .csv, .json, .ndjson, .parquet or .xlsx.")],
    filters: dict[str, Any],
    what: Annotated[
        str, typer.Option(help="sightings, crowd_events, positions, visits or any quantity.")
    ] = "sightings",
    payload: Annotated[bool, typer.Option("--payload", help="With the columns that no contract took.")] = False,
    workspace: WorkspaceDir = Path("workspace"),
    version: Version = None,
    as_json: Json = False,
) -> None:
    """Write facts or figures to a file."""
    import dwell_kit as dk

    with dk.open(workspace, version=version, create=False) as ws:
        written = ws.export(path, what, payload=payload, **filters)
        show({"written": str(written), "excluded_persons": ws.excluded(**filters)}, as_json=as_json)
