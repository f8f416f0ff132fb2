"""Last write wins: which rows of a log are superseded by a newer message of the same key."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import Table
from dwell_kit.store.exits import EXITS
from dwell_kit.store.lake import FACT, KEY_HASH, SIGHTINGS_LOG, SUPERSEDED, Lake, Versions

_ROW = [c.SEQ, c.ROW_NO]
_VERSION = [KEY_HASH, c.SOURCE, c.KEY, c.MESSAGE_TIME, *_ROW]
_CONTENT = (
    c.PERSON_CODE, c.CAMERA, c.ZONE, c.STARTED, c.ENDED, c.RECORDED, c.OPEN_START, c.OPEN_END,
    c.AGE_GROUP, c.GENDER, c.CATEGORY, c.EVENT_TYPE,
)  # fmt: skip
_SAID = "said"


def superseded_of(versions_of_keys: pl.DataFrame) -> pl.DataFrame:
    """The losing rows (key_hash, seq, row_no) among all versions of some keys.

    The newest message time wins (none is the oldest), then the later upload, then the later row; keys are
    compared by source and text, so that equal hashes of unequal keys lose nothing.
    """
    ranked = versions_of_keys.sort(c.MESSAGE_TIME, *_ROW, nulls_last=False)
    winners = ranked.unique(subset=[c.SOURCE, c.KEY], keep="last").select(_ROW)
    return ranked.join(winners, on=_ROW, how="anti").select(KEY_HASH, *_ROW)


def repeated(hashes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The values that occur more than once; `hashes` is sorted in place, since there can be very many."""
    hashes.sort()
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


def versions_of_keys(
    lake: Lake, table: Table, versions: Versions, *, environment: str, affected: pl.Series
) -> pl.DataFrame:
    """Every row of a log whose key hash is in `affected`, whatever day or upload it lies in."""
    said = [name for name in _CONTENT if name in table.names]
    return (
        lake.scan(table, versions)
        .filter(pl.col(c.ENVIRONMENT) == environment)
        .select(*_VERSION, pl.struct(said).hash(seed=0).alias(_SAID))
        .join(affected.rename(KEY_HASH).to_frame().lazy(), on=KEY_HASH, how="semi")
        .collect(engine="streaming")
    )


def resolve(
    table: Table, rows: pl.DataFrame, *, environment: str, superseded: pl.DataFrame, affected: pl.Series
) -> pl.DataFrame:
    """The environment's `superseded` after keys with the hashes `affected` were written or taken away.

    Parameters
    ----------
    rows : every version of those keys that is left (`versions_of_keys`).
    """
    fact = table.name.removesuffix("_log")
    mine = (pl.col(FACT) == fact) & pl.col(KEY_HASH).is_in(affected.implode())
    losers = superseded_of(rows).with_columns(pl.lit(fact).alias(FACT), pl.lit(environment).alias(c.ENVIRONMENT))
    return pl.concat([superseded.filter(~mine).select(SUPERSEDED.names), losers.select(SUPERSEDED.names)])


def counted(rows: pl.DataFrame, *, seq: int) -> tuple[int, int]:
    """(updated, duplicates): rows of upload `seq` that say something new, or the same again, of a known key.

    A message updates a key that an older message had, whatever the order in which they came.
    """
    key, content = pl.struct(c.SOURCE, c.KEY), pl.struct(c.SOURCE, c.KEY, _SAID)
    told = rows.sort(*_ROW).select(pl.col(c.SEQ), content.is_first_distinct().alias("new content"))
    by_message = rows.sort(c.MESSAGE_TIME, *_ROW, nulls_last=False)  # a row without one is the oldest
    newer = by_message.select(
        pl.col(c.SEQ), (~key.is_first_distinct() & content.is_first_distinct()).alias("newer")
    )
    mine = pl.col(c.SEQ) == seq
    told = told.filter(mine)
    updated = newer.filter(mine & pl.col("newer")).height
    return updated, told.filter(~pl.col("new content")).height


def known_hashes(lake: Lake, table: Table, versions: Versions, *, environment: str, among: pl.Series) -> pl.Series:
    """Those of the hashes `among` that the log already has."""
    if table.name not in versions or among.is_empty():
        return pl.Series(KEY_HASH, [], dtype=pl.Int64)
    hit = (
        lake.scan(table, versions)
        .filter(pl.col(c.ENVIRONMENT) == environment)
        .select(KEY_HASH)
        .join(among.rename(KEY_HASH).to_frame().lazy(), on=KEY_HASH, how="semi")
        .unique()
        .collect(engine="streaming")
    )
    return hit[KEY_HASH]


def current(lake: Lake, table: Table, versions: Versions, *, environment: str) -> pl.LazyFrame:
    """The winning rows of a log: one per key, and no exit that a session holds."""
    facts = [table.name.removesuffix("_log"), *([EXITS] if table is SIGHTINGS_LOG else [])]
    rows = lake.scan(table, versions).filter(pl.col(c.ENVIRONMENT) == environment)
    if SUPERSEDED.name not in versions:
        return rows
    losers = (
        lake.scan(SUPERSEDED, versions)
        .filter((pl.col(c.ENVIRONMENT) == environment) & pl.col(FACT).is_in(facts))
        .select(_ROW)
    )
    return rows.join(losers, on=_ROW, how="anti")
