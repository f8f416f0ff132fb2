"""Big, realistically dirty exports for benchmarks: 271 bytes a row, made in chunks, labelled as simulated."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

_CHUNK: Final = 250_000
_DAYS: Final = 28
_ZERO_MS: Final = int(datetime(2025, 5, 1, tzinfo=UTC).timestamp() * 1000)
_DAY_MS: Final = 86_400_000
_FLOORS: Final = ("Ground floor", "First floor", "Second floor", "Roof terrace", "Underground car park")
_PLACES: Final = (
    "entrance",
    "escalator",
    "information desk",
    "fashion",
    "groceries",
    "cinema",
    "restrooms",
    "exit",
)
_AGES: Final = ("3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-", "not_determined")

FAULTS: Final = {
    "end_before_start": 0.003,
    "unreadable": 0.003,
    "slash_dates": 0.004,
    "readable_only": 0.004,
    "anonymous": 0.005,
}
"""What is odd about a row, and in which share of them; the first two must be rejected, the others are read."""


def simulate_big(*, rows: int, seed: int, out: str | os.PathLike[str]) -> Path:
    """Write an appearance CSV of a shopping centre: 40 cameras, 28 days, in order of start.

    About one person per 25 rows, six sightings a visit; `FAULTS` says how much of it is dirty.
    """
    rng = np.random.default_rng(seed)
    start, end, person = _sightings(rng, rows)
    target = Path(out)
    with target.open("wb") as file:
        for a in range(0, rows, _CHUNK):
            b = min(rows, a + _CHUNK)
            _chunk(rng, a, start[a:b], end[a:b], person[a:b]).write_csv(file, include_header=a == 0)
    return target


def _sightings(
    rng: np.random.Generator, rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """(start, end) ms and person: visits arrive around noon and after work, and walk from camera to camera."""
    visits = max(1, rows // 6)
    noon = rng.random(visits) < 0.55
    hour = np.where(noon, rng.normal(12.5, 1.8, visits), rng.normal(17.8, 1.4, visits)).clip(7, 22)
    arrival = _ZERO_MS + rng.integers(0, _DAYS, visits) * _DAY_MS + (hour * 3_600_000).astype(np.int64)
    regulars = rng.gamma(0.7, size=max(10, rows // 25))
    who = rng.choice(len(regulars), visits, p=regulars / regulars.sum())
    visit = np.repeat(np.arange(visits), -(-rows // visits))[:rows]
    step = np.arange(rows) - np.searchsorted(visit, visit)
    start = arrival[visit] + (step * rng.uniform(40_000, 160_000, rows)).astype(np.int64)
    length = rng.weibull(0.8, rows) * 45_000
    end = start + length.astype(np.int64).clip(150, 3 * 3_600_000)
    order = np.argsort(start, kind="stable")
    return start[order], end[order], who[visit[order]]


def _chunk(
    rng: np.random.Generator,
    first: int,
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    person: NDArray[np.int64],
) -> pl.DataFrame:
    n = len(start)
    fault = rng.choice([*FAULTS, ""], n, p=[*FAULTS.values(), 1 - sum(FAULTS.values())])
    wrong = fault == "end_before_start"
    raw = pl.DataFrame(
        {
            "row": np.arange(first, first + n),
            "who": person,
            "camera": rng.integers(0, len(_FLOORS) * len(_PLACES), n),
            "from": start,
            "till": np.where(wrong, start - 1 - rng.integers(0, 60_000, n), end),
            "fault": fault,
            "face_score": np.round(rng.uniform(20, 130, n), 2),
            "bbox_x1": rng.integers(0, 1800, n),
            "bbox_y1": rng.integers(0, 900, n),
            "listed": rng.random(n) < 0.08,
        }
    )
    told = raw.join(_cameras(), on="camera", how="left", maintain_order="left")
    return told.select(
        pl.when(pl.col("fault") != "anonymous")
        .then(pl.format("visitor-{}-{}", _scrambled(), "who"))
        .alias("person_id"),
        pl.format("app-{}", pl.col("row").cast(pl.String).str.zfill(12)).alias("appearance_id"),
        "camera_id",
        "camera_description",
        "camera_group_id",
        "camera_group_name",
        _epoch("from").alias("utc_time_started"),
        _epoch("till").alias("utc_time_ended"),
        _readable("from").alias("utc_time_started_readable"),
        _readable("till").alias("utc_time_ended_readable"),
        _word(_AGES, 7).alias("age_group_outcome"),
        _word(("male", "female"), 3).alias("gender_outcome"),
        pl.lit("no_mask").alias("mask_outcome"),
        "face_score",
        "bbox_x1",
        "bbox_y1",
        pl.format("https://recorder.invalid/{}/crop-{}.jpg", "camera_id", "row").alias("crop_url"),
        pl.when("listed").then(pl.lit('key holders, "east" gate')).alias("watchlist_display_name"),
        pl.lit("live").alias("analysis_mode"),
        pl.lit("simulated").alias("notes"),
    )


def _cameras() -> pl.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "camera": f * len(_PLACES) + p,
            "camera_id": f"f{f}-c{p:02d}-{(f * 31 + p * 17) % 97:02d}",
            "camera_description": f"{floor}, {place}",
            "camera_group_id": f"floor-{f}",
            "camera_group_name": floor,
        }
        for f, floor in enumerate(_FLOORS)
        for p, place in enumerate(_PLACES)
    ]
    return pl.DataFrame(rows)


def _scrambled() -> pl.Expr:
    """Digits that hide the order of persons, the same for one person always."""
    return ((pl.col("who") * 48_271 + 11) % 2_147_483_647).cast(pl.String).str.zfill(10)


def _word(words: tuple[str, ...], salt: int) -> pl.Expr:
    """A word of the person, the same in every row."""
    index = (pl.col("who") * salt + pl.col("who") // 5) % len(words)
    return index.replace_strict(dict(enumerate(words)), return_dtype=pl.String)


def _epoch(column: str) -> pl.Expr:
    """Epoch milliseconds, or what stands in their place in an odd row."""
    slashes = pl.from_epoch(column, time_unit="ms").dt.strftime("%d/%m/%Y %H:%M:%S")
    return (
        pl.when(pl.col("fault") == "unreadable")
        .then(pl.lit("#REF!"))
        .when(pl.col("fault") == "slash_dates")
        .then(slashes)
        .when(pl.col("fault") == "readable_only")
        .then(pl.lit(""))
        .otherwise(pl.col(column).cast(pl.String))
    )


def _readable(column: str) -> pl.Expr:
    """The same to the second."""
    return (
        pl.when(pl.col("fault") == "unreadable")
        .then(pl.lit("2025-02-30 25:61:00"))
        .otherwise(pl.from_epoch(column, time_unit="ms").dt.strftime("%Y-%m-%d %H:%M:%S"))
    )
