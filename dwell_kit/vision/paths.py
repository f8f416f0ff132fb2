"""Positions on their way out: they wait until their path can be made smooth, and no longer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from dwell_kit.errors import InputError
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS, UTC_US
from dwell_kit.schema.time import US
from dwell_kit.vision.boxes import Floats, Integers, Tracks
from dwell_kit.vision.ground import Footing
from dwell_kit.vision.smooth import smooth_tracks
from dwell_kit.vision.video import Frame

_NEAREST_M: Final = 0.01


@dataclass(frozen=True, eq=False)
class _Rows:
    """The positions of some frames as columns, one row per box."""

    camera: Integers
    frame: Integers
    at_s: Floats
    track: Integers
    person: Integers
    xyxy: Floats
    confidence: Floats
    floor_m: Floats
    sigma_m: Floats
    given: np.ndarray[tuple[int], np.dtype[np.bool_]]
    """Given out already, and kept for the paths of others."""

    def __getitem__(self, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> _Rows:
        return _Rows(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @classmethod
    def joined(cls, parts: Sequence[_Rows]) -> _Rows:
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in cls.__dataclass_fields__))


class Paths:
    """What the cameras of a run saw, smoothed over each camera's tracks.

    Rows older than `lag_s` are given out, so that paths know what came after; as much again is kept for context.

    Parameters
    ----------
    lag_s : how far they look ahead.
    """

    def __init__(self, *, lag_s: float) -> None:
        if not 0 <= lag_s < np.inf:
            raise InputError("a lag is no time", "lag_s", "0 s or more", repr(lag_s))
        self._lag_s = lag_s
        self._waiting: list[_Rows] = []
        self._given_s = -np.inf
        self._row_no = 0
        self._none = POSITIONS.empty()

    def add(
        self, camera: int, frame: Frame, tracks: Tracks, persons: Integers, footing: Footing | None = None
    ) -> None:
        """The persons in a frame of a camera; without a footing they stay in the picture."""
        n = len(tracks)
        floor_m, sigma_m = np.full((n, 2), np.nan), np.ones(n)
        if footing is not None:
            sigma_m = footing.sigma()
            floor_m = np.where(np.isfinite(sigma_m)[:, None], footing.floor_m, np.nan)
            sigma_m = np.where(np.isfinite(sigma_m), np.maximum(sigma_m, _NEAREST_M), 1.0)
        self._waiting.append(
            _Rows(
                np.full(n, camera), np.full(n, frame.number), np.full(n, frame.at_s), tracks.track_id, persons,
                tracks.xyxy, tracks.confidence, floor_m, sigma_m, np.zeros(n, np.bool_),
            )
        )  # fmt: skip

    def ready(self, now_s: float, start_us: int, names: Sequence[tuple[str, str]]) -> pl.DataFrame:
        """Frame of POSITIONS of what is old enough; empty while less than another lag has come."""
        until_s = now_s - self._lag_s
        if not self._waiting or until_s < self._given_s + self._lag_s or self._waiting[0].at_s[0] > until_s:
            return self._none
        return self._give(until_s, start_us, names)

    def whole_s(self, now_s: float) -> float:
        """Media time up to which everything has been given out."""
        waiting = any(not rows.given.all() for rows in self._waiting)
        return max(0.0, self._given_s) if waiting else now_s

    def rest(self, start_us: int, names: Sequence[tuple[str, str]]) -> pl.DataFrame:
        """Frame of POSITIONS of everything that is left."""
        return self._give(np.inf, start_us, names) if self._waiting else POSITIONS.empty()

    def _give(self, until_s: float, start_us: int, names: Sequence[tuple[str, str]]) -> pl.DataFrame:
        rows = _Rows.joined(self._waiting)
        floor_m = self._smooth(rows)
        due = ~rows.given & (rows.at_s <= until_s)
        kept = replace(rows, given=rows.given | due)[rows.at_s > until_s - self._lag_s]
        self._waiting = [kept] if len(kept.at_s) else []
        self._given_s = until_s
        made = _frame(rows[due], floor_m[due], start_us, names)
        numbered = made.with_columns(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias(c.ROW_NO) + self._row_no)
        self._row_no += made.height
        return POSITIONS.conform(numbered)

    def _smooth(self, rows: _Rows) -> Floats:
        """(n, 2) m; paths that were never on the floor stay unknown."""
        floor_m = rows.floor_m.copy()
        key = rows.camera * (int(rows.track.max(initial=0)) + 1) + rows.track
        known = np.isin(key, np.unique(key[np.isfinite(floor_m).all(axis=1)]))
        if self._lag_s > 0 and known.any():
            smoothed = smooth_tracks(key[known], rows.at_s[known], floor_m[known], rows.sigma_m[known])
            floor_m[known] = smoothed.floor_m
        return floor_m


def _frame(rows: _Rows, floor_m: Floats, start_us: int, names: Sequence[tuple[str, str]]) -> pl.DataFrame:
    cameras = pl.Series([name for name, _ in names], dtype=pl.String)
    spaces = pl.Series([space for _, space in names], dtype=pl.String)
    made = pl.DataFrame(
        {
            c.CAMERA: cameras.gather(rows.camera),
            "space": spaces.gather(rows.camera),
            "person": rows.person,
            c.TIME: start_us + np.round(rows.at_s * US).astype(np.int64),
            c.FRAME: rows.frame,
            c.X_M: floor_m[:, 0],
            c.Y_M: floor_m[:, 1],
            c.BOX_X: rows.xyxy[:, 0],
            c.BOX_Y: rows.xyxy[:, 1],
            c.BOX_W: rows.xyxy[:, 2] - rows.xyxy[:, 0],
            c.BOX_H: rows.xyxy[:, 3] - rows.xyxy[:, 1],
            c.CONFIDENCE: rows.confidence,
        }
    )
    return made.filter(pl.col("person") >= 0).select(
        pl.format("{}:{}", "space", "person").alias(c.PERSON),
        pl.exclude("space", "person", c.TIME, c.X_M, c.Y_M),
        pl.col(c.TIME).cast(UTC_US),
        pl.col(c.X_M, c.Y_M).fill_nan(None),
    )
