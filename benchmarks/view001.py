"""PETS View_001 from the film to the floor: the offline detector and the tracker against the real ground truth.

`python -m benchmarks.view001`. Recordings: `DWELL_TESTDATA`. Nothing is filled in or looked up afterwards: what is
scored is what a live run would have shown, each person from the frame on in which they are confirmed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl

from dwell_kit.analytics.tracklets import compute_person_band
from dwell_kit.schema import columns as c
from dwell_kit.vision.boxes import Detections
from dwell_kit.vision.calibration_files import load_calibration
from dwell_kit.vision.detection import compute_detection, compute_ground_error
from dwell_kit.vision.evaluate import evaluate
from dwell_kit.vision.ground_truth import read_tracks
from dwell_kit.vision.offline import OfflineDetector
from dwell_kit.vision.offline_rules import OfflineRules
from dwell_kit.vision.track import Tracker
from dwell_kit.vision.track_table import UNTRACKED, TrackTable
from dwell_kit.vision.video import open_video

FPS = 7.0
DATA = Path(os.environ.get("DWELL_TESTDATA", Path(__file__).parents[2] / "shared" / "data"))


def detect(path: Path, *, fps: float, rules: OfflineRules | None = None) -> tuple[list[Detections], list[float]]:
    """Detections of each frame, and what each took, ms, on one thread."""
    cv2.setNumThreads(1)
    detector = OfflineDetector(fps=fps, rules=rules)
    found, took = [], []
    for frame in open_video(path, fps=fps):
        began = time.perf_counter()
        found += detector.detect([frame.image])
        took.append(1000 * (time.perf_counter() - began))
    return found, took


def untracked(found: Sequence[Detections]) -> TrackTable:
    """Detections as a table."""
    return TrackTable(
        np.concatenate([one.xyxy for one in found]),
        np.repeat(np.arange(1, len(found) + 1), [len(one) for one in found]),
        np.full(sum(map(len, found)), UNTRACKED),
        np.concatenate([one.confidence for one in found]),
    )


def tracked(found: Sequence[Detections], *, fps: float) -> TrackTable:
    """What the tracker makes of them."""
    tracker = Tracker("view", fps=fps)
    return TrackTable.of((number, tracker.step(one)) for number, one in enumerate(found, start=1))


def as_positions(tracks: TrackTable, *, fps: float) -> pl.DataFrame:
    """The tracks of one camera in the columns of the positions contract."""
    corner, size = tracks.xyxy[:, :2], tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]
    since = datetime(2025, 5, 1, tzinfo=UTC)
    return pl.DataFrame(
        {
            c.PERSON: tracks.track_id.astype(str),
            c.CAMERA: ["view"] * len(tracks),
            c.TIME: [since + timedelta(seconds=float(at)) for at in tracks.frame / fps],
            c.X_M: pl.Series([None] * len(tracks), dtype=pl.Float64),
            c.Y_M: pl.Series([None] * len(tracks), dtype=pl.Float64),
            c.BOX_X: corner[:, 0],
            c.BOX_Y: corner[:, 1],
            c.BOX_W: size[:, 0],
            c.BOX_H: size[:, 1],
        }
    )


def figures(rules: OfflineRules | None = None) -> dict[str, Any]:
    """Detection, tracking, foot error, presence and speed of one pass."""
    folder = DATA / "pets2009_s2l1"
    truth = read_tracks(folder / "PETS2009-S2L1.xml").table
    found, took = detect(folder / "View_001.avi", fps=FPS, rules=rules)
    tracks = tracked(found, fps=FPS)
    seen = compute_detection(truth, untracked(found))
    said = evaluate(truth, tracks).as_dict()
    (band,) = compute_person_band(as_positions(tracks, fps=FPS)).rows(named=True)
    feet = compute_ground_error(truth, tracks, load_calibration(folder / "calibration" / "View_001.xml").camera)
    return {
        "detection_f1": seen.f1,
        "precision": seen.precision,
        "recall": seen.recall,
        "tracks_f1": said["f1"],
        **{name: said[name] for name in ("hota", "idf1", "mota", "idsw", "tracks", "true_persons")},
        "persons_low": band["low"],
        "persons_high": band["high"],
        "foot_median_m": feet.median_m,
        "foot_p95_m": feet.p95_m,
        "person_s": len(tracks) / FPS,
        "true_person_s": len(truth) / FPS,
        "person_s_off": len(tracks) / len(truth) - 1,
        "mean_occupancy": len(tracks) / len(found),
        "true_mean_occupancy": len(truth) / len(found),
        "ms_median": float(np.median(took)),
        "ms_p95": float(np.percentile(took, 95)),
    }


def clip_figures(rules: OfflineRules | None = None) -> dict[str, Any]:
    """The clip of single people walking past; it has no truth but that they come one by one."""
    found, took = detect(DATA / "clips" / "one-by-one-person-detection.mp4", fps=10.0, rules=rules)
    tracks = tracked(found, fps=10.0)
    persons = np.bincount(tracks.frame, minlength=len(found) + 1)[1:]
    return {
        "clip_tracks": len(np.unique(tracks.track_id)),
        "clip_frames_with_somebody": float((persons > 0).mean()),
        "clip_frames_with_several": float((persons > 1).mean()),
        "clip_ms_median": float(np.median(took)),
    }


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """For people."""
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()}


def run(_scratch: Path | None = None) -> list[dict[str, Any]]:
    """One row."""
    return [rounded({**figures(), **clip_figures()})]


if __name__ == "__main__":
    for name, value in run()[0].items():
        print(f"{name:28} {value}")
