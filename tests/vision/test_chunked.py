"""Recordings in chunks beside the very same recordings in one go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest

from dwell_kit.errors import FormatError, InputError
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS, validate
from dwell_kit.simulate import scene
from dwell_kit.vision import detect
from dwell_kit.vision.calibration_files import load_calibration
from dwell_kit.vision.chunked import ChunkedPipeline, RecordedCamera
from dwell_kit.vision.chunks import Chunk, LookOptions, Recording, Watched, watch
from dwell_kit.vision.detect import DetectorOptions
from dwell_kit.vision.embed import ColourParts
from dwell_kit.vision.embedders import EmbedderOptions
from dwell_kit.vision.evaluate import evaluate
from dwell_kit.vision.joining import PipelineRules
from dwell_kit.vision.pipeline import CameraInput, Pipeline
from dwell_kit.vision.track_table import TrackTable
from dwell_kit.vision.video import open_video

START = datetime(2025, 5, 1, 9, tzinfo=UTC)
IDF1_LOST = HOTA_LOST = 0.03


def here(chunks: Sequence[Chunk]) -> Iterator[Watched]:
    return (watch(chunk) for chunk in chunks)


def view(testdata: Path, **more: Any) -> RecordedCamera:
    folder = testdata / "pets2009_s2l1"
    options = DetectorOptions(fps=7.0, detections=folder / "det.txt")
    given = {"camera_id": "view", "video": str(folder / "View_001.avi"), "detector": "replay", "options": options}
    return RecordedCamera(
        recording=Recording(**{**given, "fps": 7.0, "frames": 795, **more}),
        calibration=load_calibration(folder / "calibration" / "View_001.xml"),
    )


def whole(*cameras: RecordedCamera, **more: Any) -> tuple[pl.DataFrame, Pipeline]:
    pipeline = Pipeline(
        [
            CameraInput(
                camera_id=one.recording.camera_id,
                video=open_video(one.recording.video, fps=one.recording.fps),
                detector=detect.make(one.recording.detector, one.recording.options),
                calibration=one.calibration,
                offset_s=one.offset_s,
            )
            for one in cameras
        ],
        start=START,
        **more,
    )
    return pl.concat([batch.rows for batch in pipeline]), pipeline


def chunked(*cameras: RecordedCamera, chunk_s: float, **more: Any) -> tuple[pl.DataFrame, ChunkedPipeline]:
    pipeline = ChunkedPipeline(cameras, start=START, chunk_s=chunk_s, look=more.pop("look", here), **more)
    return pl.concat([validate(batch.rows, POSITIONS) for batch in pipeline]), pipeline


def as_tracks(rows: pl.DataFrame, names: Sequence[str]) -> TrackTable:
    """Positions as a table, their persons numbered by `names`."""
    corners = rows.select(
        c.BOX_X,
        c.BOX_Y,
        (pl.col(c.BOX_X) + pl.col(c.BOX_W)).alias("x2"),
        (pl.col(c.BOX_Y) + pl.col(c.BOX_H)).alias("y2"),
    ).to_numpy()
    numbers = [list(dict.fromkeys(names)).index(name) for name in names]
    return TrackTable(corners, rows[c.FRAME].to_numpy(), np.array(numbers), np.ones(rows.height))


@pytest.fixture(scope="module")
def replayed(testdata: Path) -> pl.DataFrame:
    return whole(view(testdata))[0]


@pytest.mark.parametrize("chunk_s", [10.0, 30.0])
def test_view_001_replayed_in_chunks_is_the_unbroken_run(
    testdata: Path, replayed: pl.DataFrame, chunk_s: float
) -> None:
    """Every position is there and every person is one; at seams boxes are off by what a tracker must settle."""
    rows, pipeline = chunked(view(testdata), chunk_s=chunk_s)
    assert rows.height == replayed.height
    one, many = (as_tracks(table, table[c.PERSON].to_list()) for table in (replayed, rows))
    said = evaluate(one, many).as_dict()
    assert (said["idf1"], said["idsw"], said["mota"]) == (1, 0, 1)
    assert said["hota"] == pytest.approx(1, abs=1e-4)
    sides = (c.BOX_X, c.BOX_Y, c.BOX_W, c.BOX_H)
    first, second = (table.sort(c.FRAME, c.BOX_X).select(sides).to_numpy() for table in (replayed, rows))
    off = np.abs(first - second).max(axis=1)
    assert off.max() < 2  # px
    assert np.quantile(off, 0.99) < 0.1
    assert pipeline.status[0].frames == 795


@pytest.mark.slow
def test_view_001_with_the_offline_detector_in_chunks(testdata: Path) -> None:
    """The detector learns the scene anew before each chunk, so that some boxes differ; how many was measured."""
    from dwell_kit.vision.ground_truth import read_tracks

    given = view(testdata, detector="offline", options=DetectorOptions(fps=7.0))
    truth = read_tracks(testdata / "pets2009_s2l1" / "PETS2009-S2L1.xml").table
    one, many = (
        as_tracks(rows, rows[c.PERSON].to_list()) for rows in (whole(given)[0], chunked(given, chunk_s=30.0)[0])
    )
    before, after = evaluate(truth, one).as_dict(), evaluate(truth, many).as_dict()
    assert after["idf1"] > before["idf1"] - IDF1_LOST
    assert after["hota"] > before["hota"] - HOTA_LOST
    assert evaluate(one, many).as_dict()["idf1"] > 0.93


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[RecordedCamera, ...]:
    """Two rendered cameras that share a floor, one of which begins 2 s later."""
    made = scene.write(tmp_path_factory.mktemp("site"))
    cameras = []
    for given in made.cameras:
        video = open_video(given["video"], fps=given.get("fps"))
        cameras.append(
            RecordedCamera(
                recording=Recording(
                    camera_id=given["camera_id"], video=str(given["video"]), fps=video.fps, frames=video.frames,
                    detector="offline", options=DetectorOptions(fps=video.fps),
                ),
                calibration=load_calibration(given["calibration"]),
            )
        )  # fmt: skip
    return cameras[0], replace(cameras[1], offset_s=0.0)


def test_persons_are_one_over_cameras_and_seams(site: tuple[RecordedCamera, ...]) -> None:
    one, unbroken = whole(*site)
    rows, pipeline = chunked(*site, chunk_s=7.0)
    persons = [set(run.resolve(table[c.PERSON].to_list())) for table, run in ((one, unbroken), (rows, pipeline))]
    assert len(persons[0]) == len(persons[1]) == 2
    assert rows.height == pytest.approx(one.height, rel=0.03)
    assert pipeline.step_s == unbroken.step_s
    assert [status.frames for status in pipeline.status] == [status.frames for status in unbroken.status]
    assert all(status.ms_per_frame > 0 for status in pipeline.status)


def test_looks_of_chunks_are_those_of_the_unbroken_run(site: tuple[RecordedCamera, ...]) -> None:
    asked = LookOptions(embedder="colours", options=EmbedderOptions(), every_s=PipelineRules().look_every_s)
    looking = [replace(one, recording=replace(one.recording, looks=asked)) for one in site]
    colours = ColourParts()
    _, unbroken = whole(*site, embedder=colours)
    _, one = chunked(*looking, chunk_s=600.0, look_size=colours.size)
    _, several = chunked(*looking, chunk_s=7.0, look_size=colours.size)
    known = {(found.camera, found.person): found for found in unbroken.portraits()}
    assert len(known) >= 3
    for found in one.portraits():
        same = known.pop((found.camera, found.person))
        np.testing.assert_array_equal(found.look, same.look)
        assert (found.first_s, found.last_s) == (same.first_s, same.last_s)
    assert not known
    for found in several.portraits():
        best = max(float(found.look @ one.look) for one in unbroken.portraits() if one.camera == found.camera)
        assert best > 0.98
    assert {found.camera for found in several.portraits()} == {found.camera for found in unbroken.portraits()}


def test_one_chunk_is_the_pipeline_itself(site: tuple[RecordedCamera, ...]) -> None:
    late = site[0], replace(site[1], offset_s=2.0)
    assert chunked(*late, chunk_s=1000.0)[0].equals(whole(*late)[0])


class Counting:
    """Watches chunks, and knows how many were asked for and given out."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.closed = 0

    def __call__(self, chunks: Sequence[Chunk]) -> Iterator[Watched]:
        try:
            for chunk in chunks:
                self.given.append(chunk.name)
                yield Watched(
                    chunk, TrackTable.empty(), 50 if chunk.last else 20, 1.0, 7 if chunk.shared else None, 7
                )
        finally:
            self.closed += 1


def test_chunks_are_taken_as_media_time_comes_to_them() -> None:
    """However many there are: one camera that ends early does not make the others' pile up."""
    options = DetectorOptions(fps=5)
    kinds = {"video": "x", "fps": 5.0, "detector": "replay", "options": options}
    cameras = [
        RecordedCamera(recording=Recording(camera_id="short", frames=20, **kinds)),  # type: ignore[arg-type]
        RecordedCamera(recording=Recording(camera_id="long", frames=20 + 50 * 30, **kinds)),  # type: ignore[arg-type]
    ]
    look = Counting()
    pipeline = ChunkedPipeline(cameras, start=START, look=look, chunk_s=10)
    for batch in pipeline:
        assert len(look.given) <= 3 + batch.until_s / 10
        if batch.until_s >= 100:
            break
    pipeline.close()
    assert look.given[:3] == ["short from 0 s", "long from 0 s", "long from 10 s"]
    assert len(look.given) < 14
    assert look.closed == 1


def test_a_run_can_be_stopped() -> None:
    look = Counting()
    recording = Recording(
        camera_id="door", video="x", fps=5.0, frames=1020, detector="replay", options=DetectorOptions(fps=5)
    )
    pipeline = ChunkedPipeline([RecordedCamera(recording=recording)], start=START, look=look, chunk_s=10)
    for batch in pipeline:
        if batch.until_s >= 12:
            pipeline.stop()
    assert pipeline.status[0].frames == 61
    assert look.closed == 1
    with pytest.raises(InputError, match="no frame"):
        ChunkedPipeline([RecordedCamera(recording=recording)], start=START, look=look, chunk_s=0)


@pytest.fixture
def avi(tmp_path: Path) -> RecordedCamera:
    path = tmp_path / "door.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 48))
    for number in range(1, 61):
        writer.write(np.full((48, 64, 3), 4 * number, np.uint8))
    writer.release()
    found = tmp_path / "det.txt"
    found.write_text("".join(f"{f},-1,{f / 4},10,8,20,0.9,-1,-1,-1\n" for f in range(1, 61)))
    options = DetectorOptions(fps=5, detections=found)
    return RecordedCamera(
        recording=Recording(
            camera_id="door", video=str(path), fps=5, frames=60, detector="replay", options=options
        )
    )


def test_a_leap_that_ends_elsewhere_is_noticed_and_made_good(avi: RecordedCamera) -> None:
    leaps: list[bool] = []

    def astray(chunks: Sequence[Chunk]) -> Iterator[Watched]:
        for chunk in chunks:
            leaps.append(chunk.seek)
            seen = watch(chunk)
            yield replace(seen, before=99) if chunk.seek and chunk.first > 1 else seen

    rows, pipeline = chunked(avi, chunk_s=4.0, look=astray)
    assert leaps == [True, True, False, True, False]
    assert rows.equals(chunked(avi, chunk_s=4.0)[0])
    assert rows[c.PERSON].unique().to_list() == ["door:1"]
    assert pipeline.status[0].frames == 60

    def never(chunks: Sequence[Chunk]) -> Iterator[Watched]:
        return (replace(watch(chunk), before=99) for chunk in chunks)

    with pytest.raises(FormatError, match="not the same each time"):
        chunked(avi, chunk_s=4.0, look=never)


@pytest.mark.parametrize("said", [40, 45, 60, 75, 130])
def test_a_container_that_is_wrong_about_its_length_does_no_harm(avi: RecordedCamera, said: int) -> None:
    wrong = replace(avi, recording=replace(avi.recording, frames=said))
    found, right = chunked(wrong, chunk_s=4.0)[0], chunked(avi, chunk_s=4.0)[0]
    assert found.select(c.PERSON, c.FRAME).equals(right.select(c.PERSON, c.FRAME))
    assert found[c.BOX_X].to_numpy() == pytest.approx(right[c.BOX_X].to_numpy(), abs=0.1)


def test_what_comes_after_the_end_is_not_watched(avi: RecordedCamera) -> None:
    rows, pipeline = chunked(avi, chunk_s=4.0, until_s=6.0)
    assert pipeline.status[0].frames == 30
    assert rows[c.FRAME].max() == 30
