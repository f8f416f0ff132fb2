"""Every shape of an Insight Report gives the same events."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dwell_kit.errors import FormatError, HeaderError, LimitError
from dwell_kit.ingest.batches import Batch, Limits, ReadOptions
from dwell_kit.ingest.insights import reader
from dwell_kit.ingest.sources import Source
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import CROWD_EVENTS, SIGHTINGS, validate

T0 = 1_754_042_400
MOMENT = datetime(2025, 8, 1, 10, tzinfo=UTC)


def read(folder: Path, text: str | bytes, *, name: str = "insights.json", **options: Any) -> list[Batch]:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    batches = list(reader.read(Source(path), ReadOptions(**options)))
    for batch in batches:
        validate(batch.rows, CROWD_EVENTS if batch.table == "crowd_events" else SIGHTINGS)
    return batches


def rows(batches: list[Batch], table: str = "crowd_events") -> pl.DataFrame:
    return pl.concat([b.rows for b in batches if b.table == table], how="vertical").sort(c.ROW_NO)


def rejects(batches: list[Batch]) -> dict[int, str]:
    return {n: reason for b in batches for n, reason in b.rejects.select(c.ROW_NO, c.REASON).rows()}


def payload(batches: list[Batch]) -> pl.DataFrame:
    return pl.concat([b.payload for b in batches if b.payload is not None], how="diagonal").sort(c.ROW_NO)


def notes(batches: list[Batch]) -> str:
    return "\n".join(note for batch in batches for note in batch.notes)


def event(number: int, **fields: Any) -> dict[str, Any]:
    return {"event_id": f"e{number}", "camera_id": "c1", "utc_time_recorded": T0 + number, **fields}


EVENTS = [
    event(1, person_id="ann", loitering_duration=60, gender="female", age_group="20-29", save_insight_time=T0 + 5),
    event(2, score=0.5, boxes=[[1, 2], [3, 4]], label="hall", flag=True, nothing=None),
    event(3, person_id=None, loitering_duration=0),
]
SHAPES = {
    "list": json.dumps(EVENTS),
    "pretty": json.dumps(EVENTS, indent=2),
    "data": json.dumps({"data": EVENTS}),
    "events": json.dumps({"status": "ok", "count": 3, "events": EVENTS}),
    "corsight": json.dumps({"metadata": {"msg": "success", "success_list": []}, "data": {"matches": EVENTS}}),
    "envelope": json.dumps({"generative_insight": {"data": EVENTS}}),
    "envelopes": json.dumps([{"generative_insight": one} for one in EVENTS]),
    "lines": "\n".join(json.dumps(one) for one in EVENTS),
    "lines of envelopes": "\r\n".join(json.dumps({"generative_insight": one}) for one in EVENTS),
    "one after the other": "".join(json.dumps(one, indent=1) for one in EVENTS),
    "two lists": json.dumps({"data": EVENTS[:1], "events": EVENTS[1:]}),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("packed", [False, True])
def test_every_shape_gives_the_same_events(tmp_path: Path, shape: str, packed: bool) -> None:
    data = SHAPES[shape].encode()
    got = read(tmp_path, gzip.compress(data) if packed else data, name="i.json.gz" if packed else "i.json")
    frame = rows(got)
    assert frame.select(
        c.KEY, c.EVENT_TYPE, c.PERSON, c.CAMERA, c.LOITERING_S, c.GENDER, c.AGE_GROUP, c.ROW_NO
    ).rows() == [
        ("e1", "loitering", "ann", "c1", 60.0, "female", "20-29", 1),
        ("e2", "crowd", None, "c1", None, None, None, 2),
        ("e3", "crowd", None, "c1", 0.0, None, None, 3),
    ]
    recorded = [MOMENT + timedelta(seconds=s) for s in (1, 2, 3)]
    assert frame[c.RECORDED].to_list() == recorded
    assert frame[c.STARTED].to_list() == [recorded[0] - timedelta(seconds=60), *recorded[1:]]
    assert frame[c.SAVED].to_list() == [MOMENT + timedelta(seconds=5), None, None]
    assert frame[c.MESSAGE_TIME].to_list() == [MOMENT + timedelta(seconds=5), *recorded[1:]]
    rest = payload(got).row(1, named=True)
    assert rest == {
        c.ROW_NO: 2, "score": "0.5", "boxes": "[[1,2],[3,4]]", "label": "hall", "flag": "true", "nothing": None,
    }  # fmt: skip
    assert not rejects(got)
    assert sum(b.rows_read for b in got) == 3


def test_a_single_object_is_one_event(tmp_path: Path) -> None:
    assert rows(read(tmp_path, json.dumps(EVENTS[0])))[c.KEY].to_list() == ["e1"]


def test_an_envelope_speaks_for_its_records(tmp_path: Path) -> None:
    text = {"camera_id": "door", "event_type": "crowd_detection", "data": [{"utc_time_recorded": T0}, event(2)]}
    frame = rows(read(tmp_path, json.dumps(text)))
    assert frame.select(c.CAMERA, c.EVENT_TYPE).rows() == [("door", "crowd"), ("c1", "crowd")]


@pytest.mark.parametrize(("unit", "seconds"), [("s", 90.0), ("ms", 0.09), ("min", 5400.0), ("h", 324_000.0)])
def test_units_of_the_duration(tmp_path: Path, unit: Any, seconds: float) -> None:
    frame = rows(read(tmp_path, json.dumps([event(0, loitering_duration=90)]), loitering_unit=unit))
    assert frame[c.LOITERING_S].to_list() == [seconds]
    assert frame[c.STARTED].to_list() == [MOMENT - timedelta(seconds=seconds)]


def test_a_unit_that_seems_wrong_is_said(tmp_path: Path) -> None:
    got = read(tmp_path, json.dumps([event(0, person_id="a", loitering_duration=90_000)]))
    assert "loitering_unit" in notes(got)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"event_type": "Loitering Alert"}, "loitering"),
        ({"event_type": "CROWD"}, "crowd"),
        ({"event_type": " Intrusion "}, "intrusion"),
        ({"event_type": "generative_insight", "person_id": "p", "loitering_duration": 3}, "loitering"),
        ({"person_id": "p"}, "crowd"),
        ({"loitering_duration": 3}, "crowd"),
        ({"person_id": "null", "loitering_duration": 3}, "crowd"),
    ],
)
def test_the_type_is_said_or_told_by_what_is_there(tmp_path: Path, fields: dict[str, Any], kind: str) -> None:
    assert rows(read(tmp_path, json.dumps([event(1, **fields)])))[c.EVENT_TYPE].to_list() == [kind]


def test_times_of_every_kind(tmp_path: Path) -> None:
    texts = [
        T0,
        T0 + 0.25,
        T0 * 1000,
        str(T0),
        "2025-08-01T10:00:00Z",
        "2025-08-01 12:00:00+02:00",
        "2025-08-01 10:00:00",
    ]
    got = read(tmp_path, json.dumps([event(1, utc_time_recorded=text) for text in texts]), tz="Asia/Tokyo")
    late = timedelta(seconds=0.25)
    assert rows(got)[c.RECORDED].to_list() == [MOMENT, MOMENT + late, *[MOMENT] * 5]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"utc_time_recorded": None}, "no time"),
        ({"utc_time_recorded": "soon"}, "not a time"),
        ({"utc_time_recorded": {"a": 1}}, "not a time"),
        ({"utc_time_recorded": True}, "not a time"),
        ({"utc_time_recorded": 5}, "2000"),
        ({"loitering_duration": -1}, "0 or more"),
        ({"loitering_duration": "inf"}, "0 or more"),
        ({"loitering_duration": "nan"}, "0 or more"),
        ({"loitering_duration": "long"}, "not a number"),
        ({"loitering_duration": [1]}, "not a number"),
        ({"loitering_duration": 1e12}, "loitering_unit"),
    ],
)
def test_what_is_rejected_and_why(tmp_path: Path, fields: dict[str, Any], reason: str) -> None:
    bad = event(2, **fields)
    got = read(tmp_path, json.dumps({"camera_id": "x", "data": [event(1), bad, event(3)]}))
    assert rows(got)[c.KEY].to_list() == ["e1", "e3"]
    assert list(rejects(got)) == [2]
    assert reason in rejects(got)[2]
    raw = pl.concat(b.rejects for b in got)[c.RAW][0]
    again = read(tmp_path, raw.replace("null", "1").replace(json.dumps(fields.popitem()[1]), str(T0), 1))
    assert json.loads(raw) == {"camera_id": "x", **bad}
    assert sum(b.rows_read for b in again) == 1


def test_aliases_and_a_mapping_of_the_caller(tmp_path: Path) -> None:
    got = read(
        tmp_path,
        json.dumps([{"Zeitpunkt": T0, "cameraId": "c9", "ID": 7}]),
        columns={c.RECORDED: "Zeitpunkt"},
        camera="fallback",
    )
    assert rows(got).select(c.KEY, c.CAMERA).rows() == [("7", "c9")]
    assert "header 'cameraId' was read as camera_id" in notes(got)


def test_without_an_id_the_key_is_made_of_what_it_is(tmp_path: Path) -> None:
    one = {"camera_id": "c", "person_id": "p", "utc_time_recorded": T0, "loitering_duration": 5}
    keys = rows(read(tmp_path, json.dumps([one, {**one, "note": 1}, {**one, "camera_id": "d"}])))[c.KEY]
    assert keys[0] == keys[1] != keys[2]


def test_cameras_have_names(tmp_path: Path) -> None:
    got = read(tmp_path, json.dumps([event(1, camera_description="Lobby"), event(2)]))
    frames = [b.cameras for b in got if b.cameras is not None]
    assert pl.concat(frames).select(c.CAMERA, "name").rows() in ([("c1", None)], [("c1", "Lobby")])


def test_many_batches_number_their_records_through(tmp_path: Path) -> None:
    got = read(tmp_path, json.dumps([event(n) for n in range(25_000)]))
    assert len(got) > 3
    assert rows(got)[c.ROW_NO].to_list() == list(range(1, 25_001))
    assert rows(got)[c.KEY].n_unique() == 25_000


def test_no_record_with_a_time_is_a_header_error(tmp_path: Path) -> None:
    with pytest.raises(HeaderError) as caught:
        read(tmp_path, '[{"utc_time_recrded": 1, "person_id": "a"}]')
    assert "utc_time_recrded" in str(caught.value)


def test_limits(tmp_path: Path) -> None:
    with pytest.raises(LimitError, match="columns"):
        read(tmp_path, json.dumps([event(1, **{f"k{n}": 1 for n in range(50)})]), limits=Limits(columns=40))
    with pytest.raises(LimitError, match="too long"):
        read(tmp_path, json.dumps([event(1, note="x" * 5000)]), limits=Limits(line_bytes=1000))
    with pytest.raises(FormatError, match="too early"):
        read(tmp_path, json.dumps(EVENTS)[:-4])


def test_an_empty_list_is_no_error(tmp_path: Path) -> None:
    assert rows(read(tmp_path, "[]")).is_empty()


@pytest.mark.parametrize(
    ("name", "text", "least", "most"),
    [
        ("a.json", SHAPES["pretty"], 1.0, 1.0),
        ("a.txt", SHAPES["lines"], 1.0, 1.0),
        ("a.json", '[{"x": 1}]', 0.6, 0.6),
        ("a.json", "not json", 0.6, 0.6),
        ("a.csv", "person_id,utc_time_started\n1,2\n", 0.0, 0.0),
    ],
)
def test_what_it_claims(tmp_path: Path, name: str, text: str, least: float, most: float) -> None:
    (tmp_path / name).write_text(text)
    assert least <= reader.claims(Source(tmp_path / name).head()) <= most
