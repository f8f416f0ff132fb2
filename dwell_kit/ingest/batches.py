"""What crosses the border of this room: options in, batches out, and the protocol every reader keeps."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import polars as pl

from dwell_kit.errors import FilterError
from dwell_kit.schema.geometry import Zone
from dwell_kit.schema.time import zone

if TYPE_CHECKING:
    from dwell_kit.ingest.dialect import Dialect
    from dwell_kit.ingest.sources import Source

MIB = 1 << 20
_JSON: Final = re.compile(r"\s*(\[\s*)*\{\s*[\"}]|\s*\[\s*\]")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What protects the machine from a file.

    Parameters
    ----------
    columns : most columns of a table.
    line_bytes : longest row of a text file.
    ratio : most bytes that one compressed byte may become (above 1 MiB).
    total_bytes : most uncompressed bytes of one file.
    members : most files in a zip.
    json_depth : deepest nesting of a JSON document.
    """

    columns: int = 2_000
    line_bytes: int = 16 * MIB
    ratio: float = 200.0
    total_bytes: int = 1 << 40
    members: int = 10_000
    json_depth: int = 64


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """What the caller knows about a file that the file does not say itself.

    Parameters
    ----------
    tz : IANA time zone of the environment; naive times outside `utc_*` columns are local to it.
    columns : contract name → header, e.g. {"started_at": "Beginn"}.
    time_format : strptime format tried before all others.
    day_first : order of slash dates; None decides from the file's unambiguous rows, or asks.
    ambiguous : which instant a local time means when the clock is turned back; None rejects the row.
    utc_offset_confirmed : True when a constant quarter-hour offset between epochs and readable times is
        the readable column's own zone, False when readable times are UTC all the same; None asks.
    loitering_unit : unit of `loitering_duration`.
    encoding, delimiter : override the detection.
    camera, zone : default ids for files that have none.
    start, fps : aware instant of the first frame (MOT counts it as 1) and frames per second, for tracks.
    stay_gap : seconds that a track may be lost and be one stay all the same; by default see `ingest.stays.Stays`.
    zones : of the floor, in metres: stays of positions are cut into stays in each of them.
    keep_payload : hand over the columns that the contract does not take.
    block_bytes : size of the blocks that text is parsed in; `threads` blocks are parsed at a time.
    limits : what protects the machine.

    Raises
    ------
    FilterError : if a value is none that the option can have, saying which are.
    """

    tz: str = "UTC"
    columns: Mapping[str, str] = field(default_factory=dict)
    time_format: str | None = None
    day_first: bool | None = None
    ambiguous: Literal["earliest", "latest"] | None = None
    utc_offset_confirmed: bool | None = None
    loitering_unit: Literal["s", "ms", "min", "h"] = "s"
    encoding: str | None = None
    delimiter: str | None = None
    camera: str | None = None
    zone: str | None = None
    start: datetime | None = None
    fps: float | None = None
    stay_gap: float | None = None
    zones: tuple[Zone, ...] = ()
    keep_payload: bool = True
    block_bytes: int = 16 * MIB
    threads: int = 2
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for name, (fits, expected) in _CAN_BE.items():
            value = getattr(self, name)
            if not fits(value):
                raise FilterError(f"{name} cannot be {value!r}", where=f"option {name}", expected=expected)
        zone(self.tz)

    @classmethod
    def of(cls, **said: Any) -> ReadOptions:
        """The options that a caller named.

        Raises
        ------
        FilterError : for an unknown name, listing the known ones; or for a value that the option cannot have.
        """
        known = [one.name for one in fields(cls)]
        unknown = sorted(set(said) - set(known))
        if unknown:
            raise FilterError(
                f"there is no option {', '.join(unknown)}", expected=", ".join(known), found=", ".join(unknown)
            )
        return cls(**said)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: object) -> bool:
    return value is None or _is_text(value)


def _is_choice(value: object) -> bool:
    return value is None or isinstance(value, bool)


def _names_columns(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, (*value.keys(), *value.values())))


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_length(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and _is_number(value) and 0 <= value < math.inf)


_CAN_BE: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "tz": (_is_text, "an IANA time zone such as Europe/Berlin"),
    "columns": (_names_columns, 'contract names and headers, such as columns={"person_id": "Kunde"}'),
    "time_format": (_is_text_or_none, "a strptime format such as %d.%m.%Y %H:%M:%S"),
    "day_first": (_is_choice, "True (day/month/year) or False (month/day/year)"),
    "ambiguous": (lambda value: value in (None, "earliest", "latest"), "earliest or latest"),
    "utc_offset_confirmed": (_is_choice, "True (readable times are local) or False (they are UTC)"),
    "loitering_unit": (lambda value: value in ("s", "ms", "min", "h"), "s, ms, min or h"),
    "encoding": (_is_text_or_none, "an encoding such as utf-8, utf-16 or cp1252"),
    "delimiter": (lambda value: value is None or (isinstance(value, str) and len(value) == 1), "one character"),
    "camera": (_is_text_or_none, "the id of a camera, as text"),
    "zone": (_is_text_or_none, "the id of a zone, as text"),
    "start": (
        lambda value: value is None or isinstance(value, datetime | str),
        "the instant of the first frame, such as 2025-08-01T10:00:00+02:00",
    ),
    "fps": (_is_number, "frames per second, a number"),
    "stay_gap": (_is_length, "seconds, 0 or more"),
    "zones": (
        lambda value: isinstance(value, list | tuple) and all(isinstance(one, Zone) for one in value),
        "zones of the floor, such as zones=[Zone(…)]",
    ),
}
"""What each option can be, and how that is said."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some rows of a file, read.

    Parameters
    ----------
    table : name of the contract that `rows` keeps (`schema.tables.CONTRACTS`).
    rows : frame of that contract.
    rejects : frame of REJECTS.
    payload : `row_no` and every column that the contract did not take, as text; None if there are none.
    rows_read : accepted and rejected rows; rows without any value are not counted.
    accepted : rows of the file that were accepted, where they are not the `rows` one to one (paired events).
    cameras : camera_id, name, group, store, department, division, zone_id, zone_name, zone_vertices as seen.
    notes : what was guessed or noticed, in sentences.
    """

    table: str
    rows: pl.DataFrame
    rejects: pl.DataFrame
    payload: pl.DataFrame | None = None
    rows_read: int = 0
    accepted: int | None = None
    cameras: pl.DataFrame | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Head:
    """The beginning of a file, enough to tell whose it is.

    Parameters
    ----------
    name : file name, without `.gz`; `suffix` is its lower-case ending, e.g. ".csv".
    kind : "text" or "parquet".
    text : the first 256 KiB, decoded; "" for Parquet.
    encoding : what the text was decoded from.
    dialect : delimiter, decimal comma and newline; None for Parquet.
    columns : the first row of a text, or the columns of a Parquet file.
    rows : the next rows, at most 200, as text.
    """

    name: str
    suffix: str
    kind: str
    text: str
    encoding: str
    dialect: Dialect | None
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def is_json(self) -> bool:
        """Whether the text begins as JSON records do: then its commas make no table."""
        return self.kind == "text" and _JSON.match(self.text) is not None


class Reader(Protocol):
    """One file format."""

    @property
    def name(self) -> str:
        """What it is asked for by, e.g. "appearances"."""

    @property
    def table(self) -> str:
        """Name of the contract that it fills."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of its files, with the dot."""

    def claims(self, head: Head) -> float:
        """How sure it is, 0 … 1, that a file with this head is its own."""

    def read(self, source: Source, options: ReadOptions) -> Iterator[Batch]:
        """The file's rows, in order, in flat memory."""
