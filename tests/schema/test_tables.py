from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from dwell_kit.errors import ContractError
from dwell_kit.schema.tables import CONTRACTS, SIGHTINGS, validate, violations

NOON = datetime(2025, 5, 5, 12, tzinfo=UTC)


def sightings(**changes: object) -> pl.DataFrame:
    row = {
        "key": "1", "person_id": None, "camera_id": "a", "started_at": NOON, "ended_at": NOON, "open_start": False,
        "open_end": False, "row_no": 1, **changes,
    }  # fmt: skip
    return SIGHTINGS.conform(pl.DataFrame([row]))


def test_a_good_frame_passes() -> None:
    frame = sightings()
    assert validate(frame, SIGHTINGS) is frame
    for table in CONTRACTS.values():
        assert violations(table.empty(), table).is_empty()


def test_every_violation_is_reported_with_row_and_column() -> None:
    bad = pl.concat([sightings(), sightings(ended_at=NOON - timedelta(seconds=1)), sightings(key=None)])
    assert violations(bad, SIGHTINGS).rows() == [(2, "key", "a value", None)]
    late = violations(bad[:2], SIGHTINGS)
    assert late.select("row", "column", "expected").rows() == [(1, "ended_at", "ended_at not before started_at")]
    with pytest.raises(ContractError, match="sightings"):
        validate(bad, SIGHTINGS)


def test_missing_and_mistyped_columns() -> None:
    found = violations(sightings().drop("camera_id").with_columns(row_no=pl.lit("1")), SIGHTINGS)
    assert found.select("column", "found").rows() == [("camera_id", "no such column"), ("row_no", "String")]
