"""The command line, as a user types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dwell_kit.cli import main
from tests.workspace.exports import many, write

KEYS = {
    "unique_visitors", "visits", "sightings", "cameras", "dwell_mean_s", "dwell_median_s", "dwell_p95_s",
    "dwell_max_s", "repeat_visitors", "peak_occupancy", "peak_hour", "busiest_camera",
}  # fmt: skip


class Command:
    """Runs `dwell …` in this process on one workspace."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.workspace = folder / "ws"
        self._capsys = capsys

    def __call__(self, *arguments: str | Path, exits: int = 0) -> tuple[str, str]:
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments), "--workspace", str(self.workspace)])
        out, err = self._capsys.readouterr()
        assert ended.value.code == exits, err + out
        return out, err

    def json(self, *arguments: str | Path, exits: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", exits=exits)[0])


@pytest.fixture
def dwell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, capsys)


@pytest.fixture
def filled(dwell: Command, tmp_path: Path) -> Command:
    bad = ["p1,cam1,x1,1746432000,never,1746432000,red"]
    dwell("ingest", write(tmp_path / "a.csv", many(200), extra=bad), exits=0)
    return dwell


def test_summary_has_the_key_figures(filled: Command) -> None:
    found = filled.json("summary")
    assert set(found) >= KEYS
    assert found["sightings"] == 200
    assert found["cameras"] == 3


def test_filters_are_those_of_the_library(filled: Command) -> None:
    import dwell_kit as dk

    said = filled.json(
        "summary", "--camera", "cam1", "--since", "2025-05-05T08:05", "--hours", "8-9", "--max-gap", "60"
    )
    with dk.open(filled.workspace) as ws:
        meant = ws.summary(camera="cam1", since="2025-05-05T08:05", hours=(8, 9), max_gap=60)
    assert said["visits"] == meant["visits"] > 0
    assert said["dwell_sum_s"] == meant["dwell_sum_s"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["dwell"], ["dwell", "--by", "camera_id", "--by", "hour"],
        ["dwell", "--histogram"], ["dwell", "--survival"],
        ["occupancy"], ["occupancy", "--every", "15min", "--by", "camera"], ["visitors"],
        ["occupancy", "--capacity", "20"], ["occupancy", "--by", "gender"], ["demographics", "--every", "day"],
        ["visitors", "--what", "top"], ["peaks"], ["peaks", "--what", "weekday_hour"], ["demographics"], ["crowd"],
        ["figure", "footfall"], ["uploads"], ["rejects", "1"], ["doctor"], ["compact"], ["environment"],
        ["cameras"], ["coverage"], ["coverage", "--hourly"],
        ["lists"], ["links"], ["peaks", "--what", "hourly"], ["dwell", "--min-dwell", "1min"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_figure_speaks_to_people_and_to_programs(arguments: list[str], filled: Command) -> None:
    assert filled.json(*arguments) is not None
    out, _ = filled(*arguments)
    assert out.strip()


def test_rejects_can_be_fixed_and_ingested_again(filled: Command, tmp_path: Path) -> None:
    assert "never" in filled.json("rejects", "1")[0]["raw"]
    target = tmp_path / "fix.csv"
    filled("rejects", "1", "-o", target)
    target.write_text(target.read_text().replace("never", "1746432000"))
    (report,) = filled.json("ingest", target)
    assert (report["accepted"], report["rejected"]) == (1, 0)
    assert filled.json("summary")["sightings"] == 201


def test_undo_and_erase(filled: Command) -> None:
    assert filled.json("erase", "p7", "--yes")["left"] == 0
    assert filled.json("undo", "1")["version"] > 0
    assert filled.json("summary")["visits"] == 0


def test_a_bad_file_says_so_and_the_good_ones_are_in(dwell: Command, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    good = write(tmp_path / "a.csv", many(20))
    out, err = dwell("ingest", empty, good, exits=3)
    assert "empty" in err
    assert "upload" in out
    assert dwell.json("summary")["sightings"] == 20


def test_errors_are_json_too(dwell: Command) -> None:
    found = dwell.json("summary", exits=4)
    assert "no workspace" in found["what"]
    dwell("ingest", exits=2)
    for wrong in (
        ["ingest"],
        ["ingest", "a.csv", "--nonsense"],
        ["ingest", "a.csv", "--fps", "many"],
        ["nonsense"],
    ):
        said = dwell.json(*wrong, exits=2)
        assert said["error"] == "UsageError"
        assert said["what"]
        assert set(said) == set(found)


def test_a_wrong_option_of_a_file_is_a_wrong_command(dwell: Command, tmp_path: Path) -> None:
    crowd = tmp_path / "insights.json"
    crowd.write_text('[{"event_id": "1", "utc_time_recorded": 1746432000, "loitering_duration": 3}]')
    _, err = dwell("ingest", crowd, "--loitering-unit", "weeks", exits=2)
    assert "s, ms, min or h" in err
    assert dwell.json("uploads") == []


def test_a_filter_that_cannot_be_read_is_a_wrong_command(filled: Command) -> None:
    filled("summary", "--hours", "nine", exits=2)


def test_an_unknown_quantity_lists_the_known_ones(filled: Command) -> None:
    _, err = filled("figure", "happiness", exits=4)
    assert "occupancy" in err


def test_export_writes_what_was_asked(filled: Command, tmp_path: Path) -> None:
    import polars as pl

    filled("export", tmp_path / "out.parquet", "--what", "visits", "--camera", "cam1")
    assert pl.read_parquet(tmp_path / "out.parquet").height == filled.json("summary", "--camera", "cam1")["visits"]
    filled("export", tmp_path / "out.csv", "--payload")
    assert "colour" in (tmp_path / "out.csv").read_text().splitlines()[0]


def test_survival_gives_medians_beside_the_naive_ones(filled: Command) -> None:
    (row,) = filled.json("dwell", "--survival")
    assert {"km_median_s", "naive_closed_only_median_s", "naive_as_if_closed_median_s"} <= set(row)


def test_a_site_is_described_on_the_command_line(filled: Command) -> None:
    filled("environment", "main", "--open", "1-5 08:00-08:10", "--closed", "2025-05-06")
    whole, opened = filled.json("summary"), filled.json("summary", "--open-hours")
    assert 0 < opened["dwell_sum_s"] < whole["dwell_sum_s"]
    filled("environment", "main", "--open", "Mo 08:00-09:00", exits=2)
    filled("cameras", "cam1", "--name", "Door", "--group", "entrances")
    (camera,) = [row for row in filled.json("cameras") if row["camera_id"] == "cam1"]
    assert (camera["name"], camera["group"]) == ("Door", "entrances")
    assert filled.json("summary", "--group", "entrances")["cameras"] == 1


def test_people_on_lists_are_left_out_and_said_to_be(filled: Command, tmp_path: Path) -> None:
    people = tmp_path / "staff.txt"
    people.write_text("p7\n\np9\n")
    filled("lists", "staff", "--file", people, exits=2)  # without a rule
    filled("lists", "staff", "--file", people, "--person", "p11", "--rule", "badge readers")
    assert filled.json("lists") == {"staff": {"rule": "badge readers", "persons": ["p11", "p7", "p9"]}}
    assert "badge readers" in filled("lists")[0]
    assert filled.json("audit")[-1]["action"] == "list"
    out, err = filled("summary", "--json")
    assert json.loads(out)["excluded_persons"] == 3
    assert "3 persons on lists are left out" in err
    filled("lists", "staff", "--person", "p11", "--rule", "badge readers")
    assert "1 person on lists is left out" in filled("summary")[1]
    _, err = filled("summary", "--include-listed")
    assert "left out" not in err


def test_hints_speak_the_language_of_the_command_line(dwell: Command, tmp_path: Path) -> None:
    when = tmp_path / "days.csv"
    when.write_text("person_id,camera_id,started_at,ended_at\na,d,03/04/2025 10:00:00,03/04/2025 10:01:00\n")
    _, err = dwell("ingest", when, exits=3)
    assert "--day-first" in err
    assert "day_first=" not in err
    dwell("ingest", when, "--day-first")
    german = tmp_path / "kunden.csv"
    german.write_text("Kunde;Anfang;Schluss\na;2025-05-05 10:00;2025-05-05 10:05\n")
    _, err = dwell("ingest", german, exits=3)
    assert "--column 'person_id=<its header>'" in err or "--column 'started_at=<its header>'" in err
    assert "nearest header" in err
    for said in ("person_id=Kundin", "nobody=Kunde"):
        _, err = dwell("ingest", german, "--column", said, exits=3)
        assert "--column '" in err
        assert "columns=" not in err
    notes = [
        upload["notes"] for upload in json.loads(dwell("uploads", "--json")[0]) if upload["status"] == "failed"
    ]
    assert notes
    assert not any("columns=" in note or "day_first=" in note for note in notes)
    say = ("person_id=Kunde", "started_at=Anfang", "ended_at=Schluss")
    dwell("ingest", german, *(part for text in say for part in ("--column", text)))
    for arguments, said in (
        (["--hours", "nine"], "9-17"),
        (["--max-gap", "soon"], "10min"),
        (["--since", "2025-05-06", "--until", "2025-05-05"], "ends before it begins"),
        (["--attribute", "shoe=red"], "mask_outcome"),
        (["--min-dwell=-5"], "0 s or more"),
    ):
        _, err = dwell("summary", *arguments, exits=2)
        assert said in err
    _, err = dwell("figure", "capacity_share", exits=2)
    assert "--parameter 'capacity=…'" in err
    dwell("ingest", when, "--day-first", "--environment", "far", "--tz", "Europe/Berlin")
    _, err = dwell("ingest", german, "--environment", "far", "--tz", "UTC", exits=2)
    assert "`dwell environment far --tz UTC`" in err


def test_a_local_time_that_happens_twice_is_said_on_the_command_line(dwell: Command, tmp_path: Path) -> None:
    twice = tmp_path / "autumn.csv"
    twice.write_text("person_id,camera_id,start,end\na,d,2025-10-26 02:10:00,2025-10-26 02:20:00\n")
    (told,) = dwell.json("ingest", twice, "--tz", "Europe/Berlin")
    assert "--ambiguous earliest" in next(iter(told["reasons"]))
    dwell("undo", "1")
    assert dwell.json("ingest", twice, "--ambiguous", "latest")[0]["accepted"] == 1
    _, err = dwell("ingest", twice, "--ambiguous", "later", exits=2)
    assert "earliest or latest" in err


def test_reports_are_scheduled_on_the_command_line(filled: Command, tmp_path: Path) -> None:
    given = ("--cron", "0 6 * * *", "--tz", "Europe/Berlin", "--output", tmp_path / "reports")
    filled("report", "schedule", "add", "mornings", "daily", *given)
    (found,) = filled.json("report", "schedule", "list")
    assert (found["cron"], found["parameters"]) == ("0 6 * * *", {"date": "{yesterday}"})
    assert filled.json("report", "schedule", "run", "--once") == []
    assert filled.json("report", "schedule", "history") == []
    _, err = filled("report", "schedule", "add", "evenings", "daily", "--cron", "at six", exits=3)
    assert "0 6 * * *" in err
    filled("report", "schedule", "remove", "mornings")
    filled("report", "schedule", "remove", "mornings", exits=4)


def test_what_the_machine_refuses_is_said_in_words(filled: Command, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("hello")
    _, err = filled("report", "run", "daily", "-o", in_the_way, exits=6)
    assert str(in_the_way) in err
    with pytest.raises(SystemExit, match="6"):
        main(["simulate", str(in_the_way), "--days", "1"])
    _, err = filled("ingest", "entry", "--catalog", in_the_way, exits=3)
    assert "not an Intake 2 catalog" in err
    _, err = filled("report", "run", "daily", "-p", "kk=3", exits=2)
    assert "no parameter kk" in err
    filled("report", "run", "dailyy", exits=4)
    assert in_the_way.read_text() == "hello"


def test_nothing_is_made_for_a_file_that_is_not_there(dwell: Command, tmp_path: Path) -> None:
    _, err = dwell("ingest", tmp_path / "none.csv", exits=3)
    assert "no such file" in err
    _, err = dwell("ingest", tmp_path, exits=3)
    assert "folder" in err
    assert dwell.json("uploads", exits=4)["what"].startswith("there is no workspace")


def test_tables_say_local_times_and_json_says_utc(filled: Command) -> None:
    filled("environment", "main", "--tz", "Europe/Berlin", "--open", "1-5 09:00-18:00", "--closed", "2025-12-25")
    out, _ = filled("environment")
    assert "Mon-Fri 09:00-18:00; closed 2025-12-25" in out
    out, _ = filled("peaks", "--what", "daily")
    assert "2025-05-05 00:00:00 CEST" in out
    assert filled.json("peaks", "--what", "daily")[0]["bucket"] == "2025-05-04T22:00:00+00:00"


def test_identities_are_linked_on_the_command_line(filled: Command, tmp_path: Path) -> None:
    filled("ingest", write(tmp_path / "gate.csv", [("p7", "gate", "1", 0, 60)]), "--source", "gate")
    before = filled.json("summary")
    made = filled.json("link", "p7", "--of", "main=p9", "--reason", "same coat")
    assert (made["link"], made["name"], len(made["persons"])) == (1, "p7", 3)
    assert filled.json("summary")["unique_visitors"] == before["unique_visitors"] - 2
    out, _ = filled("links")
    assert "p7 (gate), p7 (main), p9 (main)" in out
    part = filled.json("split", "p11", "--camera", "cam1", "--until", "2025-05-05T08:10", "--reason", "two coats")
    assert (part["name"], part["sightings"] > 0) == ("p11~2", True)
    assert [row["link"] for row in filled.json("links")] == [1, 2]
    filled("unlink", "2", "--reason", "a slip")
    filled("unlink", "1")
    assert filled.json("summary") == before
    assert filled.json("links") == []
    assert "no links" in filled("links")[0]
    assert [row["undone_reason"] for row in filled.json("links", "--undone")] == [None, "a slip"]
    assert len(filled.json("links", "--version", "3")) == 1


def test_what_cannot_be_linked_is_said_with_a_code(filled: Command) -> None:
    for arguments, said, code in (
        (["link", "p7", "p9"], "--reason", 2),
        (["split", "p7"], "--reason", 2),
        (["link", "p7", "--reason", "x"], "one person alone", 3),
        (["link", "p7", "nobody", "--reason", "x"], "no person", 4),
        (["link", "p7", "--of", "p9", "--reason", "x"], "name=value", 2),
        (["split", "p7", "--reason", "x"], "all of a person", 3),
        (["split", "p7", "--since", "soon", "--reason", "x"], "ISO 8601", 2),
        (["unlink", "9"], "dwell links", 4),
    ):
        _, err = filled(*arguments, exits=code)
        assert said in err
    assert filled.json("link", "p7", "nobody", "--reason", "x", exits=4)["error"] == "NotFoundError"


def test_a_camera_is_stated_to_be_down_on_the_command_line(filled: Command) -> None:
    before = filled.json("coverage", "--hourly")
    assert {row["state"] for row in before} == {"up"}
    assert set(before[0]) == {
        "camera_id", "hour", "local_hour", "state", "odds", "sightings", "covered_s", "down_s",
    }  # fmt: skip
    span = "2025-05-05T08:05/2025-05-05T08:10"
    (made,) = filled.json("cameras", "cam1", "--down", span, "--reason", "lens")
    assert (made["status"], made["state"], made["since"]) == (1, "down", "2025-05-05T08:05:00+00:00")
    (row,) = filled.json("coverage", "--hourly", "--camera", "cam1")
    assert row["down_s"] == 300
    assert len(filled.json("coverage", "--camera", "cam1")) == 2
    assert filled.json("coverage", "--hourly", "--state", "silent") == []
    out, _ = filled("cameras", "--status")
    assert "lens" in out
    assert filled.json("cameras", "--clear", "1") == []
    assert filled.json("coverage", "--hourly") == before
    _, err = filled("cameras", "cam1", "--down", "2025-05-05T00:00/2025-05-06T00:00", "--reason", "lens")
    assert "cam1 has" in err
    filled("cameras", "--clear", "2")
    filled("cameras", "cam1", "--down", span, exits=2)  # without a reason
    filled("cameras", "--down", span, "--reason", "x", exits=2)  # of no camera
    filled("cameras", "cam1", "--down", "today", "--reason", "x", exits=2)
    filled("cameras", "cam9", "--down", span, "--reason", "x", exits=4)
    filled("cameras", "--clear", "1", exits=4)
    filled("coverage", "--state", "silent", exits=2)
    filled("coverage", "--camera", "cam9", exits=4)
