"""Videos tracked by several processes or a cluster: the same facts, once, and nothing half-done."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest
from distributed import LocalCluster

import dwell_kit as dk
from dwell_kit.errors import AskError, DwellError, InputError, NotFoundError
from dwell_kit.jobs import executor as executors
from dwell_kit.simulate import scene
from dwell_kit.simulate.video import RenderedVideo, write_pictures
from dwell_kit.vision import detect
from dwell_kit.vision.boxes import Detections
from dwell_kit.vision.replay import ReplayDetector
from tests.jobs.clusters import started

pytestmark = pytest.mark.slow  # clusters of processes

START = datetime(2025, 5, 1, 9, tzinfo=UTC)
FPS = scene.FPS


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Ten seconds of nothing from two cameras, and recorded detections of two people in each."""
    folder = tmp_path_factory.mktemp("videos")
    frames = round(10 * FPS)
    made = []
    for name in ("door", "yard"):
        write_pictures(RenderedVideo(camera=scene.CAMERAS[0], walkers=(), fps=FPS, seconds=10), folder / name)
        found = folder / f"{name}.txt"
        found.write_text(
            "".join(f"{f},-1,{x + f},50,20,60,0.9,-1,-1,-1\n" for f in range(1, frames + 1) for x in (10, 150))
        )
        made.append(
            {"camera_id": name, "video": folder / name, "fps": FPS, "detector": "replay", "detections": found}
        )
    return made


@pytest.fixture(scope="module")
def whole(cameras: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    with dk.open(tmp_path_factory.mktemp("whole") / "ws") as ws:
        ws.track(cameras, start=START)
        return rows_of(ws)


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with started(GPU=1) as made:
        yield made


def rows_of(ws: Any) -> pl.DataFrame:
    return (
        ws.positions(as_="polars")
        .sort("camera_id", "person_id", "t")
        .select("camera_id", "person_id", "t", "frame", pl.col("^box_.$").round(0))
    )


def no_workers() -> bool:
    children = psutil.Process(os.getpid()).children(recursive=True)
    return not [child for child in children if "nanny" in child.name().lower()]


def test_workers_find_what_one_process_finds(
    cameras: list[dict[str, Any]], whole: pl.DataFrame, tmp_path: Path
) -> None:
    with dk.open(tmp_path / "ws") as ws:
        report = ws.track(cameras, start=START, workers=2, chunk_s=3)
        found = rows_of(ws)
        assert report.accepted == whole.height
        assert found["person_id"].n_unique() == 4
        assert found.drop("person_id").sort(pl.all()).equals(whole.drop("person_id").sort(pl.all()))
        again = ws.track(cameras, start=START)
        assert again.repeated  # the same run, wherever it is watched
        assert list((tmp_path / "ws" / "tmp").iterdir()) == []


def test_a_cluster_by_its_address(
    cluster: LocalCluster, cameras: list[dict[str, Any]], whole: pl.DataFrame, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(cameras[0]["video"].parent)  # workers were started elsewhere
    near = [{**one, "video": one["video"].name, "detections": one["detections"].name} for one in cameras]
    with dk.open(tmp_path / "ws") as ws:
        ws.track(near, start=START, cluster=cluster.scheduler_address, chunk_s=4)
        assert rows_of(ws).drop("person_id").sort(pl.all()).equals(whole.drop("person_id").sort(pl.all()))


def test_without_dask_it_is_done_here_and_said(
    cameras: list[dict[str, Any]], whole: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "find_spec", lambda name: None)
    with dk.open(tmp_path / "ws") as ws:
        report = ws.track(cameras, start=START, workers=2, chunk_s=3)
        assert rows_of(ws).height == whole.height
        assert any('pip install "dwell-kit[dask]"' in note for note in report.notes)
        with pytest.raises(DwellError, match="not installed"):
            ws.track(cameras, start=START, seconds=5, cluster="tcp://127.0.0.1:8786")


class EnoughError(Exception):
    """Somebody has had enough."""


@pytest.mark.parametrize("where", [{"workers": 1}, {}])
def test_a_run_that_is_broken_off_leaves_nothing(
    cameras: list[dict[str, Any]], tmp_path: Path, where: dict[str, Any]
) -> None:
    def enough(at_s: float, length_s: float | None, status: Any) -> None:
        if at_s > 4:
            raise EnoughError

    with dk.open(tmp_path / "ws") as ws:
        with pytest.raises(EnoughError):
            ws.track(cameras, start=START, chunk_s=3, progress=enough, **where)
        assert ws.snapshot_id == 0
        assert len(ws.uploads()) == 0
        assert list((tmp_path / "ws" / "tmp").iterdir()) == []
        assert no_workers()
        ws.track(cameras, start=START, chunk_s=3)
        assert sorted(rows_of(ws)["person_id"].unique()) == [f"person-{n}" for n in range(1, 5)]


def test_an_error_of_a_worker_is_an_error_of_the_run(
    cluster: LocalCluster, cameras: list[dict[str, Any]], tmp_path: Path
) -> None:
    broken = [{**cameras[0], "detections": tmp_path / "none.txt"}]
    with dk.open(tmp_path / "ws") as ws:
        with pytest.raises(NotFoundError, match=r"none\.txt"):
            ws.track(broken, start=START, cluster=cluster.scheduler_address)
        assert ws.snapshot_id == 0
        assert list((tmp_path / "ws" / "tmp").iterdir()) == []


def on_gpu(options: detect.DetectorOptions) -> ReplayDetector:
    """A detector that wants a GPU, as far as it says."""
    return ReplayDetector.of(options)


on_gpu.resources = {"GPU": 1}  # type: ignore[attr-defined]


def test_a_detector_that_wants_a_gpu_gets_workers_that_have_one(
    cluster: LocalCluster, cameras: list[dict[str, Any]], whole: pl.DataFrame, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setitem(detect.OWN, "replay", f"{__name__}:on_gpu")
    assert detect.resources("replay", detect.DetectorOptions(fps=FPS)) == {"GPU": 1}
    with dk.open(tmp_path / "ws") as ws:
        ws.track(cameras, start=START, cluster=cluster.scheduler_address, chunk_s=4)
        assert rows_of(ws).height == whole.height
        with started() as plain, pytest.raises(AskError, match="has what a task needs"):
            ws.track(cameras, start=START, seconds=5, cluster=plain.scheduler_address)


def test_a_network_wants_a_gpu_if_it_was_asked_onto_one(cameras: list[dict[str, Any]], tmp_path: Path) -> None:
    for name in ("yolo", "faster-rcnn"):
        for device, wanted in ((None, {}), ("cpu", {}), ("cuda:1", {"GPU": 1})):
            assert detect.resources(name, detect.DetectorOptions(fps=FPS, device=device)) == wanted
    assert detect.resources("offline", detect.DetectorOptions(fps=FPS, device="cuda")) == {}
    network = {**cameras[1], "detector": "yolo", "detections": None, "weights": tmp_path / "none.onnx"}
    with dk.open(tmp_path / "ws") as ws, started() as plain:
        with pytest.raises(AskError, match="has what a task needs") as refused:
            ws.track([cameras[0], {**network, "device": "cuda"}], start=START, cluster=plain.scheduler_address)
        assert refused.value.where == "yard from 0 s"  # the other camera's chunks run anywhere
        with pytest.raises(NotFoundError, match="are not there"):  # it came to a worker
            ws.track([{**network, "device": "cpu"}], start=START, cluster=plain.scheduler_address)


class Noted:
    """A detector that finds nobody and has something to say."""

    shared = True
    note = "out of memory on cuda:0: 2 pictures at a time"

    def detect(self, images: Any) -> list[Detections]:
        return [Detections.empty()] * len(images)


def noted(options: detect.DetectorOptions) -> Noted:
    return Noted()


def test_what_a_detector_says_comes_with_its_chunk(
    cameras: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(detect.OWN, "yolo", f"{__name__}:noted")
    networks = [{**one, "detector": "yolo", "detections": None} for one in cameras]
    with dk.open(tmp_path / "ws") as ws:
        assert ws.track(networks, start=START, chunk_s=3).notes[-1].count(Noted.note) == 2


def test_what_cannot_be_cut_is_refused(cameras: list[dict[str, Any]], tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        with pytest.raises(InputError, match="not cut in chunks"):
            ws.track([{"camera_id": "a", "video": "rtsp://127.0.0.1:9/none"}], seconds=5, workers=2)
        with pytest.raises(InputError, match="one place"):
            ws.track(cameras, start=START, workers=2, cluster="tcp://127.0.0.1:1")
        with pytest.raises(InputError, match="no frame"):
            ws.track(cameras, start=START, chunk_s=0)
        assert list((tmp_path / "ws" / "tmp").iterdir()) == []
