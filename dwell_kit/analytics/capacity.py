"""How full a place is: occupancy as a share of its capacity, and how long it held more."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like, to_polars
from dwell_kit.analytics.occupancy import compute_occupancy
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.splits import selected_places
from dwell_kit.analytics.steps import occupancy_steps, place_name
from dwell_kit.analytics.sweep import sweep
from dwell_kit.analytics.visits import selected
from dwell_kit.analytics.watched import overlap
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import US, bucket_edges, to_us

MEAN_SHARE: Final = "capacity_share_mean"
MAX_SHARE: Final = "capacity_share_max"
OVER_S: Final = "over_capacity_s"


def compute_capacity_share(
    sightings: Any,
    *,
    capacity: int,
    every: str = "hour",
    by: str | None = None,
    tz: str = "UTC",
    filters: Filters | None = None,
    selection: Selection | None = None,
    coverage: Any = None,
) -> Any:
    """Occupancy as a share of a capacity, by local bucket.

    Parameters
    ----------
    sightings : frame of the sightings contract, or `Coded`. capacity : persons that the place is made for.
    every, by, coverage : as in `compute_occupancy`; each camera or zone is held against the same capacity.

    Returns
    -------
    Frame: [camera_id | zone_id,] bucket (UTC), occupancy_mean, occupancy_max (persons), capacity_share_mean,
    capacity_share_max (of the capacity; 1.2 is a fifth too many; null where nothing is covered), over_capacity_s
    (s in which more persons were there than the capacity), covered_s (s).

    Raises
    ------
    FilterError : for a capacity under one person, and as `compute_occupancy`.
    """
    if capacity < 1:
        raise FilterError("the capacity is too small", expected="1 person or more", found=str(capacity))
    keys = [place_name(by)] if by is not None else []
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, coverage=coverage)
    table = to_polars(compute_occupancy(coded, every=every, by=by, tz=tz, selection=chosen, coverage=coverage))
    over = np.zeros(table.height)
    places = [0] if by is None else np.flatnonzero(selected_places(coded, chosen, place_name(by)))
    m = table.height // max(len(places), 1)
    every_place = occupancy_steps(coded, chosen, sweep(coded, chosen, detail=False), by=by) if m else []
    edges = _edges(table[c.BUCKET][:m], every=every, tz=tz)
    for q, steps in enumerate(every_place[i] for i in places if m):
        full = np.append(steps.level > capacity, False)
        spans = np.stack([steps.t, np.append(steps.t[1:], steps.t[-1:])], axis=1)[full[: len(steps.t)]]
        over[q * m : (q + 1) * m] = overlap(_touching_joined(spans), edges) / US
    made = table.with_columns(
        (pl.col(c.OCCUPANCY_MEAN) / capacity).alias(MEAN_SHARE),
        (pl.col(c.OCCUPANCY_MAX) / capacity).alias(MAX_SHARE),
        pl.Series(OVER_S, over, dtype=pl.Float64),
    )
    names = (*keys, c.BUCKET, c.OCCUPANCY_MEAN, c.OCCUPANCY_MAX, MEAN_SHARE, MAX_SHARE, OVER_S, c.COVERED_S)
    return like(made.select(names), sightings)


def _edges(buckets: pl.Series, *, every: str, tz: str) -> NDArray[np.int64]:
    if not len(buckets):
        return np.zeros(1, np.int64)
    return bucket_edges(to_us(buckets[0]), to_us(buckets[-1]), every=every, tz=tz)


def _touching_joined(spans: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sorted stretches as disjoint intervals: `overlap` wants no edge twice."""
    if not len(spans):
        return spans
    new = np.append(True, spans[1:, 0] > spans[:-1, 1])
    return np.stack([spans[new, 0], spans[np.append(new[1:], True), 1]], axis=1)
