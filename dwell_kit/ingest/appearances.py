"""Appearance exports: one row is one person seen by one camera from start to end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

import polars as pl

from dwell_kit.errors import HeaderError
from dwell_kit.ingest import blocks, headers
from dwell_kit.ingest.batches import Batch, Head, ReadOptions
from dwell_kit.ingest.blocks import Block
from dwell_kit.ingest.identifiers import NO_ID, identifier
from dwell_kit.ingest.rejects import Rejecting, compact, shifted
from dwell_kit.ingest.sources import Source
from dwell_kit.ingest.tables import Table, column
from dwell_kit.ingest.timestamps import Clock, Texts, TimeColumn
from dwell_kit.schema import columns as c
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS, is_unknown_word
from dwell_kit.schema.tables import SIGHTINGS, UTC_US
from dwell_kit.schema.time import US

APPEARANCE_ID: Final = "appearance_id"
ZONE_HOURS: Final = "utc_time_zone"
CAMERA_COLUMNS: Final = (
    c.CAMERA, "name", "group", "store", "department", "division", c.ZONE, "zone_name", "zone_vertices",
)  # fmt: skip
"""Columns of `Batch.cameras`."""

_LONGEST_WORD: Final = max(map(len, NO_ID))
_WORDS: Final = (c.AGE_GROUP, c.GENDER, c.CATEGORY, c.MASK, c.LIVENESS, c.MATCH, c.WATCHLIST_TYPE, c.WATCHLIST)
_IN_PAYLOAD: Final = (c.EVENT, ZONE_HOURS)
"""Columns that help to read a row and that the contract does not keep."""


@dataclass(frozen=True, kw_only=True)
class _Part:
    """What one block gives; rows are numbered from 1 within it."""

    batch: Batch
    height: int
    unknown: frozenset[str]
    clamped: int


class _Reading:
    """One file being read."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self.options = options
        self.table = Table(source, options)
        self.match = headers.match(
            self.table.header,
            headers.APPEARANCE,
            columns=options.columns,
            limits=options.limits,
            where=source.name,
        )
        self.start, self.end = self._time(c.STARTED), self._time(c.ENDED)
        self.message = TimeColumn.find(self.match, c.MESSAGE_TIME)
        self.clock = Clock(options, where=source.name, look_ahead=self._look_ahead)
        self.payload = self._payload()
        wanted = {*self.match.mapping.values(), *self.payload.values()}
        self.positions = sorted(wanted)
        self.copied = self._copied()
        self.rejecting = Rejecting(self.table, self.clock, self.start, self.end)

    def _time(self, name: str) -> TimeColumn:
        found = TimeColumn.find(self.match, name)
        if found is None:
            raise HeaderError(f"there is no column {name}", where=self.table.source.name)
        return found

    def _payload(self) -> dict[str, int]:
        if not self.options.keep_payload:
            return {}
        kept = dict(self.match.others())
        for name in _IN_PAYLOAD:
            if name in self.match.mapping and not (name == c.EVENT and APPEARANCE_ID not in self.match.mapping):
                kept.setdefault(name, self.match.mapping[name])
        if c.ROW_NO in kept:
            kept[f"{c.ROW_NO} (file)"] = kept.pop(c.ROW_NO)
        return kept

    def _look_ahead(self) -> Iterator[tuple[TimeColumn, Texts]]:
        """The time columns of a few rows from everywhere, then of all rows."""
        times = (self.start, self.end)
        positions = [p for one in times for p in one.positions]
        for frame in self.table.samples(positions):
            yield from ((one, self._texts(frame, one)) for one in times)
        for block in self.table.blocks():
            frame = self.table.parse(block, positions)
            yield from ((one, self._texts(frame, one)) for one in times)

    @staticmethod
    def _texts(frame: pl.DataFrame, one: TimeColumn) -> Texts:
        return tuple(frame[column(position)] for position in one.positions)

    def has(self, name: str) -> bool:
        return name in self.match.mapping

    def text(self, name: str) -> pl.Expr:
        """The text of a wanted column; null if the file has none."""
        if not self.has(name):
            return pl.lit(None, dtype=pl.String)
        return pl.col(column(self.match.mapping[name]))

    def notes(self) -> tuple[str, ...]:
        return (*self.table.notes(), *self.match.guesses, *self.table.source.notes)

    def part(self, block: Block | pl.DataFrame) -> _Part:
        """One block, read."""
        frame = self.table.parse(block, self.positions)
        zone_h = frame.select_seq(self.text(ZONE_HOURS)).to_series() if self.has(ZONE_HOURS) else None
        start = self.clock.read(self.start, self._texts(frame, self.start), zone_h)
        end = self.clock.read(self.end, self._texts(frame, self.end), zone_h)
        end, clamped = _to_the_second(start, end)
        row_no = pl.Series(c.ROW_NO, range(1, frame.height + 1), dtype=pl.Int64)
        frame = frame.with_columns_seq(row_no, start.alias(c.STARTED), end.alias(c.ENDED))
        if self.message is not None:
            message = self.clock.read(self.message, self._texts(frame, self.message), zone_h)
            frame = frame.with_columns_seq(message.alias(c.MESSAGE_TIME))
        good, rejects = self.rejecting.split(frame, block)
        rows = self._rows(good)
        return _Part(
            batch=Batch(
                table=SIGHTINGS.name,
                rows=rows,
                rejects=rejects,
                payload=self._payload_of(good),
                rows_read=good.height + rejects.height,
                cameras=self._cameras(good),
            ),
            height=frame.height,
            unknown=_unknown_words(rows),
            clamped=clamped,
        )

    def _rows(self, good: pl.DataFrame) -> pl.DataFrame:
        person, camera, zone = (
            self._ids(good, name, default)
            for name, default in ((c.PERSON, None), (c.CAMERA, self.options.camera), (c.ZONE, self.options.zone))
        )
        made = good.select_seq(
            person,
            camera,
            zone,
            *self.copied,
        )
        return made.with_columns_seq(self._keys(good, made)).select_seq(SIGHTINGS.names)

    def _ids(self, good: pl.DataFrame, name: str, default: str | None = None) -> pl.Series:
        if not self.has(name):
            return pl.Series(name, [default], dtype=pl.String).new_from_index(0, good.height)
        return _identifier(good, column(self.match.mapping[name]), default).alias(name)

    def _copied(self) -> list[pl.Expr]:
        """The columns of the contract that are not ids, of a frame of good rows."""
        return [
            *(pl.col(name).cast(UTC_US) for name in (c.STARTED, c.ENDED)),
            *(pl.lit(value=False).alias(name) for name in (c.OPEN_START, c.OPEN_END)),
            *(self.text(name).alias(name) for name in _WORDS),
            self._message(),
            pl.col(c.ROW_NO),
        ]

    def _message(self) -> pl.Expr:
        value = pl.lit(None, dtype=pl.Int64) if self.message is None else pl.col(c.MESSAGE_TIME)
        return value.cast(UTC_US).alias(c.MESSAGE_TIME)

    def _keys(self, good: pl.DataFrame, made: pl.DataFrame) -> pl.Series:
        """Appearance id, else event id, else a hash of person, camera and start."""
        keys = pl.Series(c.KEY, [None], dtype=pl.String).new_from_index(0, good.height)
        for name in (APPEARANCE_ID, c.EVENT):
            if self.has(name) and keys.null_count():
                ids = self._ids(good, name)
                keys = ids if keys.null_count() == len(keys) else keys.zip_with(keys.is_not_null(), ids)
        left = keys.is_null().arg_true()
        if len(left):
            keys = keys.scatter(left, identity_hash(made.select_seq(pl.all().gather(left))))
        return keys.alias(c.KEY)

    def _payload_of(self, good: pl.DataFrame) -> pl.DataFrame | None:
        if not self.payload:
            return None
        return good.select_seq(c.ROW_NO, *(pl.col(column(p)).alias(name) for name, p in self.payload.items()))

    def _cameras(self, good: pl.DataFrame) -> pl.DataFrame | None:
        """What the block says of its cameras, last; one row for each camera and zone."""
        if not self.has(c.CAMERA):
            return None
        known = [name for name in (c.CAMERA, c.ZONE) if self.has(name)]
        places = [column(self.match.mapping[name]) for name in known]
        last = (
            good.select_seq(*places, pl.int_range(pl.len()).alias("at")).group_by(places).agg(pl.col("at").max())
        )
        found = good[last["at"].sort().to_numpy()].select_seq(
            self.text(name).str.strip_chars().alias(name) for name in CAMERA_COLUMNS
        )
        return compact(found.filter(pl.col(c.CAMERA).is_not_null()))


def identity_hash(rows: pl.DataFrame) -> pl.Series:
    """Keys of sightings that have no id: "h:" and BLAKE2b-128 of person, camera and start µs.

    Parameters
    ----------
    rows : frame with person_id, camera_id, started_at.
    """
    texts = rows.select_seq(
        pl.concat_str(
            pl.col(c.PERSON).fill_null(""),
            pl.col(c.CAMERA).fill_null(""),
            pl.col(c.STARTED).dt.epoch("us").cast(pl.String),
            separator="\x1f",
        )
    ).to_series()
    made = [f"h:{blake2b(text.encode(), digest_size=16).hexdigest()}" for text in texts.to_list()]
    return pl.Series(c.KEY, made, dtype=pl.String)


def _identifier(frame: pl.DataFrame, name: str, default: str | None = None) -> pl.Series:
    """The column as ids: see `identifier`; most blocks have nothing to clean, which is much cheaper to see."""
    text = pl.col(name)
    shortest, blanks = frame.select_seq(
        text.str.len_bytes().min().alias("shortest"),
        (text.str.starts_with(" ") | text.str.ends_with(" ") | text.str.starts_with("\t")).any().alias("blanks"),
    ).row(0)
    ids = frame[name]
    if blanks or (shortest is not None and shortest <= _LONGEST_WORD):
        ids = frame.select_seq(identifier(text)).to_series()
    return ids if default is None else ids.fill_null(default)


def _to_the_second(start: pl.Series, end: pl.Series) -> tuple[pl.Series, int]:
    """An end that is known to the second only, in the very second of the start, is no earlier than the start."""
    early = start - end
    low = early.is_between(0, US, closed="none") & (end % US == 0) & (start // US == end // US)
    count = int(low.sum())
    return (end.zip_with(~low.fill_null(value=False), start), count) if count else (end, 0)


def _unknown_words(rows: pl.DataFrame) -> frozenset[str]:
    """Demographic words of no group, as "column: word"."""
    found = set()
    for name, known in ((c.AGE_GROUP, AGE_GROUPS), (c.GENDER, GENDERS)):
        for word in rows[name].unique().to_list():
            if is_unknown_word(word, known=known):
                found.add(f"{name}: {word!r}")
    return frozenset(found)


class Appearances:
    """The reader of appearance exports (SPEC S1.1)."""

    name = "appearances"
    table = SIGHTINGS.name
    suffixes = (".csv", ".tsv", ".txt", ".parquet")

    def claims(self, head: Head) -> float:
        """1 when person, start and end are there; 0.3 for a damaged header of the same export."""
        if len(head.columns) < 2 or head.is_json:
            return 0.0
        try:
            headers.match(head.columns, headers.APPEARANCE)
        except HeaderError:
            keys = {headers.normalised(name) for name in head.columns}
            return (
                0.3 if keys & {"personid", "appearanceid"} and any(k.startswith("utctime") for k in keys) else 0.0
            )
        return 1.0

    def read(self, source: Source, options: ReadOptions) -> Iterator[Batch]:
        """The file's sightings in order, block by block; the last batch carries the notes of the whole file.

        Raises
        ------
        HeaderError, FormatError, LimitError, AskError
        """
        reading = _Reading(source, options)
        notes, rows_before, clamped = reading.notes(), 0, 0
        unknown: set[str] = set()
        for part in blocks.ordered(reading.table.blocks(), reading.part, threads=options.threads):
            yield shifted(replace(part.batch, notes=notes), rows_before)
            notes = ()
            rows_before += part.height
            clamped += part.clamped
            unknown |= part.unknown
        late = [*reading.clock.notes(), *(note for note in source.notes if note not in reading.notes())]
        if unknown:
            late.append(f"words of no known group, counted as other: {', '.join(sorted(unknown)[:20])}")
        if clamped:
            late.append(f"{clamped:,} ends known to the second only lie in the second of their start: length 0")
        empty = Batch(table=SIGHTINGS.name, rows=SIGHTINGS.empty(), rejects=Rejecting.empty())
        yield replace(empty, notes=(*notes, *late))


reader = Appearances()
