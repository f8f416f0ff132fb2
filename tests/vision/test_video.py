"""Videos from files, folders and live streams; a real server on 127.0.0.1 that drops its connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from dwell_kit.errors import AskError, DwellError, FormatError, InputError, NotFoundError
from dwell_kit.vision.instants import instants
from dwell_kit.vision.stream import Patience, Stream
from dwell_kit.vision.video import open_video
from tests.vision.mjpeg import Server, picture


@pytest.fixture
def avi(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(12):
        writer.write(picture(number))
    writer.release()
    return path


def test_a_file_is_read_in_media_time(avi: Path) -> None:
    video = open_video(avi)
    assert (video.name, video.fps, video.frames, video.live) == ("clip.avi", 10, 12, False)
    frames = list(video)
    assert [frame.number for frame in frames] == list(range(1, 13))
    assert frames[-1].at_s == pytest.approx(1.1)
    assert [round(frame.image.mean() / 10) for frame in frames] == list(range(12))
    assert [frame.at_s for frame in open_video(avi, fps=5)][-1] == pytest.approx(2.2)


@pytest.mark.parametrize("seek", [True, False])
def test_a_file_can_be_begun_in_the_middle(avi: Path, seek: bool) -> None:
    for first in (1, 2, 7, 12):
        frames = list(open_video(avi, first=first, seek=seek))
        assert [frame.number for frame in frames] == list(range(first, 13))
        assert [round(frame.image.mean() / 10) for frame in frames] == list(range(first - 1, 12))
        assert frames[0].at_s == pytest.approx((first - 1) / 10)
    assert list(open_video(avi, first=13, seek=seek)) == []


def test_view_001_begun_in_the_middle_is_the_same_to_the_pixel(testdata: Path) -> None:
    path = testdata / "pets2009_s2l1" / "View_001.avi"
    leapt, walked = (next(iter(open_video(path, fps=7, first=301, seek=seek))) for seek in (True, False))
    assert (leapt.number, leapt.at_s) == (walked.number, walked.at_s) == (301, 300 / 7)
    assert np.array_equal(leapt.image, walked.image)


def test_where_frames_do_not_come_at_one_rate_nothing_is_leapt_over(tmp_path: Path) -> None:
    """Ten frames in one second, then ten in five: by time, the fifteenth would be another one."""
    path = tmp_path / "uneven.mkv"
    with av.open(path, "w") as made:
        stream = made.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(picture(number), "bgr24")
            frame.pts, frame.time_base = 100 * number if number < 10 else 500 * number - 4000, Fraction(1, 1000)
            made.mux(stream.encode(frame))
        made.mux(stream.encode())
    whole = [frame.image for frame in open_video(path, fps=10)]
    for first in (5, 15, 20):
        frames = list(open_video(path, fps=10, first=first))
        assert len(frames) == 21 - first
        assert np.array_equal(frames[0].image, whole[first - 1])


def test_the_container_of_view_001_is_wrong_about_its_rate(testdata: Path) -> None:
    path = testdata / "pets2009_s2l1" / "View_001.avi"
    assert open_video(path).fps == 10
    video = open_video(path, fps=7)
    assert video.frames == 795
    assert next(iter(video)).image.shape == (576, 768, 3)
    video.close()


def test_a_folder_is_read_in_order_of_name(tmp_path: Path) -> None:
    for number in (3, 1, 2):
        cv2.imwrite(str(tmp_path / f"{number:03}.png"), picture(number))
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(AskError, match="how many there are in a second"):
        open_video(tmp_path)
    assert [round(frame.image.mean() / 10) for frame in open_video(tmp_path, fps=2)] == [1, 2, 3]
    (tmp_path / "004.png").write_bytes(b"not a picture")
    with pytest.raises(FormatError, match="cannot be decoded") as refused:
        list(open_video(tmp_path, fps=2))
    assert "004.png" in str(refused.value.where)


def test_a_folder_can_be_begun_in_the_middle(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture(number))
    (frame, last) = open_video(tmp_path, fps=2, first=2)
    assert (frame.number, frame.at_s, round(frame.image.mean() / 10), last.number) == (2, 0.5, 2, 3)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no such video"):
        open_video(tmp_path / "none.mp4")
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    with pytest.raises(FormatError, match="no video that can be decoded"):
        open_video(text)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match="no pictures"):
        open_video(tmp_path / "empty", fps=1)
    for fps in (0, -1, float("nan")):
        with pytest.raises(InputError, match="rate"):
            open_video(text, fps=fps)


@pytest.fixture
def serve() -> Iterator[Any]:
    made: list[Server] = []

    def start(frames: int, **more: Any) -> Server:
        made.append(Server(frames, **more))
        return made[-1]

    yield start
    for server in made:
        server.close()


PATIENCE = Patience(read_timeout_s=1.0, first_s=0.01, most_s=0.05)


@pytest.mark.parametrize("stall", [False, True])
def test_a_stream_that_breaks_or_stalls_is_connected_again(serve: Any, *, stall: bool) -> None:
    server = serve(30, stall=stall)
    stream = Stream(server.address, fps=50, patience=PATIENCE)
    numbers = []
    for frame in stream:
        numbers.append((frame.number, frame.at_s))
        if stream.reconnects >= 1 and len(numbers) > 5:
            break
    stream.close()
    assert server.connections >= 2
    assert numbers == sorted(set(numbers))
    assert all(b[1] > a[1] and b[0] > a[0] for a, b in pairwise(numbers))


class Capture:
    """A camera of ours: gives `frames` pictures, then breaks."""

    def __init__(self, frames: int) -> None:
        self.left = frames

    def read(self) -> tuple[bool, Any]:
        self.left -= 1
        return self.left >= 0, picture(self.left)

    def release(self) -> None:
        """Nothing is held."""


def test_the_newest_frame_wins_and_drops_are_counted() -> None:
    now = iter(np.arange(0, 100, 0.01))
    sent = threading.Event()
    stop = threading.Event()

    def connect(where: object, timeout: float) -> Capture:
        return Capture(0 if sent.is_set() else 21)

    def sleep(seconds: float) -> None:
        sent.set()
        stop.wait()

    stream = Stream("rtsp://camera", fps=1000, clock=lambda: float(next(now)), sleep=sleep, connect=connect)
    stream.begin()
    assert sent.wait(5)
    frame = stream.newest(wait_s=1)
    assert frame is not None
    assert stream.dropped == 20
    assert frame.image.mean() == 0  # the last of them
    assert stream.newest(wait_s=0) is None
    stop.set()
    stream.close()


def test_waits_double_and_a_dead_camera_is_given_up() -> None:
    clock = [0.0]
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock[0] += seconds

    patience = Patience(first_s=0.5, most_s=4, give_up_s=20)
    stream = Stream(
        "rtsp://user:secret@camera/main",
        patience=patience, clock=lambda: clock[0], sleep=sleep, connect=lambda where, limit: Capture(0),
    )  # fmt: skip
    with pytest.raises(DwellError, match="sends nothing") as failed:
        list(stream)
    assert waits[:6] == [0.5, 1, 2, 4, 4, 4]
    assert "secret" not in str(failed.value)
    assert stream.reconnects == 0


def test_recordings_go_in_step_by_media_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(6):
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), picture(number))
    slow, fast = open_video(tmp_path / "a", fps=2), open_video(tmp_path / "b", fps=4)
    steps = list(instants([slow, fast], [0.0, 0.5]))
    assert [round(at_s, 6) for at_s, _ in steps] == [0, 0.5, 1, 1.5, 2, 2.5]
    assert [[frame.number for frame in mine] for _, (mine, _) in steps] == [[1], [2], [3], [4], [5], [6]]
    assert [[frame.number for frame in mine] for _, (_, mine) in steps] == [[], [1], [2, 3], [4, 5], [6], []]
    with pytest.raises(InputError, match="do not go together"):
        list(instants([slow, Stream("rtsp://camera")], [0, 0]))


def test_live_streams_do_not_wait_for_each_other() -> None:
    def broken(where: object, limit: float) -> Capture:
        time.sleep(0.01)
        return Capture(0)

    working = Stream("rtsp://one", fps=50, connect=lambda where, limit: Slow(12), patience=PATIENCE)
    silent = Stream("rtsp://two", fps=50, connect=broken, patience=PATIENCE)
    got = []
    for at_s, (mine, other) in instants([working, silent], [0, 0]):
        got.append(at_s)
        assert mine or at_s >= 1  # a second without news is an instant too, on a busy machine
        assert not other
        if len(got) == 5:
            break
    working.close()
    silent.close()
    assert got == sorted(got)


class Slow(Capture):
    """A camera that takes its time."""

    def read(self) -> tuple[bool, Any]:
        time.sleep(0.02)
        return super().read()


class Gated(Capture):
    """A camera that shows a picture whenever somebody opens its gate."""

    def __init__(self) -> None:
        super().__init__(100)
        self.gate = threading.Semaphore(0)

    def read(self) -> tuple[bool, Any]:
        self.gate.acquire(timeout=30)
        return super().read()


def test_a_frame_does_not_wait_for_cameras_that_are_out_of_step() -> None:
    cameras = Gated(), Gated()
    streams = [Stream("x", fps=0.05, connect=lambda *_, one=one: one, patience=PATIENCE) for one in cameras]
    steps = instants(streams, [0, 0])
    began, seen = time.monotonic(), []
    try:
        for turn in (0, 1):
            cameras[turn].gate.release()
            at_s, due = next(steps)
            seen.append((at_s, [len(frames) for frames in due]))
    finally:
        for camera in cameras:
            camera.gate.release(50)
        for stream in streams:
            stream.close()
    assert [frames for _, frames in seen] == [[1, 0], [0, 1]]
    assert seen[0][0] < seen[1][0]
    assert time.monotonic() - began < 10  # a step is 20 s
