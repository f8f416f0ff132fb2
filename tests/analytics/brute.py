"""Slow twins: the definitions, person by person and instant by instant, in plain Python."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import strategies as st

from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import SIGHTINGS

ORIGIN = datetime(2025, 3, 29, 20, tzinfo=UTC)
"""Four hours before Berlin's clocks jump, so that buckets meet a day of 23 hours."""

CAMERAS = ("a", "b", "c")


def at(minutes: float) -> datetime:
    return ORIGIN + timedelta(minutes=minutes)


def rows_of(spec) -> pl.DataFrame:
    """Sightings of the contract from (person | None, camera, start, length) in minutes."""
    rows = [
        {
            c.KEY: str(i), c.PERSON: person, c.CAMERA: camera, c.STARTED: at(start), c.ENDED: at(start + length),
            c.OPEN_START: False, c.OPEN_END: False, c.ROW_NO: i,
            c.GENDER: {"p": "male", "q": "female", None: None}.get(person),
        }
        for i, (person, camera, start, length) in enumerate(spec)
    ]  # fmt: skip
    schema = {c.STARTED: pl.Datetime("us", "UTC"), c.ENDED: pl.Datetime("us", "UTC"), c.GENDER: pl.String}
    if not rows:
        return SIGHTINGS.empty()
    return SIGHTINGS.conform(pl.DataFrame(rows, schema_overrides=schema))


specs = st.lists(
    st.tuples(
        st.sampled_from(["p", "q", "r", "s"]),
        st.sampled_from(CAMERAS),
        st.integers(0, 3000),
        st.integers(0, 90),
    ),
    max_size=25,
)
specs_with_nobody = st.lists(
    st.tuples(
        st.sampled_from(["p", "q", "r", None]), st.sampled_from(CAMERAS), st.integers(0, 120), st.integers(0, 40)
    ),
    max_size=25,
)


def visits_of(spec, gap: int = 10) -> list[tuple[str, list]]:
    """(person, rows of the visit) in order of person and time."""
    people = defaultdict(list)
    for row in spec:
        if row[0] is not None:
            people[row[0]].append(row)
    found = []
    for person in sorted(people):
        reach = None
        for row in sorted(people[person], key=lambda r: (r[2], r[2] + r[3])):
            if reach is None or row[2] - reach > gap:
                found.append((person, []))
            found[-1][1].append(row)
            reach = max(reach or 0, row[2] + row[3])
    return found


def minutes_of(rows) -> set[int]:
    """The minutes that the rows cover."""
    return {minute for _, _, start, length in rows for minute in range(start, start + length)}
