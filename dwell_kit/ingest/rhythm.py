"""What a file's own rhythm says: hours in which a camera was implausibly silent, gaps, clocks that differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Any, Final

import polars as pl

from dwell_kit.schema import columns as c
from dwell_kit.schema.time import US

HOUR_US: Final = 3_600 * US
EVERYWHERE: Final = "(all)"
STATE: Final = "state"
ODDS: Final = "odds"

IMPLAUSIBLE: Final = 0.001
"""Odds of silence under which it is not believed."""
_OTHER_DAYS: Final = 3
_SAMPLE_ROWS: Final = 5_000
_PAIRS: Final = 1_000
_PER_PAIR: Final = 1_000
_ENOUGH: Final = 20
_SKEW_S: Final = 2.0
_ERRORS: Final = 5

Hourly = Mapping[str, Mapping[int, int]]
"""camera → hours since 1970 (UTC) → sightings that start in it; hours without any are left out."""


def coverage_by_hour(hourly: Hourly) -> pl.DataFrame:
    """Every camera and hour between the first and the last hour of the file.

    An hour with a sighting is `up`. For an hour without one, let m be the mean and v the variance of the
    counts of the same camera in the same hour of the day (UTC) on the other days of the file, and
    φ = max(1, v / m) their dispersion, since people come in groups. The odds of silence are exp(-m / φ)
    (Poisson, quasi-likelihood). Odds under 0.001, with three other days at least, make it `silent`: the
    camera was probably down. Everything else is `unknown`: an export carries no heartbeat, and its first
    and last hour may be cut.

    Returns
    -------
    camera_id, hour (UTC), sightings, state (up, silent, unknown), odds (null where up or too few days).
    """
    hours = [hour for counts in hourly.values() for hour in counts]
    schema = {c.CAMERA: pl.String, c.HOUR: pl.Int64, "sightings": pl.Int64}
    rows = [(camera, hour, count) for camera, counts in hourly.items() for hour, count in counts.items()]
    seen = pl.DataFrame(rows, schema=schema, orient="row")
    if not hours:
        return _labelled(seen.with_columns(pl.lit(None, dtype=pl.Float64).alias(ODDS)))
    grid = pl.DataFrame({c.CAMERA: list(hourly)}).join(
        pl.DataFrame({c.HOUR: range(min(hours), max(hours) + 1)}, schema={c.HOUR: pl.Int64}), how="cross"
    )
    full = grid.join(seen, on=[c.CAMERA, c.HOUR], how="left").with_columns(pl.col("sightings").fill_null(0))
    whole = pl.col(c.HOUR).is_between(pl.col(c.HOUR).min(), pl.col(c.HOUR).max(), closed="none")
    judged = odds([c.CAMERA, pl.col(c.HOUR) % 24], whole)
    return _labelled(full.with_columns(judged).sort(c.CAMERA, c.HOUR))


def odds(same: Sequence[str | pl.Expr], judged: pl.Expr) -> pl.Expr:
    """Odds of silence from the other hours that are the `same`, of which `sightings` are counted.

    Null with fewer than three others, where there is a sighting, and for hours that are not `judged`.
    """
    count = pl.col("sightings").cast(pl.Float64)
    others = pl.len().over(same) - 1
    total = count.sum().over(same) - count
    squares = (count**2).sum().over(same) - count**2
    mean = total / others
    variance = (squares / others - mean**2).clip(lower_bound=0)
    dispersion = pl.max_horizontal(pl.lit(1.0), variance / mean)
    asked = judged & (others >= _OTHER_DAYS) & (count == 0)
    return pl.when(asked).then((-mean / dispersion).exp()).fill_nan(1.0).alias(ODDS)


def _labelled(frame: pl.DataFrame) -> pl.DataFrame:
    state = (
        pl.when(pl.col("sightings") > 0)
        .then(pl.lit("up"))
        .when(pl.col(ODDS) < IMPLAUSIBLE)
        .then(pl.lit("silent"))
        .otherwise(pl.lit("unknown"))
    )
    moment = (pl.col(c.HOUR) * HOUR_US).cast(pl.Datetime("us", "UTC"))
    return frame.select(c.CAMERA, moment.alias(c.HOUR), "sightings", state.alias(STATE), ODDS)


def gaps(hourly: Hourly, *, most: int = 20) -> list[dict[str, Any]]:
    """Runs of hours in which the whole site was implausibly silent, the longest first.

    Returns
    -------
    list of from, to (ISO, UTC, half-open) and hours.
    """
    site: dict[int, int] = {}
    for counts in hourly.values():
        for hour, count in counts.items():
            site[hour] = site.get(hour, 0) + count
    silent = coverage_by_hour({EVERYWHERE: site}).filter(pl.col(STATE) == "silent")
    run = (pl.col(c.HOUR).diff() > pl.duration(hours=1)).fill_null(value=True).cum_sum().alias("run")
    runs = silent.group_by(run).agg(pl.col(c.HOUR).min().alias("first"), pl.len().alias("hours"))
    found = runs.sort(["hours", "first"], descending=[True, False]).head(most)
    ends = found.select("first", (pl.col("first") + pl.duration(hours=pl.col("hours"))).alias("last"), "hours")
    return [{"from": a.isoformat(), "to": b.isoformat(), "hours": n} for a, b, n in ends.rows()]


class Clocks:
    """Start differences of the same person on two cameras at once, from a sample of each batch.

    The hint is the median of (start on B − start on A) over overlapping sightings of the same person on
    A and B, over twenty sightings or more. It is given when it is more than 2 s and five standard errors of a
    median (0.93 · IQR / √n) from nought, and more than the IQR: clocks that differ move everybody by as much,
    while people who pass A before B take their time (an exponential delay has an IQR of 1.6 medians).
    """

    def __init__(self) -> None:
        self._apart: dict[tuple[str, str], list[float]] = {}

    def add(self, rows: pl.DataFrame) -> None:
        """Sample a frame of sightings."""
        known = pl.col(c.PERSON).is_not_null() & pl.col(c.CAMERA).is_not_null()
        some = rows.head(_SAMPLE_ROWS).filter(known).sort(c.PERSON, c.STARTED, c.CAMERA)
        later = [pl.col(name).shift(-1).alias(f"next {name}") for name in (c.PERSON, c.CAMERA, c.STARTED)]
        pairs = some.select(c.PERSON, c.CAMERA, c.STARTED, c.ENDED, *later).filter(
            pl.col(c.PERSON) == pl.col(f"next {c.PERSON}"),
            pl.col(c.CAMERA) != pl.col(f"next {c.CAMERA}"),
            pl.col(f"next {c.STARTED}") < pl.col(c.ENDED),
        )
        apart = (pl.col(f"next {c.STARTED}") - pl.col(c.STARTED)).dt.total_microseconds() / US
        for first, second, apart_s in pairs.select(c.CAMERA, f"next {c.CAMERA}", apart).iter_rows():
            self._note(first, second, apart_s)

    def _note(self, first: str, second: str, apart_s: float) -> None:
        pair, value = ((first, second), apart_s) if first < second else ((second, first), -apart_s)
        if pair in self._apart or len(self._apart) < _PAIRS:
            found = self._apart.setdefault(pair, [])
            if len(found) < _PER_PAIR:
                found.append(value)

    def hints(self) -> list[dict[str, Any]]:
        """Pairs of cameras whose clocks may differ, at most 20: cameras [A, B], apart_s (median), sightings."""
        found = []
        for (first, second), values in self._apart.items():
            low, middle, high = quantiles(values, n=4) if len(values) >= _ENOUGH else (0.0, 0.0, 0.0)
            error = 0.93 * (high - low) / len(values) ** 0.5
            if abs(middle) > max(_SKEW_S, _ERRORS * error, high - low):
                found.append((abs(middle), [first, second], middle, len(values)))
        found.sort(reverse=True)
        return [{"cameras": pair, "apart_s": round(apart, 3), "sightings": n} for _, pair, apart, n in found[:20]]
