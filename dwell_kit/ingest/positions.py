"""Tables of positions: a time or a frame, a person, metres on the floor or a box in the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import polars as pl

from dwell_kit.errors import AskError, HeaderError, InputError
from dwell_kit.ingest import blocks, faults, headers, obsmat
from dwell_kit.ingest.batches import Batch, Head, ReadOptions
from dwell_kit.ingest.blocks import Block
from dwell_kit.ingest.faults import Fault
from dwell_kit.ingest.headers import READABLE, Wanted
from dwell_kit.ingest.identifiers import identifier
from dwell_kit.ingest.media_time import FrameClock, finite, rate_of, start_of, whole
from dwell_kit.ingest.rejects import shifted
from dwell_kit.ingest.sources import Source
from dwell_kit.ingest.tables import Table, column
from dwell_kit.ingest.timestamps import Clock, Texts, TimeColumn
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS, REJECTS, UTC_US
from dwell_kit.schema.time import US, to_us

WANTED: Final = (
    Wanted(
        name=c.TIME,
        aliases=("t", "time", "timestamp", "utc_time", "utc_timestamp"),
        mandatory=True,
        instead=(c.TIME + READABLE, c.FRAME),
    ),
    Wanted(name=c.TIME + READABLE, aliases=("t_readable", "timestamp_readable")),
    Wanted(name=c.FRAME, aliases=("frame", "frame_id", "frame_number")),
    Wanted(name=c.PERSON, aliases=("person_id", "person", "track_id", "pedestrian_id", "agent_id", "id")),
    Wanted(name=c.CAMERA, aliases=("camera_id", "camera")),
    Wanted(name=c.X_M, aliases=("x_m", "x_metres", "x_meters")),
    Wanted(name=c.Y_M, aliases=("y_m", "y_metres", "y_meters")),
    Wanted(name=c.BOX_X, aliases=("box_x", "bb_left", "bbox_left", "bbox_x")),
    Wanted(name=c.BOX_Y, aliases=("box_y", "bb_top", "bbox_top", "bbox_y")),
    Wanted(name=c.BOX_W, aliases=("box_w", "bb_width", "bbox_width", "bbox_w")),
    Wanted(name=c.BOX_H, aliases=("box_h", "bb_height", "bbox_height", "bbox_h")),
    Wanted(name=c.CONFIDENCE, aliases=("confidence", "conf", "score")),
)
"""A plain "x" is no metre: pixels are called that too. Say columns={"x_m": "x", "y_m": "y"}."""

_FLOOR: Final = (c.X_M, c.Y_M)
_BOX: Final = (c.BOX_X, c.BOX_Y, c.BOX_W, c.BOX_H)
_NUMBERS: Final = (*_FLOOR, *_BOX, c.CONFIDENCE)
_AT: Final = "at"
_YEAR_S: Final = 366 * 86_400


class Positions:
    """The reader of positions: tables (CSV, Parquet), and the obsmat files of ETH and UCY."""

    name = "positions"
    table = POSITIONS.name
    suffixes = (".csv", ".tsv", ".parquet", ".txt")

    def claims(self, head: Head) -> float:
        """Sure when there is a time or a frame, and two metres or a box; or eight numbers in a row (obsmat)."""
        if head.kind == "text" and obsmat.is_obsmat(head):
            return 0.95
        try:
            found = set(headers.match(head.columns, WANTED).mapping)
        except InputError:
            return 0.0
        return 0.9 if found.issuperset(_FLOOR) or found.issuperset(_BOX) else 0.0

    def read(self, source: Source, options: ReadOptions) -> Iterator[Batch]:
        """The file's positions in order.

        Raises
        ------
        AskError : if the file counts frames, or seconds from its own beginning, and `start` or `fps` is not said.
        HeaderError, FormatError, LimitError
        """
        if source.kind != "parquet" and obsmat.is_obsmat(source.head(options)):
            yield from obsmat.batches(source, options)
            return
        reading = _Reading(source, options)
        before = 0
        notes = reading.notes()
        for batch, height in blocks.ordered(reading.table.blocks(), reading.part, threads=options.threads):
            yield shifted(replace(batch, notes=notes), before)
            notes = ()
            before += height
        late = (*notes, *reading.clock.notes())
        yield Batch(table=self.table, rows=POSITIONS.empty(), rejects=REJECTS.empty(), notes=late)


reader = Positions()


class _Reading:
    """One file being read."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self.options = options
        self.where = source.name
        self.table = Table(source, options)
        self.match = headers.match(
            self.table.header, WANTED, columns=options.columns, limits=options.limits, where=self.where
        )
        self._check_place()
        self.clock = Clock(options, where=self.where, look_ahead=self._look_ahead)
        self.time = TimeColumn.find(self.match, c.TIME)
        self.frames: FrameClock | None = None
        self.elapsed = False
        if self.time is None:
            start, fps = start_of(options, where=self.where), rate_of(options, where=self.where)
            self.frames = FrameClock(start=start, fps=fps)
        elif self._counts_seconds():
            self.elapsed = True
            start_of(options, where=self.where)
        self.payload = self.match.others() if options.keep_payload else {}

    def _check_place(self) -> None:
        found = set(self.match.mapping)
        if not (found.issuperset(_FLOOR) or found.issuperset(_BOX)):
            raise HeaderError(
                "there is no place in the table", where=self.where,
                expected="x_m and y_m (metres), or box_x, box_y, box_w and box_h (pixels)",
                found=", ".join(self.table.header[:40]),
                hint='say which is which, such as columns={"x_m": "x", "y_m": "y"} if x and y are metres',
            )  # fmt: skip

    def _counts_seconds(self) -> bool:
        """True when the first times are small numbers: seconds since the file's own beginning."""
        if self.time is None or not self.table.head.rows:
            return False
        texts = [row[self.time.main] for row in self.table.head.rows if len(row) > self.time.main]
        numbers = pl.select(finite(pl.lit(pl.Series(texts, dtype=pl.String)))).to_series()
        return len(numbers) > 0 and numbers.null_count() == 0 and bool((numbers.abs() < _YEAR_S).all())

    def _look_ahead(self) -> Iterator[tuple[TimeColumn, Texts]]:
        if self.time is None:
            return
        for block in self.table.blocks():
            yield self.time, self._times(self.table.parse(block, self.time.positions), self.time)

    @staticmethod
    def _times(frame: pl.DataFrame, time: TimeColumn) -> Texts:
        return tuple(frame[column(position)] for position in time.positions)

    def notes(self) -> tuple[str, ...]:
        found = [*self.table.notes(), *self.match.guesses]
        if self.frames is not None:
            found.append(f"frames: {self.frames.fps:g} a second, frame 1 at {self.frames.start}")
        if self.elapsed:
            found.append(f"t: seconds since {start_of(self.options, where=self.where)}")
        return tuple(found)

    def text(self, name: str) -> pl.Expr:
        """The text of a wanted column; null if the file has none."""
        if name not in self.match.mapping:
            return pl.lit(None, dtype=pl.String)
        return pl.col(column(self.match.mapping[name]))

    def part(self, block: Block | pl.DataFrame) -> tuple[Batch, int]:
        """One block, read, and its number of rows."""
        text = self.table.parse(block)
        frame = text.with_columns(
            pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(c.ROW_NO),
            *(finite(self.text(name)).alias(name) for name in _NUMBERS),
            whole(self.text(c.FRAME)).alias(c.FRAME),
        )
        frame = frame.with_columns(self._at(frame))
        wrong = self._faults()
        good, bad = faults.split(frame, wrong, self.table)
        rejects = self._rejects(bad, wrong)
        batch = Batch(
            table=POSITIONS.name,
            rows=self._rows(good),
            rejects=rejects,
            payload=self._payload(good),
            rows_read=good.height + rejects.height,
        )
        return batch, text.height

    def _at(self, frame: pl.DataFrame) -> pl.Series:
        if self.frames is not None:
            return frame.select(self.frames.us(pl.col(c.FRAME)).alias(_AT)).to_series()
        if self.time is None:
            raise AskError("the table has no time", where=self.where)
        if self.elapsed:
            start = to_us(start_of(self.options, where=self.where))
            seconds = finite(pl.col(column(self.time.main)))
            return frame.select((start + (seconds * US).round().cast(pl.Int64)).alias(_AT)).to_series()
        return self.clock.read(self.time, self._times(frame, self.time)).alias(_AT)

    def _faults(self) -> list[Fault]:
        found = [*faults.of_form(self.table), self._untimed()]
        needed = [names for names in (_FLOOR, _BOX) if set(names) <= set(self.match.mapping)]
        nowhere = pl.all_horizontal(pl.any_horizontal(pl.col(n).is_null() for n in names) for names in needed)
        found += [self._unread(name) for name in _NUMBERS if name in self.match.mapping]
        column_ = pl.lit(self.match.name(needed[0][0]))
        found.append(Fault(bad=nowhere, column=column_, reason=pl.lit("no place: neither metres nor a whole box")))
        return found

    def _untimed(self) -> Fault:
        if self.frames is not None:
            reason = pl.lit("a frame must be a whole number")
            column_ = pl.lit(self.match.name(c.FRAME))
            return Fault(bad=pl.col(_AT).is_null(), column=column_, value=self.text(c.FRAME), reason=reason)
        says = {name: pl.col(f"time {name}") for name in (c.COLUMN, c.VALUE, c.REASON)}
        return Fault(bad=pl.col(_AT).is_null(), **says)

    def _unread(self, name: str) -> Fault:
        """A text that is no number; an empty one is just not there."""
        said = (self.text(name).str.strip_chars() != "").fill_null(value=False)
        header = pl.lit(self.match.name(name))
        bad = pl.col(name).is_null() & said
        return Fault(bad=bad, column=header, value=self.text(name), reason=pl.lit("not a number"))

    def _rejects(self, bad: pl.DataFrame, wrong: Sequence[Fault]) -> pl.DataFrame:
        if self.time is not None:
            why = self.clock.why(self.time, self._times(bad, self.time)).select(pl.all().name.prefix("time "))
            bad = pl.concat([bad, why], how="horizontal")
        return faults.rejects(bad, wrong, self.table)

    def _rows(self, good: pl.DataFrame) -> pl.DataFrame:
        camera = identifier(self.text(c.CAMERA)).fill_null(pl.lit(self.options.camera, dtype=pl.String))
        return POSITIONS.conform(
            good.with_columns(
                identifier(self.text(c.PERSON)).alias(c.PERSON),
                camera.alias(c.CAMERA),
                pl.col(_AT).cast(UTC_US).alias(c.TIME),
            )
        )

    def _payload(self, good: pl.DataFrame) -> pl.DataFrame | None:
        if not self.payload:
            return None
        names = {(f"{n} (file)" if n == c.ROW_NO else n): at for n, at in self.payload.items()}
        return good.select(c.ROW_NO, *(pl.col(column(at)).alias(name) for name, at in names.items()))
