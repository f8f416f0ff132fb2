"""`dwell track`, as a user types it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.cli import demo
from dwell_kit.simulate.video import RenderedCamera, RenderedVideo, write_pairs, write_pictures
from tests.cli.typed import typed as run
from tests.vision.mjpeg import Server

CAMERA = RenderedCamera(camera_id="door", place_m=(0, -9, 3.5), pitch_deg=18, width=320, height=240, focal_px=280)


@pytest.fixture
def given(tmp_path: Path) -> list[Any]:
    """A video of an empty floor, recorded detections of somebody who walks over it, and a calibration."""
    write_pictures(RenderedVideo(camera=CAMERA, walkers=(), fps=5, seconds=4), tmp_path / "door")
    path = tmp_path / "det.txt"
    path.write_text("".join(f"{f},-1,{100 + 2 * f},100,22,60,0.9,-1,-1,-1\n" for f in range(1, 21)))
    calibration = write_pairs(CAMERA, tmp_path / "door.csv")
    return [
        "track", tmp_path / "door", "--fps", "5", "--detector", "replay", "--detections", path,
        "--calibration", calibration, "--workspace", tmp_path / "ws", "--start", "2025-05-01T10:00:00+02:00",
    ]  # fmt: skip


def test_a_video_becomes_facts(capsys: pytest.CaptureFixture[str], given: list[Any], tmp_path: Path) -> None:
    out, err = run(capsys, *given, "--zone", "all=-20,-20 20,-20 20,20 -20,20")
    assert "persons in the environment: 1" in out
    assert "20 frames, 0 dropped" in err
    summary = json.loads(run(capsys, "summary", "--workspace", tmp_path / "ws", "--zone", "all", "--json")[0])
    assert summary["unique_visitors"] == 1
    again = json.loads(run(capsys, *given, "--zone", "all=-20,-20 20,-20 20,20 -20,20", "--json")[0])
    assert again["repeated"]
    assert again["accepted"] == 19
    assert (again["persons"]["low"], again["persons"]["high"]) == (1, 1)


def test_who_comes_again_by_their_look_is_linked_and_can_be_told_apart(
    capsys: pytest.CaptureFixture[str], given: list[Any], tmp_path: Path
) -> None:
    there = ("--workspace", tmp_path / "ws", "--json")
    run(capsys, *given, "--embedder", "colours")
    out, err = run(capsys, *given, "--embedder", "colours", "--start", "2025-05-02T10:00:00+02:00")
    assert "persons in the environment: 1" in out
    assert "known again by their look: 1; `dwell links` says who" in err
    (link,) = json.loads(run(capsys, "links", *there)[0])
    assert link["reason"].endswith("by colours, in uploads 1 and 2")
    run(capsys, "unlink", link["link"], "--reason", "somebody else", *there)
    assert json.loads(run(capsys, "summary", *there)[0])["unique_visitors"] == 2
    assert json.loads(run(capsys, "erase", "person-2", "--yes", *there)[0])["looks"] == 1


def test_speeds_are_metres_per_second(
    capsys: pytest.CaptureFixture[str], given: list[Any], tmp_path: Path
) -> None:
    run(capsys, *given, "--json")
    out, _ = run(capsys, "figure", "distance", "--workspace", tmp_path / "ws")
    (row,) = json.loads(run(capsys, "figure", "distance", "--workspace", tmp_path / "ws", "--json")[0])
    names, values = (re.split(r"\s*[┃│]\s*", line) for line in out.splitlines() if line[0] in "┃│")
    shown = dict(zip(names, values, strict=True))
    assert float(shown["speed mean (m/s)"]) == pytest.approx(row["speed_mean_m_s"], abs=5e-4)
    assert any(value.endswith(" s") for name, value in shown.items() if name.endswith(" s")), shown


def test_a_video_in_chunks_is_the_same_run(capsys: pytest.CaptureFixture[str], given: list[Any]) -> None:
    first = json.loads(run(capsys, *given, "--chunk-seconds", "2", "--json")[0])
    assert first["accepted"] == 19
    assert json.loads(run(capsys, *given, "--json")[0])["repeated"]
    _, err = run(capsys, *given, "--workers", "0", exits=2)
    assert "--workers" in err


def test_the_camera_is_called_as_said_or_as_the_file(
    capsys: pytest.CaptureFixture[str], given: list[Any], tmp_path: Path
) -> None:
    run(capsys, *given, "--json")
    run(capsys, *given, "--camera", "front", "--json")
    rows = json.loads(run(capsys, "cameras", "--workspace", tmp_path / "ws", "--json")[0])
    assert sorted(row["camera_id"] for row in rows) == ["door", "front"]


def test_the_demo_says_in_one_line_that_video_was_left_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said: list[str] = []
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    assert demo._track(tmp_path, said.append) is None
    (line,) = said
    assert 'pip install "dwell-kit[vision]"' in line


def test_the_demo_shows_a_video_beside_its_truth(tmp_path: Path) -> None:
    rows = demo._track(tmp_path / "video", lambda text: None)
    assert rows is not None
    assert [(row["figure"], row["alike"]) for row in rows] == [
        (name, "yes") for name in ("unique_visitors", "peak_occupancy", "dwell_sum_s", "shop_dwell_sum_s")
    ]


def test_frames_a_second_are_of_all_videos_or_of_each(
    capsys: pytest.CaptureFixture[str], given: list[Any], tmp_path: Path
) -> None:
    (tmp_path / "gate").symlink_to(tmp_path / "door")
    found = ("--detector", "replay", "--detections", tmp_path / "det.txt", "--detections", tmp_path / "det.txt")
    command = ["track", tmp_path / "door", tmp_path / "gate", *found, "--start", "2025-05-01T10:00:00Z"]

    def last_s(*fps: str) -> dict[str, float]:
        """Media time of the last frame of each camera."""
        there = tmp_path / f"at {fps}"
        run(capsys, *command, "--workspace", there, *[word for one in fps for word in ("--fps", one)])
        with dk.open(there) as ws:
            rows = ws.positions(as_="polars").group_by("camera_id").agg(pl.col("t").max()).iter_rows()
            return {camera: (at - datetime(2025, 5, 1, 10, tzinfo=UTC)).total_seconds() for camera, at in rows}

    assert last_s("5") == {"door": 3.8, "gate": 3.8}
    assert last_s("5", "10") == {"door": 3.8, "gate": 1.9}
    _, err = run(capsys, *command, "--fps", "5", "--fps", "5", "--fps", "5", exits=2)
    assert "--fps" in err


def test_what_would_not_be_used_is_refused(
    capsys: pytest.CaptureFixture[str], given: list[Any], tmp_path: Path
) -> None:
    _, err = run(capsys, *given, "--embedder-weights", tmp_path, exits=2)
    assert "--embedder-weights" in err
    _, err = run(capsys, *given, "--embedder", "colours", "--embedder-weights", tmp_path, exits=2)
    assert "'colours' takes none" in err
    _, err = run(capsys, *given, "--weights", "yolo.onnx", exits=2)
    assert "'replay' takes none" in err
    video = ("track", tmp_path / "door", "--start", "2025-05-01T10:00:00Z", "--workspace", tmp_path / "ws")
    _, err = run(capsys, *video, "--weights", "yolo.onnx", exits=2)
    assert "--weights" in err
    for detector in ("offline", "yolo", "faster-rcnn"):
        _, err = run(capsys, *video, "--detector", detector, "--detections", tmp_path / "det.txt", exits=2)
        assert "--detections" in err


def test_errors_say_what_is_missing(capsys: pytest.CaptureFixture[str], given: list[Any], tmp_path: Path) -> None:
    _, err = run(capsys, *given, "--camera", "a", "--camera", "b", exits=2)
    assert "--camera" in err
    _, err = run(capsys, *given, "--zone", "hall=1,2 3", exits=2)
    assert "--zone" in err
    at = given.index("--start")
    _, err = run(capsys, *given[:at], exits=3)
    assert "hint: --start\n" in err
    at = given.index("replay")
    _, err = run(capsys, *given[:at], "yolo-of-tomorrow", *given[at + 1 :], exits=4)
    assert "offline, replay" in err
    _, err = run(capsys, *given[:at], "yolo", "--weights", tmp_path / "none.pt", *given[at + 3 :], exits=4)
    assert "none.pt" in err
    assert "nothing is downloaded" in err
    _, err = run(capsys, *given, "--embedder", "faces", exits=4)
    assert "clip, colours" in err
    _, err = run(capsys, "track", tmp_path / "none.mp4", "--workspace", tmp_path / "ws", exits=4)
    assert "no such video" in err


def test_a_demo_that_cannot_be_is_refused_before_it_is_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "demo", tmp_path / "q[1]", exits=6)
    assert list(tmp_path.iterdir()) == []


def test_a_calibration_is_one_of_several_in_its_file(
    capsys: pytest.CaptureFixture[str], given: list[Any], tmp_path: Path
) -> None:
    pairs = pl.read_csv(tmp_path / "door.csv")
    moved = pairs.with_columns(pl.col("x_m") + 100, camera=pl.lit("yard"))
    pl.concat([pairs.with_columns(camera=pl.lit("door")), moved]).write_csv(tmp_path / "door.csv")
    _, err = run(capsys, *given, exits=3)
    assert "door, yard" in err
    run(capsys, *given, "--calibration-camera", "yard")
    with dk.open(tmp_path / "ws") as ws:
        assert ws.positions(as_="polars")["x_m"].min() > 90


def test_a_live_camera_is_stored_as_often_as_is_said(
    capsys: pytest.CaptureFixture[str], given: list[Any], tmp_path: Path
) -> None:
    server = Server(10_000)
    command = ["track", server.address, "--camera", "gate", "--fps", "10", "--detector", "replay"]
    (tmp_path / "det.txt").write_text("".join(f"{f},-1,20,50,20,60,0.9,-1,-1,-1\n" for f in range(1, 2000)))
    times = ["--seconds", "5", "--store-every", "1.5", "--lag", "0"]
    run(capsys, *command, "--detections", tmp_path / "det.txt", *times, "--workspace", tmp_path / "ws")
    server.close()
    with dk.open(tmp_path / "ws") as ws:
        assert len(ws.uploads()) >= 3
        assert ws.summary()["visits"] == 1
