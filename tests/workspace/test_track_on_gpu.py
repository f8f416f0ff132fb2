"""Cameras tracked on a GPU, where there is one: in this process, and by workers that were started with it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.simulate import scene
from dwell_kit.simulate.video import RenderedVideo, write_pictures
from tests.jobs.clusters import started
from tests.vision import networks

START = datetime(2025, 5, 1, 9, tzinfo=UTC)
FPS = scene.FPS


def tracked(folder: Path, device: str, *, embedder: Path, **where: Any) -> pl.DataFrame:
    """The positions of two cameras that a network watched."""
    cameras = [
        {
            "camera_id": name, "video": folder / name, "fps": FPS, "detector": "yolo",
            "weights": folder / "yolo.pt", "device": device,
        }
        for name in ("door", "yard")
    ]  # fmt: skip
    with dk.open(folder / f"{device} {len(where)}") as ws:
        ws.track(cameras, start=START, embedder="clip", embedder_weights=str(embedder), device=device, **where)
        return ws.positions(as_="polars").select("camera_id", "frame", pl.col("^box_.$").round(0)).sort(pl.all())


@pytest.mark.slow
def test_a_run_on_a_gpu_finds_what_one_on_the_cpu_finds(tmp_path: Path) -> None:
    networks.needs("torch", "ultralytics", "transformers")
    import torch

    if not torch.cuda.is_available():
        pytest.skip("torch sees no GPU")
    for name in ("door", "yard"):
        write_pictures(RenderedVideo(camera=scene.CAMERAS[0], walkers=(), fps=FPS, seconds=4), tmp_path / name)
    networks.write_checkpoint(tmp_path / "yolo.pt")
    clip = networks.write_clip(tmp_path / "clip")
    expected = tracked(tmp_path, "cpu", embedder=clip)
    assert expected.height > 20
    assert tracked(tmp_path, "cuda", embedder=clip).height == pytest.approx(expected.height, rel=0.05)
    with started(GPU=1) as cluster:
        spread = tracked(tmp_path, "cuda:0", embedder=clip, cluster=cluster.scheduler_address, chunk_s=2)
    assert spread.height == pytest.approx(expected.height, rel=0.05)
