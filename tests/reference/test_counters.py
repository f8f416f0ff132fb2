"""CalIt2: fifteen weeks of a door's in/out counts (UCI), the published totals, and what drift does to them."""

from __future__ import annotations

import polars as pl
import pytest

from dwell_kit.analytics.drift import compute_counter_balance, compute_counter_days
from dwell_kit.schema import columns as c

TZ = "America/Los_Angeles"


@pytest.fixture(scope="module")
def counts(testdata) -> pl.DataFrame:
    """Flow 9 is in, 7 is out; local times of a place that keeps daylight saving time."""
    rows = pl.read_csv(
        testdata / "counts" / "CalIt2.data", has_header=False, new_columns=["flow", "date", "time", "n"]
    ).drop_nulls()  # the file has two blank lines
    return (
        rows.with_columns(
            (pl.col("date") + " " + pl.col("time"))
            .str.to_datetime("%m/%d/%y %H:%M:%S", time_unit="us")
            .alias("local")
        )
        .group_by("local")
        .agg(
            pl.col("n").filter(pl.col("flow") == 9).sum().alias(c.N_IN),
            pl.col("n").filter(pl.col("flow") == 7).sum().alias(c.N_OUT),
        )
        .with_columns(
            pl.col("local")
            .dt.replace_time_zone(TZ, ambiguous="earliest", non_existent="null")
            .dt.convert_time_zone("UTC")
            .alias(c.TIME)
        )
        .sort(c.TIME)
        .select(c.TIME, c.N_IN, c.N_OUT)
    )


def test_published_totals_and_the_naive_drift(counts):
    balance = compute_counter_balance(counts, tz=TZ)
    assert balance.height == 5040  # 15 weeks of half hours
    assert (balance[c.N_IN].sum(), balance[c.N_OUT].sum()) == (19_597, 18_837)
    assert balance[c.OCCUPANCY_NAIVE][-1] == 19_597 - 18_837  # 760 people who never left


def test_drift_correction(counts):
    balance = compute_counter_balance(counts, tz=TZ)
    days = compute_counter_days(counts, tz=TZ)
    assert days[c.DRIFT].sum() == 760
    assert days.height == 106  # 105 calendar days; the hours before 4 of the first one belong to the day before
    assert balance[c.OCCUPANCY].min() >= 0
    # The naive count ends eight times above any occupancy that the corrected one knows.
    assert balance[c.OCCUPANCY].max() < 110 < 850 < balance[c.OCCUPANCY_NAIVE].max()
    # A typical day is off by 15 people before the correction and by 1 after it.
    assert days[c.DRIFT].abs().median() == 15
    assert days[c.RESIDUAL].median() <= 1
    assert days[c.RESIDUAL].sum() < 0.01 * 19_597
    assert days[c.RESIDUAL].sum() == pytest.approx(
        balance.filter(pl.col(c.TIME).is_in(_last_rows(balance, days)))[c.OCCUPANCY].sum()
    )


def _last_rows(balance: pl.DataFrame, days: pl.DataFrame) -> list:
    ends = [*days[c.TIME].to_list()[1:], None]
    return [balance.filter(True if end is None else pl.col(c.TIME) < end)[c.TIME].max() for end in ends]
