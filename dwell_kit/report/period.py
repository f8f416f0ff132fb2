"""The time that a report is about: found, checked and said once for every report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from dwell_kit.errors import NotFoundError, ParameterError
from dwell_kit.schema.columns import SUPPRESSED
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.text import counted
from dwell_kit.schema.time import parse_moment, zone
from dwell_kit.workspace import Workspace
from dwell_kit.workspace.comparing import Comparison


@dataclass(frozen=True)
class Period:
    """Local days [first, after) of an environment, or exact moments."""

    environment: str
    tz: str
    since: date | datetime
    until: date | datetime
    title: str
    covered: float
    """Share of it that exports cover."""

    def filters(self, **more: Any) -> Filters:
        """The time as filters, with others beside it."""
        return Filters.of(environment=self.environment, since=self.since, until=self.until, **more)

    def table(self) -> pl.DataFrame:
        """One row that says the same to programs: environment, tz, since, until (ISO 8601), title."""
        told = {"environment": self.environment, "tz": self.tz, "title": self.title}
        return pl.DataFrame([{**told, "since": self.since.isoformat(), "until": self.until.isoformat()}])

    def heading(self, version: int) -> str:
        """One line of Markdown: when, where, in whose time, of which data."""
        return (
            f"**{self.title}** · environment *{self.environment}* · local time {self.tz} · data version {version}"
        )


def day(ws: Workspace, environment: str = "", which: str = "") -> Period:
    """The local day `which` (YYYY-MM-DD), or the last one with visits.

    Raises
    ------
    NotFoundError : if there is no such environment, or nothing is known of the day.
    """
    place = _place(ws, environment)
    days = _days_with_visits(ws, place)
    first = date.fromisoformat(which) if which else days.max()
    if not isinstance(first, date):
        raise NotFoundError(f"there are no visits in {place['name']} yet", hint="ingest an export, or name a date")
    return _checked(ws, place, first, first + timedelta(days=1), f"{first:%A, %d %B %Y}", days)


def week(ws: Workspace, environment: str = "", which: str = "") -> Period:
    """The ISO week `which` (2025-W19, or any day in it), or that of the last day with visits.

    Raises
    ------
    NotFoundError, ParameterError : as for `day`, and for a week that cannot be read.
    """
    place = _place(ws, environment)
    days = _days_with_visits(ws, place)
    found = _day_of_week(which) if which else days.max()
    if not isinstance(found, date):
        raise NotFoundError(f"there are no visits in {place['name']} yet", hint="ingest an export, or name a week")
    first = found - timedelta(days=found.weekday())
    year, number, _ = first.isocalendar()
    title = f"Week {number} of {year}: {first:%d %B} to {first + timedelta(days=6):%d %B %Y}"
    return _checked(ws, place, first, first + timedelta(days=7), title, days)


def moments(ws: Workspace, environment: str, since: str, until: str) -> Period:
    """From one moment to another, local where they have no zone.

    Raises
    ------
    NotFoundError, ParameterError : as for `day`, and if the moments are missing.
    """
    place = _place(ws, environment)
    if not since or not until:
        raise ParameterError("the report needs since and until", expected="-p since=2025-05-05T14:00 -p until=…")
    a, b = parse_moment(since, place["tz"]), parse_moment(until, place["tz"])
    local = zone(place["tz"])
    title = f"{a.astimezone(local):%A, %d %B %Y, %H:%M} to {b.astimezone(local):%d %B %Y, %H:%M}"
    return _checked(ws, place, a, b, title, _days_with_visits(ws, place))


def said(comparison: Comparison, period: Period, k: int) -> str:
    """What a report begins with, in Markdown; `comparison` is one for viewers."""
    figures = comparison.figures
    hidden = figures[SUPPRESSED]
    if "unique_visitors" in hidden:
        text = f"Fewer than {k} persons were seen; their figures are suppressed."
    else:
        text = " ".join((_seen(figures), _anonymous(figures, k), _open(figures), _excluded(figures, k)))
    covered = (
        f"Exports cover {100 * period.covered:.0f} % of this time; nothing is known of the rest. Figures about "
        f"fewer than {k} persons are suppressed, and others where they would give them away."
    )
    return f"{text}\n\n{covered}"


def _seen(figures: dict[str, Any]) -> str:
    visits, persons = figures["visits"], figures["unique_visitors"]
    verb = "was" if visits == 1 else "were"
    return f"{counted(visits, 'visit', 'visits')} of {counted(persons, 'person', 'persons')} {verb} seen;"


def _anonymous(figures: dict[str, Any], k: int) -> str:
    n = figures["anonymous_sightings"]
    if n is None:
        return f"fewer than {k} sightings have no person."
    many = f"{counted(n, 'sighting', 'sightings')} ({100 * (figures['anonymous_share'] or 0):.1f} %)"
    said = "has no person and counts" if n == 1 else "have no person and count"
    return f"{many} {said} in camera occupancy only."


def _open(figures: dict[str, Any]) -> str:
    n = figures["open_visits"]
    if n is None:
        return "How many visits were still open when the data ended is suppressed."
    return f"{counted(n, 'visit was', 'visits were')} still open when the data ended."


def _excluded(figures: dict[str, Any], k: int) -> str:
    n = figures["excluded_persons"]
    who = f"Fewer than {k} persons" if n is None else counted(n, "person", "persons")
    return f"{who} on lists (staff) {'is' if n == 1 else 'are'} left out."


def _place(ws: Workspace, environment: str) -> dict[str, Any]:
    places = ws.environments()
    known = places["name"].to_list()
    if not known or (environment and environment not in known):
        raise NotFoundError(
            f"there is no environment {environment!r}", expected=", ".join(known) or "an ingest first"
        )
    if not environment and len(known) > 1:
        raise NotFoundError("which environment?", expected=", ".join(known), hint="-p environment=…")
    return places.row(by_predicate=pl.col("name") == (environment or known[0]), named=True)


def _days_with_visits(ws: Workspace, place: dict[str, Any]) -> pl.Series:
    days = ws.compute("daily_series", as_="polars", environment=place["name"])
    return days.filter(pl.col("visits") > 0)["bucket"].dt.convert_time_zone(place["tz"]).dt.date()


def _day_of_week(which: str) -> date:
    try:
        return date.fromisoformat(f"{which}-1" if which[-3:-2] == "W" else which)
    except ValueError:
        raise ParameterError(
            "the week cannot be read", expected="2025-W19, or a day in it such as 2025-05-07", found=repr(which)
        ) from None


def _checked(ws: Workspace, place: dict[str, Any], since: Any, until: Any, title: str, days: pl.Series) -> Period:
    covered = ws.covered_share(since, until, environment=place["name"]) or 0.0
    if not covered and not ws.summary(environment=place["name"], since=since, until=until)["sightings"]:
        raise NotFoundError(
            f"there are no data of {title} in {place['name']}",
            expected=f"a time between {days.min()!s} and {days.max()!s}"
            if len(days)
            else "a time that an export covers",
            hint="another time, or ingest the export of it first",
        )
    return Period(place["name"], place["tz"], since, until, title, covered)
