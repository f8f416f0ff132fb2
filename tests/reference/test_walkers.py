"""ETH and UCY pedestrians: stays made from positions, and their occupancy against a count of every frame."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from dwell_kit.analytics.occupancy import compute_occupancy, compute_occupancy_at, compute_peak
from dwell_kit.analytics.visits import compute_visits
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import SIGHTINGS

EPOCH = datetime(2010, 1, 1, tzinfo=UTC)
FRAME_US = 400_000
"""Annotated at 2.5 Hz."""


def annotations(path) -> pl.DataFrame:
    """(step, person): which person is annotated in which step of 0.4 s."""
    rows = np.loadtxt(path)
    frames, persons = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64)
    stride = np.diff(np.unique(frames)).min()
    steps = (frames - frames.min()) // stride
    return pl.DataFrame({"step": steps, "person": persons}).unique().sort("person", "step")


def stays(seen: pl.DataFrame) -> pl.DataFrame:
    """One sighting per unbroken run of steps of a person; a step lasts until the next one."""
    runs = (
        seen.with_columns((pl.col("step").diff().over("person").fill_null(9) > 1).cum_sum().alias("run"))
        .group_by("run", maintain_order=True)
        .agg(pl.col("person").first(), pl.col("step").first().alias("first"), pl.col("step").last().alias("last"))
    )
    at = lambda steps: EPOCH + pl.duration(microseconds=steps * FRAME_US)  # noqa: E731
    return SIGHTINGS.conform(
        runs.select(
            pl.col("run").cast(pl.String).alias(c.KEY),
            pl.col("person").cast(pl.String).alias(c.PERSON),
            pl.lit("scene").alias(c.CAMERA),
            at(pl.col("first")).alias(c.STARTED),
            at(pl.col("last") + 1).alias(c.ENDED),
            pl.lit(False).alias(c.OPEN_START),
            pl.lit(False).alias(c.OPEN_END),
            pl.col("run").cast(pl.Int64).alias(c.ROW_NO),
        )
    )


@pytest.mark.parametrize(("scene", "people"), [("seq_eth", 360), ("seq_hotel", 390), ("zara01", 148)])
def test_occupancy_equals_counting_every_frame(testdata, scene, people):
    seen = annotations(testdata / "eth_ucy" / scene / "obsmat.txt")
    sightings = stays(seen)
    count = np.bincount(seen["step"].to_numpy())
    times = [EPOCH.timestamp() * 1e6 + step * FRAME_US for step in range(len(count))]
    at = compute_occupancy_at(sightings, times=[int(t) for t in times])
    assert at[c.OCCUPANCY].to_list() == count.tolist()
    assert compute_peak(sightings)[0] == count.max()
    assert seen["person"].n_unique() == people

    minutes = compute_occupancy(sightings, every="1min")
    per_minute = np.add.reduceat(count, np.arange(0, len(count), 150))
    assert minutes[c.PERSON_SECONDS].to_list() == pytest.approx((per_minute * 0.4).tolist())
    assert minutes[c.OCCUPANCY_MAX].to_list() == np.maximum.reduceat(count, np.arange(0, len(count), 150)).tolist()
    by_camera = compute_occupancy(sightings, every="1min", by="camera")
    assert by_camera[c.PERSON_SECONDS].to_list() == minutes[c.PERSON_SECONDS].to_list()

    visits = compute_visits(sightings)
    assert visits[c.DWELL_S].sum() == pytest.approx(0.4 * seen.height)
    assert visits.height == people
