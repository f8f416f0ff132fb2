"""Pushed appearance events become sightings whose end moves on; pictures stay at the door."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dwell_kit.ingest.batches import Batch, ReadOptions
from dwell_kit.ingest.insights import reader
from dwell_kit.ingest.sources import Source
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import SIGHTINGS, validate


@pytest.fixture
def event(testdata: Path) -> dict[str, Any]:
    made: dict[str, Any] = json.loads((testdata / "corsight" / "appearance_event.json").read_text())
    return made


def read(folder: Path, *events: Any, **options: Any) -> list[Batch]:
    path = folder / "events.json"
    path.write_text(json.dumps(list(events)))
    batches = [b for b in reader.read(Source(path), ReadOptions(**options)) if b.table == "sightings"]
    for batch in batches:
        validate(batch.rows, SIGHTINGS)
    return batches


def moment(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def test_the_event_as_it_is_in_a_file_of_its_own(testdata: Path) -> None:
    source = Source(testdata / "corsight" / "appearance_event.json")
    assert reader.claims(source.head()) == 1.0
    first, *_ = reader.read(source, ReadOptions())
    assert first.table == "sightings"
    row = first.rows.row(0, named=True)
    assert row == {
        c.KEY: "6f1b0a52-0000-4000-8000-0000000000a1",
        c.PERSON: None,
        c.CAMERA: "6f1b0a52-0000-4000-8000-0000000000c1",
        c.ZONE: None,
        c.STARTED: moment(1754042390.105),
        c.ENDED: moment(1754042406.886),
        c.OPEN_START: False,
        c.OPEN_END: False,
        c.AGE_GROUP: None,
        c.GENDER: None,
        c.CATEGORY: None,
        c.MASK: None,
        c.LIVENESS: None,
        c.MATCH: "not_determined",
        c.WATCHLIST_TYPE: "blacklist",
        c.WATCHLIST: None,
        c.MESSAGE_TIME: moment(1754042416.923),
        c.ROW_NO: 1,
    }
    assert first.cameras is not None
    assert first.cameras.select(c.CAMERA, "name").rows() == [(row[c.CAMERA], "Lobby")]
    assert first.payload is not None
    assert first.payload.select("first_frame_id", "bbox_x2", "face_score").row(0) == ("93041", "967", "102.6")


def test_a_match_names_the_person(tmp_path: Path, event: dict[str, Any]) -> None:
    event["match_data"]["poi_id"] = "poi-7"
    event["face_features_data"] = {
        "age_group_outcome": "20-29",
        "gender_outcome": "inconclusive",
        "mask_outcome": "off",
    }
    (batch,) = read(tmp_path, event)
    assert batch.rows.select(c.PERSON, c.AGE_GROUP, c.GENDER, c.MASK).row(0) == (
        "poi-7",
        "20-29",
        "inconclusive",
        "off",
    )


def test_messages_of_one_appearance_share_a_key_and_the_newest_is_the_longest(
    tmp_path: Path, event: dict[str, Any]
) -> None:
    later = copy.deepcopy(event)
    later["event_id"] = "another"
    later["msg_send_timestamp"] += 10
    later["frame_data"]["utc_time_recorded"] += 10
    (batch,) = read(tmp_path, later, event)
    assert batch.rows[c.KEY].n_unique() == 1
    newest = batch.rows.sort(c.MESSAGE_TIME).row(-1, named=True)
    assert newest[c.ENDED] == moment(1754042416.886)


def test_pictures_signatures_and_names_stay_at_the_door(tmp_path: Path, event: dict[str, Any]) -> None:
    secret = "c2VjcmV0LWZhY2U="
    event["crop_data"]["face_crop_img"] = event["signature"] = event["match_data"]["poi_display_img"] = secret
    event["match_data"]["poi_display_name"] = event["new_field"] = secret
    (batch,) = read(tmp_path, event)
    for frame in (batch.rows, batch.payload, batch.cameras):
        assert frame is not None
        assert secret not in str(frame.rows())


@pytest.mark.parametrize(
    ("path", "value", "column", "reason"),
    [
        (("appearance_data", "utc_time_started"), None, "appearance_data.utc_time_started", "no time"),
        (("frame_data", "utc_time_recorded"), "soon", "frame_data.utc_time_recorded", "not a time"),
        (("frame_data", "utc_time_recorded"), 1754042390.0, "frame_data.utc_time_recorded", "before the start"),
        (("appearance_data",), [], "appearance_data.utc_time_started", "no time"),
    ],
)
def test_what_is_rejected_and_why(
    tmp_path: Path, event: dict[str, Any], path: tuple[str, ...], value: Any, column: str, reason: str
) -> None:
    bad = copy.deepcopy(event)
    inner = bad
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    bad["signature"] = "c2VjcmV0"
    (batch,) = read(tmp_path, event, bad)
    assert batch.rows.height == 1
    row = batch.rejects.row(0, named=True)
    assert (row[c.ROW_NO], row[c.COLUMN]) == (2, column)
    assert reason in row[c.REASON]
    assert "c2VjcmV0" not in row[c.RAW]


def test_events_of_both_kinds_in_one_file(tmp_path: Path, event: dict[str, Any]) -> None:
    path = tmp_path / "mixed.json"
    crowd = {"event_id": "e", "camera_id": "c", "utc_time_recorded": 1754042400}
    path.write_text("\n".join(json.dumps(one) for one in (crowd, event, crowd)))
    batches = list(reader.read(Source(path), ReadOptions(camera="d", zone="z")))
    numbers = {b.table: b.rows[c.ROW_NO].to_list() for b in batches if b.rows.height}
    assert numbers == {"sightings": [2], "crowd_events": [1, 3]}
    sightings = pl.concat(b.rows for b in batches if b.table == "sightings")
    assert sightings[c.ZONE].to_list() == ["z"]
