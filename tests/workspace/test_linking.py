"""Identities merged and split by hand: figures worked out by hand, taken back to the byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import sqlalchemy as sa

import dwell_kit as dk
from dwell_kit.errors import AskError, FilterError, InputError, NotFoundError, WorkspaceError
from dwell_kit.schema import columns as c
from dwell_kit.store import database as db
from dwell_kit.store import hot
from dwell_kit.workspace.identity import _joined
from tests.workspace import processes
from tests.workspace.exports import START, many, write

MIN = 60.0


@pytest.fixture
def ws(tmp_path: Path):
    with dk.open(tmp_path / "ws") as made:
        # anna at the door at 08:00–08:10 (source main), and at the gate at 08:15–08:25 (source gate): the gap is
        # 5 min, so one visit of 20 min if she is one person; bob from 08:00 to 08:05.
        made.ingest(
            write(tmp_path / "main.csv", [("anna", "door", "1", 0, 10 * MIN), ("bob", "door", "2", 0, 5 * MIN)]),
            window=("2025-05-05T08:00", "2025-05-05T12:00"),
        )
        made.ingest(write(tmp_path / "gate.csv", [("anna", "gate", "1", 15 * MIN, 25 * MIN)]), source="gate")
        yield made


def insight(path: Path, person: str, at_min: float) -> Path:
    moment = START.timestamp() + at_min * MIN
    path.write_text(
        json.dumps(
            [{"event_type": "loitering", "event_id": "e1", "camera_id": "gate", "person_id": person,
              "utc_time_recorded": moment, "loitering_duration": 60}]
        )
    )  # fmt: skip
    return path


def everything(ws: dk.Workspace) -> list[Any]:
    """Figures and rows of all kinds, as they are written."""
    frames = [
        ws.compute(name, as_="polars")
        for name in ("visits", "dwell", "occupancy", "top_visitors", "demographics", "repeat_visitors", "footfall")
    ]
    frames += [ws.sightings(as_="polars"), ws.crowd_events(as_="polars")]
    return [ws.summary(), *(frame.write_json() for frame in frames)]


def columns(ws: dk.Workspace) -> dict[str, bytes]:
    """The coded columns on disk."""
    ws.summary()
    where = hot.folder(ws.path / "hot", "main", ws.snapshot_id)
    return {path.name: path.read_bytes() for path in sorted(where.iterdir())}


def test_an_id_of_two_sources_is_two_persons_until_they_are_linked(ws: dk.Workspace) -> None:
    before = ws.summary()
    assert (before["unique_visitors"], before["visits"], before["dwell_sum_s"]) == (3, 3, 25 * MIN)
    made = ws.link(["anna"], reason="the gate shares the door's watchlist", by="dora")
    assert made["persons"] == [
        {"source": "gate", "person_id": "anna"}, {"source": "main", "person_id": "anna"},
    ]  # fmt: skip
    found = ws.summary()
    assert (found["unique_visitors"], found["visits"], found["dwell_sum_s"]) == (2, 2, 25 * MIN)
    assert (found["dwell_max_s"], found["repeat_visitors"], found["sightings"]) == (20 * MIN, 0, 3)
    visit = ws.visits(person="anna", as_="polars").row(0, named=True)
    assert (visit[c.DWELL_S], visit[c.SPAN_S], visit[c.N_CAMERAS]) == (20 * MIN, 25 * MIN, 2)


def test_different_ids_count_as_one_everywhere(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(insight(tmp_path / "i.json", "anna", 20), source="gate")
    ws.set_list("staff", ["bob"], rule="badge")
    ws.link([("main", "bob"), ("gate", "anna")], reason="same face")
    names = set(ws.sightings(include_listed=True, as_="polars")[c.PERSON])
    assert names == {"bob", "anna"}  # the anna of the door is another one
    assert ws.crowd_events(include_listed=True, as_="polars")[c.PERSON].to_list() == ["bob"]
    # the list bars both ids of the linked person, from figures and from rows
    assert (ws.summary()["unique_visitors"], ws.excluded()) == (1, 1)
    assert ws.sightings(as_="polars").select(c.PERSON, c.CAMERA).rows() == [("anna", "door")]
    assert ws.crowd_events(as_="polars").is_empty()
    # either id finds them; anna is also the other anna's
    of_bob = ws.sightings(person="bob", include_listed=True, as_="polars")
    assert of_bob[c.CAMERA].to_list() == ["door", "gate"]
    assert ws.summary(person="anna", include_listed=True)["unique_visitors"] == 2
    joined = ws.compute("crowd_occupancy", include_listed=True, as_="polars").row(0, named=True)
    assert (joined[c.PERSON], joined[c.VISIT_DWELL_S]) == ("bob", 15 * MIN)  # one visit: a gap of 10 min is none
    ws.export(tmp_path / "out.csv", include_listed=True)
    assert "bob" in (tmp_path / "out.csv").read_text()


def test_demographics_are_those_of_the_whole_person(ws: dk.Workspace, tmp_path: Path) -> None:
    lines = ["person_id,camera_id,appearance_id,utc_time_started,utc_time_ended,gender_outcome"]
    zero = int(START.timestamp())
    lines += [f"x,door,11,{zero},{zero + 60},male", f"y,door,12,{zero + 60},{zero + 300},female"]
    (tmp_path / "sex.csv").write_text("\n".join(lines) + "\n")
    ws.ingest(tmp_path / "sex.csv")
    assert ws.summary(gender="male")["unique_visitors"] == 1
    ws.link(["x", "y"], reason="same coat")
    assert ws.summary(gender="male")["unique_visitors"] == 0
    assert ws.summary(gender="female")["dwell_sum_s"] == 300
    assert ws.sightings(gender="female", as_="polars")[c.PERSON].to_list() == ["x", "x"]


def test_taken_back_figures_are_the_same_to_the_byte(ws: dk.Workspace) -> None:
    figures, held = everything(ws), columns(ws)
    first = ws.link(["anna"], reason="a")
    second = ws.link(["bob", ("gate", "anna")], reason="b")
    third = ws.split("anna", camera="door", reason="c")
    assert everything(ws) != figures
    for link in (third, first, second):
        ws.unlink(link["link"], reason="a slip")
    assert everything(ws) == figures
    assert columns(ws) == held
    assert ws.links() == []
    past = ws.links(undone=True)
    assert [(row["link"], row["undone_reason"]) for row in past] == [(1, "a slip"), (2, "a slip"), (3, "a slip")]


def test_links_of_links_are_one_person(ws: dk.Workspace) -> None:
    ws.link([("main", "anna"), "bob"], reason="a")
    ws.link(["bob", ("gate", "anna")], reason="b")
    assert ws.summary()["unique_visitors"] == 1
    assert set(ws.visits(as_="polars")[c.PERSON]) == {"anna"}
    ws.unlink(1)
    assert set(ws.visits(as_="polars")[c.PERSON]) == {"anna", "bob"}
    with pytest.raises(InputError, match="one person already"):
        ws.link(["bob", ("gate", "anna")], reason="again")


def test_joined_agrees_with_a_search_of_the_graph() -> None:
    rng = np.random.default_rng(7)
    for _ in range(200):
        groups = [
            rng.choice(9, size=rng.integers(2, 4), replace=False).tolist() for _ in range(rng.integers(0, 6))
        ]
        found = _joined(groups)
        for person in range(9):
            reached, fresh = {person}, {person}
            while fresh:
                fresh = {m for g in groups if reached & set(g) for m in g} - reached
                reached |= fresh
            first = next((m for g in groups for m in g if m in reached), person)
            assert found.get(person, person) == first


def test_a_split_takes_chosen_sightings_away(ws: dk.Workspace, tmp_path: Path) -> None:
    # one id for two people: 08:30–08:31 at the door, 08:32–08:33 at the hall, 09:30–09:31 at the door
    rows = [
        ("mix", "door", "21", 30 * MIN, 31 * MIN), ("mix", "hall", "22", 32 * MIN, 33 * MIN),
        ("mix", "door", "23", 90 * MIN, 91 * MIN),
    ]  # fmt: skip
    ws.ingest(write(tmp_path / "mix.csv", rows))
    assert ws.summary(person="mix")["visits"] == 2
    made = ws.split("mix", camera="door", until="2025-05-05T09:00", reason="another coat")
    assert (made["name"], made["sightings"], made["kind"]) == ("mix~2", 1, "split")
    assert ws.sightings(person="mix~2", as_="polars").select(c.PERSON, c.CAMERA).rows() == [("mix~2", "door")]
    assert ws.summary(person="mix")["dwell_sum_s"] == 120
    assert ws.summary(person="mix~2")["dwell_sum_s"] == 60
    assert ws.summary()["unique_visitors"] == 5
    # the new identity can be listed, split and linked like any other
    ws.set_list("staff", ["mix~2"], rule="badge")
    assert ws.summary()["unique_visitors"] == 4
    ws.link(["bob", "mix~2"], reason="same coat")
    assert ws.summary(include_listed=True, person="bob")["sightings"] == 2
    with pytest.raises(InputError, match="link 2 is about 'mix~2'"):
        ws.unlink(1)
    ws.unlink(2)
    ws.unlink(1)
    assert ws.summary(include_listed=True)["unique_visitors"] == 4


def test_every_version_has_the_links_of_its_time(ws: dk.Workspace) -> None:
    ws.link(["anna"], reason="a")
    ws.unlink(1)
    ws.link(["anna", "bob"], reason="b")
    assert ws.snapshot_id == 5
    seen = []
    for version in (2, 3, 4, 5):
        with dk.open(ws.path, version=version) as old:
            live, ever = old.links(), old.links(undone=True)
            seen.append(
                (old.summary()["unique_visitors"], [row["link"] for row in live], [row["link"] for row in ever])
            )
            assert len(old.sightings(as_="polars")[c.PERSON].unique()) == (1 if version == 5 else 2)
            with pytest.raises(WorkspaceError, match="reading only"):
                old.link(["anna", "bob"], reason="late")
    assert seen == [(3, [], []), (2, [1], [1]), (3, [], [1]), (1, [2], [1, 2])]


def test_a_link_says_who_and_why_and_is_audited_by_code(ws: dk.Workspace) -> None:
    made = ws.link(["anna"], reason="same server", by="dora")
    assert (made["who"], made["reason"], made["version"]) == ("dora", "same server", 3)
    ws.unlink(1, by="emil")
    with ws._handle.database.read() as connection:
        log = [dict(r) for r in connection.execute(sa.select(db.audit).order_by(db.audit.c.id)).mappings()]
    said = [(row["who"], row["action"], row["detail"]["link"]) for row in log if "link" in row["action"]]
    assert said == [("dora", "link", 1), ("emil", "unlink", 1)]
    assert "anna" not in json.dumps([row["detail"] for row in log])


def test_what_cannot_be_linked_says_why(ws: dk.Workspace, tmp_path: Path) -> None:
    version = ws.snapshot_id
    with pytest.raises(InputError, match="one person alone"):
        ws.link(["bob"], reason="x")
    with pytest.raises(NotFoundError, match="no person 'zoe'"):
        ws.link(["bob", "zoe"], reason="x")
    with pytest.raises(NotFoundError, match="no person"):
        ws.link(["bob", ("gate", "bob")], reason="x")
    with pytest.raises(InputError, match="say why"):
        ws.link(["anna"], reason=" ")
    with pytest.raises(FilterError, match="different environments"):
        ws.link(["bob", ("other", "main", "bob")], reason="x")
    with pytest.raises(AskError, match="different persons"):
        ws.split("anna", camera="door", reason="x")
    with pytest.raises(InputError, match="all of a person"):
        ws.split("bob", reason="x")
    with pytest.raises(NotFoundError, match="no sighting"):
        ws.split("bob", since="2025-06-01", reason="x")
    with pytest.raises(InputError, match="a person 'anna' already"):
        ws.split("bob", camera="door", name="anna", reason="x")
    with pytest.raises(NotFoundError, match="no link 9"):
        ws.unlink(9)
    assert ws.snapshot_id == version


@pytest.fixture
def mixed(ws: dk.Workspace, tmp_path: Path) -> dk.Workspace:
    rows = [
        ("mix", "door", "31", 0, MIN),
        ("mix", "hall", "32", MIN, 2 * MIN),
        ("mix", "hall", "33", 3e4, 3e4 + 9),
    ]
    ws.ingest(write(tmp_path / "mix.csv", rows))
    ws.split("mix", camera="hall", reason="mix wears two coats")
    ws.split("mix~2", since="2025-05-05T12:00", reason="a third one")
    ws.link(["bob", "mix~2", ("gate", "anna")], reason="bob is mix~2")
    return ws


def test_erasure_takes_links_and_splits_along(mixed: dk.Workspace) -> None:
    mixed.set_list("staff", ["mix~2", "bob"], rule="badge")
    proof = mixed.erase("mix")
    assert (proof["left"], proof["links"], proof["linked"]) == (0, 3, ["anna", "bob"])
    assert [[p["person_id"] for p in row["persons"]] for row in mixed.links(undone=True)] == [["bob", "anna"]]
    assert mixed.links()[0]["reason"] == "bob is (erased)~2"
    assert mixed.lists() == {"staff": ["bob"]}
    assert mixed.summary(include_listed=True)["unique_visitors"] == 2
    held = {p.name: p.read_bytes() for p in mixed.path.rglob("*") if p.is_file()}
    assert [name for name, content in held.items() if b"mix" in content and name != "state.db"] == []
    assert b"mix~2" not in held["state.db"]  # the name of the file, mix.csv, stays
    with mixed._handle.database.read() as connection:
        for table in db.metadata.sorted_tables:
            rows = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            if table.name != "uploads":
                assert "mix" not in json.dumps(rows, default=str), table.name


def test_a_merge_that_is_left_with_one_person_is_gone(ws: dk.Workspace) -> None:
    ws.link(["bob", ("gate", "anna")], reason="x")
    assert ws.erase("bob")["linked"] == ["anna"]
    assert ws.links(undone=True) == []
    assert ws.summary()["unique_visitors"] == 2


def test_an_identity_that_a_split_made_can_be_erased_alone(mixed: dk.Workspace) -> None:
    proof = mixed.erase("mix~2")
    assert (proof["left"], proof["rows"]["sightings_log"]) == (0, 2)
    assert mixed.sightings(person="mix", as_="polars")[c.CAMERA].to_list() == ["door"]
    assert [row["name"] for row in mixed.links(undone=True)] == ["bob"]
    assert mixed.summary()["unique_visitors"] == 3


def test_links_are_made_under_the_lease_of_other_writers(ws: dk.Workspace, tmp_path: Path) -> None:
    started = [processes.start(ws.path, write(tmp_path / f"{n}.csv", many(40, first=100 * n))) for n in range(3)]
    for n in range(6):
        ws.link(["anna"], reason=f"{n}")
        ws.unlink(n + 1)
    for process in started:
        process.join()
        assert process.exitcode == 0
    ws.link(["anna"], reason="at last")
    assert ws.summary()["sightings"] == 3 + 120
    with dk.open(tmp_path / "serial") as serial:
        for n in range(3):
            serial.ingest(tmp_path / f"{n}.csv")
        alone = serial.summary()["unique_visitors"]
    assert ws.summary()["unique_visitors"] == alone + 2


def test_a_statement_that_changes_no_sighting_builds_no_columns_anew(
    ws: dk.Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws.summary()
    monkeypatch.setattr("dwell_kit.workspace.coding._build", None)
    ws.set_camera_status("door", "2025-05-05T10:00", "2025-05-05T11:00", reason="cleaning")
    assert ws.summary()["visits"] == 3


def test_links_hold_for_positions_too(tmp_path: Path) -> None:
    lines = ["person_id,camera_id,t,x_m,y_m"]
    lines += [f"t{n},yard,{START.timestamp() + 10 * n + s:.1f},1.0,2.0" for n in (1, 2) for s in range(5)]
    (tmp_path / "tracks.csv").write_text("\n".join(lines) + "\n")
    with dk.open(tmp_path / "yard") as ws:
        ws.ingest(tmp_path / "tracks.csv")
        ws.link(["t1", "t2"], reason="the tracker lost them")
        assert set(ws.positions(as_="polars")[c.PERSON]) == {"t1"}
        assert ws.positions(person="t2", as_="polars").height == 10
        assert ws.summary()["unique_visitors"] == 1
        assert isinstance(ws.sightings(as_="polars"), pl.DataFrame)
