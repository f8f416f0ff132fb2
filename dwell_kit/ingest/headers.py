"""Which column of a file is which: normalised names and aliases, never a silent choice."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dwell_kit.errors import HeaderError, LimitError
from dwell_kit.ingest.batches import Limits
from dwell_kit.schema import columns as c

READABLE: Final = "_readable"
"""Suffix of the wanted name of a time's readable twin."""

IGNORED: Final = ("reject_row_no", "reject_column", "reject_value", "reject_reason", "reject_file")
"""Columns of a file of rejects: left out when it is read again."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A column that a reader is looking for.

    Parameters
    ----------
    name : of the contract, or the reader's own.
    aliases : spellings, the best first; spelling is compared without case, spaces and punctuation.
    mandatory : missing is an error, unless one of `instead` is there.
    instead : wanted names that make up for it.
    """

    name: str
    aliases: tuple[str, ...]
    mandatory: bool = False
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class HeaderMatch:
    """What was found.

    Parameters
    ----------
    header : the names as they stand in the file.
    mapping : wanted name → position in the header.
    guesses : one sentence for each column that is not spelt as its first alias.
    """

    header: tuple[str, ...]
    mapping: Mapping[str, int]
    guesses: tuple[str, ...] = ()
    ignored: frozenset[int] = field(default=frozenset())

    def name(self, wanted: str) -> str | None:
        """The file's own name of a wanted column."""
        return self.header[self.mapping[wanted]] if wanted in self.mapping else None

    def is_utc(self, wanted: str) -> bool:
        """True when the file's name of the column says that its naive times are UTC."""
        return normalised(self.name(wanted) or "").startswith("utc")

    def others(self) -> dict[str, int]:
        """Unique name → position of every column that nobody wanted: the payload."""
        taken = set(self.mapping.values()) | self.ignored
        found: dict[str, int] = {}
        for position, name in enumerate(self.header):
            if position not in taken:
                found[_unique(name.strip() or f"column {position + 1}", found)] = position
        return found


def normalised(name: str) -> str:
    """A name without case, spaces, punctuation and byte-order mark.

    >>> normalised(" UTC Time-Started ")
    'utctimestarted'
    """
    return "".join(ch for ch in name.casefold() if ch.isalnum())


def match(
    header: Sequence[str],
    wanted: Sequence[Wanted],
    *,
    columns: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    where: str | None = None,
) -> HeaderMatch:
    """Find the wanted columns in a header.

    Parameters
    ----------
    header : names as they stand in the file.
    columns : wanted name → header, said by the caller; wins over everything.
    where : the file, for errors.

    Raises
    ------
    HeaderError : if a mandatory column is missing, or two columns fit equally well.
    LimitError : if there are too many columns.
    """
    limits = limits or Limits()
    if len(header) > limits.columns:
        raise LimitError(
            "the table has too many columns", where=where,
            expected=f"at most {limits.columns:,}", found=f"{len(header):,}",
        )  # fmt: skip
    keys = [normalised(name) for name in header]
    mapping = _explicit(header, wanted, columns or {}, where)
    guesses: list[str] = []
    for want in wanted:
        if want.name in mapping:
            continue
        position = _find(header, keys, want, taken=set(mapping.values()), where=where)
        if position is not None:
            mapping[want.name] = position
            if header[position] != want.aliases[0]:
                guesses.append(f"header {header[position]!r} was read as {want.aliases[0]}")
    _check_mandatory(header, wanted, mapping, where)
    ignored = frozenset(i for i, key in enumerate(keys) if key in {normalised(n) for n in IGNORED})
    return HeaderMatch(header=tuple(header), mapping=mapping, guesses=tuple(guesses), ignored=ignored)


def _unique(name: str, taken: Mapping[str, int]) -> str:
    made, number = name, 2
    while made in taken:
        made, number = f"{name} ({number})", number + 1
    return made


def _explicit(
    header: Sequence[str], wanted: Sequence[Wanted], columns: Mapping[str, str], where: str | None
) -> dict[str, int]:
    known = {want.name for want in wanted}
    mapping: dict[str, int] = {}
    for name, said in columns.items():
        if name not in known:
            raise HeaderError(
                f"this reader does not know {name!r}, which was said to be a column", where=where,
                expected=", ".join(sorted(known)), found=name, hint=f'say columns={{"<one of them>": "{said}"}}',
            )  # fmt: skip
        mapping[name] = _only(header, name, said, where)
    return mapping


def places(header: Sequence[str], said: str) -> list[int]:
    """Positions of the columns that a caller's word names: by spelling, by normalised spelling, or `name#2`.

    >>> places(["id", "time", "time"], "time"), places(["id", "time", "time"], "time#2")
    ([1, 2], [2])
    """
    found = [i for i, text in enumerate(header) if text == said]
    found = found or [i for i, text in enumerate(header) if normalised(text) == normalised(said)]
    name, mark, number = said.rpartition("#")
    if found or not (mark and number.isdecimal()):
        return found
    return places(header, name)[int(number) - 1 : int(number)] if int(number) else []


def check_named(header: Sequence[str], columns: Mapping[str, str], *, where: str | None = None) -> None:
    """Raises HeaderError if `columns=` names a header that does not stand there exactly once."""
    for name, said in columns.items():
        _only(header, name, said, where)


def _only(header: Sequence[str], name: str, said: str, where: str | None) -> int:
    found = places(header, said)
    if len(found) == 1:
        return found[0]
    if found:
        raise HeaderError(
            f"{name} was said to be {said!r}, which the header has {len(found)} times",
            where=where,
            expected="a column that stands there once",
            found=", ".join(f"column {i + 1}" for i in found),
            hint=f'number them: columns={{"{name}": "{said}#1"}} is the first, {said + "#2"!r} the second',
        )
    near = ", ".join(repr(n) for n in difflib.get_close_matches(said, header, 3, 0.4))
    raise HeaderError(
        f"{name} was said to be {said!r}, which the header does not have",
        where=where,
        expected="a name that stands there once",
        found=f"nearest: {near or 'nothing near'}",
        hint=f'say columns={{"{name}": "<its header>"}}',
    )


def _find(
    header: Sequence[str], keys: Sequence[str], want: Wanted, *, taken: set[int], where: str | None
) -> int | None:
    for alias in want.aliases:
        places = [i for i, key in enumerate(keys) if key == normalised(alias) and i not in taken]
        if len(places) > 1:
            exact = [i for i in places if header[i] == alias]
            places = exact if len(exact) == 1 else places
        if len(places) == 1:
            return places[0]
        if places:
            names = ", ".join(f"{header[i]!r} (column {i + 1})" for i in places)
            raise HeaderError(
                f"{len(places)} columns could be {want.name}", where=where,
                expected=f"one column {alias}", found=names, hint="rename one: equal names cannot be told apart",
            )  # fmt: skip
    return None


def lacks(header: Sequence[str], wanted: Sequence[Wanted]) -> tuple[list[str], str]:
    """A line for each mandatory column that is not in a header, with the nearest one that is, and what to say."""
    keys = {normalised(name) for name in header}
    mapping = {w.name: 0 for w in wanted if keys & {normalised(alias) for alias in w.aliases}}
    missing = _missing(wanted, mapping)
    return _lines(header, missing), _example(missing)


def _missing(wanted: Sequence[Wanted], mapping: Mapping[str, int]) -> list[Wanted]:
    return [
        want
        for want in wanted
        if want.mandatory and want.name not in mapping and not any(name in mapping for name in want.instead)
    ]


def _lines(header: Sequence[str], missing: Sequence[Wanted]) -> list[str]:
    return [f"{want.name} ({_spellings(want)}): nearest header {_nearest(header, want)}" for want in missing]


def _example(missing: Sequence[Wanted]) -> str:
    pairs = ", ".join(f'"{want.name}": "<its header>"' for want in missing)
    return f"columns={{{pairs}}}"


def _check_mandatory(
    header: Sequence[str], wanted: Sequence[Wanted], mapping: Mapping[str, int], where: str | None
) -> None:
    missing = _missing(wanted, mapping)
    if not missing:
        return
    lines = _lines(header, missing)
    columns = "column is" if len(missing) == 1 else "columns are"
    raise HeaderError(
        f"{len(missing)} mandatory {columns} missing: {', '.join(want.name for want in missing)}",
        where=where,
        expected="\n    " + "\n    ".join(lines),
        found=", ".join(name.strip() for name in header[:60]) + (" …" if len(header) > 60 else ""),
        hint=f"export the file again if its header was cut, or say which is which: {_example(missing)}",
    )


def _spellings(want: Wanted) -> str:
    return " or ".join(want.aliases[:2])


def _nearest(header: Sequence[str], want: Wanted) -> str:
    """The two headers most like any spelling of a wanted column, a cut spelling above all."""
    scores: dict[str, float] = {}
    for name in header:
        key = normalised(name)
        for alias in want.aliases:
            target = normalised(alias)
            score = difflib.SequenceMatcher(None, key, target).ratio()
            if len(key) >= 4 and target.startswith(key):
                score += 0.5
            scores[name] = max(scores.get(name, 0.0), score)
    best = sorted((name for name in scores if scores[name] >= 0.5), key=lambda n: -scores[n])[:2]
    return " or ".join(repr(name.strip()) for name in best) or "none is near"


APPEARANCE: Final = (
    Wanted(
        name=c.STARTED,
        aliases=(
            "utc_time_started",
            "utcconvert_time_started",
            "time_started",
            "started_at",
            "start_time",
            "start",
            "started",
            "begin",
            "begin_time",
            "first_seen",
            "beginn",
            "von",
            "mulai",
        ),
        mandatory=True,
        instead=(c.STARTED + READABLE,),
    ),
    Wanted(
        name=c.STARTED + READABLE,
        aliases=("utc_time_started_readable", "utcconvert_time_started", "time_started_readable"),
    ),
    Wanted(
        name=c.ENDED,
        aliases=(
            "utc_time_ended",
            "utcconvert_time_ended",
            "time_ended",
            "ended_at",
            "end_time",
            "end",
            "ended",
            "last_seen",
            "ende",
            "bis",
            "selesai",
        ),
        mandatory=True,
        instead=(c.ENDED + READABLE,),
    ),
    Wanted(
        name=c.ENDED + READABLE,
        aliases=("utc_time_ended_readable", "utcconvert_time_ended", "time_ended_readable"),
    ),
    Wanted(name=c.PERSON, aliases=("person_id", "poi_id", "personid", "person"), mandatory=True),
    Wanted(name="appearance_id", aliases=("appearance_id",)),
    Wanted(name=c.EVENT, aliases=("event_id",)),
    Wanted(name=c.MESSAGE_TIME, aliases=("utc_time_recorded", "utcconvert_time_recorded", "message_time")),
    Wanted(
        name=c.MESSAGE_TIME + READABLE,
        aliases=("utc_time_recorded_readable", "utcconvert_time_recorded"),
    ),
    Wanted(name="utc_time_zone", aliases=("utc_time_zone",)),
    Wanted(name=c.CAMERA, aliases=("camera_id", "camera", "kamera_id", "kamera")),
    Wanted(name=c.ZONE, aliases=("zone_id",)),
    Wanted(name=c.AGE_GROUP, aliases=("age_group_outcome", "age_group")),
    Wanted(name=c.GENDER, aliases=("gender_outcome", "gender")),
    Wanted(name=c.CATEGORY, aliases=("appearance_category",)),
    Wanted(name=c.MASK, aliases=("mask_outcome",)),
    Wanted(name=c.LIVENESS, aliases=("liveness_outcome",)),
    Wanted(name=c.MATCH, aliases=("match_outcome",)),
    Wanted(name=c.WATCHLIST_TYPE, aliases=("watchlist_type",)),
    Wanted(name=c.WATCHLIST, aliases=("watchlist_display_name", "watchlist_name")),
    Wanted(name="name", aliases=("camera_description", "camera_name")),
    Wanted(name="group", aliases=("camera_group_name", "camera_group_id")),
    Wanted(name="store", aliases=("camera_group_data_group_name", "store")),
    Wanted(
        name="department",
        aliases=("camera_group_data_departemen", "camera_group_data_department", "departemen", "department"),
    ),
    Wanted(
        name="division",
        aliases=("camera_group_data_divisi", "camera_group_data_division", "divisi", "division"),
    ),
    Wanted(name="zone_name", aliases=("zone_name",)),
    Wanted(name="zone_vertices", aliases=("zone_vertices",)),
)
"""The columns of an appearance export; the last six and the name describe its camera."""
