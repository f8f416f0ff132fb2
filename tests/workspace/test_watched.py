"""A camera covers the time in which it was watched: its own, whoever passed, and not a moment that nobody saw."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import dwell_kit as dk
from dwell_kit.errors import DwellError
from dwell_kit.simulate import scene
from dwell_kit.simulate.video import RenderedVideo, write_pictures
from dwell_kit.vision.joined import CameraStatus
from dwell_kit.workspace.stopping import SIGNALS, when_told
from tests.vision.mjpeg import Server
from tests.workspace.exports import write

START = datetime(2025, 5, 1, 9, tzinfo=UTC)
FPS = scene.FPS


def recording(folder: Path, name: str, seconds: float, *, persons: bool = True) -> dict[str, Any]:
    """A video of nothing, and recorded detections of somebody who stands in it, or of nobody."""
    write_pictures(RenderedVideo(camera=scene.CAMERAS[0], walkers=(), fps=FPS, seconds=seconds), folder / name)
    found = folder / f"{name}.txt"
    rows = [
        f"{f},-1,{20 + 60 * p},50,20,60,0.9,-1,-1,-1"
        for f in range(1, round(seconds * FPS) + 1)
        for p in range(persons)
    ]
    found.write_text("\n".join(rows or ["1,-1,10,50,20,60,0.01,-1,-1,-1"]) + "\n")
    return {"camera_id": name, "video": folder / name, "fps": FPS, "detector": "replay", "detections": found}


def covered(ws: Any) -> dict[str, list[tuple[float, float]]]:
    """Camera → stretches in seconds after START."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in ws.coverage(as_="polars").iter_rows(named=True):
        since, until = ((row[name] - START).total_seconds() for name in ("covered_from", "covered_till"))
        found.setdefault(row["camera_id"], []).append((round(since, 3), round(until, 3)))
    return found


def test_each_recording_covers_its_own_length(tmp_path: Path) -> None:
    cameras = [recording(tmp_path, "short", 4), recording(tmp_path, "long", 12)]
    with dk.open(tmp_path / "ws") as ws:
        report = ws.track(cameras, start=START)
        assert covered(ws) == {"short": [(0.0, 4.0)], "long": [(0.0, 12.0)]}
        alone = ws.compute("occupancy", camera="short", parameters={"every": "hour"}, as_="polars")
        assert alone["occupancy_mean"][0] == pytest.approx(1, abs=0.1)
        assert not [note for note in report.notes if "window" in note]
        ws.ingest(write(tmp_path / "a.csv", [("anna", "short", "1", 0, 60), ("ben", "hall", "2", 0, 60)]))
        assert set(covered(ws)) == {"short", "long", "hall"}


@pytest.mark.slow
def test_chunks_cover_what_the_unbroken_run_covers(tmp_path: Path) -> None:
    cameras = [recording(tmp_path, "short", 4), recording(tmp_path, "long", 12)]
    with dk.open(tmp_path / "ws") as ws:
        ws.track(cameras, start=START, workers=2, chunk_s=3)
        assert covered(ws) == {"short": [(0.0, 4.0)], "long": [(0.0, 12.0)]}


def test_seconds_are_as_many_frames_wherever_they_are_watched(tmp_path: Path) -> None:
    camera = {**recording(tmp_path, "door", 6), "fps": 7}
    with dk.open(tmp_path / "ws") as ws:
        ws.track([camera], start=START, seconds=4)
        assert ws.positions(as_="polars")["frame"].max() == 28
        assert covered(ws) == {"door": [(0.0, 4.0)]}


def test_a_camera_that_saw_nobody_was_watched(tmp_path: Path) -> None:
    empty = recording(tmp_path, "empty", 4, persons=False)
    with dk.open(tmp_path / "ws") as ws:
        assert ws.track([empty], start=START).accepted == 0
        assert covered(ws) == {"empty": [(0.0, 4.0)]}
        again = {**empty, "camera_id": "other"}
        report = ws.track([again], start=START + timedelta(seconds=60))
        assert not report.repeated
        assert covered(ws) == {"empty": [(0.0, 4.0)], "other": [(60.0, 64.0)]}
        assert ws.track([again], start=START + timedelta(seconds=60)).repeated
        ws.track([recording(tmp_path, "busy", 4), {**empty, "camera_id": "third"}], start=START)
        assert covered(ws)["third"] == [(0.0, 4.0)]
        ws.undo(report.upload_id)
        assert "other" not in covered(ws)


def test_a_camera_that_was_down_in_between_was_not_watched_then() -> None:
    said = CameraStatus("gate")
    for at_s in (0.0, 0.5, 1.0, 9.0, 9.5):
        said.saw(at_s, 0.5)
    assert (said.frames, said.watched_s) == (5, [(0.0, 1.5), (9.0, 10.0)])
    said.saw(12.0, 0.5, frames=5)
    assert said.watched_s[-1] == (9.0, 12.5)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(10_000)
    yield made
    made.close()


def live(folder: Path, address: str, name: str = "gate") -> dict[str, Any]:
    """A live camera that one person stands before."""
    found = folder / "live.txt"
    found.write_text("".join(f"{f},-1,20,50,20,60,0.9,-1,-1,-1\n" for f in range(1, 2000)))
    return {"camera_id": name, "video": address, "fps": 10, "detector": "replay", "detections": found}


def closed() -> str:
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"http://127.0.0.1:{free.getsockname()[1]}/video.mjpg"


@pytest.fixture
def heard() -> Iterator[None]:
    """Signals end a process, as in the foreground: a test's own process may have been started without an ear."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_live_run_that_is_ended_by_hand_keeps_what_was_seen(server: Server, tmp_path: Path, number: int) -> None:
    said: list[int] = []

    def enough(_at_s: float, _length_s: float | None, status: list[CameraStatus]) -> None:
        if status[0].frames >= 20 and not said:
            said.append(number)
            signal.raise_signal(number)

    before = signal.getsignal(number)
    with dk.open(tmp_path / "ws") as ws:
        report = ws.track([live(tmp_path, server.address)], progress=enough)
        assert report.accepted >= 15
        assert any("ended by hand after" in note for note in report.notes)
        (row,) = ws.coverage(as_="polars").iter_rows(named=True)
        assert 1 < (row["covered_till"] - row["covered_from"]).total_seconds() < 30
        assert list((tmp_path / "ws" / "tmp").iterdir()) == []
    assert signal.getsignal(number) is before


@pytest.mark.usefixtures("heard")
def test_a_second_word_ends_it_at_once() -> None:
    def twice() -> None:
        with when_told(lambda: None) as told:
            signal.raise_signal(signal.SIGINT)
            assert told.is_set()
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        twice()


@pytest.mark.usefixtures("heard")
def test_what_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with when_told(lambda: None) as told:
        signal.raise_signal(signal.SIGINT)
        assert not told.is_set()


def test_a_camera_that_never_answers_ends_with_its_time(tmp_path: Path) -> None:
    began = time.monotonic()
    with dk.open(tmp_path / "ws") as ws:
        with pytest.raises(DwellError, match="no frame came") as refused:
            ws.track([live(tmp_path, closed())], seconds=3, store_every_s=1)
        assert refused.value.where == "gate"
        assert time.monotonic() - began < 60
        assert len(ws.uploads()) == 0
        assert list((tmp_path / "ws" / "tmp").iterdir()) == []


def test_a_camera_that_never_answers_is_named_beside_one_that_does(server: Server, tmp_path: Path) -> None:
    cameras = [live(tmp_path, server.address), live(tmp_path, closed(), "yard")]
    with dk.open(tmp_path / "ws") as ws:
        report = ws.track(cameras, seconds=3)
        assert any("no frame came from yard" in note for note in report.notes)
        assert set(covered(ws)) == {"gate"}
