"""MOT text: frame, id, x, y, w, h, confidence … without a header → positions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import polars as pl

from dwell_kit.errors import AskError
from dwell_kit.ingest import blocks, faults
from dwell_kit.ingest.batches import Batch, Head, ReadOptions
from dwell_kit.ingest.blocks import Block
from dwell_kit.ingest.faults import Fault
from dwell_kit.ingest.media_time import FrameClock, finite, rate_of, start_of, whole
from dwell_kit.ingest.rejects import shifted
from dwell_kit.ingest.sources import Source
from dwell_kit.ingest.tables import Table, column
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS, REJECTS, UTC_US

_ID: Final = "id"
_FIELDS: Final = (c.FRAME, _ID, c.BOX_X, c.BOX_Y, c.BOX_W, c.BOX_H, c.CONFIDENCE)
_BOX: Final = (c.BOX_X, c.BOX_Y, c.BOX_W, c.BOX_H)
_REST: Final[Mapping[int, tuple[str, ...]]] = {
    8: ("class",),
    9: ("class", "visibility"),
    10: ("world_x", "world_y", "world_z"),
}
"""Names of the fields after the confidence, by the number of fields in a row (MOT16 and later; 2D MOT 2015)."""


class Mot:
    """The reader of tracks and detections as MOT text (SPEC S1.5).

    `id` is one camera's own, so the person is "<camera>:<id>"; -1 is a detection that nobody tracked: a position
    without a person, never a person called -1. Frames count from 1, the instant `start`; a file that begins with
    frame 0 counts from 0, and says so in its notes. A confidence of -1 is none. World coordinates go to the
    payload: the format does not promise metres.
    """

    name = "mot"
    table = POSITIONS.name
    suffixes = (".txt", ".csv")

    def claims(self, head: Head) -> float:
        """Sure when there is no header and 6 to 10 numbers a row, the first two of them whole."""
        if head.kind != "text":
            return 0.0
        rows = [row for row in (head.columns, *head.rows[:50]) if any(field.strip() for field in row)]
        if not rows:
            return 0.0
        return (
            0.9 if all(_is_track(row) for row in rows[:1]) and 2 * sum(map(_is_track, rows)) > len(rows) else 0.0
        )

    def read(self, source: Source, options: ReadOptions) -> Iterator[Batch]:
        """The file's positions in order.

        Raises
        ------
        AskError : if `camera`, `start` or `fps` was not said.
        FormatError, LimitError
        """
        reading = _Reading(source, options)
        before = 0
        notes = reading.notes()
        for batch, height in blocks.ordered(reading.table.blocks(), reading.part, threads=options.threads):
            yield shifted(replace(batch, notes=notes), before)
            notes = ()
            before += height
        yield Batch(table=self.table, rows=POSITIONS.empty(), rejects=REJECTS.empty(), notes=notes)


reader = Mot()


class _Headless(Table):
    """A table whose first row is a row."""

    def _without_header(self, block: Block) -> Block | None:
        return block


class _Reading:
    """One file being read."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        if options.camera is None:
            raise AskError(
                "track ids are one camera's own: say which camera this is",
                where=f"{source.name}, option camera",
                expected="a camera id",
                hint="camera=",
            )
        self.options = options
        self.camera = options.camera
        start, fps = start_of(options, where=source.name), rate_of(options, where=source.name)
        self.table = _Headless(source, options)
        head = self.table.head
        from_zero = any(_is_track(row) and float(row[0]) == 0 for row in (head.columns, *head.rows))
        self.clock = FrameClock(start=start, fps=fps, first=0 if from_zero else 1)
        self.rest = _REST.get(len(self.table.header), ()) if options.keep_payload else ()

    def notes(self) -> tuple[str, ...]:
        found = [*self.table.notes(), f"frames: {self.clock.fps:g} a second, the first at {self.clock.start}"]
        if self.clock.first == 0:
            found.append("frames are counted from 0 in this file; start was taken for frame 0")
        return tuple(found)

    def part(self, block: Block | pl.DataFrame) -> tuple[Batch, int]:
        """One block, read, and its number of rows."""
        text = self.table.parse(block)
        frame = text.with_columns(
            pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(c.ROW_NO), *(self._number(n) for n in _FIELDS)
        )
        wrong = [*faults.of_form(self.table), *(self._fault(name) for name in (*_FIELDS[:2], *_BOX))]
        good, bad = faults.split(frame, wrong, self.table)
        rejects = faults.rejects(bad, wrong, self.table)
        batch = Batch(
            table=POSITIONS.name,
            rows=self._rows(good),
            rejects=rejects,
            payload=self._payload(good),
            rows_read=good.height + rejects.height,
        )
        return batch, text.height

    def _text(self, name: str) -> pl.Expr:
        at = _FIELDS.index(name)
        return pl.col(column(at)) if at < len(self.table.header) else pl.lit(None, dtype=pl.String)

    def _number(self, name: str) -> pl.Expr:
        text = self._text(name)
        return (whole(text) if name in _FIELDS[:2] else finite(text)).alias(name)

    def _fault(self, name: str) -> Fault:
        said = {"column": pl.lit(name), "value": self._text(name)}
        if name == c.FRAME:
            bad = (pl.col(name) < 0).fill_null(value=True)
            return Fault(bad=bad, reason=pl.lit("a frame must be a whole number, 0 or more"), **said)
        if name == _ID:
            return Fault(bad=pl.col(name).is_null(), reason=pl.lit("an id must be a whole number"), **said)
        if name in (c.BOX_W, c.BOX_H):
            bad = (pl.col(name) <= 0).fill_null(value=True)
            return Fault(bad=bad, reason=pl.lit("a box must have a width and a height above 0"), **said)
        return Fault(bad=pl.col(name).is_null(), reason=pl.lit("not a number"), **said)

    def _rows(self, good: pl.DataFrame) -> pl.DataFrame:
        named = pl.format("{}:{}", pl.lit(self.camera), pl.col(_ID))
        rows = good.with_columns(
            pl.when(pl.col(_ID) >= 0).then(named).alias(c.PERSON),
            pl.lit(self.camera).alias(c.CAMERA),
            self.clock.us(pl.col(c.FRAME)).cast(UTC_US).alias(c.TIME),
            pl.when(pl.col(c.CONFIDENCE) != -1).then(c.CONFIDENCE).alias(c.CONFIDENCE),
        )
        return POSITIONS.conform(rows)

    def _payload(self, good: pl.DataFrame) -> pl.DataFrame | None:
        made = good.select(
            c.ROW_NO, *(pl.col(column(len(_FIELDS) + at)).alias(name) for at, name in enumerate(self.rest))
        )
        said = made.select(pl.any_horizontal((pl.col(n) != "-1").any() for n in self.rest)) if self.rest else None
        return made if said is not None and said.item() else None


def _is_track(row: tuple[str, ...]) -> bool:
    if not 6 <= len(row) <= 10:
        return False
    try:
        numbers = [float(field) for field in row]
    except ValueError:
        return False
    return numbers[0] >= 0 and all(number == int(number) for number in numbers[:2] if abs(number) < 2**53)
