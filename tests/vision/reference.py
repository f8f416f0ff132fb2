"""trackeval, as it scores MOT Challenge files: the reference of our figures."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from trackeval.datasets import MotChallenge2DBox
from trackeval.metrics import CLEAR, HOTA, Identity

from dwell_kit.vision.track_table import TrackTable


def score_files(truth: Path, tracks: Path, scratch: Path, *, frames: int, benchmark: str) -> dict[str, float]:
    """Every figure of one sequence, read, prepared and scored by trackeval itself."""
    (scratch / "gt" / "it" / "gt").mkdir(parents=True)
    (scratch / "tracks" / "them" / "data").mkdir(parents=True)
    (scratch / "gt" / "it" / "gt" / "gt.txt").write_bytes(truth.read_bytes())
    (scratch / "tracks" / "them" / "data" / "it.txt").write_bytes(tracks.read_bytes())
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = MotChallenge2DBox({
            "GT_FOLDER": str(scratch / "gt"), "TRACKERS_FOLDER": str(scratch / "tracks"), "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": {"it": frames}, "TRACKERS_TO_EVAL": ["them"], "BENCHMARK": benchmark,
            "PRINT_CONFIG": False,
        })  # fmt: skip
        raw = dataset.get_raw_seq_data("them", "it")
        return _score(dataset.get_preprocessed_seq_data(raw, "pedestrian"))


def score_tables(truth: TrackTable, tracks: TrackTable, *, frames: int) -> dict[str, float]:
    """The figures of two tables; overlaps by trackeval, too."""
    sides = [_by_frame(table, frames) for table in (truth, tracks)]
    with contextlib.redirect_stdout(io.StringIO()):
        return _score({
            "num_timesteps": frames,
            "gt_ids": sides[0][0], "tracker_ids": sides[1][0],
            "num_gt_ids": len(np.unique(truth.track_id)), "num_tracker_ids": len(np.unique(tracks.track_id)),
            "num_gt_dets": len(truth), "num_tracker_dets": len(tracks),
            "similarity_scores": [
                MotChallenge2DBox._calculate_box_ious(a, b, box_format="x0y0x1y1")
                for a, b in zip(sides[0][1], sides[1][1], strict=True)
            ],
        })  # fmt: skip


def _by_frame(table: TrackTable, frames: int) -> tuple[list[Any], list[Any]]:
    codes = np.unique(table.track_id, return_inverse=True)[1]
    rows = [np.flatnonzero(table.frame == frame) for frame in range(1, frames + 1)]
    return [codes[r] for r in rows], [table.xyxy[r] for r in rows]


def _score(data: dict[str, Any]) -> dict[str, float]:
    with contextlib.redirect_stdout(io.StringIO()):
        h = HOTA().eval_sequence(data)
        c = CLEAR({"PRINT_CONFIG": False}).eval_sequence(data)
        i = Identity({"PRINT_CONFIG": False}).eval_sequence(data)
    names = {"hota": "HOTA", "det_a": "DetA", "ass_a": "AssA", "loc_a": "LocA", "det_re": "DetRe"}
    names |= {"det_pr": "DetPr", "ass_re": "AssRe", "ass_pr": "AssPr"}
    found = {ours: float(np.mean(h[theirs])) for ours, theirs in names.items()}
    found |= {n: float(c[n.upper()]) for n in ("mota", "motp", "moda", "idsw", "mt", "pt", "ml")}
    found |= {n: float(c[f"CLR_{n.upper()}"]) for n in ("tp", "fp", "fn")} | {"frag": float(c["Frag"])}
    return found | {n: float(i[n.upper()]) for n in ("idf1", "idp", "idr", "idtp", "idfp", "idfn")}
