from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import UTC_US
from dwell_kit.store.lake import KEY_HASH
from dwell_kit.store.upsert import repeated, superseded_of

START = datetime(2025, 5, 5, tzinfo=UTC)
messages = st.lists(
    st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 3), st.integers(1, 3)), max_size=20
)


@given(messages)
def test_losers_equal_brute_force(rows: list[tuple[str, int | None, int]]) -> None:
    frame = pl.DataFrame(
        {
            # one hash for all keys: the texts alone must tell them apart
            KEY_HASH: [1] * len(rows),
            c.SOURCE: ["s"] * len(rows),
            c.KEY: [r[0] for r in rows],
            c.MESSAGE_TIME: [None if r[1] is None else START + timedelta(seconds=r[1]) for r in rows],
            c.SEQ: [r[2] for r in rows],
            c.ROW_NO: list(range(len(rows))),
        },
        schema={
            KEY_HASH: pl.Int64, c.SOURCE: pl.String, c.KEY: pl.String, c.MESSAGE_TIME: UTC_US,
            c.SEQ: pl.Int64, c.ROW_NO: pl.Int64,
        },
    )  # fmt: skip
    best: dict[str, tuple[int, int, int]] = {}
    for i, (key, moment, seq) in enumerate(rows):
        rank = (-1 if moment is None else moment, seq, i)
        best[key] = max(best.get(key, rank), rank)
    winners = {rank[2] for rank in best.values()}
    losers = set(superseded_of(frame)[c.ROW_NO].to_list())
    assert losers == set(range(len(rows))) - winners


@given(st.lists(st.integers(-5, 5)))
def test_repeated_values(values: list[int]) -> None:
    expected = sorted({v for v in values if values.count(v) > 1})
    assert repeated(np.array(values, np.int64)).tolist() == expected
