"""Big, realistically dirty exports for benchmarks: 266 bytes a row, made in chunks, labelled as simulated."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

_CHUNK: Final = 400_000
_DAYS: Final = 30
_ZERO_MS: Final = int(datetime(2025, 5, 1, tzinfo=UTC).timestamp() * 1000)
_CAMERAS: Final = 40
_GROUPS: Final = ("Entrance", "Lobby", "Retail North", "Retail South", "Food court", "Parking", "Corridor", "Exit")
_AGES: Final = ("3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-", "not_determined")
_HOURS: Final = (1, 1, 1, 1, 1, 2, 6, 14, 22, 24, 22, 24, 30, 28, 24, 22, 24, 28, 26, 18, 10, 6, 3, 2)
_PLAIN: Final = "%Y-%m-%d %H:%M:%S"


def simulate_big(*, rows: int, seed: int, out: str | os.PathLike[str]) -> Path:
    """Write an appearance CSV: `rows` rows over 30 days, 40 cameras and about rows / 24 persons, sorted by start.

    About 1 row in 100 is rejectable (end before start, unreadable times), 1.5 in 100 have their times in another
    format, 1 in 400 has no person.
    """
    rng = np.random.default_rng(seed)
    start, end, person, camera = _sightings(rng, rows)
    words = (rng.integers(0, len(_AGES), rows // 24 + 10), rng.integers(0, 2, rows // 24 + 10))
    target = Path(out)
    with target.open("wb") as file:
        for a in range(0, rows, _CHUNK):
            part = slice(a, min(rows, a + _CHUNK))
            frame = _chunk(rng, a, start[part], end[part], person[part], camera[part], words)
            frame.write_csv(file, include_header=a == 0)
    return target


def _sightings(rng: np.random.Generator, rows: int) -> tuple[NDArray[np.int64], ...]:
    visits, persons = max(1, rows // 6), max(10, rows // 24)
    who = (persons * rng.random(visits) ** 1.8).astype(np.int64)
    hours = rng.choice(24, visits, p=np.array(_HOURS) / sum(_HOURS))
    arrival = _ZERO_MS + rng.integers(0, _DAYS, visits) * 86_400_000 + hours * 3_600_000
    arrival += rng.integers(0, 3_600_000, visits)
    visit = np.sort(rng.integers(0, visits, rows))
    walked = np.cumsum((rng.exponential(70, rows) * 1000).astype(np.int64))
    first = np.r_[True, visit[1:] != visit[:-1]]
    start = arrival[visit] + walked - np.maximum.accumulate(np.where(first, walked, 0))
    end = start + (rng.lognormal(3.4, 1.0, rows) * 1000).astype(np.int64).clip(200, 4 * 3_600_000)
    order = np.argsort(start, kind="stable")
    return start[order], end[order], who[visit][order], rng.integers(0, _CAMERAS, rows)


def _chunk(
    rng: np.random.Generator,
    first: int,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    person: NDArray[np.int64],
    camera: NDArray[np.int64],
    words: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> pl.DataFrame:
    n = len(start)
    draw = rng.random(n)
    swapped = draw < 0.0025
    names = pl.DataFrame(
        {
            "camera_id": [f"cam-{i:04x}-{i * 7919 % 65536:04x}" for i in range(_CAMERAS)],
            "camera_description": [f"{_GROUPS[i % 8]} camera {i:02d}, level {i % 3}" for i in range(_CAMERAS)],
            "camera_group_id": [f"grp-{i % 8:02d}" for i in range(_CAMERAS)],
            "camera_group_name": [_GROUPS[i % 8] for i in range(_CAMERAS)],
        }
    )[camera]
    raw = pl.DataFrame(
        {
            "i": np.arange(first, first + n),
            "p": person,
            "h": person * 2654435761 % 2**32,
            "s": np.where(swapped, end, start),
            "e": np.where(swapped, start, end),
            "d": draw,
            "age_group_outcome": np.array(_AGES)[words[0][person]],
            "gender_outcome": np.array(["male", "female"])[words[1][person]],
            "face_score": np.round(rng.random(n) * 100, 2),
            "bbox_x1": rng.integers(0, 1200, n),
            "bbox_y1": rng.integers(0, 600, n),
            "mask_outcome": np.where(rng.random(n) < 0.1, "mask", "no_mask"),
            "listed": rng.random(n) < 0.1,
        }
    ).hstack(names)
    text = pl.format
    return raw.select(
        pl.when(pl.col("d").is_between(0.005, 0.0075))
        .then(None)
        .otherwise(text("p-{}-{}", pl.col("h").cast(pl.String).str.zfill(10), "p"))
        .alias("person_id"),
        text("ev-{}", pl.col("i").cast(pl.String).str.zfill(12)).alias("appearance_id"),
        "camera_id",
        "camera_description",
        "camera_group_id",
        "camera_group_name",
        *(_time(column, name) for column, name in (("s", "utc_time_started"), ("e", "utc_time_ended"))),
        *(
            _readable(column, name)
            for column, name in (("s", "utc_time_started_readable"), ("e", "utc_time_ended_readable"))
        ),
        "age_group_outcome",
        "gender_outcome",
        "mask_outcome",
        "face_score",
        "bbox_x1",
        "bbox_y1",
        text("https://nvr.invalid/frames/{}/{}.jpg", "camera_id", "i").alias("frame_url"),
        pl.when("listed").then(pl.lit('list A, gate "north"')).alias("watchlist_display_name"),
        pl.lit("live").alias("analysis_mode"),
        pl.lit("simulated").alias("notes"),
    )


def _time(column: str, name: str) -> pl.Expr:
    """Epoch milliseconds; some rows have a slash date, some nothing, some rubbish."""
    draw, moment = pl.col("d"), pl.from_epoch(column, time_unit="ms")
    return (
        pl.when(draw.is_between(0.0025, 0.005))
        .then(pl.lit("bad"))
        .when(draw.is_between(0.0125, 0.0150))
        .then(moment.dt.strftime("%d/%m/%Y %H:%M:%S"))
        .when(draw.is_between(0.0175, 0.02))
        .then(pl.lit(""))
        .otherwise(pl.col(column).cast(pl.String))
        .alias(name)
    )


def _readable(column: str, name: str) -> pl.Expr:
    """The same to the second; unreadable where the epoch is bad."""
    draw, moment = pl.col("d"), pl.from_epoch(column, time_unit="ms")
    return (
        pl.when(draw.is_between(0.0025, 0.004))
        .then(pl.lit("N/A"))
        .when(draw.is_between(0.004, 0.005))
        .then(pl.lit("2025-13-45 99:99:99"))
        .when(draw.is_between(0.0075, 0.01))
        .then(moment.dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
        .otherwise(moment.dt.strftime(_PLAIN))
        .alias(name)
    )
