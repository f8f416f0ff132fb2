"""Stretches of time that persons spent at a place of the floor, cut to the time that was watched."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import to_polars
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.watched import within
from dwell_kit.schema import columns as c
from dwell_kit.schema.coverage import Coverage, Intervals
from dwell_kit.schema.hours import intersect
from dwell_kit.schema.time import MIN_US, US, union


def observed(positions: Any, paths: pl.DataFrame, coverage: Any, selection: Selection | None) -> Intervals:
    """(k, 2) µs in which the floor was watched: by any camera with positions, cut to the selected time.

    Without coverage it is from the first point of a path to the end of the last one.
    """
    if paths.is_empty():
        return np.empty((0, 2), np.int64)
    first, last = _extent(paths)
    if coverage is None:
        found = np.array([[first, last]], np.int64)
    else:
        known = Coverage.of(coverage)
        cameras = to_polars(positions)[c.CAMERA].unique().to_list()
        held = [known.anywhere if camera is None else known.of_camera(camera) for camera in cameras]
        found = union([(int(a), int(b)) for each in held for a, b in each])
        if len(found) and found[0, 0] <= MIN_US:  # watched from ever: a mean begins with the data
            found = intersect(found, np.array([[first, found[-1, 1]]], np.int64))
    return found if selection is None or selection.touching else intersect(found, selection.intervals)


def stretches_of(paths: pl.DataFrame, watched: Intervals) -> pl.DataFrame:
    """The points of paths as stretches, `from` and `till` µs, as far as they were watched; lasts_s is cut too."""
    start = paths[c.TIME].to_physical().to_numpy()
    end = start + (paths[c.LASTS_S] * US).round().cast(pl.Int64).to_numpy()
    row, since, until = within((np.arange(len(start)), start, end), watched)
    return paths[row].with_columns(
        pl.Series("from", since), pl.Series("till", until), pl.Series(c.LASTS_S, (until - since) / US)
    )


def persons_in(
    stretches: pl.DataFrame, edges: NDArray[np.int64], part: NDArray[np.int64], n: int
) -> NDArray[np.int64]:
    """(n,) distinct persons of the stretches that touch each part of time.

    Parameters
    ----------
    edges : (m + 1,) rising, µs. part : (m,) which part, 0 to n − 1, each bucket between two edges belongs to.
    """
    first = np.searchsorted(edges, stretches["from"].to_numpy(), side="right") - 1
    last = np.searchsorted(edges, stretches["till"].to_numpy(), side="left")
    touched = pl.DataFrame(
        {c.PERSON: stretches[c.PERSON], "a": np.clip(first, 0, len(part)), "b": np.clip(last, 0, len(part))}
    ).select(c.PERSON, pl.int_ranges("a", "b").alias("bucket"))
    long = touched.explode("bucket").drop_nulls("bucket")
    which = pl.Series("part", part[long["bucket"].to_numpy()])
    counted = long.select(c.PERSON, which).group_by("part").agg(pl.col(c.PERSON).n_unique())
    found = np.zeros(n, np.int64)
    found[counted["part"].to_numpy()] = counted[c.PERSON].to_numpy()
    return found


def _extent(paths: pl.DataFrame) -> tuple[int, int]:
    start = paths[c.TIME].to_physical()
    end = start + (paths[c.LASTS_S] * US).round().cast(pl.Int64)
    return int(start.min()), int(end.max())  # type: ignore[arg-type]
