"""Exits that two exports tell of: one that begins within a session has its exit alone, the one before has both."""

from __future__ import annotations

from typing import Final

import polars as pl

from dwell_kit.schema import columns as c
from dwell_kit.store.lake import FACT, KEY_HASH, SIGHTINGS_LOG, SUPERSEDED, Lake, Versions

EXITS: Final = "exits"
"""What the superseded rows are of that a session of another export holds."""
READER: Final = "entry_exit"
"""Whose sightings are of events: only with its uploads can a session and a lone exit meet."""
_PLACE: Final = (c.SOURCE, c.PERSON_CODE, c.CAMERA, c.ENDED)
_ROW: Final = (c.SEQ, c.ROW_NO)


def settle(lake: Lake, versions: Versions, superseded: pl.DataFrame, *, environment: str) -> pl.DataFrame:
    """An environment's `superseded`, with the lone exits that close a session by now, and without others.

    A lone exit is a sighting without an entry and of no length. It says nothing new beside a session of the same
    source, person and camera that ends at its instant, whichever came first. Once the session is taken back, the
    exit counts again.
    """
    kept = superseded.filter(pl.col(FACT) != EXITS)
    if SIGHTINGS_LOG.name not in versions:
        return kept
    lost = kept.filter(pl.col(FACT) == SIGHTINGS_LOG.name.removesuffix("_log")).lazy().select(_ROW)
    rows = (
        lake.scan(SIGHTINGS_LOG, versions)
        .filter(pl.col(c.ENVIRONMENT) == environment, pl.col(c.KEY).str.starts_with("e:"))
        .join(lost, on=_ROW, how="anti")
    )
    lone = pl.col(c.OPEN_START) & ~pl.col(c.OPEN_END) & (pl.col(c.STARTED) == pl.col(c.ENDED))
    exits = rows.filter(lone).select(KEY_HASH, *_PLACE, *_ROW).collect(engine="streaming")
    if exits.is_empty():
        return kept
    sessions = rows.filter(~pl.col(c.OPEN_START) & ~pl.col(c.OPEN_END)).select(_PLACE)
    told = exits.lazy().join(sessions, on=_PLACE, how="semi", nulls_equal=True).collect(engine="streaming")
    named = told.with_columns(pl.lit(EXITS).alias(FACT), pl.lit(environment).alias(c.ENVIRONMENT))
    return pl.concat([kept.select(SUPERSEDED.names), named.select(SUPERSEDED.names)])
