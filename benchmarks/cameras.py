"""Four live cameras on two cores: how long a frame takes to become a position; memory over an hour of video.

`python -m benchmarks cameras`. View_001 and the clip, twice each, decoded and shown at 7 frames a second as
cameras do: a frame that nobody took in time is gone. Latency is from the decoded frame to the moment when its
positions are in the run's journal on disk, from which they are stored even if the process is killed; meanwhile
they go into a workspace, every 20 s. Paths are not held back to be smoothed (`dwell track --lag 0`). Recordings:
`DWELL_TESTDATA`.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil

from benchmarks.measure import Cost, apart, peak_mib, report
from benchmarks.view001 import DATA
from dwell_kit.schema import columns as c
from dwell_kit.settings import Settings
from dwell_kit.vision.calibration_files import load_calibration
from dwell_kit.vision.joining import PipelineRules
from dwell_kit.vision.offline import OfflineDetector
from dwell_kit.vision.pipeline import CameraInput, Pipeline
from dwell_kit.vision.stream import Stream
from dwell_kit.vision.video import Frame, open_video
from dwell_kit.workspace.handle import open_handle
from dwell_kit.workspace.ingesting import Target
from dwell_kit.workspace.instalments import Instalments
from dwell_kit.workspace.run_state import Stored
from dwell_kit.workspace.storing import Storing

FPS = 7.0
WARM_UP_S, SECONDS = 10.0, 70.0
START = datetime(2025, 5, 1, 9, tzinfo=UTC)
VIEW = DATA / "pets2009_s2l1" / "View_001.avi"
CLIP = DATA / "clips" / "one-by-one-person-detection.mp4"
HOUR_FPS = 2.0
STORED_EVERY_S = 20.0


class Camera:
    """A capture that shows a recording at the pace of the clock, over and over; `lost` frames went by unread."""

    def __init__(self, path: Path, delay_s: float) -> None:
        self._path = path
        self._capture = cv2.VideoCapture(str(path))
        self._due_s = time.monotonic() + delay_s
        self.decoded_ms: list[float] = []
        self.lost = 0

    def read(self) -> tuple[bool, Any]:
        self._due_s += 1 / FPS
        while time.monotonic() > self._due_s + 1 / FPS:
            self.lost, self._due_s = self.lost + 1, self._due_s + 1 / FPS
            self._grab()
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        there, image = self._grab()
        self.decoded_ms.append(1000 * (time.monotonic() - self._due_s))
        return there, image

    def release(self) -> None:
        self._capture.release()

    def _grab(self) -> tuple[bool, Any]:
        there, image = self._capture.read()
        if not there:
            self._capture.release()
            self._capture = cv2.VideoCapture(str(self._path))
            there, image = self._capture.read()
        return there, image


class Source(Stream):
    """A stream that says how many frames wait in it."""

    def __init__(self, path: Path, delay_s: float) -> None:
        self.camera = Camera(path, delay_s)
        super().__init__(str(path), fps=FPS, connect=lambda *_: self.camera)

    @property
    def waiting(self) -> int:
        """Frames that were read and not taken yet."""
        return int(self._newest is not None)


def live(spread_s: float) -> dict[str, Any]:
    """Four cameras whose clocks are `spread_s` apart."""
    cv2.setNumThreads(1)  # cameras are what is done at the same time
    floor = load_calibration(VIEW.parent / "calibration" / "View_001.xml")
    sources = [Source(path, i * spread_s) for i, path in enumerate((VIEW, VIEW, CLIP, CLIP))]
    pipeline = Pipeline(
        [
            CameraInput(
                camera_id=f"{i}",
                video=source,
                detector=OfflineDetector(fps=FPS),
                calibration=floor if i < 2 else None,
            )
            for i, source in enumerate(sources)
        ],
        start=START,
        rules=PipelineRules(lag_s=0.0),
    )
    scratch = tempfile.TemporaryDirectory()
    ws = open_handle(Path(scratch.name) / "ws", create=True, settings=Settings())
    folder = ws.layout.temporary / "run.tracks"
    folder.mkdir()
    stored = Stored(title="cameras", start=START, target=Target(), tz="UTC")
    storing = Storing(Instalments(ws, folder, stored, lasting=True), pipeline, start=START, every_s=STORED_EVERY_S)
    late_ms: list[float] = []
    lost_at_first = 0
    queue = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.003):
            queue.append(max(source.waiting for source in sources))

    watcher = threading.Thread(target=watch)
    watcher.start()
    origin_s = time.monotonic()
    cpu_s = time.process_time()
    for batch in pipeline:
        storing.add(batch)
        now_s = time.monotonic()
        if batch.until_s > WARM_UP_S:
            at_s = (batch.rows[c.TIME] - START).dt.total_microseconds().to_numpy() / 1e6
            late_ms += (1000 * (now_s - origin_s - at_s)).tolist()
        else:
            lost_at_first = _lost(sources)
        if batch.until_s >= SECONDS:
            pipeline.stop()
    done.set()
    watcher.join()
    cpu_s = time.process_time() - cpu_s
    report_of_last = storing.finish(())
    storing.close()
    ws.database.dispose()
    scratch.cleanup()
    frames = sum(one.frames for one in pipeline.status)
    decoded_ms = [ms for source in sources for ms in source.camera.decoded_ms]
    shown = round(4 * SECONDS * FPS)
    return {
        "cameras": f"4, {1000 * spread_s:.0f} ms apart",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "frames": frames,
        "shown": shown,
        "dropped": _lost(sources) - lost_at_first,
        "dropped_in_first_10_s": lost_at_first,
        "positions": len(late_ms),
        "stored": report_of_last.notes[-1],
        "p50_ms": round(float(np.percentile(late_ms, 50)), 1),
        "p95_ms": round(float(np.percentile(late_ms, 95)), 1),
        "most_ms": round(max(late_ms), 1),
        "decoding_p95_ms": round(float(np.percentile(decoded_ms, 95)), 1),
        "waiting_at_most": max(queue),
        "ms_a_frame": round(sum(one.ms_per_frame for one in pipeline.status) / 4, 1),
        "machine_load": round(os.getloadavg()[0], 1),
        "cpu_s": round(cpu_s, 1),
    }


def _lost(sources: list[Source]) -> int:
    return sum(source.dropped + source.camera.lost for source in sources)


class Again:
    """View_001 over and over for an hour, at fewer frames a second."""

    name, fps, dropped, live = "view", HOUR_FPS, 0, False
    frames = int(3600 * HOUR_FPS)

    def __iter__(self) -> Iterator[Frame]:
        numbers = count(1)
        while True:
            for frame in open_video(VIEW, fps=self.fps):
                number = next(numbers)
                if number > self.frames:
                    return
                yield Frame(number, (number - 1) / self.fps, frame.image)

    def close(self) -> None:
        """Nothing is held."""


def hour() -> dict[str, Any]:
    """Resident memory after each ten minutes of media time, MiB."""
    floor = load_calibration(VIEW.parent / "calibration" / "View_001.xml")
    camera = CameraInput(
        camera_id="view", video=Again(), detector=OfflineDetector(fps=HOUR_FPS), calibration=floor
    )
    held, rows = [], 0
    for batch in Pipeline([camera], start=START):
        rows += batch.rows.height
        if batch.until_s % 600 == 0:
            held.append(round(psutil.Process().memory_info().rss / 2**20))
    return {"hour_of_video_mib_each_10_min": " ".join(map(str, held)), "positions": rows}


def run(_scratch: Path | None = None) -> list[dict[str, Any]]:
    """A row for cameras in step, for cameras that are not, and for the hour."""
    return [
        apart("benchmarks.cameras", "live", "0").result,
        apart("benchmarks.cameras", "live", str(1 / FPS / 4)).result,
        apart("benchmarks.cameras", "hour").result,
    ]


if __name__ == "__main__":
    began = time.perf_counter()
    said = live(float(sys.argv[2])) if sys.argv[1] == "live" else hour()
    report(Cost(time.perf_counter() - began, time.process_time(), round(peak_mib(), 1), said))
