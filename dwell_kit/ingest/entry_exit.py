"""Tables of entries and exits: one timestamp, a person, a camera and a word that says which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

import polars as pl

from dwell_kit.errors import HeaderError
from dwell_kit.ingest import blocks, faults, headers, pairing
from dwell_kit.ingest.appearances import CAMERA_COLUMNS
from dwell_kit.ingest.batches import Batch, Head, ReadOptions
from dwell_kit.ingest.blocks import Block
from dwell_kit.ingest.faults import Fault
from dwell_kit.ingest.headers import READABLE, Wanted
from dwell_kit.ingest.identifiers import identifier
from dwell_kit.ingest.rejects import compact, shifted
from dwell_kit.ingest.sources import Source
from dwell_kit.ingest.tables import Table, column
from dwell_kit.ingest.timestamps import Clock, Texts, TimeColumn
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import REJECTS, SIGHTINGS

TIMESTAMP: Final = "timestamp"
_ZONE_HOURS: Final = "utc_time_zone"
ENTRY_WORDS: Final = (
    "entry", "enter", "entered", "entering", "entrance", "in", "inside", "arrival", "arrive", "arrived",
    "checkin", "checkedin", "clockin", "ingress", "masuk",
)  # fmt: skip
EXIT_WORDS: Final = (
    "exit", "exited", "exiting", "leave", "left", "leaving", "out", "outside", "departure", "depart", "departed",
    "checkout", "checkedout", "clockout", "egress", "keluar",
)  # fmt: skip
"""Compared without case, spaces and punctuation. 1 and 0 are not among them: systems disagree which is which."""

WANTED: Final = (
    Wanted(
        name=TIMESTAMP,
        aliases=(
            "timestamp", "utc_timestamp", "event_time", "event_timestamp", "utc_time_recorded", "datetime",
            "date_time", "time",
        ),
        mandatory=True,
        instead=(TIMESTAMP + READABLE,),
    ),
    Wanted(name=TIMESTAMP + READABLE, aliases=("timestamp_readable", "utc_time_recorded_readable")),
    Wanted(name=c.PERSON, aliases=("person_id", "poi_id", "personid", "person"), mandatory=True),
    Wanted(name=c.EVENT_TYPE, aliases=("event_type", "event", "direction", "type"), mandatory=True),
    Wanted(name=c.CAMERA, aliases=("camera_id", "camera", "door_id", "door")),
    Wanted(name=_ZONE_HOURS, aliases=("utc_time_zone",)),
    Wanted(name=c.AGE_GROUP, aliases=("age_group_outcome", "age_group")),
    Wanted(name=c.GENDER, aliases=("gender_outcome", "gender")),
)  # fmt: skip
_SAID: Final = (c.AGE_GROUP, c.GENDER)
_PERIOD: Final = tuple(w for w in headers.APPEARANCE if w.name in {c.STARTED, c.ENDED})
_SLICE: Final = 250_000
_SAYS: Final = (c.COLUMN, c.VALUE, c.REASON)


class EntryExit:
    """The reader of entry and exit events (SPEC S1.2); sessions are paired over the whole file by `pairing.pair`.

    Blocks stream; of each event about 30 bytes are kept until the file ends.
    """

    name = "entry_exit"
    table = SIGHTINGS.name
    suffixes = (".csv", ".tsv", ".txt", ".parquet")

    def claims(self, head: Head) -> float:
        """Sure when time, person and type are there, start and end are not, and the types say entry or exit."""
        match = _loosely(head.columns, WANTED)
        timed = TIMESTAMP in match or TIMESTAMP + READABLE in match
        if not timed or c.PERSON not in match or c.EVENT_TYPE not in match:
            return 0.0
        if len(_loosely(head.columns, _PERIOD)) == len(_PERIOD):
            return 0.0
        if not head.rows:
            return 0.6
        at = match[c.EVENT_TYPE]
        said = [headers.normalised(row[at]) for row in head.rows if len(row) > at]
        known = sum(word in ENTRY_WORDS or word in EXIT_WORDS for word in said)
        return 0.95 if 2 * known > len(said) else 0.6 if known else 0.0

    def read(self, source: Source, options: ReadOptions) -> Iterator[Batch]:
        """First a batch per block with its rejects and payload, then the sessions.

        A payload row belongs to an event; a session's is that of its entry (of its exit, if that is all there is).

        Raises
        ------
        HeaderError, FormatError, LimitError, AskError
        """
        reading = _Reading(source, options)
        notes, rows_before = reading.notes(), 0
        events: list[pl.DataFrame] = []
        for part in blocks.ordered(reading.table.blocks(), reading.part, threads=options.threads):
            yield shifted(replace(part.batch, notes=notes), rows_before)
            notes = ()
            events.append(part.events.with_columns(pl.col(c.ROW_NO) + rows_before))
            rows_before += part.height
        late = [*notes, *reading.clock.notes(), *(n for n in source.notes if n not in reading.notes())]
        if not events:
            yield Batch(table=SIGHTINGS.name, rows=SIGHTINGS.empty(), rejects=REJECTS.empty(), notes=tuple(late))
            return
        yield from reading.sessions(events, late)


reader = EntryExit()


@dataclass(frozen=True, kw_only=True)
class _Part:
    """What one block gives; rows are numbered from 1 within it."""

    batch: Batch
    events: pl.DataFrame
    height: int


class _Reading:
    """One file being read."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self.options = options
        self.table = Table(source, options)
        self.match = headers.match(
            self.table.header, WANTED, columns=options.columns, limits=options.limits, where=source.name
        )
        found = TimeColumn.find(self.match, TIMESTAMP)
        if found is None:
            raise HeaderError(f"there is no column {TIMESTAMP}", where=source.name)
        self.time = found
        self.clock = Clock(options, where=source.name, look_ahead=self._look_ahead)
        # A dictionary of our own: texts are kept once, and forgotten with the file.
        self.words = pl.Categorical(pl.Categories.random())
        self.payload = self.match.others() if options.keep_payload else {}

    def _look_ahead(self) -> Iterator[tuple[TimeColumn, Texts]]:
        for frame in self.table.samples(self.time.positions):
            yield self.time, self._times(frame)
        for block in self.table.blocks():
            yield self.time, self._times(self.table.parse(block, self.time.positions))

    def _times(self, frame: pl.DataFrame) -> Texts:
        return tuple(frame[column(position)] for position in self.time.positions)

    def notes(self) -> tuple[str, ...]:
        return (*self.table.notes(), *self.match.guesses, *self.table.source.notes)

    def text(self, name: str) -> pl.Expr:
        """The text of a wanted column; null if the file has none."""
        if name not in self.match.mapping:
            return pl.lit(None, dtype=pl.String)
        return pl.col(column(self.match.mapping[name]))

    def part(self, block: Block | pl.DataFrame) -> _Part:
        """One block, read."""
        text = self.table.parse(block)
        zone = self.match.mapping.get(_ZONE_HOURS)
        at = self.clock.read(self.time, self._times(text), None if zone is None else text[column(zone)])
        number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
        frame = text.with_columns(number.alias(c.ROW_NO), at.alias(pairing.AT), *self._event())
        wrong = self._faults()
        good, bad = faults.split(frame, wrong, self.table)
        batch = Batch(
            table=SIGHTINGS.name,
            rows=SIGHTINGS.empty(),
            rejects=self._rejects(bad, wrong),
            payload=self._payload_of(good),
            rows_read=good.height + bad.height,
            accepted=good.height,
            cameras=self._cameras(good),
        )
        events = good.select(
            *(pl.col(name).cast(self.words) for name in (c.PERSON, c.CAMERA, *_SAID)),
            *(pl.col(name) for name in (pairing.AT, pairing.IS_ENTRY, c.ROW_NO)),
        )
        return _Part(batch=batch, events=events, height=text.height)

    def _event(self) -> list[pl.Expr]:
        word = self.text(c.EVENT_TYPE).str.to_lowercase().str.replace_all(r"[^\pL\pN]", "")
        camera = identifier(self.text(c.CAMERA)).fill_null(pl.lit(self.options.camera, dtype=pl.String))
        return [
            pl.when(word.is_in(ENTRY_WORDS))
            .then(pl.lit(value=True))
            .when(word.is_in(EXIT_WORDS))
            .then(pl.lit(value=False))
            .alias(pairing.IS_ENTRY),
            identifier(self.text(c.PERSON)).alias(c.PERSON),
            camera.alias(c.CAMERA),
            *(self.text(name).alias(name) for name in _SAID),
        ]

    def _faults(self) -> list[Fault]:
        """What can be wrong with an event, the first that applies."""
        person, kind = (pl.lit(self.match.name(name)) for name in (c.PERSON, c.EVENT_TYPE))
        return [
            *faults.of_form(self.table),
            Fault(bad=pl.col(pairing.AT).is_null(), **{n: pl.col(f"time {n}") for n in _SAYS}),
            Fault(
                bad=pl.col(c.PERSON).is_null(), column=person, value=self.text(c.PERSON),
                reason=pl.lit("no person: without one an entry and its exit cannot be paired"),
            ),
            Fault(
                bad=pl.col(pairing.IS_ENTRY).is_null(), column=kind, value=self.text(c.EVENT_TYPE),
                reason=pl.lit("neither entry nor exit: write one of these two words"),
            ),
        ]  # fmt: skip

    def _rejects(self, bad: pl.DataFrame, wrong: list[Fault]) -> pl.DataFrame:
        why = self.clock.why(self.time, self._times(bad)).select(pl.all().name.prefix("time "))
        return faults.rejects(pl.concat([bad, why], how="horizontal"), wrong, self.table)

    def _payload_of(self, good: pl.DataFrame) -> pl.DataFrame | None:
        if not self.payload:
            return None
        return good.select(c.ROW_NO, *(pl.col(column(p)).alias(name) for name, p in self.payload.items()))

    def _cameras(self, good: pl.DataFrame) -> pl.DataFrame | None:
        cameras = good.select(pl.col(c.CAMERA).unique(maintain_order=True).drop_nulls())
        nothing = (pl.lit(None, dtype=pl.String).alias(name) for name in CAMERA_COLUMNS if name != c.CAMERA)
        return compact(cameras.with_columns(*nothing).select(CAMERA_COLUMNS)) if cameras.height else None

    def sessions(self, events: list[pl.DataFrame], late: list[str]) -> Iterator[Batch]:
        """The sessions of all events, and the notes of the whole file."""
        gathered = pl.concat(events)
        events.clear()
        said = gathered.select(c.ROW_NO, *_SAID)
        coded = gathered.with_columns(pl.col(c.PERSON, c.CAMERA).to_physical()).drop(_SAID)
        del gathered
        count = coded.height
        found = pairing.pair(coded)
        del coded
        if twice := pairing.repeats(count, found):
            late.append(f"{twice:,} events stand in the file more than once and were counted once")
        late += _counted(found)
        found = found.with_columns(pl.col(c.PERSON, c.CAMERA).cat.to(self.words))
        if any(name in self.match.mapping for name in _SAID):
            found = found.join(said, on=c.ROW_NO, how="left", maintain_order="left")
        empty = Batch(table=SIGHTINGS.name, rows=SIGHTINGS.empty(), rejects=REJECTS.empty(), accepted=0)
        for at in range(0, found.height, _SLICE):
            yield replace(empty, rows=self._rows(found.slice(at, _SLICE)))
        yield replace(empty, notes=tuple(late))

    def _rows(self, found: pl.DataFrame) -> pl.DataFrame:
        said_last = pl.when(c.OPEN_END).then(c.STARTED).otherwise(c.ENDED)
        zone = pl.lit(self.options.zone, dtype=pl.String).alias(c.ZONE)
        rows = found.with_columns(
            pl.col(c.PERSON, c.CAMERA).cast(pl.String), said_last.alias(c.MESSAGE_TIME), zone
        )
        return SIGHTINGS.conform(rows.with_columns(_keys(rows)))


def _loosely(header: Sequence[str], wanted: Sequence[Wanted]) -> dict[str, int]:
    """Positions by spelling alone, without any error."""
    places = {headers.normalised(name): at for at, name in reversed(list(enumerate(header)))}
    found = {}
    for want in wanted:
        spelt = [headers.normalised(alias) for alias in want.aliases]
        places_of = [places[key] for key in spelt if key in places]
        if places_of:
            found[want.name] = places_of[0]
    return found


def _keys(rows: pl.DataFrame) -> pl.Series:
    """Key "e:…" of BLAKE2b-128 of person and camera, and the kind and instant of the event that opens the session.

    A session that was open in an earlier export and is closed in a later one keeps its key.
    """
    place = rows.select(pl.concat_str(c.PERSON, pl.col(c.CAMERA).fill_null(""), separator="\x1f").alias("place"))
    texts = place["place"].unique()
    hashes = [blake2b(text.encode(), digest_size=16).hexdigest() for text in texts.to_list()]
    made = place.select(pl.col("place").replace_strict(texts, pl.Series(hashes, dtype=pl.String), default=None))
    kind = rows.select(pl.when(c.OPEN_START).then(pl.lit("-")).otherwise(pl.lit("+"))).to_series()
    start = rows[c.STARTED].cast(pl.String)
    return ("e:" + made["place"] + kind + start).alias(c.KEY)


def _counted(found: pl.DataFrame) -> list[str]:
    """How many sessions miss an end, in sentences."""
    missing = ((c.OPEN_END, "entries have no exit"), (c.OPEN_START, "exits have no entry"))
    counts = ((int(found[name].sum()), words) for name, words in missing)
    return [f"{count:,} {words}: kept as open sessions" for count, words in counts if count]
