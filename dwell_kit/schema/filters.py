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
from dwell_kit.schema import columns as c
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS, as_asked

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

_GROUPED = {"age_groups": AGE_GROUPS, "genders": GENDERS}

PERSON_WORDS = (c.CATEGORY, c.MASK, c.LIVENESS, c.MATCH)
"""What `Filters.attributes` can select by, beside age group and gender."""
_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_SPAN = "seconds, a timedelta, or a text such as 90s, 10min, 2h"
_LOOSE = {
    "max_gap": _SPAN,
    "min_dwell": _SPAN,
    "max_dwell": _SPAN,
    "hours": "two clock hours: (9, 17) or 9-17; 22-6 goes on past midnight",
    "attributes": "column → word or words",
}
_MOMENT = (datetime | date | str | None, "a datetime, a date, or ISO text such as 2025-05-05T09:00")
_WORDS = (tuple, "a tuple; Filters.of(…) takes single values and lists too")
_FLAG = (bool, "True or False")
_OPTIONAL_SPAN = (timedelta | None, "a timedelta; Filters.of(…) takes seconds too")
_KINDS: dict[str, tuple[Any, str]] = {
    "environment": (str | None, "the name of an environment"),
    "since": _MOMENT,
    "until": _MOMENT,
    **dict.fromkeys(("cameras", "groups", "zones", "persons", "age_groups", "genders"), _WORDS),
    "attributes": _WORDS,
    "weekdays": _WORDS,
    "hours": (tuple | None, "two clock hours, (from, to)"),
    "open_hours": _FLAG,
    "min_dwell": _OPTIONAL_SPAN,
    "max_dwell": _OPTIONAL_SPAN,
    "touching": _FLAG,
    "include_listed": _FLAG,
    "max_gap": (timedelta, "a timedelta; Filters.of(…) takes seconds too"),
}
"""Field → what its values are, and how that is said."""


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What to look at. Empty tuples and None mean "everything".

    Parameters
    ----------
    environment : the site; may be left out when the workspace has one only.
    since, until : half-open time range; naive values are local to the environment.
    cameras, groups, zones : place, by id; `groups` are camera groups, stores, departments or divisions.
    persons : person ids.
    age_groups, genders : of the person (the determined value with most sighting time, else `other`);
        `Filters.of` takes the spellings of exports too: "70-" means 70+.
    attributes : other person words, as ((column, (word, …)), …), e.g. (("appearance_category", ("vip",)),).
    weekdays : ISO weekdays 1–7, local. hours : local clock hours [from, to), e.g. (9, 17); (22, 6) goes on past
        midnight: from 22:00 to 24:00 and from 00:00 to 06:00. With both, each instant has its own weekday: of
        Friday that is its first six hours and its last two.
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
        for f in fields(self):
            kind, said = _KINDS[f.name]
            value = getattr(self, f.name)
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                raise _unread(f.name, said, value)
        for name in ("cameras", "groups", "zones", "persons"):
            _all(name, getattr(self, name), str)
        _all("weekdays", self.weekdays, int)
        _known("age group", self.age_groups, AGE_GROUPS)
        _known("gender", self.genders, GENDERS)
        _known("weekday", self.weekdays, tuple(range(1, 8)))
        for name, words in self.attributes:
            if name not in PERSON_WORDS:
                raise FilterError(
                    f"persons have no attribute {name!r}", expected=", ".join(PERSON_WORDS), found=repr(name)
                )
            _all(f"attribute {name}", words, str)
        if self.hours is not None and not (
            len(self.hours) == 2
            and all(isinstance(h, int) and 0 <= h <= 24 for h in self.hours)
            and self.hours[0] not in {self.hours[1], 24}
        ):
            raise FilterError(
                "hours mean nothing",
                expected="two different clock hours from 0 to 24, such as (9, 17), or (22, 6) past midnight",
                found=str(self.hours),
            )
        for name in ("max_gap", "min_dwell", "max_dwell"):
            value = getattr(self, name)
            if value is not None and value < timedelta():
                raise FilterError(f"{name} is negative", expected="a duration of 0 s or more", found=str(value))
        if self.min_dwell is not None and self.max_dwell is not None and self.max_dwell < self.min_dwell:
            raise FilterError(
                "no dwell is both at least min_dwell and less than max_dwell",
                expected="min_dwell < max_dwell",
                found=f"{self.min_dwell} and {self.max_dwell}",
            )

    @classmethod
    def of(cls, **given: Any) -> Filters:
        """Filters from loose arguments: singular names, single values and lists are taken too.

        >>> Filters.of(camera="door", gender=["female"]).cameras
        ('door',)
        """
        return cls().with_(**given)

    def with_(self, **given: Any) -> Filters:
        """A copy with the loose arguments of `Filters.of` in place of its own; None leaves a field as it is.

        >>> Filters(max_gap=timedelta(minutes=5)).with_(max_gap="10min").max_gap
        datetime.timedelta(seconds=600)
        """
        names = [f.name for f in fields(self)]
        made: dict[str, Any] = {}
        for name, value in given.items():
            target = _SINGULAR.get(name, name)
            if target not in names:
                raise FilterError(f"there is no filter {name!r}", expected=", ".join(names), found=repr(name))
            if value is None:
                continue
            made[target] = _loose(target, value)
        return replace(self, **made)

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
    try:
        if name in {"max_gap", "min_dwell", "max_dwell"}:
            return value if isinstance(value, timedelta) else _duration(value)
        if name == "hours":
            return tuple(int(h) for h in value.split("-")) if isinstance(value, str) else tuple(value)
        if name == "attributes":
            pairs = value.items() if isinstance(value, Mapping) else value
            return tuple((k, (v,) if isinstance(v, str) else tuple(v)) for k, v in pairs)
        if name in _GROUPED:
            words = (value,) if isinstance(value, str) else tuple(value)
            return tuple(as_asked(_GROUPED[name], word) for word in words)
        if name in {"cameras", "groups", "zones", "persons", "weekdays"}:
            return (value,) if isinstance(value, str | int) else tuple(value)
    except (TypeError, ValueError, OverflowError, AttributeError):
        raise _unread(name, _LOOSE.get(name, "one value or a list"), value) from None
    return value


def _duration(value: Any) -> timedelta:
    """A number of seconds, or a number with a unit.

    >>> _duration(90) == _duration("90") == _duration("90 s") == _duration("1.5min")
    True
    """
    if not isinstance(value, str):
        return timedelta(seconds=float(value))
    number = value.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = value[len(number) :].strip() or "s"
    if unit not in _UNITS:
        raise ValueError(value)
    return timedelta(seconds=float(number) * _UNITS[unit])


def _unread(name: str, expected: str, value: Any) -> FilterError:
    found = f"{value!r} ({type(value).__name__})"
    return FilterError(f"the filter {name} cannot be read", expected=expected, found=found)


def _all(name: str, values: tuple[Any, ...], kind: type) -> None:
    for value in values:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise _unread(name, f"values of type {kind.__name__}", value)


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return value
