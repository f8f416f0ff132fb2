"""ETH and UCY pedestrians: speeds beside those that came with the data, density beside a count of every frame."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dwell_kit.analytics.density import compute_density
from dwell_kit.analytics.floor import compute_floor_map
from dwell_kit.analytics.paths import compute_distance, compute_paths
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS

EPOCH_US = int(datetime(2010, 1, 1, tzinfo=UTC).timestamp() * 1e6)
STEP_US = 400_000


def annotated(folder: Path, scene: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Positions of the contract, and the velocities that came with them: person_id, t, vx, vy (m/s)."""
    rows = np.loadtxt(folder / "eth_ucy" / scene / "obsmat.txt")
    step = (rows[:, 0] - rows[:, 0].min()) / np.diff(np.unique(rows[:, 0])).min()
    told = pl.DataFrame(
        {
            c.PERSON: rows[:, 1].astype(np.int64).astype(str),
            c.CAMERA: [scene] * len(rows),
            c.TIME: pl.Series(step.astype(np.int64) * STEP_US + EPOCH_US).cast(pl.Datetime("us", "UTC")),
            c.X_M: rows[:, 2], c.Y_M: rows[:, 4], "vx": rows[:, 5], "vy": rows[:, 7],
            c.ROW_NO: np.arange(len(rows)),
        }
    )  # fmt: skip
    return POSITIONS.conform(told), told.select(c.PERSON, c.TIME, "vx", "vy")


@pytest.mark.parametrize(("scene", "people"), [("seq_eth", 360), ("seq_hotel", 390), ("zara01", 148)])
def test_speeds_are_those_of_the_data(testdata: Path, scene: str, people: int) -> None:
    frame, told = annotated(testdata, scene)
    paths = compute_paths(frame)
    both = paths.join(told, on=[c.PERSON, c.TIME]).drop_nulls(c.SPEED_M_S)
    theirs = np.hypot(both["vx"], both["vy"])
    assert both[c.SPEED_M_S].mean() == pytest.approx(theirs.mean(), rel=0.005)
    assert (both[c.SPEED_M_S] - theirs).abs().median() < 0.05
    walked = compute_distance(frame)
    assert walked.height == people
    # people who cross a street walk at 1.34 ± 0.26 m/s (Weidmann 1993); some of these stand, none runs
    assert 1.0 < paths[c.SPEED_M_S].median() < 1.6
    assert paths[c.SPEED_M_S].quantile(0.99) < 3.0
    straight = frame.sort(c.PERSON, c.TIME).group_by(c.PERSON).agg(
        ((pl.col(c.X_M).last() - pl.col(c.X_M).first()) ** 2 + (pl.col(c.Y_M).last() - pl.col(c.Y_M).first()) ** 2)
        .sqrt().alias("straight")
    )  # fmt: skip
    longer = walked.join(straight, on=c.PERSON).select(pl.col(c.DISTANCE_M) - pl.col("straight")).to_series()
    assert longer.quantile(0.05) > -0.3  # a corner cut by the window, at most
    assert walked[c.DISTANCE_M].sum() == pytest.approx(
        sum(np.hypot(b[c.X_M].diff(), b[c.Y_M].diff()).sum() for _, b in paths.group_by(c.PERSON, c.PATH)),
        rel=0.03,
    )


@pytest.mark.parametrize("scene", ["seq_eth", "seq_hotel", "zara01"])
def test_density_equals_counting_every_frame(testdata: Path, scene: str) -> None:
    frame, _ = annotated(testdata, scene)
    x, y = frame[c.X_M].median(), frame[c.Y_M].median()
    zone = {"middle": [[x - 2, y - 2], [x + 2, y - 2], [x + 2, y + 2], [x - 2, y + 2]]}
    inside = frame.filter(
        pl.col(c.X_M).is_between(x - 2, x + 2, "left"), pl.col(c.Y_M).is_between(y - 2, y + 2, "left")
    )
    per_frame = inside.group_by(c.TIME).len()["len"]
    (found,) = compute_density(frame, zones=zone, every=None).rows(named=True)
    assert found[c.PERSON_SECONDS] == pytest.approx(0.4 * inside.height)
    assert found[c.DENSITY_MAX] == pytest.approx(per_frame.max() / 16)
    assert found[c.UNIQUE_VISITORS] == inside[c.PERSON].n_unique()
    assert found[c.DENSITY_MEAN] == pytest.approx(0.4 * inside.height / 16 / found[c.COVERED_S])
    cells = compute_floor_map(frame, cell_m=2)
    assert cells[c.PERSON_SECONDS].sum() == pytest.approx(0.4 * frame.height)
