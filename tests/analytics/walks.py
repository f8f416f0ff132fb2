"""Positions of scripted walkers, for tests of paths, speeds and density."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import polars as pl

from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS

START = datetime(2025, 5, 1, 9, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def positions(
    rows: Iterable[tuple[str | None, float, float | None, float | None]], camera: str = "a"
) -> pl.DataFrame:
    """Frame of the contract from (person, s, x m, y m)."""
    made = [(p, camera, after(t), x, y, n) for n, (p, t, x, y) in enumerate(rows, start=1)]
    names = (c.PERSON, c.CAMERA, c.TIME, c.X_M, c.Y_M, c.ROW_NO)
    types = (pl.String, pl.String, pl.Datetime("us", "UTC"), pl.Float64, pl.Float64, pl.Int64)
    return POSITIONS.conform(pl.DataFrame(made, schema=dict(zip(names, types, strict=True)), orient="row"))
