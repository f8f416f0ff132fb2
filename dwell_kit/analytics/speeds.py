"""How fast people walk: the distribution of their speed over the time that they were seen."""

from __future__ import annotations

import math
from typing import Any, Final

import polars as pl

from dwell_kit.analytics._frames import like
from dwell_kit.analytics.limits import Duration
from dwell_kit.analytics.paths import MAX_SPEED_M_S, WINDOW_S, paths_of
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c

_MOST_BINS: Final = 10_000


def compute_speed_histogram(
    positions: Any,
    *,
    bin_m_s: float = 0.1,
    window: Duration = WINDOW_S,
    max_gap: Duration | None = None,
    max_speed: float = MAX_SPEED_M_S,
) -> Any:
    """How much of people's time went by at which speed.

    The speed of a point of `compute_paths` holds for as long as the point stands for. Points alone have none.

    Parameters
    ----------
    positions, window, max_gap, max_speed : as in `compute_paths`. bin_m_s : width of a bin, m/s.

    Returns
    -------
    from_m_s, till_m_s (m/s), person_seconds (s), share (of all of them), unique_visitors (persons who were that
    fast); every bin from 0 to that of the fastest.

    Raises
    ------
    FilterError : for a bin without a width, or one that makes more than ten thousand bins.
    """
    if not (bin_m_s > 0 and math.isfinite(bin_m_s)):
        raise FilterError("this is no width of a bin", "bin_m_s", "above 0 m/s", repr(bin_m_s))
    paths = paths_of(positions, window=window, max_gap=max_gap, max_speed=max_speed).drop_nulls(c.SPEED_M_S)
    bin_ = (pl.col(c.SPEED_M_S) / bin_m_s + 1e-9).floor().cast(pl.Int64)  # 0.3 / 0.1 is a little less than 3
    found = paths.group_by(bin_.alias("bin")).agg(
        pl.col(c.LASTS_S).sum().alias(c.PERSON_SECONDS),
        pl.col(c.PERSON).n_unique().cast(pl.Int64).alias(c.UNIQUE_VISITORS),
    )
    bins = int(found["bin"].max()) + 1 if found.height else 0  # type: ignore[arg-type]
    if bins > _MOST_BINS:
        raise FilterError("too many bins", "bin_m_s", f"at most {_MOST_BINS:,}", f"{bins:,}", "take wider ones")
    every = pl.DataFrame({"bin": pl.Series(range(bins), dtype=pl.Int64)})
    table = every.join(found, on="bin", how="left", maintain_order="left").with_columns(
        pl.col(c.PERSON_SECONDS, c.UNIQUE_VISITORS).fill_null(0)
    )
    return like(
        table.select(
            (pl.col("bin") * bin_m_s).alias(c.FROM_M_S),
            ((pl.col("bin") + 1) * bin_m_s).alias(c.TILL_M_S),
            c.PERSON_SECONDS,
            (pl.col(c.PERSON_SECONDS) / pl.col(c.PERSON_SECONDS).sum()).alias(c.SHARE),
            c.UNIQUE_VISITORS,
        ),
        positions,
    )
