"""Rows of the exports, as the server writes them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import UUID

from dwell_kit.simulate import site
from dwell_kit.simulate.seeing import REPAIRED, Message

COLUMNS: Final = (
    "person_id", "retain", "event_type", "event_id", "appearance_id", "utc_time_recorded",
    "utc_time_recorded_readable", "utc_time_started", "utc_time_started_readable", "utc_time_ended",
    "utc_time_ended_readable", "first_frame_id", "last_frame_id", "camera_id", "camera_description", "node_id",
    "analysis_mode", "camera_group_id", "camera_group_name", "camera_group_data_group_name", "zone_name",
    "zone_id", "zone_vertices", "face_score", "frame_id", "frame_timestamp", "bbox_x1", "bbox_y1",
    "bbox_x2", "bbox_y2",
    "watchlist_type", "watchlist_display_name", "match_outcome", "age_group_outcome", "gender_outcome",
    "liveness_outcome", "mask_outcome", "appearance_category", "simulated",
)  # fmt: skip
_UNSAID: Final = ("not_determined", "inconclusive", "", "null")


def appearances(rng: Random, messages: list[Message], *, zero: datetime) -> list[dict[str, str]]:
    """The rows of appearances.csv in the order in which the server said them."""
    rows: list[tuple[int, int, dict[str, str]]] = []
    for message in messages:
        row = _row(rng, message, zero)
        if message.early_end is not None:
            early = {**row, **_times(message, zero, end=message.early_end), "event_id": _uuid(rng)}
            rows.append((message.end + 1 if message.late else message.early_end, len(rows), early))
        rows.append((message.end, len(rows), row))
        if message.repeated:
            rows.append((message.end, len(rows), row))
    return [row for _, _, row in sorted(rows, key=lambda r: r[:2])]


def _row(rng: Random, message: Message, zero: datetime) -> dict[str, str]:
    walk, camera = message.walk, site.BY_ID[message.walk.camera]
    said = rng.random() < 0.85
    x, y = rng.randrange(1100), rng.randrange(500)
    frame = message.start // 40
    row = dict.fromkeys(COLUMNS, "")
    row.update(
        person_id="" if message.anonymous else walk.person.person_id,
        retain="FALSE",
        event_type="appearance",
        event_id=_uuid(rng),
        appearance_id=_uuid(rng),
        first_frame_id=str(frame),
        last_frame_id=str(message.end // 40),
        camera_id=camera.camera_id,
        camera_description=camera.name,
        node_id="simulated",
        analysis_mode="live",
        camera_group_id=f"g-{camera.group.lower()}",
        camera_group_name=camera.group,
        camera_group_data_group_name="Simulated campus",
        zone_name=camera.name,
        zone_id=camera.zone_id,
        zone_vertices='[{"x": 0.1, "y": 0.2}, {"x": 0.9, "y": 0.2}, {"x": 0.9, "y": 0.95}]',
        face_score=f"{rng.uniform(40, 120):.2f}",
        frame_id=str(frame),
        frame_timestamp=_epoch(zero, message.start),
        bbox_x1=str(x),
        bbox_y1=str(y),
        bbox_x2=str(x + rng.randrange(30, 120)),
        bbox_y2=str(y + rng.randrange(40, 160)),
        watchlist_type="whitelist" if walk.person.staff else "",
        watchlist_display_name="Staff" if walk.person.staff else "",
        match_outcome="matched" if walk.person.staff else "not_determined",
        age_group_outcome=walk.person.age_group if said else rng.choice(_UNSAID),
        gender_outcome=walk.person.gender if said else rng.choice(_UNSAID),
        liveness_outcome="live",
        mask_outcome=rng.choices(("no_mask", "mask", "not_determined"), (90, 6, 4))[0],
        appearance_category="staff" if walk.person.staff else "visitor",
        simulated="true",
    )
    row.update(_times(message, zero, end=message.end))
    return row


def _times(message: Message, zero: datetime, *, end: int) -> dict[str, str]:
    said = _SPELT[message.spelling]
    row = {
        "utc_time_recorded": said(zero, end),
        "utc_time_recorded_readable": _readable(zero, end),
        "utc_time_started": said(zero, message.start),
        "utc_time_started_readable": _readable(zero, message.start),
        "utc_time_ended": said(zero, end),
        "utc_time_ended_readable": _readable(zero, end),
    }
    spoil: dict[str, dict[str, str]] = {
        "end_before_start": {
            "utc_time_ended": _epoch(zero, message.start - 7_000),
            "utc_time_ended_readable": _readable(zero, message.start - 7_000),
        },
        "unreadable": {"utc_time_started": "n/a", "utc_time_started_readable": "2025-13-45 99:99:99"},
        "missing_end": {"utc_time_ended": "", "utc_time_ended_readable": ""},
        "spreadsheet_epoch": {"utc_time_started": "1.754E+09", "utc_time_started_readable": ""},
        "year_one": {"utc_time_started": "", "utc_time_started_readable": "0001-01-01 00:00:00"},
        REPAIRED: {"utc_time_started": "1.754E+09", "utc_time_ended": "1.754E+09"},
    }
    return {**row, **spoil.get(message.damage or "", {})}


def insights(rng: Random, messages: list[Message], *, zero: datetime) -> list[dict[str, Any]]:
    """Loitering of whoever is at a camera for 20 minutes, and crowds of 12 and more at one."""
    found: list[tuple[int, dict[str, Any]]] = []
    for message in messages:
        if message.end - message.start >= 1_200_000:
            person = None if message.anonymous else message.walk.person
            found.append(
                (message.start + 1_200_000, _insight(rng, zero, message.start, 1_200_000, message, person))
            )
    found.extend((at, _insight(rng, zero, at - 60_000, 60_000, m, None)) for at, m in _crowds(messages))
    return [event for _, event in sorted(found, key=lambda pair: pair[0])]


def _crowds(messages: list[Message], people: int = 12, length: int = 60_000) -> Iterator[tuple[int, Message]]:
    """The instants at which a camera has had `people` in view for `length` ms, once a crowd."""
    for camera in site.BY_ID:
        here = [m for m in messages if m.walk.camera == camera]
        changes = sorted([(m.start, 1, m) for m in here] + [(m.end, -1, m) for m in here], key=lambda x: x[:2])
        count, since = 0, None
        for at, change, message in changes:
            if since is not None and since[0] + length <= at:
                yield since[0] + length, since[1]
                since = None
            count += change
            if count == people and change == 1:
                since = (at, message)
            elif count < people:
                since = None


def _insight(
    rng: Random, zero: datetime, start: int, length: int, message: Message, person: Any
) -> dict[str, Any]:
    recorded = start + length
    return {
        "event_id": _uuid(rng),
        "event_type": "crowd" if length == 60_000 else "loitering",
        "person_id": None if person is None else person.person_id,
        "camera_id": message.walk.camera,
        "utc_time_recorded": float(_epoch(zero, recorded)),
        "save_insight_time": float(_epoch(zero, recorded + 900)),
        "loitering_duration": length / 1000,
        "gender": None if person is None else person.gender,
        "age_group": None if person is None else person.age_group,
        "simulated": True,
    }


def write_csv(rows: list[dict[str, str]], path: Path) -> None:
    """The rows under the header of the export."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_json(value: Any, path: Path) -> None:
    """Indented JSON."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _uuid(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))


def _epoch(zero: datetime, ms: int) -> str:
    whole = int(zero.timestamp()) * 1000 + ms
    return f"{whole // 1000}.{whole % 1000:03d}"


def _epoch_ms(zero: datetime, ms: int) -> str:
    return str(int(zero.timestamp()) * 1000 + ms)


def _iso(zero: datetime, ms: int) -> str:
    return (zero + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds")


def _readable(zero: datetime, ms: int) -> str:
    return f"{zero + timedelta(milliseconds=ms - ms % 1000):%Y-%m-%d %H:%M:%S}"


_SPELT: Final = {"epoch": _epoch, "epoch_ms": _epoch_ms, "iso": _iso}
