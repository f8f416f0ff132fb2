"""How many persons a set of tracks may be: an identity that breaks counts one person twice."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from dwell_kit.analytics._frames import like, needs, to_polars
from dwell_kit.analytics.limits import Duration, check_speed, length_us
from dwell_kit.schema import columns as c
from dwell_kit.schema.time import US

REACH_S: Final = 5.0
BRIEF_S: Final = 1.0
MAX_WALK_M_S: Final = 2.0
"""Nearly everybody walks slower: free speeds are 1.34 ± 0.26 m/s (Weidmann 1993)."""
_OVERLAP_US: Final = US // 2
_SLACK_M: Final = 0.85
"""Half a body's height: what feet are off where somebody is half hidden."""
_BODY_M: Final = 1.7
_BOX: Final = (c.BOX_X, c.BOX_Y, c.BOX_W, c.BOX_H)
_PLACE: Final = ("x", "y", "foot_x", "foot_y", "tall")


def compute_person_band(
    positions: Any, *, reach: Duration = REACH_S, brief: Duration = BRIEF_S, max_speed: float = MAX_WALK_M_S
) -> Any:
    """The persons counted, and the fewest that all those tracks may be of.

    A track may go on in another one that begins at most `reach` after its end (or up to half a second before it,
    and ends later), where somebody who walks can be by then: within 0.85 m and what `max_speed` allows, on the
    floor, or in the image of the same camera with the box taken for 1.7 m. The fewest persons are the fewest
    chains that the tracks can be joined to: as many as there are tracks, less a maximum matching of ends with
    beginnings (minimum path cover, Fulkerson 1956). Tracks of less than `brief` in all are left out there: they
    may be nobody. Who was never seen is in neither figure, nor is a person who took over another's identity.

    Parameters
    ----------
    positions : frame of the positions contract; those that nobody tracked (no person) are left out.
    reach, brief : seconds or timedeltas. max_speed : m/s.

    Returns
    -------
    One row: low, high (persons; the latter as counted: a track is one person at most), brief (tracks shorter than
    `brief`), joined (how many of the others may go on in another one); low = high − brief − joined.

    Raises
    ------
    ContractError : if columns are missing. FilterError : for a length of time or a speed that is none.
    """
    reach_us, brief_us = (
        length_us(given, name, zero=True) for given, name in ((reach, "reach"), (brief, "brief"))
    )
    check_speed(max_speed, "max_speed")
    frame = to_polars(positions)
    needs(frame, (c.PERSON, c.CAMERA, c.TIME, c.X_M, c.Y_M, *_BOX))
    tracks = _tracks(frame.filter(pl.col(c.PERSON).is_not_null()))
    lasting = tracks.filter(pl.col("seen_us") >= brief_us)
    joined = _most_joined(lasting, reach_us, max_speed)
    row = {
        c.LOW: lasting.height - joined,
        c.HIGH: tracks.height,
        c.BRIEF: tracks.height - lasting.height,
        c.JOINED: joined,
    }
    return like(pl.DataFrame([row], schema=dict.fromkeys(row, pl.Int64)), positions)


def _tracks(known: pl.DataFrame) -> pl.DataFrame:
    """Where and when each person was first and last seen, and how long in all (µs)."""
    step = pl.col(c.TIME).diff().over(c.PERSON, c.CAMERA).dt.total_microseconds()
    instants = known.sort(c.PERSON, c.TIME).with_columns(
        pl.col(c.TIME).dt.epoch("us").alias("us"),
        step.filter(step > 0).median().alias("step_us"),
        pl.col(c.X_M).cast(pl.Float64).alias("x"),
        pl.col(c.Y_M).cast(pl.Float64).alias("y"),
        (pl.col(c.BOX_X) + pl.col(c.BOX_W) / 2).alias("foot_x"),
        (pl.col(c.BOX_Y) + pl.col(c.BOX_H)).alias("foot_y"),
        pl.col(c.BOX_H).alias("tall"),
    )
    ends = [
        pl.col(name).get(at).alias(f"{end}_{name}")
        for end, at in (("first", 0), ("last", -1))
        for name in ("us", c.CAMERA, *_PLACE)
    ]
    seen = (pl.col("us").n_unique() * pl.col("step_us").first().fill_null(0)).alias("seen_us")
    return instants.group_by(c.PERSON, maintain_order=True).agg(seen, *ends).sort("first_us")


def _most_joined(tracks: pl.DataFrame, reach_us: int, max_speed: float) -> int:
    """How many ends can be joined with beginnings, each with one at most."""
    begins, ends = tracks["first_us"].to_numpy(), tracks["last_us"].to_numpy()
    since = np.searchsorted(begins, ends - _OVERLAP_US, "left")
    until = np.searchsorted(begins, ends + reach_us, "right")
    one = np.repeat(np.arange(len(tracks)), until - since)
    other = np.arange(len(one)) - np.repeat(np.cumsum(until - since) - (until - since), until - since)
    other += np.repeat(since, until - since)
    later = (ends[other] > ends[one]) & (begins[other] > begins[one])
    one, other = one[later], other[later]
    last, first = tracks[one].select("^last_.*$"), tracks[other].select("^first_.*$")
    pair = pl.concat([last, first], how="horizontal")
    walked_m = _SLACK_M + max_speed / US * (pl.col("first_us") - pl.col("last_us")).clip(0)
    floor_m = _apart("x", "y")
    image_m = _apart("foot_x", "foot_y") * _BODY_M * 2 / (pl.col("first_tall") + pl.col("last_tall"))
    same = pl.col(f"first_{c.CAMERA}") == pl.col(f"last_{c.CAMERA}")
    near = pair.select(
        pl.coalesce(floor_m <= walked_m, same & (image_m <= walked_m)).fill_null(value=False)
    ).to_series()
    may = near.to_numpy()
    graph = csr_array((np.ones(may.sum(), np.int8), (one[may], other[may])), shape=(len(tracks), len(tracks)))
    return int((maximum_bipartite_matching(graph) >= 0).sum()) if len(tracks) else 0


def _apart(x: str, y: str) -> pl.Expr:
    dx, dy = (pl.col(f"first_{name}") - pl.col(f"last_{name}") for name in (x, y))
    return (dx**2 + dy**2).sqrt()
