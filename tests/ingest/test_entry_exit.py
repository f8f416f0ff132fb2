"""Entry and exit events become sightings; nothing is dropped or closed without a word."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dwell_kit.errors import AskError, HeaderError
from dwell_kit.ingest.batches import Batch, ReadOptions
from dwell_kit.ingest.entry_exit import reader
from dwell_kit.ingest.sources import Source
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import SIGHTINGS, validate

T0 = 1_754_042_400
HEADER = "timestamp,person_id,camera_id,event_type"


def read(folder: Path, text: str | bytes, **options: Any) -> list[Batch]:
    path = folder / "events.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    batches = list(reader.read(Source(path), ReadOptions(**options)))
    for batch in batches:
        validate(batch.rows, SIGHTINGS)
    return batches


def table(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def rows(batches: list[Batch]) -> pl.DataFrame:
    return pl.concat(batch.rows for batch in batches).sort(c.ROW_NO)


def rejects(batches: list[Batch]) -> pl.DataFrame:
    return pl.concat(batch.rejects for batch in batches)


def payload(batches: list[Batch]) -> pl.DataFrame:
    return pl.concat(b.payload for b in batches if b.payload is not None)


def short(batches: list[Batch]) -> list[tuple[Any, ...]]:
    """(person, camera, seconds after T0 of start and end, open start, open end, row)."""
    got = rows(batches)
    since = [(pl.col(name).dt.epoch("us") - T0 * 1_000_000) // 1_000_000 for name in (c.STARTED, c.ENDED)]
    return got.select(c.PERSON, c.CAMERA, *since, c.OPEN_START, c.OPEN_END, c.ROW_NO).rows()


def notes(batches: list[Batch]) -> str:
    return "\n".join(note for batch in batches for note in batch.notes)


def test_a_day_of_two_people(tmp_path: Path) -> None:
    got = read(
        tmp_path,
        table(
            f"{T0 + 90},ann,door,Exit",
            f"{T0},ann,door,Entry",
            f"{T0 + 10},bob,door,IN",
            f"{T0 + 100},ann,door,check-in",
            f"{T0 + 20},bob,hall,arrival",
            f"{T0 + 30},bob,hall,Check Out",
            f"{T0 + 400},ann,door,left",
            f"{T0 + 500},cid,door,departure",
        ),
    )
    assert short(got) == [
        ("ann", "door", 0, 90, False, False, 2),
        ("bob", "door", 10, 10, False, True, 3),
        ("ann", "door", 100, 400, False, False, 4),
        ("bob", "hall", 20, 30, False, False, 5),
        ("cid", "door", 500, 500, True, False, 8),
    ]
    assert sum(b.rows_read for b in got) == sum(b.accepted or 0 for b in got) == 8
    assert "1 entries have no exit" in notes(got)
    assert "1 exits have no entry" in notes(got)


def test_nested_and_overlapping_sessions_are_all_there(tmp_path: Path) -> None:
    got = read(
        tmp_path, table(*(f"{T0 + t},ann,door,{w}" for t, w in [(0, "in"), (5, "in"), (7, "out"), (9, "out")]))
    )
    assert [row[2:4] for row in short(got)] == [(0, 9), (5, 7)]


@pytest.mark.parametrize(
    ("row", "column", "value", "reason"),
    [
        (f"{T0},ann,door,wave", "event_type", "wave", "neither entry nor exit"),
        (f"{T0},ann,door,1", "event_type", "1", "neither entry nor exit"),
        (f"{T0},ann,door,", "event_type", None, "neither entry nor exit"),
        (f"{T0},,door,in", "person_id", None, "no person"),
        (f"{T0},NULL,door,in", "person_id", "NULL", "no person"),
        ("soon,ann,door,in", "timestamp", "soon", "not a time"),
        (",ann,door,in", "timestamp", None, "no time"),
        ("1.754E+09,ann,door,in", "timestamp", "1.754E+09", "spreadsheet rounded"),
        (f"{T0},ann,door,in,x,y", None, "x,y", "more fields"),
    ],
)
def test_what_is_rejected_and_why(tmp_path: Path, row: str, column: Any, value: Any, reason: str) -> None:
    got = read(tmp_path, table(f"{T0},ann,door,in", row, "", f"{T0 + 9},ann,door,out"))
    assert short(got) == [("ann", "door", 0, 9, False, False, 1)]
    bad = rejects(got)
    assert bad.select(c.ROW_NO, c.COLUMN, c.VALUE, c.RAW).rows() == [(2, column, value, row)]
    assert reason in bad[c.REASON][0]
    assert sum(b.rows_read for b in got) == 3


def test_words_of_the_file_and_words_of_the_caller(tmp_path: Path) -> None:
    text = table("01/08/2025 12:00:00;p;Masuk", "01/08/2025 12:05:00;p;Keluar", header="Waktu;Orang;Arah")
    said = {"timestamp": "Waktu", c.PERSON: "Orang", c.EVENT_TYPE: "Arah"}
    got = read(tmp_path, text, columns=said, tz="Europe/Berlin", day_first=True, camera="gate", zone="z")
    assert short(got) == [("p", "gate", 0, 300, False, False, 1)]
    assert rows(got)[c.ZONE].to_list() == ["z"]


def test_two_readings_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(AskError, match="two readings"):
        read(tmp_path, table("01/08/2025 12:00:00,p,c,in"))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(HeaderError) as caught:
        read(tmp_path, table("1,2,3", header="timestmp,person_id,event_type"))
    assert "timestmp" in str(caught.value)


def test_payload_and_demographics_belong_to_the_entry(tmp_path: Path) -> None:
    header = HEADER + ",gender,note"
    got = read(tmp_path, table(f"{T0 + 9},ann,d,out,male,bye", f"{T0},ann,d,in,female,hi", header=header))
    assert rows(got).select(c.ROW_NO, c.GENDER).rows() == [(2, "female")]
    assert payload(got).rows() == [(1, "bye"), (2, "hi")]
    assert all(
        b.payload is None for b in read(tmp_path, table(f"{T0},a,d,in,f,x", header=header), keep_payload=False)
    )


def test_an_open_session_that_closes_later_keeps_its_key_and_wins(tmp_path: Path) -> None:
    early = rows(read(tmp_path, table(f"{T0},ann,d,in")))
    late = rows(read(tmp_path, table(f"{T0 + 50},ann,d,out", f"{T0},ann,d,in")))
    assert early[c.KEY].to_list() == late[c.KEY].to_list()
    assert early[c.MESSAGE_TIME][0] < late[c.MESSAGE_TIME][0]
    assert early[c.KEY][0] == "e:" + early[c.KEY][0][2:34] + f"+{T0}000000"


def test_keys_tell_people_cameras_and_kinds_apart(tmp_path: Path) -> None:
    got = rows(read(tmp_path, table(*(f"{T0},{p},{d},{w}" for p in "ab" for d in ("x", "") for w in ("in",)),
                                    f"{T0},a,y,out", f"{T0},c,x,in")))  # fmt: skip
    assert got[c.KEY].n_unique() == got.height == 6


def test_repeated_events_count_once_and_are_said(tmp_path: Path) -> None:
    got = read(tmp_path, table(*[f"{T0},ann,d,in", f"{T0 + 9},ann,d,out"] * 3))
    assert short(got) == [("ann", "d", 0, 9, False, False, 1)]
    assert "4 events stand in the file more than once" in notes(got)


def test_blocks_do_not_matter(tmp_path: Path) -> None:
    random_ = random.Random(3)
    draw = random_.randrange
    words = ("in", "out", "?")
    events = [f"{T0 + draw(5000)},p{draw(9)},c{draw(3)},{words[draw(3)]}" for _ in range(3000)]
    whole = read(tmp_path, table(*events))
    parts = read(tmp_path, table(*events), block_bytes=1000)
    assert len(parts) > len(whole)
    assert short(parts) == short(whole)
    assert rejects(parts).equals(rejects(whole))
    assert sum(b.rows_read for b in parts) == 3000


def test_parquet_is_read_too(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    frame = pl.DataFrame({"timestamp": [T0, T0 + 5], "person_id": ["a", "a"], "event_type": ["in", "out"]})
    frame.with_columns(pl.from_epoch("timestamp").dt.replace_time_zone("UTC")).write_parquet(path)
    assert short(list(reader.read(Source(path), ReadOptions()))) == [("a", None, 0, 5, False, False, 1)]


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        (table(f"{T0},a,c,in", f"{T0},a,c,out"), True),
        (table(f"{T0},a,c,appearance"), False),
        (table(f"{T0},a,{T0},{T0},in", header="timestamp,person_id,start,end,event_type"), False),
        (table(f"{T0},a", header="timestamp,person_id"), False),
        (table("1,2", header="x,y"), False),
    ],
)
def test_what_it_claims(tmp_path: Path, text: str, sure: bool) -> None:
    path = tmp_path / "events.csv"
    path.write_text(text)
    assert (reader.claims(Source(path).head()) > 0.5) is sure


def test_a_header_alone_gives_no_rows(tmp_path: Path) -> None:
    got = read(tmp_path, HEADER + "\n")
    assert rows(got).is_empty()
    assert "delimiter" in notes(got)
