"""In/out counters at a door: the occupancy they imply, how it drifts, and the occupancy corrected for it.

A counter misses people in both directions, and not equally often. Ins minus outs therefore runs away: the error
is never forgotten. Two facts bring it back: the place is empty at some hour of the night, so the count starts
from 0 there every day; and over a day everybody who came in also left, so the day's outs are scaled to its ins.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like, needs, to_polars
from dwell_kit.errors import ContractError, FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import UTC_US
from dwell_kit.schema.time import local_clock

DEFAULT_EMPTY_HOUR: Final = 4

Floats = NDArray[np.float64]


def compute_counter_balance(counts: Any, *, tz: str = "UTC", empty_hour: int = DEFAULT_EMPTY_HOUR) -> Any:
    """Occupancy after each row of an in/out counter: naive, and corrected for drift.

    With day d running from one `empty_hour` to the next and f_d = Σ ins / Σ outs of the day (1 without outs),
    the corrected occupancy is o_t = max(0, o_{t−1} + in_t − f_d · out_t), starting each day from 0. It is never
    negative: an out that nobody can have made adds the missing in. Scaling takes the ins to be right; the
    corrected occupancy at the end of a day is what the correction could not explain (`residual` of
    `compute_counter_days`).

    Parameters
    ----------
    counts : frame with t (start of the count's bucket, aware), n_in, n_out (persons); one row per bucket.
    tz : IANA time zone of the door.
    empty_hour : local clock hour at whose start the place is taken to be empty.

    Returns
    -------
    t, n_in, n_out, occupancy_naive (persons, Σ in − out since the first row), drift (persons, the naive
    occupancy at the last time the place was empty), out_scale (f_d), occupancy (persons); sorted by t.

    Raises
    ------
    ContractError : when a column is missing or a count is negative or null.
    """
    frame = _counts(counts, empty_hour)
    n_in, n_out = frame[c.N_IN].to_numpy(), frame[c.N_OUT].to_numpy()
    begin = _day_starts(frame, tz, empty_hour)
    day = np.repeat(np.arange(len(begin)), np.diff(np.append(begin, len(frame))))
    naive = np.cumsum(n_in - n_out)
    drift = np.concatenate([[0], naive])[begin][day] if len(frame) else naive
    scale = _out_scale(n_in, n_out, begin)[day] if len(frame) else np.empty(0)
    made = frame.with_columns(
        pl.Series(c.OCCUPANCY_NAIVE, naive, dtype=pl.Int64),
        pl.Series(c.DRIFT, drift, dtype=pl.Int64),
        pl.Series(c.OUT_SCALE, scale, dtype=pl.Float64),
        pl.Series(c.OCCUPANCY, _reflected(n_in - scale * n_out, begin), dtype=pl.Float64),
    )
    return like(made, counts)


def compute_counter_days(counts: Any, *, tz: str = "UTC", empty_hour: int = DEFAULT_EMPTY_HOUR) -> Any:
    """Per day of an in/out counter: how far ins and outs disagree, and what the correction left over.

    Returns
    -------
    t (UTC, first row of the day), n_in, n_out, drift (persons, ins − outs of the day), out_scale,
    occupancy_max (persons, corrected), residual (persons, corrected occupancy when the day ends: 0 is perfect).
    """
    balance = to_polars(compute_counter_balance(to_polars(counts), tz=tz, empty_hour=empty_hour))
    begin = _day_starts(balance, tz, empty_hour)
    day = np.repeat(np.arange(len(begin)), np.diff(np.append(begin, len(balance))))
    days = (
        balance.with_columns(pl.Series(c.DAY, day, dtype=pl.Int64))
        .group_by(c.DAY, maintain_order=True)
        .agg(
            pl.col(c.TIME).first(),
            pl.col(c.N_IN, c.N_OUT).sum(),
            (pl.col(c.N_IN).sum() - pl.col(c.N_OUT).sum()).alias(c.DRIFT),
            pl.col(c.OUT_SCALE).first(),
            pl.col(c.OCCUPANCY).max().alias(c.OCCUPANCY_MAX),
            pl.col(c.OCCUPANCY).last().alias(c.RESIDUAL),
        )
        .drop(c.DAY)
    )
    return like(days, counts)


def _counts(counts: Any, empty_hour: int) -> pl.DataFrame:
    if not 0 <= empty_hour < 24:
        raise FilterError("empty_hour means nothing", expected="a clock hour 0–23", found=str(empty_hour))
    frame = to_polars(counts)
    needs(frame, (c.TIME, c.N_IN, c.N_OUT))
    frame = frame.select(
        pl.col(c.TIME).cast(UTC_US), pl.col(c.N_IN).cast(pl.Int64), pl.col(c.N_OUT).cast(pl.Int64)
    ).sort(c.TIME)
    bad = frame.filter(pl.any_horizontal(pl.all().is_null()) | (pl.min_horizontal(c.N_IN, c.N_OUT) < 0))
    if bad.height:
        raise ContractError(
            "a counter's table has impossible counts", expected="t and counts of 0 or more", found=str(bad.row(0))
        )
    return frame


def _day_starts(frame: pl.DataFrame, tz: str, empty_hour: int) -> NDArray[np.int64]:
    """Row numbers at which a new day (from `empty_hour`, local) begins."""
    if frame.is_empty():
        return np.empty(0, dtype=np.int64)
    days, hours, _ = local_clock(frame[c.TIME].to_physical().to_numpy(), tz)
    day = days - (hours < empty_hour)
    return np.flatnonzero(np.append([True], day[1:] != day[:-1])).astype(np.int64)


def _out_scale(n_in: NDArray[np.int64], n_out: NDArray[np.int64], begin: NDArray[np.int64]) -> Floats:
    ins, outs = np.add.reduceat(n_in, begin), np.add.reduceat(n_out, begin)
    return np.divide(ins, outs, out=np.ones(len(begin)), where=outs > 0)


def _reflected(steps: Floats, begin: NDArray[np.int64]) -> Floats:
    """Running sum of `steps` from 0 at each of `begin`, never below 0: x_t − min(0, min x up to t)."""
    parts = np.split(steps, begin[1:])
    sums = [np.cumsum(part) for part in parts]
    return np.concatenate([total - np.minimum(np.minimum.accumulate(total), 0.0) for total in sums])
