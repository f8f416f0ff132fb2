"""One small value object that says which part of the facts a figure is about; the same everywhere.

Visits are built before filtering. Place and time **clip** (dwell at those cameras, within [since, until));
person attributes **select**; `touching=True` gives whole visits that touch the place and time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, datetime, timedelta
from typing import Any

from dwell_kit.errors import FilterError
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS

DEFAULT_MAX_GAP = timedelta(minutes=10)

_SINGULAR = {
    "camera": "cameras",
    "group": "groups",
    "zone": "zones",
    "person": "persons",
    "age_group": "age_groups",
    "gender": "genders",
    "weekday": "weekdays",
}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What to look at. Empty tuples and None mean "everything".

    Parameters
    ----------
    environment : the site; may be left out when the workspace has one only.
    since, until : half-open time range; naive values are local to the environment.
    cameras, groups, zones : place, by id; `groups` are camera groups, stores, departments or divisions.
    persons : person ids.
    age_groups, genders : of the person (the determined value with most sighting time, else `other`).
    attributes : other person words, as ((column, (word, …)), …), e.g. (("appearance_category", ("vip",)),).
    weekdays : ISO weekdays 1–7, local. hours : local clock hours [from, to), e.g. (9, 17).
    open_hours : clip to the environment's opening hours and closed days.
    min_dwell, max_dwell : of the (clipped) visit, inclusive and exclusive.
    touching : whole visits that touch the place and time instead of clipped ones.
    include_listed : count people on excluded lists (staff) too.
    max_gap : sightings of a person at most this far apart are one visit.
    """

    environment: str | None = None
    since: datetime | date | str | None = None
    until: datetime | date | str | None = None
    cameras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    age_groups: tuple[str, ...] = ()
    genders: tuple[str, ...] = ()
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    weekdays: tuple[int, ...] = ()
    hours: tuple[int, int] | None = None
    open_hours: bool = False
    min_dwell: timedelta | None = None
    max_dwell: timedelta | None = None
    touching: bool = False
    include_listed: bool = False
    max_gap: timedelta = field(default=DEFAULT_MAX_GAP)

    def __post_init__(self) -> None:
        _known("age group", self.age_groups, AGE_GROUPS)
        _known("gender", self.genders, GENDERS)
        _known("weekday", self.weekdays, tuple(range(1, 8)))
        if self.hours is not None and not 0 <= self.hours[0] < self.hours[1] <= 24:
            raise FilterError(
                "hours mean nothing", expected="(from, to) with 0 <= from < to <= 24", found=str(self.hours)
            )
        if self.max_gap < timedelta():
            raise FilterError("max_gap is negative", expected="a duration of 0 s or more", found=str(self.max_gap))

    @classmethod
    def of(cls, **given: Any) -> Filters:
        """Filters from loose arguments: singular names, single values and lists are taken too.

        >>> Filters.of(camera="door", gender=["female"]).cameras
        ('door',)
        """
        names = {f.name: f for f in fields(cls)}
        made: dict[str, Any] = {}
        for name, value in given.items():
            target = _SINGULAR.get(name, name)
            if target not in names:
                raise FilterError(f"there is no filter {name!r}", expected=", ".join(names), found=repr(name))
            if value is None:
                continue
            made[target] = _loose(target, value)
        return cls(**made)

    def but(self, **changes: Any) -> Filters:
        """A copy with some fields changed."""
        return replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values of the fields that differ from the default; `Filters.of(**d)` reads them back."""
        default = asdict(Filters())
        return {k: _plain(v) for k, v in asdict(self).items() if v != default[k]}


def _known(what: str, given: tuple[Any, ...], known: tuple[Any, ...]) -> None:
    for value in given:
        if value not in known:
            raise FilterError(
                f"there is no {what} {value!r}", expected=", ".join(map(str, known)), found=repr(value)
            )


def _loose(name: str, value: Any) -> Any:
    if name in {"max_gap", "min_dwell", "max_dwell"}:
        return value if isinstance(value, timedelta) else timedelta(seconds=float(value))
    if name == "hours":
        return tuple(value)
    if name == "attributes":
        pairs = value.items() if isinstance(value, Mapping) else value
        return tuple((k, (v,) if isinstance(v, str) else tuple(v)) for k, v in pairs)
    if name in {"cameras", "groups", "zones", "persons", "age_groups", "genders", "weekdays"}:
        return (value,) if isinstance(value, str | int) else tuple(value)
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value
