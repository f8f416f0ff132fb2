"""Every entry of both catalogs can be read, and parameters bite."""

from __future__ import annotations

from pathlib import Path

import pytest

import dwell_kit as dk
from dwell_kit.analytics.drift import compute_counter_balance
from dwell_kit.cli import main
from dwell_kit.errors import FilterError, InputError, NotFoundError
from dwell_kit.simulate import people
from dwell_kit.workspace import catalogs
from tests.workspace.exports import many, write

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "catalogs" / "samples.yml"
LAKE = ROOT / "catalogs" / "lake.yml"


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    people.write(people.simulate_campus(days=1, seed=3, visitors_a_day=20), folder)
    return folder


@pytest.mark.parametrize("entry", sorted(catalogs.open_catalog(SAMPLES).entries))
def test_every_sample_can_be_read(entry: str, simulated: Path, testdata: Path) -> None:
    frame = catalogs.read(SAMPLES, entry, folder=str(simulated), testdata=str(testdata))
    assert len(frame) > 0
    assert {"camera_id", "t"} & set(frame.columns)


def test_tracks_have_as_many_rows_as_the_file(testdata: Path) -> None:
    lines = (testdata / "tud/TUD-Campus/gt.txt").read_text().split()
    assert len(catalogs.read(SAMPLES, "tud_campus", testdata=str(testdata))) == len(lines)


@pytest.mark.parametrize("table", ["sightings", "visits", "crowd_events", "positions"])
def test_every_table_of_the_lake_can_be_read(table: str, tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(write(tmp_path / "a.csv", many(30)))
        expected = getattr(ws, table)()
    found = catalogs.read(LAKE, table, workspace=str(tmp_path / "ws"))
    assert len(found) == len(expected)
    assert list(found.columns) == list(expected.columns)


def test_parameters_bite(tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(write(tmp_path / "a.csv", many(30)))
        first = ws.snapshot_id
        ws.ingest(write(tmp_path / "b.csv", many(30, first=30)))
    given = {"workspace": str(tmp_path / "ws")}
    assert len(catalogs.read(LAKE, "sightings", **given, version=str(first))) == 30
    assert len(catalogs.read(LAKE, "sightings", **given, version="latest")) == 60
    with pytest.raises(FilterError, match="no parameter verson"):
        catalogs.read(LAKE, "sightings", **given, verson=1)
    with pytest.raises(FilterError, match="does not take"):
        catalogs.open_catalog(LAKE, **given)["sightings"](day="2025-05-05").read()
    with pytest.raises(FilterError, match="needs snapshot"):
        catalogs.WorkspaceTable(path="ws", table="visits")


def test_ingest_through_a_catalog(simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").symlink_to(simulated)
    with pytest.raises(SystemExit) as ended:
        main(["ingest", "appearances", "insights", "--catalog", str(SAMPLES), "--workspace", "ws"])
    assert ended.value.code == 0
    with dk.open(tmp_path / "ws") as ws:
        assert len(ws.uploads()) == 2
        assert ws.summary()["visits"] > 0


def test_the_counts_of_a_door_are_a_frame_for_their_drift(testdata: Path) -> None:
    counts = catalogs.read(SAMPLES, "door_counts", testdata=str(testdata))
    balance = compute_counter_balance(counts, tz="America/Los_Angeles")
    assert (len(balance), balance["n_in"].sum(), balance["n_out"].sum()) == (5040, 19_597, 18_837)


def test_ingest_through_a_catalog_reads_as_the_entry_says(
    testdata: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DWELL_TESTDATA", "nowhere")
    monkeypatch.chdir(tmp_path)
    command = ["ingest", "tud_campus", "walkers_hotel", "--catalog", str(SAMPLES), "--workspace", "ws"]
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 3
    assert not (tmp_path / "ws").exists()
    with pytest.raises(SystemExit) as ended:
        main([*command, "-p", f"testdata={testdata}"])
    assert ended.value.code == 0
    with dk.open("ws") as ws:
        assert set(ws.positions()["camera_id"]) == {"campus", "seq_hotel"}
        assert ws.cameras()["camera_id"].tolist() == ["campus", "seq_hotel"]
        assert len(ws.positions(camera="campus")) == 359


def test_errors_say_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="appearances, door_counts, insights"):
        catalogs.read(SAMPLES, "appearance")
    with pytest.raises(InputError, match="not a file to ingest"):
        catalogs.exported(LAKE, "visits")
    bad = tmp_path / "bad.yml"
    for text in ("sources: {}", "hello", "a,b: c: d\n1,2", "", "[1, 2]"):
        bad.write_text(text)
        with pytest.raises(InputError, match="Intake 2"):
            catalogs.open_catalog(bad)
    with pytest.raises(InputError, match="cannot be read"):
        catalogs.open_catalog(tmp_path / "none.yml")


def test_a_parameter_may_come_from_the_environment(
    simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DWELL_FOLDER", str(simulated))
    assert catalogs.exported(SAMPLES, "appearances").path == simulated / "appearances.csv"
    assert catalogs.exported(SAMPLES, "appearances", folder="other").path == Path("other/appearances.csv")
