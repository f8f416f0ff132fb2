"""The offline detector with each of its parameters 20 % lower and higher: no figure hangs by a thread.

`python -m benchmarks.offline_detector [PARAMETER …]`: View_001 against its truth, and the clip, in one pass each.
"""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from benchmarks.view001 import clip_figures, figures, rounded
from dwell_kit.vision.offline_rules import OfflineRules

SHOWN = (
    "detection_f1", "hota", "idf1", "mota", "foot_median_m", "person_s_off", "persons_low", "persons_high",
    "clip_tracks", "clip_frames_with_somebody", "clip_frames_with_several",
)  # fmt: skip
SHARES = (0.8, 1.2)


def row(what: str, rules: OfflineRules) -> dict[str, Any]:
    said = rounded({**figures(rules), **clip_figures(rules)})
    return {"parameters": what, **{name: said[name] for name in SHOWN}}


def run(_scratch: Path | None = None, only: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The defaults, and each parameter lower and higher."""
    usual = OfflineRules()
    rows = [row("as they are", usual)]
    print(rows[-1], flush=True)
    for field in fields(usual):
        if only and field.name not in only:
            continue
        for share in SHARES:
            value = share * getattr(usual, field.name)
            rows.append(row(f"{field.name} = {value:g}", replace(usual, **{field.name: value})))
            print(rows[-1], flush=True)
    return rows


if __name__ == "__main__":
    run(only=tuple(sys.argv[1:]))
