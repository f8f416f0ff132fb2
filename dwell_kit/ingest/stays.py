"""Positions → sightings: how long each person stayed in front of a camera."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from dwell_kit.errors import FilterError
from dwell_kit.ingest.appearances import identity_hash
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import SIGHTINGS


def sightings_from_positions(
    positions: pl.DataFrame, *, max_gap: timedelta, step: timedelta = timedelta()
) -> pl.DataFrame:
    """One sighting for each stay: a person's positions at a camera with no gap longer than `max_gap`.

    A stay lasts from its first position to its last one, and `step` longer. Positions without a person are
    detections that nobody tracked, and give no stay.

    Parameters
    ----------
    positions : frame of POSITIONS, in any order.
    max_gap : longest time between two positions of a stay.
    step : time that one position stands for, e.g. one frame: 1 / fps.

    Returns
    -------
    frame of SIGHTINGS sorted by person, camera and start; row_no is that of the stay's first position.
    """
    if max_gap < timedelta() or step < timedelta():
        raise FilterError(
            "a gap or a step is negative", expected="0 s or more", found=f"max_gap={max_gap}, step={step}"
        )
    place = (c.PERSON, c.CAMERA)
    ordered = positions.filter(pl.col(c.PERSON).is_not_null()).sort(*place, c.TIME, c.ROW_NO)
    another = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in place)
    apart = (pl.col(c.TIME) - pl.col(c.TIME).shift() > max_gap).fill_null(value=False)
    stays = ordered.group_by(pl.col(c.PERSON), (another | apart).cum_sum().alias("stay"), maintain_order=True).agg(
        pl.col(c.CAMERA).first(),
        pl.col(c.TIME).first().alias(c.STARTED),
        (pl.col(c.TIME).last() + step).alias(c.ENDED),
        pl.col(c.ROW_NO).first(),
        pl.lit(value=False).alias(c.OPEN_START),
        pl.lit(value=False).alias(c.OPEN_END),
    )
    return SIGHTINGS.conform(stays.with_columns(identity_hash(stays)))
