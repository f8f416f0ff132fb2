"""The `obsmat.txt` of ETH and UCY: frame, id, x, z, y, vx, vz, vy in metres, blanks between → positions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import polars as pl

from dwell_kit.ingest import blocks
from dwell_kit.ingest.batches import Batch, Head, ReadOptions
from dwell_kit.ingest.media_time import FrameClock, finite, start_of, whole
from dwell_kit.ingest.sources import Source
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS, REJECTS, UTC_US

ANNOTATED_HZ: Final = 2.5
"""How often each person was annotated, in every sequence of the two data sets."""

_FIELDS: Final = (c.FRAME, "id", c.X_M, "z", c.Y_M, "vx", "vz", "vy")
_BLANKS: Final = re.compile(rb"[ \t]+")
_EDGES: Final = re.compile(rb"^[ \t]+|[ \t\r]+$", re.MULTILINE)


def is_obsmat(head: Head) -> bool:
    """True when the first row, and most of the next, are eight numbers with blanks between."""
    lines = [line for line in head.text.splitlines()[:40] if line.strip()]
    eight = [len(_numbers(line)) == len(_FIELDS) for line in lines]
    return bool(eight) and eight[0] and 2 * sum(eight) >= len(eight)


def _numbers(line: str) -> list[float]:
    try:
        return [float(field) for field in line.split()]
    except ValueError:
        return []


def batches(source: Source, options: ReadOptions) -> Iterator[Batch]:
    """The positions of an obsmat file; heights (z) are left out, velocities go to the payload.

    Frames are those of the film. `fps` is the film's rate; without it, it follows from the step between
    annotated frames, which are 2.5 a second by the format (6 frames → 15 fps, 10 → 25 fps). `start` is the
    instant of frame 1. With `camera` the person is "<camera>:<id>", else the id alone.

    Raises
    ------
    AskError : if `start` was not said.
    FormatError : if the file is broken.
    """
    start = start_of(options, where=source.name)
    head = source.head(options)
    guessed = options.fps is None
    fps = ANNOTATED_HZ * _step(head) if options.fps is None else options.fps
    clock = FrameClock(start=start, fps=fps)
    notes: tuple[str, ...] = (
        f"encoding: {head.encoding}",
        f"frames: {fps:g} a second" + (", from the step between annotated frames" if guessed else ""),
    )
    before = 0
    for block in blocks.cut(source.chunks(options), delimiter=" ", limits=options.limits, where=source.name):
        frame = _parsed(block.data).with_columns(
            pl.int_range(before + 1, before + 1 + pl.len(), dtype=pl.Int64).alias(c.ROW_NO)
        )
        before += frame.height
        yield _batch(frame.filter(pl.any_horizontal(pl.col(_FIELDS).is_not_null())), clock, options, notes)
        notes = ()


def _step(head: Head) -> float:
    """The usual step between frames that follow each other."""
    frames = sorted({row[0] for line in head.text.splitlines()[:-1] if (row := _numbers(line))})
    steps = pl.Series([b - a for a, b in pairwise(frames)], dtype=pl.Float64)
    usual = steps.mode().sort()
    return float(usual[0]) if len(usual) else 1.0


def _parsed(data: bytes) -> pl.DataFrame:
    header = ",".join([*_FIELDS, "extra"]).encode()
    lines = _BLANKS.sub(b",", _EDGES.sub(b"", data))
    return pl.read_csv(
        b"\n".join((header, lines)), infer_schema=False, quote_char=None, truncate_ragged_lines=True
    )


def _batch(text: pl.DataFrame, clock: FrameClock, options: ReadOptions, notes: tuple[str, ...]) -> Batch:
    bad = [
        (pl.col("extra").is_not_null(), None, "more fields than 8"),
        (whole(pl.col(c.FRAME)).is_null(), c.FRAME, "a frame must be a whole number"),
        (whole(pl.col("id")).is_null(), "id", "an id must be a whole number"),
        *((finite(pl.col(name)).is_null(), name, "not a number") for name in (c.X_M, c.Y_M)),
    ]

    def first(values: list[pl.Expr]) -> pl.Expr:
        made = pl.lit(None, dtype=pl.String)
        for (when, *_), value in zip(reversed(bad), reversed(values), strict=True):
            made = pl.when(when).then(value).otherwise(made)
        return made

    names = [name for _, name, _ in bad]
    judged = text.with_columns(
        first([pl.lit(name, dtype=pl.String) for name in names]).alias(c.COLUMN),
        first([pl.col(name) if name else pl.col("extra") for name in names]).alias(c.VALUE),
        first([pl.lit(reason) for *_, reason in bad]).alias(c.REASON),
        pl.concat_str(*_FIELDS, "extra", separator=" ", ignore_nulls=True).alias(c.RAW),
    )
    good = judged.filter(pl.col(c.REASON).is_null())
    number = pl.format("{}", whole(pl.col("id")))
    named = number if options.camera is None else pl.format("{}:{}", pl.lit(options.camera), number)
    rows = good.with_columns(
        named.alias(c.PERSON),
        pl.lit(options.camera, dtype=pl.String).alias(c.CAMERA),
        whole(pl.col(c.FRAME)).alias(c.FRAME),
        finite(pl.col(c.X_M)).alias(c.X_M),
        finite(pl.col(c.Y_M)).alias(c.Y_M),
    ).with_columns(clock.us(pl.col(c.FRAME)).cast(UTC_US).alias(c.TIME))
    payload = good.select(c.ROW_NO, *(pl.col(name).alias(f"{name}_m_s") for name in ("vx", "vy")))
    return Batch(
        table=POSITIONS.name,
        rows=POSITIONS.conform(rows),
        rejects=judged.filter(pl.col(c.REASON).is_not_null()).select(REJECTS.names),
        payload=payload if options.keep_payload else None,
        rows_read=judged.height,
        notes=notes,
    )
