"""JSON of crowd and loitering events, in any of its shapes; nested appearance events are taken as sightings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Final

import polars as pl

from dwell_kit.ingest import corsight_event, epochs, headers
from dwell_kit.ingest.appearances import CAMERA_COLUMNS, identity_hash
from dwell_kit.ingest.batches import Batch, Head, ReadOptions
from dwell_kit.ingest.headers import READABLE, HeaderMatch, Wanted
from dwell_kit.ingest.identifiers import identifier
from dwell_kit.ingest.json_rows import as_text, rejects_of, text_of
from dwell_kit.ingest.json_stream import Raw, Shape, parse, records
from dwell_kit.ingest.sources import Source
from dwell_kit.ingest.timestamps import Clock, TimeColumn
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import CROWD_EVENTS, REJECTS, UTC_US
from dwell_kit.schema.time import US

CROWD: Final = "crowd"
LOITERING: Final = "loitering"
_NAME: Final = "name"
_BATCH: Final = 10_000
_UNIT_S: Final = {"s": 1.0, "ms": 0.001, "min": 60.0, "h": 3600.0}
_LONG_S: Final = 86_400.0
_FIRST_US: Final = epochs.FIRST_US

WANTED: Final = (
    Wanted(
        name=c.RECORDED,
        aliases=("utc_time_recorded", "utcconvert_time_recorded", "recorded_at", "time_recorded", "timestamp"),
        mandatory=True,
        instead=(c.RECORDED + READABLE,),
    ),
    Wanted(name=c.RECORDED + READABLE, aliases=("utc_time_recorded_readable",)),
    Wanted(name=c.EVENT, aliases=("event_id", "insight_id", "id")),
    Wanted(name=c.EVENT_TYPE, aliases=("event_type", "insight_type", "type")),
    Wanted(name=c.PERSON, aliases=("person_id", "poi_id", "personid")),
    Wanted(name=c.CAMERA, aliases=("camera_id", "camera")),
    Wanted(name=_NAME, aliases=("camera_description", "camera_name")),
    Wanted(name=c.SAVED, aliases=("save_insight_time", "saved_at")),
    Wanted(name=c.LOITERING_S, aliases=("loitering_duration", "loitering_duration_s", "duration")),
    Wanted(name=c.AGE_GROUP, aliases=("age_group", "age_group_outcome")),
    Wanted(name=c.GENDER, aliases=("gender", "gender_outcome")),
)

SHAPE: Final = Shape(
    wrappers={
        "data", "events", "insights", "items", "records", "results", "matches",
        "generativeinsight", "generativeinsights",
    },
    marks={"utctimerecorded", "utcconverttimerecorded", "recordedat", "timerecorded", "appearancedata"},
    ids={"eventid", "personid"},
    handed_down={headers.normalised(alias) for want in WANTED for alias in want.aliases},
)  # fmt: skip
"""Keys of envelopes, and keys that only records have."""


class Insights:
    """The reader of JSON (SPEC S1.3, and the events of S1.4): a list, lists in envelopes, JSON lines, one object.

    An envelope's own scalar fields (a camera, a type) hold for the records inside that do not say otherwise, if
    they stand before the list.
    """

    name = "insights"
    table = CROWD_EVENTS.name
    suffixes = (".json", ".ndjson", ".jsonl")

    def claims(self, head: Head) -> float:
        """1 for JSON that speaks of recorded times or appearances, 0.6 for any other JSON."""
        text = head.text.lstrip("\ufeff \t\r\n")
        if head.kind != "text" or not text.startswith(("[", "{")):
            return 0.6 if head.suffix in self.suffixes else 0.0
        known = ('"utc_time_recorded', '"utcconvert_time_recorded', '"appearance_data"')
        return 1.0 if any(word in text for word in known) else 0.6

    def read(self, source: Source, options: ReadOptions) -> Iterator[Batch]:
        """Crowd and loitering events, and sightings, each kind in its own batches.

        Raises
        ------
        HeaderError : if no record has a time.
        FormatError : if it is no JSON or ends too early; a broken JSON line or element is a reject.
        LimitError : if it is nested too deeply or a record is too long.
        """
        head = source.head(options)
        notes: tuple[str, ...] = (f"encoding: {head.encoding}",)
        reading = _Reading(options=options, where=source.name)
        found = records(source.chunks(options), shape=SHAPE, limits=options.limits, where=source.name)
        numbered = enumerate(found, start=1)
        while batch := list(islice(numbered, _BATCH)):
            yield from reading.batches(batch)
        late = [*notes, *reading.guesses(), *reading.clock.notes(), *source.notes]
        if reading.long > reading.timed / 2:
            late.append(
                f"loitering_duration: {reading.long:,} of {reading.timed:,} are longer than a day in "
                f"{options.loitering_unit}: is that the unit? (loitering_unit=, --loitering-unit)"
            )
        empty = CROWD_EVENTS.empty()
        yield Batch(table=self.table, rows=empty, rejects=REJECTS.empty(), notes=tuple(late))


reader = Insights()


@dataclass(kw_only=True)
class _Reading:
    """One file being read."""

    options: ReadOptions
    where: str
    keys: dict[str, None] = field(default_factory=dict)
    match: HeaderMatch | None = None
    long: int = 0
    timed: int = 0

    def __post_init__(self) -> None:
        self.clock = Clock(self.options, where=self.where)

    def guesses(self) -> tuple[str, ...]:
        return self.match.guesses if self.match else ()

    def batches(self, numbered: list[tuple[int, Raw]]) -> Iterator[Batch]:
        """The batches of some records: rejects that are no objects go with the crowd events."""
        values = parse([raw for _, raw in numbered])
        rows = [(number, raw, value) for (number, raw), value in zip(numbered, values, strict=True)]
        pushed = [row for row in rows if isinstance(row[2], dict) and corsight_event.MARK in row[2]]
        plain = [row for row in rows if isinstance(row[2], dict) and corsight_event.MARK not in row[2]]
        broken = [row for row in rows if isinstance(row[2], str)]
        if pushed:
            yield corsight_event.sightings(
                [value for _, _, value in pushed if isinstance(value, dict)],
                row_no=[number for number, _, _ in pushed],
                options=self.options,
                clock=self.clock,
            )
        if plain:
            yield self._events([(number, raw, value) for number, raw, value in plain if isinstance(value, dict)])
        if broken:
            rejects = rejects_of(
                [number for number, _, _ in broken],
                [text_of(raw) for _, raw, _ in broken],
                column=[None] * len(broken),
                value=[None] * len(broken),
                reason=[f"the record {why}" for _, _, why in broken],
            )
            yield Batch(table=CROWD_EVENTS.name, rows=CROWD_EVENTS.empty(), rejects=rejects, rows_read=len(broken))

    def _events(self, rows: list[tuple[int, Raw, dict[str, Any]]]) -> Batch:
        values = [value for _, _, value in rows]
        match = self._matched(values)
        frame = self._texts(values, match).with_columns(
            pl.Series(c.ROW_NO, [number for number, _, _ in rows], dtype=pl.Int64)
        )
        judged = self._judged(frame, match)
        good = judged.filter(pl.col(c.REASON).is_null())
        bad = judged.filter(pl.col(c.REASON).is_not_null())
        seconds = good[c.LOITERING_S].drop_nulls()
        self.timed += len(seconds)
        self.long += int((seconds > _LONG_S).sum())
        raws = {number: raw for number, raw, _ in rows}
        numbers = bad[c.ROW_NO].to_list()
        said = {name: bad[name].to_list() for name in (c.COLUMN, c.VALUE, c.REASON)}
        return Batch(
            table=CROWD_EVENTS.name,
            rows=self._rows(good),
            rejects=rejects_of(numbers, [text_of(raws[n]) for n in numbers], **said),
            payload=self._payload(good, match),
            rows_read=len(rows),
            cameras=_cameras(good),
        )

    def _matched(self, values: Sequence[Mapping[str, Any]]) -> HeaderMatch:
        """Which key is which, by all keys of the file so far."""
        before = len(self.keys)
        self.keys.update(dict.fromkeys(chain.from_iterable(values)))
        if self.match is None or len(self.keys) > before:
            self.match = headers.match(
                list(self.keys),
                WANTED,
                columns=self.options.columns,
                limits=self.options.limits,
                where=self.where,
            )
        return self.match

    @staticmethod
    def _texts(values: Sequence[Mapping[str, Any]], match: HeaderMatch) -> pl.DataFrame:
        """Column `k<position>` for every key."""
        return pl.DataFrame(
            [
                pl.Series(f"k{at}", [as_text(value.get(key)) for value in values], dtype=pl.String)
                for at, key in enumerate(match.header)
            ]
        )

    def _judged(self, frame: pl.DataFrame, match: HeaderMatch) -> pl.DataFrame:
        """Times, duration, and the first thing that is wrong with each record, if anything is."""
        recorded = _time(match, c.RECORDED)
        texts = tuple(frame[f"k{p}"] for p in recorded.positions)
        at = self.clock.read(recorded, texts)
        saved = pl.Series([None], dtype=pl.Int64).new_from_index(0, frame.height)
        if c.SAVED in match.mapping:
            column = _time(match, c.SAVED)
            saved = self.clock.read(column, tuple(frame[f"k{p}"] for p in column.positions))
        said = _wanted(match, c.LOITERING_S).str.strip_chars()
        number = said.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
        seconds = number * _UNIT_S[self.options.loitering_unit]
        frame = frame.with_columns(
            at.alias(c.RECORDED),
            saved.alias(c.SAVED),
            pl.when(said != "").then(said).alias("said"),
            seconds.alias(c.LOITERING_S),
            *(identifier(_wanted(match, name)).alias(name) for name in (c.EVENT, c.PERSON, c.CAMERA)),
            *(_wanted(match, name).alias(name) for name in (c.EVENT_TYPE, c.AGE_GROUP, c.GENDER, _NAME)),
        )
        return frame.with_columns(self._blame(frame, recorded, texts, match))

    def _blame(
        self, frame: pl.DataFrame, recorded: TimeColumn, texts: tuple[pl.Series, ...], match: HeaderMatch
    ) -> list[pl.Series]:
        nothing = pl.lit(None, dtype=pl.String)
        duration = pl.col(c.LOITERING_S)
        header = pl.lit(match.name(c.LOITERING_S), dtype=pl.String)
        too_long = "with this duration the event would begin before the year 2000: is loitering_unit right?"
        reason = (
            pl.when(pl.col("said").is_null())
            .then(nothing)
            .when(duration.is_null())
            .then(pl.lit("the duration is not a number"))
            .when(~duration.is_finite() | (duration < 0))
            .then(pl.lit("a duration must be 0 or more"))
            .when(duration * US > pl.col(c.RECORDED) - _FIRST_US)
            .then(pl.lit(too_long))
        )
        untimed = pl.col(c.RECORDED).is_null()
        found = frame.with_columns(reason.alias(c.REASON))
        if frame[c.RECORDED].null_count():
            why = self.clock.why(recorded, texts).select(pl.all().name.prefix("time "))
            found = pl.concat([found, why], how="horizontal")
            parts = {name: pl.col(f"time {name}") for name in (c.COLUMN, c.VALUE, c.REASON)}
        else:
            parts = dict.fromkeys((c.COLUMN, c.VALUE, c.REASON), nothing)
        other = {c.COLUMN: header, c.VALUE: pl.col("said"), c.REASON: pl.col(c.REASON)}
        return found.select(
            pl.when(untimed).then(parts[name]).otherwise(other[name]).alias(name) for name in parts
        ).get_columns()

    def _rows(self, good: pl.DataFrame) -> pl.DataFrame:
        word = pl.col(c.EVENT_TYPE).str.strip_chars().str.to_lowercase()
        by_fields = pl.when(pl.col(c.PERSON).is_not_null() & (pl.col(c.LOITERING_S) > 0)).then(pl.lit(LOITERING))
        kind = (
            pl.when(word.str.contains("loiter", literal=True))
            .then(pl.lit(LOITERING))
            .when(word.str.contains("crowd", literal=True))
            .then(pl.lit(CROWD))
            .when(word.is_null() | word.is_in(["", "null"]) | word.str.contains("insight", literal=True))
            .then(by_fields.otherwise(pl.lit(CROWD)))
            .otherwise(word)
        )
        span = (pl.col(c.LOITERING_S).fill_null(0.0) * US).round().cast(pl.Int64)
        rows = good.with_columns(
            kind.alias(c.EVENT_TYPE),
            pl.col(c.CAMERA).fill_null(pl.lit(self.options.camera, dtype=pl.String)),
            (pl.col(c.RECORDED) - span).cast(UTC_US).alias(c.STARTED),
            pl.col(c.RECORDED).cast(UTC_US),
            pl.col(c.SAVED).cast(UTC_US),
            pl.coalesce(c.SAVED, c.RECORDED).cast(UTC_US).alias(c.MESSAGE_TIME),
        )
        key = pl.coalesce(c.EVENT, pl.lit(identity_hash(rows)))
        return CROWD_EVENTS.conform(rows.with_columns(key.alias(c.KEY)))

    def _payload(self, good: pl.DataFrame, match: HeaderMatch) -> pl.DataFrame | None:
        others = match.others()
        if not self.options.keep_payload or not others:
            return None
        names = {(f"{n} (file)" if n == c.ROW_NO else n): at for n, at in others.items()}
        return good.select(c.ROW_NO, *(pl.col(f"k{at}").alias(name) for name, at in names.items()))


def _time(match: HeaderMatch, name: str) -> TimeColumn:
    return TimeColumn.find(match, name) or TimeColumn(name=name, main=match.mapping[name])


def _wanted(match: HeaderMatch, name: str) -> pl.Expr:
    if name not in match.mapping:
        return pl.lit(None, dtype=pl.String)
    return pl.col(f"k{match.mapping[name]}")


def _cameras(good: pl.DataFrame) -> pl.DataFrame:
    known = good.filter(pl.col(c.CAMERA).is_not_null()).unique(c.CAMERA, keep="last", maintain_order=True)
    nothing = (pl.lit(None, dtype=pl.String).alias(n) for n in CAMERA_COLUMNS if n not in (c.CAMERA, _NAME))
    return known.with_columns(*nothing).select(CAMERA_COLUMNS)
