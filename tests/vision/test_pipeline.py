"""Cameras in, positions out: time stamps, persons, counters, memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from dwell_kit.errors import InputError
from dwell_kit.schema import columns as c
from dwell_kit.schema.geometry import Homography
from dwell_kit.schema.tables import POSITIONS, validate
from dwell_kit.vision.boxes import Detections
from dwell_kit.vision.ground import Calibration
from dwell_kit.vision.pipeline import CameraInput, Pipeline, PipelineRules
from dwell_kit.vision.video import Frame

START = datetime(2025, 5, 1, 9, tzinfo=UTC)
FLOOR = Calibration(camera=Homography(((0.01, 0, 0), (0, 0.01, 0), (0, 0, 1))), kind="drawn")
"""One pixel is a centimetre."""
SHIFTED = Calibration(camera=Homography(((0.01, 0, 2), (0, 0.01, 0), (0, 0, 1))), kind="drawn")
"""The same two metres to the right."""


@dataclass
class Blank:
    """A video of nothing."""

    frames: int
    fps: float = 5.0
    name: str = "blank"
    dropped: int = 0
    live: bool = False
    skip: int = 1
    closed: bool = False

    def __iter__(self) -> Iterator[Frame]:
        image = np.zeros((8, 8, 3), np.uint8)
        for number in range(1, self.frames + 1, self.skip):
            yield Frame(number, (number - 1) / self.fps, image)

    def close(self) -> None:
        self.closed = True


class Told:
    """A detector that is told where people are: frame → left edges, px."""

    shared = False

    def __init__(self, where: Any) -> None:
        self.where, self.number = where, 1

    def seek(self, number: int) -> None:
        self.number = number

    def detect(self, images: Sequence[Any]) -> list[Detections]:
        return [self.next() for _ in images]

    def next(self) -> Detections:
        left = np.array(self.where(self.number), float)
        self.number += 1
        boxes = np.column_stack((left, np.full(len(left), 100.0), left + 50, np.full(len(left), 280.0)))
        return Detections(boxes, np.full(len(left), 0.9), np.zeros(len(left), np.int64))


def run(*cameras: CameraInput, **rules: Any) -> tuple[pl.DataFrame, Pipeline]:
    pipeline = Pipeline(cameras, start=START, rules=PipelineRules(**rules))
    rows = pl.concat([validate(batch.rows, POSITIONS) for batch in pipeline])
    return rows, pipeline


def camera(name: str, where: Any, frames: int = 30, **more: Any) -> CameraInput:
    video = more.pop("video", None) or Blank(frames)
    return CameraInput(camera_id=name, video=video, detector=Told(where), **more)


def test_one_camera_gives_confirmed_persons_on_the_floor_in_media_time() -> None:
    rows, pipeline = run(camera("door", lambda n: [20 * n] if n <= 20 else [], calibration=FLOOR))
    rows = rows.sort(c.TIME)
    assert rows[c.FRAME].to_list() == list(range(2, 21))  # the first is not confirmed yet
    seconds = (rows[c.TIME] - START).dt.total_milliseconds() / 1000
    assert seconds.to_list() == pytest.approx([(n - 1) / 5 for n in range(2, 21)])
    assert rows[c.PERSON].unique().to_list() == ["door:1"]
    assert rows[c.X_M].to_numpy() == pytest.approx(0.2 * np.arange(2, 21) + 0.25, abs=0.15)
    assert rows[c.Y_M].to_numpy() == pytest.approx(np.full(19, 2.8), abs=0.05)
    assert rows[c.BOX_W].to_numpy() == pytest.approx(np.full(19, 50), abs=3)
    assert sorted(rows[c.ROW_NO]) == list(range(1, 20))
    (status,) = pipeline.status
    assert (status.frames, status.dropped, status.persons) == (30, 0, 0)
    assert status.ms_per_frame > 0
    assert pipeline._cameras[0].given.video.closed  # type: ignore[attr-defined]


def test_a_box_of_one_frame_is_nobody() -> None:
    rows, _ = run(camera("door", lambda n: [100] if n == 7 else [], calibration=FLOOR))
    assert rows.height == 0


def test_a_camera_without_calibration_gives_boxes_only() -> None:
    rows, _ = run(camera("door", lambda n: [100]))
    assert rows.height == 29
    assert rows[c.X_M].null_count() == 29
    assert rows[c.BOX_X].to_numpy() == pytest.approx(np.full(29, 100), abs=1)


def test_cameras_that_share_a_floor_share_persons() -> None:
    def south(n: int) -> list[float]:
        return [200 + 5 * n, 700 - 5 * n]

    rows, pipeline = run(
        camera("south", south, calibration=FLOOR),
        camera("north", lambda n: [x - 200 for x in south(n)], calibration=SHIFTED),
        camera("yard", lambda n: [50]),
    )
    named = rows.with_columns(pl.Series("who", pipeline.resolve(rows[c.PERSON].to_list())))
    both = named.filter(pl.col(c.CAMERA) != "yard").group_by("who").agg(pl.col(c.CAMERA).n_unique())
    assert both.height == 2
    assert both[c.CAMERA].to_list() == [2, 2]
    assert all(name.startswith("*:") for name in both["who"])
    assert named.filter(pl.col(c.CAMERA) == "yard")["who"].unique().to_list() == ["yard:1"]


def test_noise_of_the_boxes_is_smoothed_and_without_lag_it_is_not() -> None:
    rng = np.random.default_rng(4)
    jitter = rng.normal(0, 12, 61)

    def off(lag_s: float) -> float:
        rows, _ = run(
            camera("door", lambda n: [300 + 10 * n + jitter[n]], frames=60, calibration=FLOOR), lag_s=lag_s
        )
        true = (300 + 10 * rows[c.FRAME].to_numpy() + 25) / 100
        return float(np.abs(rows[c.X_M].to_numpy() - true).mean())

    assert off(2.0) < 0.8 * off(0.0)


def test_dropped_frames_are_time_that_passes() -> None:
    """Every third frame only: somebody who walks is the same person all the same."""
    rows, _ = run(camera("door", lambda n: [5 * n], calibration=FLOOR, video=Blank(60, skip=3)))
    assert rows[c.PERSON].n_unique() == 1
    assert sorted(rows[c.FRAME]) == list(range(4, 61, 3))


class Batched(Told):
    """A detector that cameras share."""

    shared = True

    def __init__(self) -> None:
        super().__init__(lambda n: [50])
        self.batches: list[int] = []

    def detect(self, images: Sequence[Any]) -> list[Detections]:
        self.batches.append(len(images))
        return super().detect(images)


def test_a_shared_detector_gets_the_frames_of_all_cameras_at_once() -> None:
    detector = Batched()
    inputs = [
        CameraInput(camera_id=name, video=Blank(frames), detector=detector)
        for name, frames in (("a", 8), ("b", 5))
    ]
    rows, _ = run(*inputs)
    assert detector.batches == [2] * 5 + [1] * 3
    assert dict(rows.group_by(c.CAMERA).len().iter_rows()) == {"a": 7, "b": 4}


def test_a_recording_that_begins_later_is_stamped_later() -> None:
    rows, _ = run(camera("a", lambda n: [50]), camera("b", lambda n: [50], frames=10, offset_s=2.0))
    first = rows.filter(pl.col(c.CAMERA) == "b")[c.TIME].min()
    assert first == datetime(2025, 5, 1, 9, 0, 2, 200_000, tzinfo=UTC)


def test_a_run_can_be_stopped() -> None:
    pipeline = Pipeline([camera("door", lambda n: [50], frames=1000)], start=START)
    rows = 0
    for batch in pipeline:
        rows += batch.rows.height
        if batch.until_s >= 3:
            pipeline.stop()
    assert rows == 15
    assert pipeline.status[0].frames == 16


@pytest.mark.slow
def test_memory_is_flat_over_an_hour() -> None:
    video = Blank(1800, fps=0.5)
    pipeline = Pipeline(
        [camera("door", lambda n: [200, 500] if n % 20 < 12 else [], video=video, calibration=FLOOR)], start=START
    )
    held: list[int] = []
    rows = 0
    tracemalloc.start()
    try:
        for batch in pipeline:
            rows += batch.rows.height
            if batch.until_s % 600 == 300:
                held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert rows > 1_500
    assert len(held) == 6
    assert max(held[2:]) - held[1] < 150_000  # bytes; a position kept is a hundred, a picture more than that


@pytest.mark.parametrize("names", [[], ["door", "door"]])
def test_cameras_have_different_names(names: list[str]) -> None:
    with pytest.raises(InputError, match="different names"):
        Pipeline([camera(name, lambda n: []) for name in names], start=START)


def test_a_start_without_a_zone_is_refused() -> None:
    with pytest.raises(InputError, match="no time zone"):
        Pipeline([camera("door", lambda n: [])], start=datetime(2025, 5, 1))
