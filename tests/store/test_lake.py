from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from dwell_kit.schema import columns as c
from dwell_kit.store.lake import PERSONS, SUPERSEDED, Lake, Versions


def persons(*ids: str, seq: int = 1) -> pl.DataFrame:
    return pl.DataFrame(
        {c.PERSON_CODE: range(len(ids)), c.PERSON: ids, c.SOURCE: "s", c.SEQ: seq},
        schema_overrides={c.PERSON_CODE: pl.Int64, c.SEQ: pl.Int64},
    )


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def append(lake: Lake, versions: Versions, *ids: str, seq: int, stem: str) -> Versions:
    staged = lake.stage(PERSONS)
    staged.write(persons(*ids, seq=seq), environment="main", stem=stem)
    return {PERSONS.name: lake.append(staged, versions, transaction=stem)}


def ids(lake: Lake, versions: Versions) -> list[str]:
    return sorted(lake.scan(PERSONS, versions).collect()[c.PERSON].to_list())


def test_staged_rows_are_invisible_until_committed(lake: Lake) -> None:
    staged = lake.stage(PERSONS)
    staged.write(persons("a"), environment="main", stem="u1")
    assert ids(lake, {}) == []
    versions = {PERSONS.name: lake.append(staged, {}, transaction="u1")}
    assert ids(lake, versions) == ["a"]


def test_old_versions_stay_readable(lake: Lake) -> None:
    first = append(lake, {}, "a", seq=1, stem="u1")
    second = append(lake, first, "b", seq=2, stem="u2")
    assert ids(lake, first) == ["a"]
    assert ids(lake, second) == ["a", "b"]


def test_a_commit_that_no_snapshot_names_is_rolled_back(lake: Lake) -> None:
    first = append(lake, {}, "a", seq=1, stem="u1")
    append(lake, first, "lost", seq=2, stem="u2")  # killed before its snapshot row
    third = append(lake, first, "b", seq=3, stem="u3")
    assert ids(lake, third) == ["a", "b"]


def test_a_first_commit_that_no_snapshot_names_is_rolled_back(lake: Lake) -> None:
    append(lake, {}, "lost", seq=1, stem="u1")
    assert ids(lake, append(lake, {}, "a", seq=2, stem="u2")) == ["a"]


def test_discard_leaves_no_file(lake: Lake) -> None:
    staged = lake.stage(PERSONS)
    staged.write(persons("a"), environment="main", stem="u1")
    staged.discard()
    assert list(lake.root.glob("**/*.parquet")) == []


def test_replace_touches_one_environment_only(lake: Lake) -> None:
    def rows(environment: str, *hashes: int) -> pl.DataFrame:
        return pl.DataFrame(
            {"fact": "sightings", "key_hash": hashes, c.SEQ: 1, c.ROW_NO: 1, c.ENVIRONMENT: environment},
            schema=SUPERSEDED.schema,
        )

    versions = {SUPERSEDED.name: lake.replace(SUPERSEDED, rows("a", 1, 2), {}, environment="a")}
    versions = {SUPERSEDED.name: lake.replace(SUPERSEDED, rows("b", 3), versions, environment="b")}
    versions = {SUPERSEDED.name: lake.replace(SUPERSEDED, rows("a", 4), versions, environment="a")}
    found = lake.scan(SUPERSEDED, versions).collect()
    assert sorted(zip(found[c.ENVIRONMENT], found["key_hash"], strict=True)) == [("a", 4), ("b", 3)]
    emptied = {SUPERSEDED.name: lake.replace(SUPERSEDED, rows("a"), versions, environment="a")}
    assert lake.scan(SUPERSEDED, emptied).collect()["key_hash"].to_list() == [3]


def test_delete_by_code(lake: Lake) -> None:
    versions = append(lake, {}, "a", "b", seq=1, stem="u1")
    versions = {PERSONS.name: lake.delete(PERSONS, f"{c.PERSON_CODE} IN (0)", versions)}
    assert ids(lake, versions) == ["b"]


def test_statistics_prune_by_time(lake: Lake) -> None:
    from dwell_kit.store.lake import _stats

    moment = datetime(2025, 5, 5, 12, 0, 0, 1, tzinfo=UTC)  # a microsecond past the millisecond
    stats = _stats(pl.DataFrame({c.STARTED: [moment], c.SEQ: [3]}))
    assert stats["minValues"] == {c.STARTED: "2025-05-05T12:00:00.000Z", c.SEQ: 3}
    assert stats["maxValues"] == {c.STARTED: "2025-05-05T12:00:00.001Z", c.SEQ: 3}
