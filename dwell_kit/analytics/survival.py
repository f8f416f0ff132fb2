"""Dwell that is honest about visits which were still open: the Kaplan–Meier estimate, naive figures beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from statistics import NormalDist
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like, needs, to_polars
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c

CURVE_SCHEMA: Final = {
    c.T_S: pl.Float64,
    c.AT_RISK: pl.Int64,
    c.EVENTS: pl.Int64,
    c.CENSORED: pl.Int64,
    c.SURVIVAL: pl.Float64,
    c.LOW: pl.Float64,
    c.HIGH: pl.Float64,
}
SUMMARY_FIELDS: Final = (
    "km_median_s", "km_median_low_s", "km_median_high_s",
    "km_mean_s", "km_mean_low_s", "km_mean_high_s", "km_mean_until_s",
    "naive_closed_only_median_s", "naive_closed_only_mean_s",
    "naive_as_if_closed_median_s", "naive_as_if_closed_mean_s",
)  # fmt: skip
COUNTS: Final = (c.VISITS, c.OPEN, c.CUT_END, c.UNKNOWN_START)
_MARKS: Final = (c.OPEN_START, c.CUT_START, c.CUT_END)
_TOLERANCE: Final = 1e-12

_UNKNOWN: Final = pl.col(c.OPEN_START) | pl.col(c.CUT_START)
_SEEN_TO_END: Final = ~(pl.col(c.OPEN) | pl.col(c.CUT_END))

Floats = NDArray[np.float64]


class Curve(NamedTuple):
    """A survival curve: one entry per distinct time (seconds), all arrays of the same length."""

    t: Floats
    at_risk: NDArray[np.int64]
    events: NDArray[np.int64]
    censored: NDArray[np.int64]
    survival: Floats
    low: Floats
    high: Floats


def compute_survival(
    visits: Any,
    *,
    by: str | Sequence[str] = (),
    known_until: datetime | None = None,
    confidence: float = 0.95,
    points: int | None = None,
) -> Any:
    """Kaplan–Meier curve of visit dwell, open visits censored: the share of visits that last longer than t.

    S(t) = Π over event times tᵢ ≤ t of (1 − eventsᵢ / at_riskᵢ); the interval is Greenwood's variance on the
    log(−log S) scale (Kalbfleisch & Prentice 1980).

    A visit is *open* when it was last seen within `max_gap` of the end of coverage; nothing is known of it
    after, and some open visits had in truth ended. Counting all of them as present up to their last sighting
    loses those ends and keeps their time at risk, which biases the median upwards. So open visits are censored
    where the state of everybody was last known: at `known_until`.

    A visit that a time filter cut at its end (`cut_end`) did not end there: it is censored at the cut. One whose
    beginning is not known or lies before the selected time (`open_start`, `cut_start`) is left out: how long it
    had lasted by then, and which ones were over before they could be seen, is unknown, and whether a visit begins
    inside the window says nothing of its length.

    Parameters
    ----------
    visits : frame with dwell_s and open, and what else of the columns of `compute_visits` is there.
    by : columns to make one curve each for.
    known_until : end of coverage minus `max_gap`, for a frame without the column known_until; without either, the
        last end of any closed visit, which comes to the same within one visit. A frame without started_at and
        ended_at is taken as it is.
    confidence : of the interval, between 0 and 1.
    points : give the curve at this many evenly spaced times instead of at every length that occurs: exact there,
        with the events and censorings since the point before. For drawing, and where single visits must not show.

    Returns
    -------
    t_s (s), at_risk, events, censored (visits), survival, low, high (shares); the first row is t_s = 0.

    Raises
    ------
    ContractError : when dwell_s or open is missing.
    """
    frame = to_polars(visits)
    keys = _keys(by)
    rows = [
        curve_frame(
            _thinned(kaplan_meier(*durations(part, known_until=known_until), confidence=confidence), points)
        ).select(
            *[
                pl.lit(value, dtype=frame.schema[key]).alias(key)
                for key, value in zip(keys, key_values, strict=True)
            ],
            pl.all(),
        )
        for key_values, part in _parts(frame, keys)
    ]
    empty = pl.DataFrame(schema={**{key: frame.schema[key] for key in keys}, **CURVE_SCHEMA})
    return like(pl.concat(rows) if rows else empty, visits)


def compute_survival_summary(
    visits: Any, *, by: str | Sequence[str] = (), known_until: datetime | None = None, confidence: float = 0.95
) -> Any:
    """Median and mean dwell by Kaplan–Meier, and the naive figures beside them, named as naive.

    The median is the first t with S(t) ≤ 0.5 (null when the curve does not get there), its interval inverts
    that of the curve (Brookmeyer & Crowley 1982). The mean is restricted: the area under S up to
    `km_mean_until_s`, the longest dwell seen. `naive_closed_only_*` drops open and cut visits,
    `naive_as_if_closed_*` takes them as over when last seen; both are too short whenever visits are open or cut.

    Parameters
    ----------
    visits, by, known_until, confidence : as for `compute_survival`.

    Returns
    -------
    One row (per group): visits, open, cut_end, unknown_start (counts: right-censored by the end of coverage, by
    the selected time, left out of the curve), share (of open visits), km_median_s, km_median_low_s,
    km_median_high_s, km_mean_s, km_mean_low_s, km_mean_high_s, km_mean_until_s, naive_closed_only_median_s,
    naive_closed_only_mean_s, naive_as_if_closed_median_s, naive_as_if_closed_mean_s (s).
    """
    frame = to_polars(visits)
    keys = _keys(by)
    schema: dict[str, Any] = {key: frame.schema[key] for key in keys}
    schema |= dict.fromkeys(COUNTS, pl.Int64) | {c.SHARE: pl.Float64}
    schema |= dict.fromkeys(SUMMARY_FIELDS, pl.Float64)
    rows = [
        dict(zip(keys, values, strict=True)) | _summarise(part, known_until=known_until, confidence=confidence)
        for values, part in _parts(frame, keys)
    ]
    return like(pl.DataFrame(rows, schema=schema), visits)


def in_sight(frame: pl.DataFrame, *, known_until: datetime | None = None) -> pl.DataFrame:
    """The visits that the curve is of, with all their columns, cut where nothing is known of them any more."""
    frame = _marked(frame).with_columns(pl.col(c.DWELL_S).cast(pl.Float64)).filter(~_UNKNOWN)
    return _censor_at(frame, known_until) if {c.STARTED, c.ENDED} <= set(frame.columns) else frame


def lengths(seen: pl.DataFrame) -> tuple[Floats, NDArray[np.bool_]]:
    """Seconds at risk (n,) and whether the visit was seen to end (n,), of visits as `in_sight` gives them."""
    return seen[c.DWELL_S].to_numpy(), seen.select(_SEEN_TO_END).to_series().to_numpy()


def durations(frame: pl.DataFrame, *, known_until: datetime | None = None) -> tuple[Floats, NDArray[np.bool_]]:
    """`lengths` of a frame of visits, as `compute_survival` uses them."""
    return lengths(in_sight(frame, known_until=known_until))


def _marked(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with every mark of what is not known of a visit; False where nothing is said."""
    needs(frame, (c.DWELL_S, c.OPEN))
    return frame.with_columns(pl.lit(False).alias(name) for name in _MARKS if name not in frame.columns)


def kaplan_meier(t: Floats, ended: NDArray[np.bool_], *, confidence: float = 0.95) -> Curve:
    """The product-limit estimate of durations `t` (n,) in seconds, `ended` (n,) false where censored."""
    if not 0 < confidence < 1:
        raise FilterError("confidence means nothing", expected="a share between 0 and 1", found=str(confidence))
    times, inverse = np.unique(t, return_inverse=True)
    events = np.bincount(inverse, weights=ended, minlength=len(times)).astype(np.int64)
    censored = np.bincount(inverse, minlength=len(times)) - events
    if not len(times) or times[0] > 0:
        times = np.concatenate([[0.0], times])
        events, censored = (np.concatenate([[0], counts]).astype(np.int64) for counts in (events, censored))
    leaving = events + censored
    at_risk = leaving.sum() - np.concatenate([[0], np.cumsum(leaving)[:-1]])
    survival = np.cumprod(1 - events / np.maximum(at_risk, 1))
    low, high = _log_log_band(survival, _greenwood(events, at_risk), NormalDist().inv_cdf((1 + confidence) / 2))
    return Curve(times, at_risk, events, censored, survival, low, high)


def _thinned(curve: Curve, points: int | None) -> Curve:
    """The curve at evenly spaced times, if it has more."""
    if points is None or len(curve.t) <= points:
        return curve
    if points < 2:
        raise FilterError("a curve needs two points", expected="2 or more", found=str(points))
    return at_times(curve, np.linspace(0.0, curve.t[-1], points))


def at_times(curve: Curve, t: Floats) -> Curve:
    """What holds of a curve at ascending times (s), and the counts since the time before."""
    at = np.searchsorted(curve.t, t, side="right") - 1
    events, censored = (
        np.diff(np.concatenate([[0], np.cumsum(counts)[at]])) for counts in (curve.events, curve.censored)
    )
    at_risk = curve.at_risk[at] - np.where(t > curve.t[at], curve.events[at] + curve.censored[at], 0)
    return Curve(t, at_risk, events, censored, curve.survival[at], curve.low[at], curve.high[at])


def _greenwood(events: NDArray[np.int64], at_risk: NDArray[np.int64]) -> Floats:
    """Greenwood's sum Σ d / (n (n − d)); infinite once everybody has left."""
    left = (at_risk * (at_risk - events)).astype(np.float64)
    terms = np.divide(events, left, out=np.full(len(left), np.inf), where=left > 0)
    return np.cumsum(np.where(events == 0, 0.0, terms))


def _log_log_band(survival: Floats, variance: Floats, z: float) -> tuple[Floats, Floats]:
    inner = (survival > 0) & (survival < 1)
    low, high = survival.copy(), survival.copy()
    log_s = np.log(survival[inner])
    width = z * np.sqrt(variance[inner]) / np.abs(log_s)
    low[inner] = np.exp(log_s * np.exp(width))
    high[inner] = np.exp(log_s * np.exp(-width))
    return low, high


def _censor_at(frame: pl.DataFrame, known_until: datetime | None) -> pl.DataFrame:
    """Cut visits that reach past the horizon there; those that started after it say nothing about dwell."""
    horizon = _horizon(frame, known_until)
    after = (pl.col(c.ENDED) > horizon).fill_null(value=False)
    unknown_s = (pl.col(c.ENDED) - pl.max_horizontal(c.STARTED, horizon)).dt.total_microseconds() / 1e6
    return frame.filter(~after | (pl.col(c.STARTED) < horizon)).with_columns(
        pl.when(after)
        .then((pl.col(c.DWELL_S) - unknown_s).clip(lower_bound=0.0))
        .otherwise(c.DWELL_S)
        .alias(c.DWELL_S),
        pl.col(c.OPEN) | after,
    )


def _horizon(frame: pl.DataFrame, known_until: datetime | None) -> pl.Expr:
    if known_until is None and c.KNOWN_UNTIL in frame.columns:
        return pl.col(c.KNOWN_UNTIL)
    if known_until is None:
        known_until = frame.filter(_SEEN_TO_END)[c.ENDED].max()  # type: ignore[assignment]
    return pl.lit(known_until, dtype=frame.schema[c.ENDED])


def _summarise(frame: pl.DataFrame, *, known_until: datetime | None, confidence: float) -> dict[str, Any]:
    frame = _marked(frame)
    curve = kaplan_meier(*durations(frame, known_until=known_until), confidence=confidence)
    closed = frame.filter(_SEEN_TO_END)[c.DWELL_S]
    n_open = int(frame[c.OPEN].sum())
    found = (_first_below(curve, curve.survival), _first_below(curve, curve.low), _first_below(curve, curve.high))
    figures = (
        *found,
        *_restricted_mean(curve, NormalDist().inv_cdf((1 + confidence) / 2)),
        closed.median(), closed.mean(), frame[c.DWELL_S].median(), frame[c.DWELL_S].mean(),
    )  # fmt: skip
    counted = (frame.height, n_open, int(frame[c.CUT_END].sum()), int(frame.select(_UNKNOWN).to_series().sum()))
    share = {c.SHARE: n_open / frame.height if frame.height else None}
    return dict(zip(COUNTS, counted, strict=True)) | share | dict(zip(SUMMARY_FIELDS, figures, strict=True))


def _first_below(curve: Curve, values: Floats, level: float = 0.5) -> float | None:
    below = np.flatnonzero(values <= level + _TOLERANCE)
    return float(curve.t[below[0]]) if len(below) else None


def _restricted_mean(curve: Curve, z: float) -> tuple[float | None, float | None, float | None, float | None]:
    """(mean, low, high, until): the area under the curve, and its variance Σ area_after² d / (n (n − d))."""
    if curve.at_risk[0] == 0:
        return None, None, None, None
    pieces = curve.survival[:-1] * np.diff(curve.t)
    mean = float(pieces.sum())
    after = np.concatenate([np.cumsum(pieces[::-1])[::-1], [0.0]])
    left = (curve.at_risk * (curve.at_risk - curve.events)).astype(np.float64)
    terms = np.divide(curve.events * after**2, left, out=np.zeros(len(left)), where=left > 0)
    half = z * math.sqrt(terms.sum())
    return mean, max(mean - half, 0.0), mean + half, float(curve.t[-1])


def curve_frame(curve: Curve) -> pl.DataFrame:
    return pl.DataFrame(dict(zip(CURVE_SCHEMA, curve, strict=True)), schema=CURVE_SCHEMA)


def _keys(by: str | Sequence[str]) -> list[str]:
    return [by] if isinstance(by, str) else list(by)


def _parts(frame: pl.DataFrame, keys: list[str]) -> list[tuple[tuple[Any, ...], pl.DataFrame]]:
    needs(frame, (c.DWELL_S, c.OPEN, *keys))
    if not keys:
        return [((), frame)]
    return list(frame.sort(keys).partition_by(keys, as_dict=True, maintain_order=True).items())
