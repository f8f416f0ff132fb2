"""10,000 events end to end: open, ingest, key figures."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.ingest import _warm
from benchmarks.measure import Cost, apart, report, timed


def dwell_kit(path: Path, scratch: Path) -> Cost:
    import dwell_kit as dk

    _warm(scratch)

    def job() -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=scratch) as folder, dk.open(Path(folder) / "w") as ws:
            found = ws.ingest(path)
            return {"accepted": found.accepted, "visits": ws.summary()["visits"]}

    return timed(job)


def run(scratch: Path) -> list[dict[str, Any]]:
    """Rows of the results table."""
    from dwell_kit.simulate.bulk import simulate_big

    path = scratch / "small.csv"
    simulate_big(rows=10_000, seed=3, out=path)
    apart("benchmarks.small", str(path), str(scratch))
    cost = apart("benchmarks.small", str(path), str(scratch), repeat=3)
    return [
        {
            "work": "10,000 events: open, ingest, key figures",
            "ours_s": cost.wall_s,
            "ours_mib": cost.peak_mib,
            "target": "well under 1 s",
            "detail": cost.result,
        }
    ]


if __name__ == "__main__":
    report(dwell_kit(Path(sys.argv[1]), Path(sys.argv[2])))
