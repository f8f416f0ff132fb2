"""View_001 in chunks beside the unbroken run: what the seams cost in figures against the truth, and in work.

`python -m benchmarks chunks`. Recordings: `DWELL_TESTDATA`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.view001 import DATA, FPS
from dwell_kit.vision.chunks import Recording, cut, watch
from dwell_kit.vision.detect import DetectorOptions
from dwell_kit.vision.evaluate import evaluate
from dwell_kit.vision.ground_truth import read_tracks
from dwell_kit.vision.stitch import Seams
from dwell_kit.vision.track_table import TrackTable

FRAMES = 795
WHOLE_S = 1e6
FOLDER = DATA / "pets2009_s2l1"


def stitched(detector: str, chunk_s: float) -> tuple[TrackTable, float]:
    """The tracks of the recording, and the seconds that all of its chunks took, one after another."""
    detections = FOLDER / "det.txt" if detector == "replay" else None
    recording = Recording(
        camera_id="view", video=str(FOLDER / "View_001.avi"), fps=FPS, frames=FRAMES, detector=detector,
        options=DetectorOptions(fps=FPS, detections=detections),
    )  # fmt: skip
    seams, parts = Seams(fps=FPS), []
    began = time.perf_counter()
    for chunk in cut(recording, chunk_s=chunk_s):
        parts.append(seams.join(watch(chunk).tracks, first=chunk.first))
    took_s = time.perf_counter() - began
    columns = ("xyxy", "frame", "track_id", "confidence")
    return TrackTable(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns)), took_s


def run(_scratch: Path | None = None) -> list[dict[str, Any]]:
    """A row for each detector and length of chunk."""
    truth = read_tracks(FOLDER / "PETS2009-S2L1.xml").table
    rows = []
    for detector in ("replay", "offline"):
        stitched(detector, WHOLE_S)  # kernels are compiled, files are in the page cache
        whole, _ = stitched(detector, WHOLE_S)
        for chunk_s in (WHOLE_S, 60.0, 30.0, 10.0):
            tracks, took_s = stitched(detector, chunk_s)
            real, same = evaluate(truth, tracks).as_dict(), evaluate(whole, tracks).as_dict()
            rows.append(
                {
                    "detector": detector,
                    "chunk_s": "unbroken" if chunk_s == WHOLE_S else chunk_s,
                    **{name: round(real[name], 3) for name in ("idf1", "hota", "mota")},
                    "tracks": real["tracks"],
                    **{f"{name}_beside_unbroken": round(same[name], 4) for name in ("idf1", "hota", "mota")},
                    "work_s": round(took_s, 1),
                }
            )
    return rows


if __name__ == "__main__":
    for row in run():
        print(row, flush=True)
