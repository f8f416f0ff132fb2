import csv
import gzip
import io
import json
import uuid
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

import dwell_kit as dk
from dwell_kit.analytics.crowd import compute_crowd_per_hour
from dwell_kit.errors import FilterError, NotFoundError, WorkspaceError
from dwell_kit.schema.hours import OpeningHours
from dwell_kit.store import raw
from dwell_kit.workspace import ingesting
from tests.workspace.exports import HEADER, START, many, write


@pytest.fixture
def ws(tmp_path: Path):
    with dk.open(tmp_path / "ws") as made:
        yield made


def figures(ws: dk.Workspace) -> dict:
    return ws.summary()


def test_a_file_in_gives_figures_out(ws: dk.Workspace, tmp_path: Path) -> None:
    report = ws.ingest(write(tmp_path / "a.csv", [("anna", "door", "1", 0, 60), ("anna", "hall", "2", 30, 90)]))
    assert (report.rows_read, report.accepted, report.rejected) == (2, 2, 0)
    found = ws.summary()
    assert found["visits"] == 1
    assert found["dwell_mean_s"] == 90.0  # the union of [0, 60) and [30, 90)
    assert found["cameras"] == 2
    visit = ws.visits(as_="polars").row(0, named=True)
    assert visit["started_at"] == START
    assert visit["ended_at"] == START + timedelta(seconds=90)


def test_the_same_file_twice_changes_nothing(ws: dk.Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", many(40))
    first = ws.ingest(path)
    before, snapshot = figures(ws), ws.snapshot_id
    again = ws.ingest(path)
    assert again.repeated
    assert again.upload_id == first.upload_id
    assert ws.snapshot_id == snapshot
    assert figures(ws) == before


@pytest.mark.parametrize(
    "said", [{"ambiguous": "later"}, {"columns": ["a"]}, {"time_format": 5}, {"tz": "Mars"}, {"days_first": True}]
)
def test_a_wrong_option_leaves_no_upload_behind(ws: dk.Workspace, tmp_path: Path, said: dict[str, Any]) -> None:
    with pytest.raises(FilterError):
        ws.ingest(write(tmp_path / "a.csv", many(3)), **said)
    assert ws.uploads() == []


def test_overlapping_exports_are_an_upsert(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", many(40)))
    ws.ingest(write(tmp_path / "b.csv", many(40, first=20)))
    with dk.open(tmp_path / "once") as once:
        once.ingest(write(tmp_path / "all.csv", many(60)))
        assert figures(ws) == figures(once)
        assert ws.sightings(as_="polars").height == 60


def test_the_newest_message_wins_whatever_the_order_of_arrival(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "new.csv", [("anna", "door", "1", 0, 100)], recorded=100))
    late = ws.ingest(write(tmp_path / "old.csv", [("anna", "door", "1", 0, 10)], recorded=10))
    assert figures(ws)["dwell_max_s"] == 100
    assert (late.updated, late.duplicates) == (0, 0)  # it came too late to replace anything
    assert ws.ingest(write(tmp_path / "newest.csv", [("anna", "door", "1", 0, 90)], recorded=110)).updated == 1


def test_a_correction_that_moves_a_start_across_midnight(ws: dk.Workspace, tmp_path: Path) -> None:
    day = 86_400.0
    ws.ingest(write(tmp_path / "a.csv", [("anna", "door", "1", 0, 60)], recorded=60))
    ws.ingest(write(tmp_path / "b.csv", [("anna", "door", "1", day, day + 30)], recorded=2 * day))
    found = ws.sightings(as_="polars")
    assert found["started_at"].to_list() == [START + timedelta(days=1)]


def test_undo_brings_back_what_was_replaced(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", many(40)))
    before = figures(ws)
    second = ws.ingest(
        write(tmp_path / "b.csv", [(p, c, a, s, e + 500) for p, c, a, s, e in many(40)], recorded=1e6)
    )
    assert figures(ws) != before
    ws.undo(second.upload_id)
    assert figures(ws) == before
    assert [u["status"] for u in ws.uploads()] == ["undone", "processed"]
    with pytest.raises(NotFoundError, match="cannot be undone"):
        ws.undo(second.upload_id)


def test_undo_of_the_first_of_two_keeps_the_second(ws: dk.Workspace, tmp_path: Path) -> None:
    first = ws.ingest(write(tmp_path / "a.csv", many(40)))
    ws.ingest(write(tmp_path / "b.csv", many(40, first=20)))
    ws.undo(first.upload_id)
    with dk.open(tmp_path / "once") as once:
        once.ingest(write(tmp_path / "b.csv", many(40, first=20)))
        assert figures(ws) == figures(once)


def test_an_undone_file_can_come_again(ws: dk.Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", many(40))
    first = ws.ingest(path)
    before = figures(ws)
    ws.undo(first.upload_id)
    assert figures(ws)["visits"] == 0
    assert not ws.ingest(path).repeated
    assert figures(ws) == before


def test_old_versions_can_be_opened(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", many(40)))
    version, before = ws.snapshot_id, figures(ws)
    ws.ingest(write(tmp_path / "b.csv", many(40, first=40)))
    with dk.open(tmp_path / "ws", version=version) as old:
        assert figures(old) == before
        with pytest.raises(WorkspaceError, match="reading only"):
            old.ingest(tmp_path / "a.csv")
    with dk.open(tmp_path / "ws", as_of=datetime.now(UTC)) as new:
        assert figures(new) == figures(ws)
    with pytest.raises(NotFoundError, match="no version 77"):
        dk.open(tmp_path / "ws", version=77)


def test_erasure_leaves_nothing_of_a_person(ws: dk.Workspace, tmp_path: Path) -> None:
    others = many(200)
    hers = [("zelda-0815", "cam1", f"z{i}", 40.0 * i, 40.0 * i + 20) for i in range(30)]
    broken = ["zelda-0815,cam1,x1,1746432000,never,1746432000,zelda-0815"]
    ws.ingest(write(tmp_path / "a.csv", [*others, *hers], extra=broken))
    ws.ingest(write(tmp_path / "b.csv", [*others[50:150], *hers[:10]], recorded=1e6))
    ws.set_list("staff", ["zelda-0815"], rule="roster")
    version = ws.snapshot_id
    proof = ws.erase("zelda-0815")
    assert proof["left"] == 0
    assert proof["rows"]["sightings_log"] == 40
    assert proof["rows"]["rejects_log"] == 1
    assert proof["raw_files"] == 2
    with dk.open(tmp_path / "without") as without:
        without.ingest(write(tmp_path / "c.csv", others))
        assert figures(ws) == figures(without)
    for path in (tmp_path / "ws").rglob("*"):
        if path.is_file() and path.name != "state.db-wal":
            assert b"zelda-0815" not in path.read_bytes(), path
    with pytest.raises(NotFoundError, match="erased"):
        dk.open(tmp_path / "ws", version=version)
    with pytest.raises(NotFoundError, match="no person"):
        ws.erase("zelda-0815")


def test_compaction_changes_no_figure(ws: dk.Workspace, tmp_path: Path) -> None:
    for i in range(5):
        ws.ingest(write(tmp_path / f"{i}.csv", many(30, first=20 * i)))
    before = figures(ws)
    done = ws.compact(keep_versions=1)
    assert done["files"]["sightings_log"] == {"before": 5, "after": 1}
    assert figures(ws) == before
    first = ws.uploads()[-1]["upload_id"]
    ws.undo(first)
    with dk.open(tmp_path / "once") as once:
        once.ingest(write(tmp_path / "all.csv", many(90, first=20)))
        assert figures(ws) == figures(once)
    assert all(f["ok"] for f in ws.doctor()), ws.doctor()


def test_payload_keeps_every_other_column(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", many(3)))
    assert ws.sightings(payload=True, as_="polars")["colour"].to_list() == ["red"] * 3


def test_environments_are_apart(ws: dk.Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", many(40))
    ws.ingest(path, environment="north", tz="Europe/Berlin")
    ws.ingest(path, environment="south")
    assert ws.environments().rows() == [("north", "Europe/Berlin", None), ("south", "UTC", None)]
    with pytest.raises(FilterError, match="which environment"):
        ws.summary()
    assert ws.summary(environment="north")["visits"] == ws.summary(environment="south")["visits"]
    with pytest.raises(NotFoundError, match="north, south"):
        ws.summary(environment="west")


def test_lists_leave_people_out_and_say_so(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", many(100)))
    everyone = ws.summary()["unique_visitors"]
    ws.set_list("staff", ["p1", "p2", "nobody"], rule="roster of May")
    found = ws.summary()
    assert found["unique_visitors"] == everyone - 2
    assert found["excluded_persons"] == 2
    assert ws.summary(include_listed=True)["unique_visitors"] == everyone


def test_cameras_are_renamed_without_reading_again(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", many(30)))
    ws.edit_camera("cam1", name="Front door", group="entrances")
    named = ws.cameras(as_="polars").filter(pl.col("camera_id") == "cam1").row(0, named=True)
    assert (named["name"], named["group"]) == ("Front door", "entrances")
    assert ws.summary(group="entrances") == ws.summary(camera="cam1")


def test_a_folder_that_is_no_workspace_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(WorkspaceError, match="not empty"):
        dk.open(tmp_path)
    with pytest.raises(NotFoundError, match="there is no workspace"):
        dk.open(tmp_path / "nowhere", create=False)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_workspace_says_so(ws: dk.Workspace) -> None:
    with pytest.raises(NotFoundError, match="empty"):
        ws.summary()


def test_every_kind_of_file_leaves_a_whole_workspace(ws: dk.Workspace, tmp_path: Path) -> None:
    doors = tmp_path / "doors.csv"
    doors.write_text(
        "timestamp,person_id,camera_id,event_type\n"
        "2025-05-05 08:00:00,anna,door,entry\n2025-05-05 08:10:00,anna,door,exit\n"
        "2025-05-05 09:00:00,ben,door,entry\n"
    )
    tracks = tmp_path / "tracks.txt"
    tracks.write_text("1,1,10,10,5,20,1\n2,1,11,10,5,20,1\n")
    report = ws.ingest(doors, tz="UTC")
    assert (report.accepted, report.stored) == (3, 2)
    ws.ingest(tracks, reader="mot", camera="hall", fps=25.0, start=START)
    ws.ingest(write(tmp_path / "a.csv", many(10)))
    assert ws.visits(person="ben", as_="polars")["open"].to_list() == [True]
    assert ws.summary(person="anna")["dwell_sum_s"] == 600
    assert ws.positions(as_="polars").height == 2
    assert all(f["ok"] for f in ws.doctor()), ws.doctor()


def test_opening_hours_and_closed_days(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", [("anna", "door", "1", 0, 7200), ("ben", "door", "2", 90_000, 90_060)]))
    with pytest.raises(FilterError, match="opening hours"):
        ws.summary(open_hours=True)
    hours = OpeningHours(
        weekly={1: (("09:00", "09:30"),), 2: (("00:00", "23:00"),)}, closed=frozenset({date(2025, 5, 6)})
    )
    ws.set_environment("main", opening_hours=hours)
    found = ws.summary(open_hours=True)
    assert (found["visits"], found["dwell_sum_s"]) == (1, 1800)


def test_dwell_by_each_kind_of_camera_group(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", [("anna", "door", "1", 0, 60), ("anna", "hall", "2", 60, 90)]))
    ws.edit_camera("door", group="entrances", store="north")
    ws.edit_camera("hall", group="inside", store="north")

    def by(word: str) -> dict[str, float]:
        found = ws.compute("dwell", parameters={"by": (word,)}, as_="polars")
        return dict(found.select(word, "sum_s").rows())

    assert by("group") == {"entrances": 60.0, "inside": 30.0}
    assert by("store") == {"north": 90.0}
    assert by("department") == {"(none)": 90.0}
    ws.edit_camera("door", department="sales")
    assert by("department") == {"sales": 60.0, "(none)": 30.0}
    with pytest.raises(FilterError, match="one kind at a time"):
        ws.compute("dwell", parameters={"by": ("group", "store")})


def test_rows_are_filtered_like_figures_or_not_at_all(ws: dk.Workspace, tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        [("anna", "door", "1", 0, 60), ("ben", "door", "2", 0, 60), ("ben", "hall", "3", 70, 90)],
    )
    lines = path.read_text().splitlines()
    words = ("gender_outcome", "female", "male", "male")
    path.write_text("\n".join(f"{line},{word}" for line, word in zip(lines, words, strict=True)) + "\n")
    ws.ingest(path)
    ws.edit_camera("door", group="entrances")
    assert ws.sightings(gender="male")["person_id"].tolist() == ["ben", "ben"]
    assert ws.sightings(camera="hall", group="entrances").empty
    assert ws.summary(camera="hall", group="entrances")["visits"] == 0
    assert len(ws.sightings(since=START, until=START + timedelta(seconds=65))) == 2
    assert len(ws.sightings(hours=(8, 9), weekday=1)) == 3
    assert ws.sightings(hours="9-17").empty
    assert ws.sightings(weekday=7).empty
    with pytest.raises(FilterError, match="sightings cannot be filtered by min_dwell"):
        ws.sightings(min_dwell=5)
    with pytest.raises(FilterError, match="crowd events cannot be filtered by zones"):
        ws.crowd_events(zone="north")
    with pytest.raises(FilterError, match="no opening hours"):
        ws.sightings(open_hours=True)
    ws.set_environment("main", opening_hours=OpeningHours(weekly={1: (("00:00", "08:01"),)}))
    assert ws.sightings(open_hours=True)["camera_id"].tolist() == ["door", "door"]


def test_rows_lie_in_all_the_filters_of_time_at_once(tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(write(tmp_path / "a.csv", [("a", "door", "1", 1800, 9000), ("b", "door", "2", 9000, 9060)]))
        # a is there 08:30 to 10:30: after ten, and before nine, but never both at once
        both = {"since": "2025-05-05T10:00", "hours": (8, 9)}
        assert ws.summary(**both)["sightings"] == len(ws.sightings(**both)) == 0
        assert len(ws.sightings(since="2025-05-05T10:00", hours=(10, 11))) == 2
        assert len(ws.sightings(until="2025-05-05T09:00", hours=(8, 9))) == 1


def test_crowd_events_are_filtered_as_the_pure_function_does(ws: dk.Workspace, tmp_path: Path) -> None:
    people = [("anna", "female"), ("ben", "male"), ("cem", "inconclusive")]
    path = write(tmp_path / "a.csv", [(who, "door", str(i), 0, 900) for i, (who, _) in enumerate(people)])
    lines = zip(path.read_text().splitlines(), ("gender_outcome", *(word for _, word in people)), strict=True)
    path.write_text("".join(f"{line},{word}\n" for line, word in lines))
    ws.ingest(path)
    said = [("anna", "male"), ("ben", None), ("cem", "male"), ("zoe", "male"), (None, "male"), (None, "female")]
    events = [
        {
            "event_id": f"e{i}",
            "person_id": who,
            "camera_id": "door",
            "utc_time_recorded": (START + timedelta(minutes=i)).timestamp(),
            "loitering_duration": 90,
            "gender": word,
        }
        for i, (who, word) in enumerate(said)
    ]
    (tmp_path / "events.json").write_text(json.dumps(events))
    ws.ingest(tmp_path / "events.json")
    every, sightings = ws.crowd_events(as_="polars"), ws.sightings(as_="polars")
    assert every.height == len(said)

    def both(**filters: Any) -> int:
        stored = ws.compute("crowd_per_hour", as_="polars", **filters)
        pure = compute_crowd_per_hour(every, sightings=sightings, filters=dk.Filters.of(**filters))
        assert stored.equals(pure)
        return int(stored["count"].sum())

    assert both(gender="male") == 3  # ben, zoe, and nobody whom the event calls male
    assert both(gender="other") == 1
    assert both(gender=["female", "other"], age_group="other") == 3
    assert both(attributes={"appearance_category": "other"}) == 3
    assert ws.crowd_events(gender="male")["person_id"].fillna("").tolist() == ["ben", "zoe", ""]
    # in figures an event is of the moment it was recorded at, in rows of all its 90 seconds
    assert both(since=START + timedelta(minutes=1), until=START + timedelta(minutes=3)) == 2
    assert both(hours=(8, 9)) == 6
    assert both(hours=(9, 8)) == 0
    assert len(ws.crowd_events(since=START + timedelta(minutes=1), until=START + timedelta(minutes=3))) == 4


def test_filters_can_be_given_as_an_object_everywhere(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", [("anna", "door", "1", 0, 60), ("ben", "hall", "2", 0, 60)]))
    door = dk.Filters.of(camera="door", max_gap=60)
    assert [len(ws.sightings(dk.Filters.of(camera="door"))), len(ws.visits(door))] == [1, 1]
    assert ws.summary(door, camera="hall")["busiest_camera"] == "hall"
    rows = [("cem", "door", "3", 0, 60), ("cem", "door", "4", 360, 400)]
    ws.ingest(write(tmp_path / "b.csv", rows))
    assert ws.summary(door)["visits"] == 3
    assert ws.summary(door, max_gap=600)["visits"] == 2  # as loose as the default, and said all the same
    ws.export(tmp_path / "out.csv", "sightings", dk.Filters.of(camera="hall"))
    assert (tmp_path / "out.csv").read_text().count("ben") == 1
    with pytest.raises(FilterError, match="no Filters"):
        ws.summary({"camera": "door"})  # type: ignore[arg-type]


def test_listed_people_are_in_no_row_unless_asked_for(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", [("anna", "door", "1", 0, 60), ("", "door", "2", 0, 60)]))
    ws.set_list("staff", ["anna"], rule="badge")
    assert ws.sightings()["person_id"].isna().tolist() == [True]
    assert len(ws.sightings(include_listed=True)) == 2
    assert (ws.excluded(), ws.excluded(include_listed=True)) == (1, 0)
    assert ws.summary()["excluded_persons"] == 1


def test_an_erased_person_is_in_no_file_also_of_an_upload_that_was_undone(
    ws: dk.Workspace, tmp_path: Path
) -> None:
    rows = [("anna-the-erased", "door", "1", 0, 60), ("ben", "door", "2", 0, 60)]
    bad = [
        "anna-the-erased,door,x1,1746432000,never,1746432000,red",
        "ben,door,x2,1746432000,never,1746432000,red",
    ]
    undone = ws.ingest(write(tmp_path / "a.csv", rows, extra=bad))
    ws.undo(undone.upload_id)
    ws.ingest(write(tmp_path / "b.csv", [*rows, ("cem", "door", "3", 0, 60)], extra=bad))
    proof = ws.erase("anna-the-erased")
    assert (proof["left"], proof["raw_files"]) == (0, 2)
    assert ws.summary()["unique_visitors"] == 2
    logs = [path for path in ws.path.rglob("*.json") if b"anna-the-erased" in path.read_bytes()]
    assert logs == []
    assert list((ws.path / "raw").glob("*.zst")) == []


def test_a_place_that_nobody_knows_is_not_an_empty_one(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", [("anna", "door", "1", 0, 60)]))
    for given in ({"camera": "Door"}, {"group": "nobody"}, {"zone": "north"}):
        for ask in (ws.summary, ws.sightings):
            with pytest.raises(NotFoundError, match="there is no"):
                ask(**given)


def test_a_file_that_cannot_be_read_leaves_no_environment_and_no_time_zone(tmp_path: Path) -> None:
    good = write(tmp_path / "good.csv", many(5))
    bad = write(tmp_path / "bad.csv", many(6))

    def full(step: str) -> None:
        if step == "batch staged":
            raise OSError(28, "No space left on device")

    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(good, environment="hall", tz="Europe/Berlin")
        with pytest.raises(OSError, match="No space"):
            ws.ingest(bad, environment="hal", tz="Asia/Tokyo", step=full)
        with pytest.raises(OSError, match="No space"):
            ws.ingest(bad, environment="hall", step=full)
        assert ws.environments().rows() == [("hall", "Europe/Berlin", None)]
        assert ws.summary()["sightings"] == 5
        assert [u["status"] for u in ws.uploads()] == ["failed", "failed", "processed"]


def test_a_number_is_never_taken_for_the_beginning_of_an_id(
    ws: dk.Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = iter([uuid.UUID(int=(0x2 << 124) + 7), uuid.UUID(int=(0x1 << 124) + 7), uuid.UUID(int=(0xB << 124) + 7)])
    monkeypatch.setattr(ingesting.uuid, "uuid4", lambda: next(ids))
    for name in ("a", "b", "c"):
        ws.ingest(write(tmp_path / f"{name}.csv", many(5, first=10 * ord(name))))
    assert [ws.undo(number)["filename"] for number in (1, "2")] == ["a.csv", "b.csv"]
    assert ws.undo("b00")["filename"] == "c.csv"
    with pytest.raises(NotFoundError, match="no upload '9'"):
        ws.undo(9)


def test_erasure_reaches_rejects_cells_and_raw_files_and_nobody_else(ws: dk.Workspace, tmp_path: Path) -> None:
    never = "{},door,x{},1746432000,never,1746432000,{}"
    ws.ingest(write(tmp_path / "a.csv", [("p1", "door", "1", 0, 60), ("p10", "door", "2", 0, 60)]))
    ws.ingest(
        write(
            tmp_path / "b.csv",
            [("ben", "door", "3", 0, 60)],
            extra=[never.format("p1", 1, "red"), never.format("p10", 2, "red"), never.format("ben", 3, " p1")],
        )
    )
    ws.ingest(write(tmp_path / "c.csv", [("cem", "door", "4", 0, 60)]))
    friend = write(tmp_path / "d.csv", [("dee", "door", "5", 0, 60)])
    friend.write_text(friend.read_text().replace(",red", ",p1"))
    ws.ingest(friend)
    proof = ws.erase("p1")
    assert proof == {
        "rows": {**proof["rows"], "sightings_log": 1, "rejects_log": 2, "persons": 1},
        "payload_rows": 2,
        "raw_files": 3,
        "looks": 0,
        "links": 0,
        "linked": [],
        "left": 0,
    }
    assert len(list((ws.path / "raw").glob("*.zst"))) == 1
    assert ws.rejects(2, as_="polars")["raw"].to_list() == ["p10,door,x2,1746432000,never,1746432000,red"]
    assert ws.sightings(payload=True, as_="polars").sort("key")["colour"].to_list() == ["red", "red", "red", None]


def test_a_person_who_is_only_in_rejects_can_be_erased(ws: dk.Workspace, tmp_path: Path) -> None:
    bad = ["anna,door,x1,1746432000,never,1746432000,red"]
    ws.ingest(write(tmp_path / "a.csv", [("ben", "door", "1", 0, 60)], extra=bad))
    assert ws.erase("anna")["left"] == 0
    assert ws.rejects(1).empty
    assert list((ws.path / "raw").iterdir()) == []


@pytest.mark.parametrize("packed", ["gz", "zip", "utf-16"])
def test_raw_files_are_searched_however_they_are_packed(tmp_path: Path, packed: str) -> None:
    text = "person_id,colour\nanna-2,red\nö,anna\n"
    path = tmp_path / {"gz": "a.csv.gz", "zip": "a.zip", "utf-16": "a.csv"}[packed]
    if packed == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.csv", text)
    else:
        path.write_bytes(gzip.compress(text.encode()) if packed == "gz" else text.encode("utf-16"))
    kept = tmp_path / "kept.zst"
    kept.write_bytes(zstandard.compress(path.read_bytes()))
    assert raw.mentions(kept, path.name, "anna")
    assert not raw.mentions(kept, path.name, "ann ")
    if packed != "utf-16":
        assert not raw.mentions(kept, path.name, "ann")  # a part of a longer word is another word


def test_rejects_of_an_archive_come_back_under_their_own_names(ws: dk.Workspace, tmp_path: Path) -> None:
    first = HEADER + "\nanna,door,1,1746432000,1746432000,1746432060,red\n"
    second = (
        "camera_id,person_id,shoes,utc_time_started,utc_time_ended\n"
        "DOOR,cem,blue,1746432000,1746432060\nDOOR,ben,blue,1746432000,never\n"
    )
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        archive.writestr("1.csv", first)
        archive.writestr("2.csv", second)
    report = ws.ingest(tmp_path / "both.zip")
    assert (report.accepted, report.rejected) == (2, 1)
    fixed = ws.write_rejects(report.upload_id, tmp_path / "fix.csv")
    (row,) = csv.DictReader(io.StringIO(fixed.read_text()))
    assert (row["reject_row_no"], row["reject_file"]) == ("2", "both.zip/2.csv")
    assert (row["person_id"], row["camera_id"], row["shoes"], row["colour"]) == ("ben", "DOOR", "blue", "")
    fixed.write_text(
        fixed.read_text().replace("1746432000,never", "1746432000,1746432060").replace(",never,", ",,")
    )
    again = ws.ingest(fixed)
    assert (again.accepted, again.rejected) == (1, 0)
    stays = ws.sightings(as_="polars").select("person_id", "camera_id").rows()
    assert sorted(stays) == [("anna", "door"), ("ben", "DOOR"), ("cem", "DOOR")]


def test_another_time_zone_does_not_move_what_is_there(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", many(5)), tz="Europe/Berlin")
    with pytest.raises(FilterError, match="another time zone") as caught:
        ws.ingest(write(tmp_path / "b.csv", many(6)), tz="Asia/Tokyo")
    assert "set_environment('main', tz='Asia/Tokyo')" in str(caught.value)
    assert ws.tz() == "Europe/Berlin"
    ws.ingest(tmp_path / "b.csv", tz="Europe/Berlin")
    ws.set_environment("main", tz="Asia/Tokyo")
    assert ws.tz() == "Asia/Tokyo"


def test_options_for_a_file_that_is_there_already_are_said_to_be_unused(ws: dk.Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", many(5))
    ws.ingest(path)
    plain, said = ws.ingest(path), ws.ingest(path, window=("2025-05-05", "2025-05-06"), day_first=True)
    assert said.repeated
    extra = "day_first, window: not used, the file is there already; undo upload 1 to read it anew"
    assert said.notes == [*plain.notes, extra]


def test_a_version_that_compaction_removed_blames_nobody(ws: dk.Workspace, tmp_path: Path) -> None:
    for i in range(3):
        ws.ingest(write(tmp_path / f"{i}.csv", many(5, first=10 * i)))
    ws.compact(keep_versions=1)
    with pytest.raises(NotFoundError, match="removed") as caught:
        dk.open(tmp_path / "ws", version=2)
    assert "compaction" in str(caught.value)
    ws.erase("p0")
    with pytest.raises(NotFoundError, match="removed") as caught:
        dk.open(tmp_path / "ws", version=4)
    assert "a person was erased" in str(caught.value)


def test_lists_have_a_rule_and_changes_are_written_down(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", many(20)))
    ws.set_list("staff", ["p1", "p2"], rule="badge holders")
    assert ws.list_rules() == {"staff": "badge holders"}
    ws.set_list("staff", [], rule="nobody works here any more")
    ws.edit_camera("cam1", name="Door")
    ws.set_environment("main", tz="Europe/Berlin")
    log = ws.audit()
    assert log["action"].to_list() == ["ingest", "list", "list", "camera", "environment"]
    assert json.loads(log["detail"][1]) == {
        "environment": "main", "list": "staff", "rule": "badge holders", "persons": 2,
    }  # fmt: skip
    assert json.loads(log["detail"][2])["rule"] == "nobody works here any more"


def test_raw_files_go_when_they_were_kept_long_enough(tmp_path: Path) -> None:
    today = datetime(2025, 6, 1, tzinfo=UTC)
    with dk.open(tmp_path / "ws", clock=lambda: today - timedelta(days=40)) as before:
        before.ingest(write(tmp_path / "old.csv", many(5)))
    with dk.open(tmp_path / "ws", clock=lambda: today) as ws:
        ws.ingest(write(tmp_path / "new.csv", many(6)))
        assert ws.compact()["raw_files_removed"] == 0
        assert ws.compact(raw_days=30)["raw_files_removed"] == 1
        assert len(list((ws.path / "raw").iterdir())) == 1
        assert ws.summary()["sightings"] == 6
        assert ws.ingest(tmp_path / "old.csv").repeated
