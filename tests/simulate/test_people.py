"""The simulator: same seed, same bytes; the books balance; the CSV says what the truth says."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import pytest

from dwell_kit.simulate import people
from dwell_kit.simulate.bulk import simulate_big

CAUSES = ("gap", "open_visit", "zero_length", "silent_camera", "whole_seconds", "dirty_row", "anonymous")


def written(folder: Path, **arguments: int) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in people.write(people.simulate_campus(**arguments), folder)}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first = written(tmp_path / "a", days=1, seed=5, visitors_a_day=30)
    assert written(tmp_path / "b", days=1, seed=5, visitors_a_day=30) == first
    assert written(tmp_path / "c", days=1, seed=6, visitors_a_day=30) != first


@pytest.mark.parametrize("seed", range(4))
def test_every_difference_between_world_and_observable_has_a_cause(seed: int) -> None:
    truth = people.simulate_campus(days=2, seed=seed, visitors_a_day=80).truth
    for name in ("visits", "unique_visitors", "sightings"):
        explained = sum(row[name] for row in truth["differences"])
        assert truth["world"][name] + explained == truth["observable"][name]
    dwell = sum(row["dwell_sum_ms"] for row in truth["differences"]) / 1000
    assert truth["world"]["dwell_sum_s"] + dwell == pytest.approx(truth["observable"]["dwell_sum_s"], abs=1e-6)
    causes = tuple(row["cause"] for row in truth["differences"])
    assert causes == CAUSES
    assert set(truth["world"]) == set(truth["observable"])
    assert truth["observable"]["open_visits"] > 0


@pytest.mark.parametrize("seed", range(3))
def test_the_truth_equals_a_brute_force_reading_of_the_rows(seed: int, tmp_path: Path) -> None:
    people.write(people.simulate_campus(days=1, seed=seed, visitors_a_day=60), tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    newest: dict[str, tuple[float, int, str, int, int]] = {}
    rejected = 0
    with (tmp_path / "appearances.csv").open(newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            start, end = (milliseconds(row, f"utc_time_{word}") for word in ("started", "ended"))
            if start is None or end is None or end < start:
                rejected += 1
                continue
            told = (milliseconds(row, "utc_time_recorded") or 0, number, row["person_id"], start, end)
            newest[row["appearance_id"]] = max(newest.get(row["appearance_id"], told), told)
    assert rejected == truth["rows"]["rejected"] == sum(truth["rejects"].values())
    assert len(newest) == truth["observable"]["sightings"]
    spans = defaultdict(list)
    for _, _, person, start, end in newest.values():
        if person:
            spans[person].append((start, end))
    visits, dwell = 0, 0
    for mine in spans.values():
        reach = None
        for start, end in sorted(mine):
            visits += reach is None or start - reach > 600_000
            dwell += max(0, end - max(start, reach if reach is not None else start))
            reach = end if reach is None else max(reach, end)
    assert visits == truth["observable"]["visits"]
    assert dwell / 1000 == truth["observable"]["dwell_sum_s"]
    assert len(spans) == truth["observable"]["unique_visitors"]


def milliseconds(row: dict[str, str], name: str) -> int | None:
    """The epoch (s or ms) or ISO time if it is a full one, else the readable column, if it is of our age."""
    text = row[name]
    if text.replace(".", "").isdigit():
        return int(text) if len(text) == 13 else round(float(text) * 1000)
    if "T" in text:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    try:
        moment = datetime.fromisoformat(row[f"{name}_readable"] + "+00:00")
    except ValueError:
        return None
    return round(moment.timestamp() * 1000) if moment.year >= 2000 else None


def test_everything_says_that_it_is_simulated() -> None:
    made = people.simulate_campus(days=1, seed=0, visitors_a_day=10)
    assert made.truth["simulated"] is True
    assert {row["simulated"] for row in made.appearances} == {"true"}
    assert {event["simulated"] for event in made.insights} <= {True}


def test_the_rows_have_what_real_exports_have() -> None:
    made = people.simulate_campus(days=1, seed=0, visitors_a_day=200)
    assert len(made.appearances[0]) == 39
    told = [row["utc_time_started"] for row in made.appearances]
    assert any("T" in text for text in told)
    assert any(len(text) == 13 and text.isdigit() for text in told)
    assert any(row["utc_time_started"] == row["utc_time_ended"] != "" for row in made.appearances)
    assert all(len(row["person_id"]) in {0, 36} for row in made.appearances)
    latest: dict[str, str] = {}
    back = 0  # shorter messages that arrive after the whole one
    for row in made.appearances:
        back += row["utc_time_recorded_readable"] < latest.get(row["appearance_id"], "")
        latest[row["appearance_id"]] = row["utc_time_recorded_readable"]
    assert back > 0


def test_big_exports_have_as_many_rows_as_asked_for(tmp_path: Path) -> None:
    path = simulate_big(rows=1_000, seed=1, out=tmp_path / "big.csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1_000
    assert {row["notes"] for row in rows} == {"simulated"}
    assert [row["appearance_id"] for row in rows[:2]] == ["app-000000000000", "app-000000000001"]
