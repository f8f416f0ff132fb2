"""Two rendered cameras on one floor with a shop on it, who walks there, and what is true of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from dwell_kit.schema import columns as c
from dwell_kit.schema.geometry import Zone
from dwell_kit.schema.tables import POSITIONS
from dwell_kit.simulate.video import RenderedCamera, RenderedVideo, Shown, Walker, write_pairs, write_pictures

FPS: Final = 5.0
SECONDS: Final = 20.0
CAMERAS: Final = (
    RenderedCamera(camera_id="south", place_m=(0, -9, 3.5), pitch_deg=18, width=320, height=240, focal_px=280),
    RenderedCamera(
        camera_id="west", place_m=(-9, 1, 3.5), heading_deg=90, pitch_deg=18, width=320, height=240, focal_px=280
    ),
)
WALKERS: Final = (
    Walker(name="ann", stops=((2, -3, 2.5), (6, 0, 2.5), (14, 0, 2.5), (18, 3, 2.5))),
    Walker(name="bob", stops=((4, 2, -1), (15, -2, -1)), coat=(60, 60, 170), trousers=(40, 40, 40)),
)
SHOP: Final = Zone("shop", ((-0.6, 1.5), (1, 1.5), (1, 4), (-0.6, 4)))


@dataclass(frozen=True)
class Scene:
    """What was written: how `Workspace.track` takes the cameras, and who was in each picture of each of them."""

    cameras: list[dict[str, Any]]
    shown: dict[str, list[list[Shown]]]

    def seen_s(self, name: str) -> float:
        """How long a walker was in the view of any camera."""
        return len(self._seen(name)) / FPS

    def walked_m(self, name: str) -> float:
        """How far a walker went, from picture to picture, while in the view of any camera."""
        seen = self._seen(name)
        return sum(float(np.hypot(*np.subtract(seen[n + 1], seen[n]))) for n in seen if n + 1 in seen)

    def positions(self, start: datetime) -> pl.DataFrame:
        """Where walkers were whom a camera saw, as a frame of the positions contract; `start` is media time 0."""
        rows = [
            (walker.name, start + timedelta(seconds=number / FPS), number + 1, *place)
            for walker in WALKERS
            for number, place in self._seen(walker.name).items()
        ]
        names = (c.PERSON, c.TIME, c.FRAME, c.X_M, c.Y_M)
        return POSITIONS.conform(pl.DataFrame(rows, schema=names, orient="row").with_row_index(c.ROW_NO, offset=1))

    def _seen(self, name: str) -> dict[int, tuple[float, float]]:
        """Picture → place (m) of a walker in the view of any camera, in order."""
        found = {
            number: one.floor_m
            for pictures in self.shown.values()
            for number, shown in enumerate(pictures)
            for one in shown
            if one.name == name
        }
        return dict(sorted(found.items()))

    def truth(self) -> dict[str, float]:
        """What `Workspace.summary` should say, of the whole floor and (`shop_…`) of the shop."""
        times = [number / FPS for number in range(round(SECONDS * FPS))]
        inside = sum(
            bool(SHOP.contains(np.array([place]))[0])
            for walker in WALKERS
            for t in times
            if (place := walker.at(t)) is not None
        )
        present = [sum(walker.at(t) is not None for walker in WALKERS) for t in times]
        return {
            "unique_visitors": len(WALKERS),
            "peak_occupancy": max(present),
            "dwell_sum_s": sum(self.seen_s(walker.name) for walker in WALKERS),
            "shop_dwell_sum_s": inside / FPS,
        }


def write(folder: Path) -> Scene:
    """Render the scene: a folder of pictures and a calibration for each camera, and truth.json."""
    made = Scene([], {})
    for number, camera in enumerate(CAMERAS):
        name = camera.camera_id
        video = RenderedVideo(camera=camera, walkers=WALKERS, fps=FPS, seconds=SECONDS, seed=number)
        made.shown[name] = write_pictures(video, folder / name)
        pairs = write_pairs(camera, folder / f"{name}.csv")
        made.cameras.append({"camera_id": name, "video": folder / name, "fps": FPS, "calibration": pairs})
    (folder / "truth.json").write_text(json.dumps({"simulated": True, **made.truth()}, indent=2))
    return made
