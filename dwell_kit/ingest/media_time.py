"""When a frame of a recording was: media time, never the time of processing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from dwell_kit.errors import AskError
from dwell_kit.ingest.batches import ReadOptions
from dwell_kit.schema.time import US, parse_moment, to_us


def start_of(options: ReadOptions, *, where: str) -> datetime:
    """The aware instant of the first frame; a naive one is local to the environment.

    Raises
    ------
    AskError : if the caller did not say.
    """
    if options.start is None:
        raise AskError(
            "the file counts from its own beginning: say when that was",
            where=f"{where}, option start",
            expected="the instant of the first frame, such as 2025-08-01T10:00:00+02:00",
            hint="start=",
        )
    return parse_moment(options.start, options.tz)


def rate_of(options: ReadOptions, *, where: str) -> float:
    """Frames per second.

    Raises
    ------
    AskError : if the caller did not say, or it is no rate.
    """
    if options.fps is None or not math.isfinite(options.fps) or options.fps <= 0:
        raise AskError(
            "the file counts frames: say how many there are in a second",
            where=f"{where}, option fps",
            expected="a number above 0; a container's own figure can be wrong",
            found=None if options.fps is None else str(options.fps),
            hint="fps=",
        )
    return options.fps


@dataclass(frozen=True, kw_only=True)
class FrameClock:
    """Frame numbers → instants: t = start + (frame - first) / fps.

    Parameters
    ----------
    first : number of the frame at `start`: 1 where frames are counted from 1, as in MOT.
    """

    start: datetime
    fps: float
    first: int = 1

    def us(self, frame: pl.Expr) -> pl.Expr:
        """µs UTC (Int64) of whole frame numbers."""
        return to_us(self.start) + ((frame - self.first) * (US / self.fps)).round().cast(pl.Int64)


def whole(text: pl.Expr) -> pl.Expr:
    """Int64 of texts like 7, 7.0 and 7.8e+02; null for all others."""
    number = finite(text)
    inside = number.abs() < 2**53
    return pl.when(inside & (number == number.round())).then(number.cast(pl.Int64, strict=False))


def finite(text: pl.Expr) -> pl.Expr:
    """Float64 of texts, decimal commas too; null where there is no finite number."""
    number = text.str.strip_chars().str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)
