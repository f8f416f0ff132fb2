"""WILDTRACK's boxes with ids hidden: read, associated, and scored against the ids."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from dwell_kit.vision.associate import Associator
from dwell_kit.vision.association_rules import AssociationRules
from dwell_kit.vision.calibration_files import load_calibration
from dwell_kit.vision.floor_boxes import on_shared_floor
from dwell_kit.vision.ground import Calibration

CAMERAS = ("CVLab1", "CVLab2", "CVLab3", "CVLab4", "IDIAP1", "IDIAP2", "IDIAP3")
STEP_S = 0.5


@dataclass(frozen=True)
class Wildtrack:
    """Boxes in the order of instant and camera: `instant`, `camera`, `person` (n,), `xyxy` (n, 4) px, and
    `cell_m` (n, 2), the middle of the person's cell on the floor."""

    cameras: tuple[Calibration, ...]
    instant: NDArray[np.int64]
    camera: NDArray[np.int64]
    person: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    cell_m: NDArray[np.float64]

    @property
    def instants(self) -> int:
        return int(self.instant.max()) + 1


def folder() -> Path:
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("DWELL_TESTDATA", default)) / "wildtrack"


@cache
def read(path: Path) -> Wildtrack:
    rows = []
    for instant, file in enumerate(sorted((path / "annotations_positions").glob("*.json"))):
        for person in json.loads(file.read_text()):
            cell = person["positionID"]
            place = -3 + 0.025 * (cell % 480), -9 + 0.025 * (cell // 480)
            for view in person["views"]:
                if view["xmin"] != -1:
                    box = [view[side] for side in ("xmin", "ymin", "xmax", "ymax")]
                    rows.append((instant, view["viewNum"], person["personID"], *box, *place))
    table = np.array(rows, np.float64)
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    numbers = table[:, :3].astype(np.int64)
    made = (
        load_calibration(path / "calibrations" / "intrinsic_zero" / f"intr_{name}.xml", unit="cm")
        for name in CAMERAS
    )
    return Wildtrack(tuple(made), *numbers.T, table[:, 3:7], table[:, 7:])


def associate(
    data: Wildtrack,
    rules: AssociationRules | None = None,
    *,
    xyxy: NDArray[np.float64] | None = None,
    tracks: bool = False,
) -> tuple[NDArray[np.int64], Associator]:
    """(n,) global ids of the boxes; `tracks` gives each camera's own tracks as well, free of errors."""
    rules = rules or AssociationRules()
    boxes = data.xyxy if xyxy is None else xyxy
    who = Associator(first_id=1, rules=rules)
    raw = np.empty(len(boxes), np.int64)
    for instant in range(data.instants):
        seen = [np.flatnonzero((data.instant == instant) & (data.camera == c)) for c in range(len(CAMERAS))]
        floor = on_shared_floor(
            [camera.footing(boxes[rows]) for camera, rows in zip(data.cameras, seen, strict=True)],
            tracks=[data.person[rows] for rows in seen] if tracks else None,
            across=rules.foot_across,
            along=rules.foot_along,
        )
        raw[np.concatenate(seen)] = who.step(instant * STEP_S, floor).raw_id
    return who.log.resolve(raw), who


def idf1(truth: NDArray[np.int64], found: NDArray[np.int64]) -> float:
    """IDF1 where the boxes are the truth's own: the share of boxes in the best one-to-one match of ids."""
    _, a = np.unique(truth, return_inverse=True)
    _, b = np.unique(found, return_inverse=True)
    together = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(together, (a, b), 1)
    return float(together[linear_sum_assignment(-together)].sum() / len(truth))


def pairs(data: Wildtrack, found: NDArray[np.int64]) -> tuple[float, float]:
    """Precision and recall of "these two boxes of an instant are one person", over all pairs of boxes."""
    right = said = true = 0
    for instant in range(data.instants):
        rows = data.instant == instant
        upper = np.triu(np.ones((rows.sum(), rows.sum()), np.bool_), 1)
        same = (found[rows][:, None] == found[rows][None]) & upper
        is_same = (data.person[rows][:, None] == data.person[rows][None]) & upper
        right, said, true = right + (same & is_same).sum(), said + same.sum(), true + is_same.sum()
    return right / said, right / true
