"""The filter bar of a page: what it offers, what is chosen, what the link says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

import polars as pl

from dwell_kit.errors import DwellError
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.text import duration
from dwell_kit.schema.time import parse_moment, zone
from dwell_kit.ui import view
from dwell_kit.ui.cards import Wish
from dwell_kit.ui.components import FilterBar, option
from dwell_kit.workspace import Workspace

_OURS: Final = ("at", "clear")
"""What the bar says of itself."""
_UNSHOWN: Final = (
    "weekdays", "hours", "open_hours", "attributes", "max_gap", "touching", "include_listed",
)  # fmt: skip
"""Filters that only a link can bring: the bar says them and keeps them."""


class Filtering:
    """The filters of one visitor.

    Parameters
    ----------
    query : of the URL. tell : called with the new query whenever the filters have changed.
    """

    def __init__(self, ws: Workspace, query: str = "", *, tell: Callable[[str], None] | None = None) -> None:
        self.ws = ws
        self._tell = tell or (lambda _query: None)
        self.bar = FilterBar(sizing_mode="stretch_width", margin=0)
        self._asked = 0  # the latest wish of the bar; the link's is 0
        self.at = 0
        """Which wish what is shown answers."""
        self.filters = self.first(query)
        self.show(self.filters)

    @property
    def empty(self) -> bool:
        """True while nothing was ingested."""
        return not self.ws.environments().height

    @property
    def stale(self) -> bool:
        """True if the data have changed since the filters were shown."""
        return self.bar.options.get("version") != (None if self.empty else self.ws.snapshot_id)

    @property
    def tz(self) -> str:
        """Zone of the environment looked at."""
        return str(self.bar.options.get("tz", "UTC"))

    @property
    def wish(self) -> Wish:
        """What is shown, for charts."""
        return Wish(self.filters, self.tz, self.at)

    def first(self, query: str) -> Filters:
        """The filters of the link; a link that means nothing says so and shows everything."""
        places = self.ws.environments()["name"].to_list()
        default = Filters(environment=places[0]) if places else Filters()
        try:
            asked = view.from_query(query)
            if asked.environment and asked.environment not in places:
                self.fail(f"there is no environment {asked.environment!r}")
                return default
            if not places:
                return asked
            asked = asked if asked.environment else asked.but(environment=places[0])
            if asked != default:
                self.ws.check(asked)  # a camera that is not here, hours that nobody set
            return asked
        except DwellError as error:
            self.fail(str(error))
            return default

    def fail(self, text: str) -> None:
        """Say what is wrong with what was asked for."""
        self.bar.error = text

    def asked(self, asked: dict[str, Any]) -> Filters | None:
        """What the bar asks for as filters; None, and said why, if it means nothing."""
        self._asked = asked.get("at", 0)
        clear = asked.get("clear", False)
        given = {name: v for name, v in asked.items() if name not in _OURS and v not in (None, "", [])}
        if given.get("environment") == self.filters.environment:
            given.update(self._untouched(given))
        try:
            made = Filters.of(**given)
            return made if clear else made.but(**{name: getattr(self.filters, name) for name in _UNSHOWN})
        except DwellError as error:
            self.fail(str(error))
            return None

    def _untouched(self, given: dict[str, Any]) -> dict[str, Any]:
        """The times that are as the bar shows them, exactly: fractions are not shown."""
        shown = self.bar.value
        return {
            name: getattr(self.filters, name)
            for name in ("since", "until")
            if given.get(name) and given[name] == shown.get(name)
        }

    def show(self, filters: Filters) -> None:
        """These filters hold now."""
        if self.empty:
            return
        options = self._options(filters)
        self.filters = filters
        value = {**_value(filters, options["tz"]), "at": self.at}  # which wish this answers
        self.bar.param.update(options=options, value=value)

    def keep(self, filters: Filters) -> None:
        """They answer the latest wish: show them, and put them into the link."""
        self.at = self._asked
        self.show(filters)
        self._tell(view.to_query(filters))

    def _options(self, filters: Filters) -> dict[str, Any]:
        places = self.ws.environments()
        place = places.row(by_predicate=pl.col("name") == filters.environment, named=True)
        cameras = self.ws.cameras(place["name"], as_="polars").to_dicts()
        groups = {
            row[word] for row in cameras for word in ("group", "store", "department", "division") if row[word]
        }
        return {
            "environments": places["name"].to_list(),
            "tz": place["tz"],
            "version": self.ws.snapshot_id,
            "cameras": [option(row["camera_id"], row["name"]) for row in cameras],
            "groups": [option(name) for name in sorted(groups)],
            "zones": [option(name) for name in self.ws.zones(place["name"])],
            "age_groups": [option(name) for name in AGE_GROUPS],
            "genders": [option(name) for name in GENDERS],
            "presets": self._presets(place["name"], place["tz"]),
        }

    def _presets(self, environment: str, tz: str) -> list[dict[str, str]]:
        """The last days that exports cover, by the local clock."""
        till: datetime | None = self.ws.available(environment)["covered_till"]
        if till is None:
            return []
        last = (till - timedelta(microseconds=1)).astimezone(zone(tz))  # covered until midnight: of the day before
        end = last.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) + timedelta(days=1)
        days = (("last day", 1), ("last 7 days", 7), ("last 28 days", 28))
        made = [
            {"label": name, "since": _local(end - timedelta(days=n)), "until": _local(end)} for name, n in days
        ]
        return [*made, {"label": "all data", "since": "", "until": ""}]


def _value(filters: Filters, tz: str) -> dict[str, Any]:
    """Filters as the filter bar shows them: times by the local clock, to the second."""
    shown = filters.as_dict()
    for name in ("since", "until"):
        moment = getattr(filters, name)
        if moment is not None:
            shown[name] = _local(parse_moment(moment, tz).astimezone(zone(tz)).replace(tzinfo=None))
    low, high = filters.min_dwell, filters.max_dwell
    if low is not None or high is not None:
        ends = [duration(d.total_seconds()) if d is not None else "…" for d in (low, high)]
        shown["dwell_said"] = f"{ends[0]} to {ends[1]}"
    unshown = Filters().but(**{name: getattr(filters, name) for name in _UNSHOWN})
    if said := view.to_query(unshown):
        shown["also"] = ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in parse_qsl(said))
    return shown


def _local(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S" if moment.second else "%Y-%m-%dT%H:%M")
