"""Overlapping exports of entries and exits: what two of them tell counts once."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.workspace import Workspace

from .exports import START

Event = tuple[float, str, str, str]
"""Seconds after START, person, camera, entry or exit."""
SESSION: list[Event] = [(0, "ann", "door", "entry"), (3600, "ann", "door", "exit")]


def export(path: Path, events: Iterable[Event]) -> Path:
    lines = [
        f"{(START + timedelta(seconds=at)).isoformat()},{person},{camera},{what}"
        for at, person, camera, what in events
    ]
    path.write_text("\n".join(["timestamp,person_id,camera_id,event_type", *lines]) + "\n")
    return path


def stays(ws: Workspace) -> list[Any]:
    frame = ws.sightings(as_="polars").sort("started_at", "ended_at", "person_id", "camera_id")
    return frame.select("person_id", "camera_id", "started_at", "ended_at", "open_start", "open_end").rows()


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_exit_that_another_export_pairs_is_no_second_sighting(order: tuple[int, int], tmp_path: Path) -> None:
    files = [export(tmp_path / "whole.csv", SESSION), export(tmp_path / "exit.csv", SESSION[1:])]
    with dk.open(tmp_path / "ws") as ws:
        said = [ws.ingest(files[which]) for which in order]
        assert [(start, end) for *_, start, end in stays(ws)] == [(False, False)]
        assert ws.summary()["sightings"] == 1
        assert ws.summary()["dwell_sum_s"] == 3600
        whole = said[order.index(0)]
        assert said[1].duplicates == (1 if order == (0, 1) else 0)
        ws.undo(str(whole.upload_id))  # then the exit is all that is known
        assert [(start, end) for *_, start, end in stays(ws)] == [(True, False)]
        ws.ingest(export(tmp_path / "again.csv", [*SESSION, (7200, "bob", "door", "entry")]))
        assert [(start, end) for *_, start, end in stays(ws)] == [(False, False), (False, True)]


@pytest.mark.parametrize(
    "other", [(3600, "bob", "door", "exit"), (3600, "ann", "hall", "exit"), (3601, "ann", "door", "exit")]
)
def test_another_exit_stays(other: Event, tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(export(tmp_path / "a.csv", SESSION))
        ws.ingest(export(tmp_path / "b.csv", [other]))
        assert len(stays(ws)) == 2


def test_an_exit_without_a_camera_is_known_again(tmp_path: Path) -> None:
    def nowhere(name: str, events: list[Event]) -> Path:
        path = export(tmp_path / name, events)
        pl.read_csv(path).drop("camera_id").write_csv(path)
        return path

    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(nowhere("a.csv", SESSION))
        ws.ingest(nowhere("b.csv", SESSION[1:]))
        assert len(stays(ws)) == 1


def test_overlapping_exports_in_any_order_are_the_whole_one(tmp_path: Path) -> None:
    draw = random.Random(4)
    events: list[Event] = []
    for person in ("ann", "bob", "cem"):
        at = draw.uniform(0, 600)
        while at < 9000:
            camera, lasts = draw.choice(("door", "hall")), draw.uniform(10, 900)
            events += [(at, person, camera, "entry"), (at + lasts, person, camera, "exit")]
            at += lasts + draw.uniform(1, 1200)
    events.sort()
    # each begins 1000 s before the one before ends: every session lies whole in one of them
    windows = [(0, 4000), (3000, 7000), (6000, 20_000)]
    parts = [
        export(tmp_path / f"{n}.csv", [e for e in events if a <= e[0] < b]) for n, (a, b) in enumerate(windows)
    ]
    with dk.open(tmp_path / "whole") as ws:
        ws.ingest(export(tmp_path / "whole.csv", events))
        expected = stays(ws)
    for n, order in enumerate(permutations(parts)):
        with dk.open(tmp_path / f"ws{n}") as ws:
            for part in order:
                ws.ingest(part)
            assert stays(ws) == expected
