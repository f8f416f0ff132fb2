"""People across the seven cameras of WILDTRACK: how well, how fast, and how much that hangs on each parameter."""

from __future__ import annotations

import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.wildtrack import associate, folder, idf1, pairs, read
from dwell_kit.vision.association_rules import AssociationRules

TARGET = "IDF1 ≥ 0.90"


def run(_scratch: Path) -> list[dict[str, Any]]:
    """Rows of the results table: the default, harder and easier boxes, each parameter 20 % lower and higher."""
    data = read(folder())
    started = time.perf_counter()
    found, _ = associate(data)
    took_ms = (time.perf_counter() - started) / data.instants * 1e3
    precision, recall = pairs(data, found)
    rows: list[dict[str, Any]] = [
        {
            "work": "default",
            "idf1": round(idf1(data.person, found), 4),
            "pair_precision": round(precision, 4),
            "pair_recall": round(recall, 4),
            "persons": f"{len(np.unique(found))} for {len(np.unique(data.person))}",
            "ms_an_instant": round(took_ms, 1),
            "target": TARGET,
        }
    ]
    tracked, who = associate(data, tracks=True)
    rows.append(
        {
            "work": "each camera's tracks given",
            "idf1": round(idf1(data.person, tracked), 4),
            "persons": f"{len(np.unique(tracked))}, {len(who.log.links)} links",
        }
    )
    rows += [_blurred(share) for share in (0.01, 0.02, 0.03)]
    return rows + sensitivity()


def sensitivity() -> list[dict[str, Any]]:
    """One row per parameter that matters without tracks and looks: IDF1 at −20 % and +20 %."""
    data, rules, rows = read(folder()), AssociationRules(), []
    idle = ("confirm", "settle", "held_sigma2", "look_m", "look_sigma2", "look_threshold", "forget_s", "speed_m_s")
    for one in fields(rules):
        if one.name in idle:  # they act on tracks and looks only, and WILDTRACK comes with neither
            continue
        value = getattr(rules, one.name)
        low, high = (
            idf1(data.person, associate(data, replace(rules, **{one.name: value * by}))[0]) for by in (0.8, 1.2)
        )
        rows.append({"work": f"{one.name} {value} ± 20 %", "idf1": f"{low:.4f}, {high:.4f}", "target": TARGET})
    return rows


def _blurred(share: float) -> dict[str, Any]:
    """Every side of every box off by a normal error of that share of its height."""
    data = read(folder())
    height = (data.xyxy[:, 3] - data.xyxy[:, 1])[:, None]
    blurred = data.xyxy + np.random.default_rng(0).normal(0, share, data.xyxy.shape) * height
    found, _ = associate(data, xyxy=blurred)
    return {"work": f"boxes off by {share:.0%} of their height", "idf1": round(idf1(data.person, found), 4)}
