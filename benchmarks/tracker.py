"""The tracker beside those of roboflow `trackers` and Ultralytics: speed, and figures on public detections.

Peers are used where they can be imported (`pip install trackers ultralytics`, in an environment of their own:
Ultralytics is AGPL and brings torch); who is absent is said.
Every one has its own defaults, at the frame rate of the recording. Recordings: `DWELL_TESTDATA`.
"""

from __future__ import annotations

import os
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from dwell_kit.vision.boxes import Detections, Tracks
from dwell_kit.vision.evaluate import evaluate
from dwell_kit.vision.ground_truth import read_pair
from dwell_kit.vision.track import Tracker
from dwell_kit.vision.track_table import TrackTable

OURS = "dwell_kit"
PEOPLE = 100
RECORDINGS = (
    ("TUD-Campus", "tud/TUD-Campus/gt.txt", "tud/TUD-Campus/det.txt", 25.0),
    ("TUD-Stadtmitte", "tud/TUD-Stadtmitte/gt.txt", "tud/TUD-Stadtmitte/det.txt", 25.0),
    ("PETS S2.L1", "pets2009_s2l1/PETS2009-S2L1.xml", "pets2009_s2l1/det.txt", 7.0),
)
TARGETS = {"trackers ByteTrack": 20, "ultralytics BYTETracker": 30}

Prepare = Callable[[Detections], Any]
Step = Callable[[Any], Any]
Read = Callable[[Any], Tracks]
Engine = tuple[Prepare, Step, Read]
"""A detection as the engine takes it, one frame of tracking (this is timed), and its answer as ours."""


def dwell_kit(fps: float) -> Engine:
    return (lambda d: d), Tracker("bench", fps=fps).step, (lambda tracks: tracks)


def roboflow(name: str, fps: float) -> Engine:
    import supervision as sv
    import trackers

    more = {} if name == "ByteTrackTracker" else {"enable_cmc": False}
    tracker = getattr(trackers, name)(frame_rate=fps, **more)

    def prepare(d: Detections) -> Any:
        return sv.Detections(xyxy=d.xyxy.copy(), confidence=d.confidence.copy(), class_id=d.class_id.copy())

    def read(answer: Any) -> Tracks:
        if not len(answer):
            return Tracks.empty()
        known = answer.tracker_id >= 0
        return Tracks(answer.xyxy[known], answer.tracker_id[known], answer.confidence[known])

    return prepare, tracker.update, read


def ultralytics(name: str, fps: float) -> Engine:
    from ultralytics.engine.results import Boxes
    from ultralytics.trackers import BOTSORT, BYTETracker
    from ultralytics.utils import YAML, IterableSimpleNamespace
    from ultralytics.utils.checks import check_yaml

    kind = BYTETracker if name == "BYTETracker" else BOTSORT
    said = IterableSimpleNamespace(
        **YAML.load(check_yaml(f"{'bytetrack' if kind is BYTETracker else 'botsort'}.yaml"))
    )
    said.gmc_method = "none"
    said.track_buffer = round(said.track_buffer * fps / 30)
    tracker = kind(said)

    def prepare(d: Detections) -> Any:
        rows = np.column_stack((d.xyxy, d.confidence, d.class_id)).astype(np.float32)
        return Boxes(rows, (1080, 1920))

    def read(rows: Any) -> Tracks:
        rows = np.asarray(rows, np.float64).reshape(-1, 8)
        return Tracks(rows[:, :4], rows[:, 4].astype(np.int64), rows[:, 5])

    return prepare, tracker.update, read


ENGINES: dict[str, tuple[str | None, Callable[[float], Engine]]] = {
    OURS: (None, dwell_kit),
    "trackers ByteTrack": ("trackers", lambda fps: roboflow("ByteTrackTracker", fps)),
    "trackers BoT-SORT, no camera motion": ("trackers", lambda fps: roboflow("BoTSORTTracker", fps)),
    "ultralytics BYTETracker": ("ultralytics", lambda fps: ultralytics("BYTETracker", fps)),
    "ultralytics BOTSORT, no camera motion": ("ultralytics", lambda fps: ultralytics("BOTSORT", fps)),
}


def crowd(frames: int, seed: int = 7) -> list[Detections]:
    """`PEOPLE` boxes a frame on 1920 × 1080: people walking, jitter, one in twenty a stray box instead."""
    rng = np.random.default_rng(seed)
    size = np.column_stack((rng.uniform(30, 50, PEOPLE), rng.uniform(80, 130, PEOPLE)))
    middle = rng.uniform((0, 0), (1920, 1080), (PEOPLE, 2))
    step = rng.normal(0, 2, (PEOPLE, 2))
    made = []
    for _ in range(frames):
        middle += step
        step[(middle < 0) | (middle > (1920, 1080))] *= -1
        stray = rng.random(PEOPLE)[:, None] < 0.05
        seen = np.where(stray, rng.uniform((0, 0), (1920, 1080), (PEOPLE, 2)), middle) + rng.normal(
            0, 1, (PEOPLE, 2)
        )
        confidence = np.where(stray[:, 0], 0.3, rng.uniform(0.3, 1, PEOPLE))
        made.append(
            Detections(np.hstack((seen - size / 2, seen + size / 2)), confidence, np.zeros(PEOPLE, np.int64))
        )
    return made


def ms_a_frame(make: Callable[[float], Engine], frames: list[Detections]) -> float:
    """Median time of a step, after a warm-up of 30 frames."""
    prepare, step, _ = make(25.0)
    times = []
    for given in map(prepare, frames):
        begun = time.perf_counter()
        step(given)
        times.append(time.perf_counter() - begun)
    return 1000 * statistics.median(times[30:])


def scores(make: Callable[[float], Engine], folder: Path) -> dict[str, dict[str, float]]:
    """IDF1, HOTA, MOTA and switches on each recording."""
    found = {}
    for name, truth, detections, fps in RECORDINGS:
        pair = read_pair(folder / truth, folder / detections)
        prepare, step, read = make(fps)
        table = TrackTable.of((frame, read(step(prepare(d)))) for frame, d in pair.tracks.detections())
        said = evaluate(pair.truth, table).as_dict()
        found[name] = {k: round(said[k], 3) for k in ("idf1", "hota", "mota", "idsw")}
    return found


def run(_scratch: Path | None = None, rounds: int = 3) -> list[dict[str, Any]]:
    """Rows of the results table; rounds alternate between the engines, the best of each counts."""
    here = {name: make for name, (package, make) in ENGINES.items() if package is None or find_spec(package)}
    frames = crowd(180)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        took = [{name: ms_a_frame(make, frames) for name, make in here.items()} for _ in range(rounds)]
        best = {name: min(one[name] for one in took) for name in here}
        folder = Path(os.environ.get("DWELL_TESTDATA", Path(__file__).parents[2] / "shared" / "data"))
        quality = {name: scores(make, folder) for name, make in here.items()} if folder.is_dir() else {}
    return [_row(name, best, quality.get(name, {})) for name in ENGINES]


def _row(name: str, best: dict[str, float], quality: dict[str, dict[str, float]]) -> dict[str, Any]:
    row: dict[str, Any] = {"tracker": name}
    if name not in best:
        return {**row, f"ms_a_frame_{PEOPLE}_boxes": "absent: not installed"}
    row[f"ms_a_frame_{PEOPLE}_boxes"] = round(best[name], 3)
    row["ours_is_faster"] = "" if name == OURS else f"{best[name] / best[OURS]:.1f} x"
    row["target"] = f">= {TARGETS[name]} x" if name in TARGETS else ""
    for recording, said in quality.items():
        row[recording] = "IDF1 {idf1:.3f} HOTA {hota:.3f} MOTA {mota:.3f} IDSW {idsw}".format(**said)
    return {**row, "detail": quality}


if __name__ == "__main__":
    for line in run():
        print("  ".join(f"{k}: {v}" for k, v in line.items() if k != "detail"))
