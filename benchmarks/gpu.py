"""What a GPU does of it, beside this machine's CPU: detection, looks, a gallery, and fifty cameras at once.

`python -m benchmarks gpu`, where torch sees a GPU (and FAISS, for the gallery); elsewhere one row says so.
Networks have the sizes that people use and random weights, which cost as much time as trained ones; what they find
means nothing, so that fifty cameras are followed by recorded detections, after the network was shown each frame.
Recordings: `DWELL_TESTDATA`.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gallery import BATCH, SIZE, looks
from benchmarks.view001 import DATA
from dwell_kit.schema.outlines import Points
from dwell_kit.vision import embedders
from dwell_kit.vision.boxes import Detections
from dwell_kit.vision.calibration_files import load_calibration
from dwell_kit.vision.detect import Detector, DetectorOptions, make
from dwell_kit.vision.embed import Embedder
from dwell_kit.vision.gallery import Gallery, gpus
from dwell_kit.vision.ground import Calibration
from dwell_kit.vision.ground_truth import read_tracks
from dwell_kit.vision.pipeline import CameraInput, Pipeline
from dwell_kit.vision.replay import ReplayDetector
from dwell_kit.vision.track_table import TrackTable
from dwell_kit.vision.ultralytics_import import import_tasks
from dwell_kit.vision.video import Frame, open_video

FPS, CAMERAS, INSTANTS, WARM_UP = 7.0, 50, 120, 20
VIEW = DATA / "pets2009_s2l1" / "View_001.avi"
START = datetime(2025, 5, 1, 9, tzinfo=UTC)
_APART_M = 1000.0


def run(_scratch: Path | None = None) -> list[dict[str, Any]]:
    """Rows of the results table: the CPU, then the first GPU that torch sees."""
    return list(rows())


def rows() -> Iterator[dict[str, Any]]:
    """The same, each as soon as it is measured."""
    if find_spec("torch") is None:
        yield {"device": "any", "work": "torch is not installed"}
        return
    import torch

    with tempfile.TemporaryDirectory() as folder:
        yolo, clip = _yolo(Path(folder)), _clip(Path(folder))
        for device in ("cpu", "cuda:0"):
            if device != "cpu" and not torch.cuda.is_available():
                yield {"device": "GPU", "work": "torch sees none"}
                continue
            name = f"{os.cpu_count()} cores" if device == "cpu" else torch.cuda.get_device_name(0)
            detector = make("yolo", DetectorOptions(fps=FPS, weights=yolo, device=device))
            embedder = embedders.make("clip", embedders.EmbedderOptions(weights=str(clip), device=device))
            for row in _detection(detector):
                yield {"device": name, **row}
            yield {"device": name, **_looks(embedder)}
            if device != "cpu":
                yield {"device": name, **_cameras(detector, embedder)}
    yield {"device": "CPU", **_search(gpu=False)}
    yield {"device": "GPU", **_search(gpu=True)} if gpus() else {"device": "GPU", "work": "FAISS sees none"}


def _yolo(folder: Path) -> Path:
    """YOLO11n as it is before its training."""
    tasks = import_tasks()
    import torch

    torch.manual_seed(1)
    model = tasks.DetectionModel("yolo11n.yaml", verbose=False)
    model.names, model.task = {0: "person", **{i: f"thing {i}" for i in range(1, 80)}}, "detect"
    model.args = {"imgsz": 640, "task": "detect"}
    path = folder / "yolo11n.pt"
    torch.save({"epoch": -1, "model": model, "ema": None, "train_args": model.args}, path)
    return path


def _clip(folder: Path) -> Path:
    """CLIP ViT-B/32 as it is before its training."""
    from dwell_kit.vision.torchvision_import import make_importable

    make_importable()
    from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModelWithProjection

    CLIPVisionModelWithProjection(CLIPVisionConfig()).save_pretrained(folder / "clip")
    CLIPImageProcessorPil().save_pretrained(folder / "clip")
    return folder / "clip"


def _median_ms(job: Callable[[], object], *, repeat: int) -> float:
    job()
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        job()  # answers come back to the CPU: nothing is left to be waited for
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def _detection(detector: Detector) -> Iterator[dict[str, Any]]:
    pictures = [frame.image for frame, _ in zip(open_video(VIEW, fps=FPS), range(CAMERAS), strict=False)]
    for n in (1, 4, CAMERAS):
        ms = _median_ms(partial(detector.detect, pictures[:n]), repeat=20 if n < CAMERAS else 7)
        work = f"YOLO11n at 640, {n} pictures of 768 × 576 at once"
        yield {"work": work, "ms": round(ms, 1), "ms each": round(ms / n, 2), "target": "< 50 each"}


def _looks(embedder: Embedder) -> dict[str, Any]:
    frame = next(iter(open_video(VIEW, fps=FPS)))
    rng = np.random.default_rng(0)
    corner = rng.uniform([0, 0], [700, 450], (20, 2))
    boxes = np.concatenate([corner, corner + np.array([40, 110])], axis=1)
    ms = _median_ms(lambda: embedder.embed(frame.image, boxes), repeat=10)
    return {
        "work": "CLIP ViT-B/32, 20 persons",
        "ms": round(ms, 1),
        "ms each": round(ms / 20, 2),
        "target": "< 20 each",
    }


def _search(*, gpu: bool) -> dict[str, Any]:
    made = Gallery(environment="bench", size=SIZE, gpu=gpu)
    made.add(looks(100_000, 0), np.arange(100_000), np.zeros(100_000, np.int64))
    asked = looks(BATCH, 1)
    ms = _median_ms(lambda: made.search(asked), repeat=20)
    return {"work": f"gallery, {BATCH} looks in 100,000 × {SIZE}", "ms": round(ms, 2), "target": "< 20"}


class _Shown:
    """Frames of View_001 that are decoded already, over and over, each camera beginning with another one."""

    name, fps, dropped, live, frames = "view", FPS, 0, False, INSTANTS

    def __init__(self, frames: Sequence[Frame], first: int) -> None:
        self._frames, self._first = frames, first

    def __iter__(self) -> Iterator[Frame]:
        for i in range(INSTANTS):
            yield Frame(i + 1, i / FPS, self._frames[(self._first + i) % len(self._frames)].image)

    def close(self) -> None:
        """Nothing is held."""


class _Recorded:
    """Lets the network see each picture, and says what was recorded of it."""

    shared, note = True, ""

    def __init__(self, network: Detector, frames: Sequence[Frame], table: TrackTable) -> None:
        self._network = network
        recorded = ReplayDetector(table)
        self._found: dict[int, Detections] = {}
        for frame in frames:
            recorded.seek(frame.number)
            (self._found[id(frame.image)],) = recorded.detect([frame.image])

    def detect(self, images: Sequence[Any]) -> list[Detections]:
        self._network.detect(images)
        return [self._found[id(image)] for image in images]


class _Elsewhere:
    """The same camera on another site."""

    def __init__(self, camera: Any, east_m: float) -> None:
        self._camera, self._move = camera, np.array([east_m, 0.0])

    def to_floor(self, points: Points) -> Points:
        return np.asarray(self._camera.to_floor(points) + self._move)

    def to_image(self, points: Points) -> Points:
        return np.asarray(self._camera.to_image(points - self._move))


def _cameras(detector: Detector, embedder: Embedder) -> dict[str, Any]:
    """Fifty cameras, two to a site: what an instant takes from its pictures to the positions of all."""
    frames = [frame for frame, _ in zip(open_video(VIEW, fps=FPS), range(200), strict=False)]
    both = _Recorded(detector, frames, read_tracks(VIEW.parent / "det.txt").table)
    floor = load_calibration(VIEW.parent / "calibration" / "View_001.xml")

    def site(i: int) -> Calibration:
        return replace(floor, camera=_Elsewhere(floor.camera, i // 2 * _APART_M))

    cameras = [
        CameraInput(camera_id=str(i), video=_Shown(frames, 3 * (i // 2)), detector=both, calibration=site(i))
        for i in range(CAMERAS)
    ]
    at_s, positions = [time.perf_counter()], 0
    for batch in Pipeline(cameras, start=START, embedder=embedder):
        at_s.append(time.perf_counter())
        positions += batch.rows.height
    took_ms = [1000 * (b - a) for a, b in pairwise(at_s)][WARM_UP:-1]
    return {
        "work": f"{CAMERAS} cameras, pictures to {positions:,} positions on the floor",
        "ms": round(statistics.median(took_ms), 1),
        "p95 ms": round(float(np.percentile(took_ms, 95)), 1),
        "cameras at 7 fps": round(CAMERAS * 1000 / FPS / statistics.mean(took_ms)),
        "target": "50 cameras",
    }


if __name__ == "__main__":
    for one in rows():
        print(one, flush=True)
