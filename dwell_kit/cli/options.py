"""Options that several commands share: the workspace, the filters, `--json`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

WorkspaceDir = Annotated[
    Path, typer.Option("--workspace", "-w", envvar="DWELL_WORKSPACE", help="Workspace folder.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Version = Annotated[int | None, typer.Option("--version", help="Look at this version of the workspace.")]
Environment = Annotated[str | None, typer.Option("--environment", "-e", help="Site; needed if there are several.")]
Since = Annotated[str | None, typer.Option("--since", help="From this time on (ISO; local if it has no zone).")]
Until = Annotated[str | None, typer.Option("--until", help="Before this time.")]
Camera = Annotated[list[str] | None, typer.Option("--camera", help="Only at these cameras (repeatable).")]
Group = Annotated[list[str] | None, typer.Option("--group", help="Only at cameras of these groups.")]
Zone = Annotated[list[str] | None, typer.Option("--zone", help="Only in these zones.")]
Person = Annotated[list[str] | None, typer.Option("--person", help="Only these persons.")]
AgeGroup = Annotated[list[str] | None, typer.Option("--age-group", help="Only persons of these age groups.")]
Gender = Annotated[list[str] | None, typer.Option("--gender", help="male, female or other.")]
Weekday = Annotated[list[int] | None, typer.Option("--weekday", help="ISO weekdays, 1 = Monday.")]
Hours = Annotated[str | None, typer.Option("--hours", help="Local clock hours, e.g. 9-17, or 22-6 past midnight.")]
OpenHours = Annotated[bool, typer.Option("--open-hours", help="Only during opening hours.")]
MinDwell = Annotated[str | None, typer.Option("--min-dwell", help="Visits of at least this: seconds, 10min, 2h.")]
MaxDwell = Annotated[str | None, typer.Option("--max-dwell", help="Visits of less than this.")]
MaxGap = Annotated[str | None, typer.Option("--max-gap", help="A longer absence ends a visit (10min).")]
Attribute = Annotated[
    list[str] | None, typer.Option("--attribute", help="column=word of the person, e.g. mask_outcome=mask.")
]
Touching = Annotated[bool, typer.Option("--touching", help="Whole visits that touch place and time.")]
Listed = Annotated[bool, typer.Option("--include-listed", help="Count people on lists (staff) too.")]


def chosen(**given: Any) -> dict[str, Any]:
    """The filters that were given, ready for `Filters.of`."""
    found = {k: v for k, v in given.items() if v not in (None, [], False)}
    words: dict[str, list[str]] = {}
    for text in found.pop("attributes", []):
        name, value = name_and_value(text, "--attribute")
        words.setdefault(name, []).append(value)
    return {**found, "attributes": words} if words else found


def name_and_value(text: str, option: str) -> tuple[str, str]:
    """The two sides of `name=value`."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"expected name=value, found {text!r}", param_hint=option)
    return name, value


def from_till(text: str, option: str) -> tuple[str, str]:
    """The two times of `FROM/TILL`."""
    first, slash, last = text.partition("/")
    if not slash:
        raise typer.BadParameter(f"expected FROM/TILL, found {text!r}", param_hint=option)
    return first, last


def say_why(reason: str) -> str:
    """The reason, which has to be given."""
    if not reason.strip():
        raise typer.BadParameter("say why: it is kept", param_hint="--reason")
    return reason


_FILTERS: dict[str, Any] = {
    "environment": Environment,
    "since": Since,
    "until": Until,
    "cameras": Camera,
    "groups": Group,
    "zones": Zone,
    "persons": Person,
    "age_groups": AgeGroup,
    "genders": Gender,
    "attributes": Attribute,
    "weekdays": Weekday,
    "hours": Hours,
    "open_hours": OpenHours,
    "min_dwell": MinDwell,
    "max_dwell": MaxDwell,
    "max_gap": MaxGap,
    "touching": Touching,
    "include_listed": Listed,
}


def with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command every filter option; it receives them as one dict called `filters`."""
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "filters"]
    flags = {"open_hours", "touching", "include_listed"}
    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=False if name in flags else None, annotation=kind
        )
        for name, kind in _FILTERS.items()
    ]

    @wraps(command)
    def run(**given: Any) -> None:
        filters = chosen(**{name: given.pop(name) for name in _FILTERS})
        command(filters=filters, **given)

    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    run.__signature__ = inspect.Signature([*keyword, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in [*keyword, *added]}
    del run.__wrapped__  # typer would read the signature of the command behind
    return run
