"""Recordings cut into chunks: which frames each is for, and what is watched before them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.errors import InputError, NotFoundError
from dwell_kit.vision import detect
from dwell_kit.vision.boxes import Detections
from dwell_kit.vision.chunks import Chunk, Recording, cut, watch
from dwell_kit.vision.detect import DetectorOptions
from dwell_kit.vision.track import TrackerSettings


def recording(frames: int | None = 40, **more: Any) -> Recording:
    given = {
        "camera_id": "door",
        "video": "door",
        "fps": 5.0,
        "detector": "replay",
        "options": DetectorOptions(fps=5),
    }
    return Recording(**{**given, "frames": frames, **more})


@given(st.integers(1, 300), st.floats(0.2, 70), st.none() | st.floats(0.1, 70))
def test_every_frame_is_in_one_chunk(frames: int, chunk_s: float, until_s: float | None) -> None:
    chunks = cut(recording(frames), chunk_s=chunk_s, until_s=until_s)
    end = frames if until_s is None else min(frames, max(1, int(np.ceil(until_s * 5))))
    covered = [n for c in chunks for n in range(c.first, (c.last or frames) + 1)]
    assert covered == list(range(1, end + 1))
    assert (chunks[-1].last is None) == (end == frames)  # a container may have more frames than it says
    for chunk in chunks:
        assert chunk.shared == min(35, chunk.first - 1)  # 3 s until somebody is forgotten, 4 s to settle


def test_a_recording_of_unknown_length_is_one_chunk() -> None:
    assert cut(recording(None), chunk_s=3) == [Chunk(recording=recording(None), first=1, last=None, shared=0)]
    (only,) = cut(recording(None), chunk_s=3, until_s=8)
    assert (only.first, only.last) == (1, 40)


@pytest.mark.parametrize("chunk_s", [0, -1, 0.05, float("nan"), float("inf")])
def test_a_chunk_without_a_frame_is_refused(chunk_s: float) -> None:
    with pytest.raises(InputError, match="no frame"):
        cut(recording(), chunk_s=chunk_s)


def test_a_longer_memory_shares_more_frames() -> None:
    longer = recording(settings=TrackerSettings(keep_lost_s=5, confirm_s=1))
    assert [chunk.shared for chunk in cut(longer, chunk_s=4)] == [0, 20]


class Taught:
    """A detector that finds somebody once it has watched for 2 s, and says which frames it saw."""

    warm_up_s = 2.0

    def __init__(self, *, shared: bool = False) -> None:
        self.shared = shared
        self.saw: list[int] = []
        self.batches: list[int] = []
        self.next = 1

    def seek(self, number: int) -> None:
        self.next = number

    def detect(self, images: Any) -> list[Detections]:
        self.batches.append(len(images))
        found = []
        for image in images:
            assert abs(float(image.mean()) - (self.next * 10) % 200) < 2  # the picture of this very frame
            self.saw.append(self.next)
            self.next += 1
            found.append(Detections([[10, 10, 40, 90]], [0.9], [0]) if len(self.saw) > 10 else Detections.empty())
        return found


@pytest.fixture
def avi(tmp_path: Path) -> Path:
    path = tmp_path / "door.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for number in range(1, 61):
        writer.write(np.full((48, 64, 3), (number * 10) % 200, np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize("seek", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_a_detector_learns_before_the_tracker_begins(
    avi: Path, monkeypatch: pytest.MonkeyPatch, seek: bool, shared: bool
) -> None:
    detector = Taught(shared=shared)
    monkeypatch.setattr(detect, "make", lambda name, options: detector)
    chunk = Chunk(recording=recording(60, video=str(avi)), first=41, last=50, shared=10, seek=seek)
    seen = watch(chunk)
    assert detector.saw == list(range(21, 51))
    assert detector.batches == ([16, 14] if shared else [1] * 30)
    assert seen.tracks.frame.tolist() == list(range(32, 51))  # confirmed in the second frame that is tracked
    assert (seen.frames, seen.before is None, seen.end is None) == (10, False, False)
    assert seen.ms_per_frame > 0
    following = watch(Chunk(recording=chunk.recording, first=51, last=None, shared=5))
    assert following.before == seen.end
    assert following.frames == 10


def test_the_same_chunk_gives_the_same_again(testdata: Path) -> None:
    folder = testdata / "pets2009_s2l1"
    given = recording(
        795, video=str(folder / "View_001.avi"), fps=7.0, detector="offline", options=DetectorOptions(fps=7)
    )
    chunk = Chunk(recording=given, first=60, last=80, shared=5)
    threads = cv2.getNumThreads()
    one, other = watch(pickle.loads(pickle.dumps(chunk))), watch(chunk)
    assert cv2.getNumThreads() == threads
    assert len(one.tracks) > 50
    assert one.tracks.xyxy.tolist() == other.tracks.xyxy.tolist()
    assert (one.before, one.end) == (other.before, other.end)
    assert one.before not in {None, one.end}


def test_after_the_end_there_is_nothing(avi: Path) -> None:
    empty = Chunk(recording=recording(90, video=str(avi), detector="offline"), first=81, last=None, shared=10)
    seen = watch(empty)
    assert (len(seen.tracks), seen.frames, seen.end) == (0, 0, None)


def test_a_video_that_is_not_there_is_said() -> None:
    with pytest.raises(NotFoundError, match="no such video"):
        watch(Chunk(recording=recording(video="nowhere.avi", detector="offline"), first=1, last=5, shared=0))
