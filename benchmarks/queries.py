"""Dashboard queries on 10 M stored sightings, each with a filter never seen in that process."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Cost, apart, report, timed

QUERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "KPIs": ("summary", {}),
    "hourly occupancy": ("occupancy", {"every": "hour"}),
    "camera x hour": ("camera_hour", {}),
    "demographics": ("demographics", {}),
    "top repeat": ("top_visitors", {}),
}


def dwell_kit(scratch: Path, rounds: int) -> Cost:
    """Median and p95 of every query, unfiltered and with random filters, in one fresh process."""
    import dwell_kit as dk

    ws = dk.open(scratch / "queries", create=False)
    cameras = ws.cameras(as_="polars")["camera_id"].to_list()
    rng = np.random.default_rng()
    first = timed(lambda: [ws.compute(q, parameters=p, as_="polars") for q, p in QUERIES.values()]).wall_s
    result: dict[str, Any] = {"first_run_of_all_s": first}
    for name, (quantity, parameters) in QUERIES.items():
        for filtered in (False, True):
            times = []
            for _ in range(rounds):
                filters = _filters(rng, cameras) if filtered else {"max_gap": 600 + float(rng.random())}
                times.append(
                    timed(
                        lambda q=quantity, p=parameters, f=filters: ws.compute(q, parameters=p, as_="polars", **f)
                    ).wall_s
                )
            label = f"{name}, filtered" if filtered else name
            result[label] = {
                "median_ms": round(1000 * float(np.median(times)), 1),
                "p95_ms": round(1000 * float(np.quantile(times, 0.95)), 1),
            }
    return timed(lambda: result)


def _filters(rng: np.random.Generator, cameras: list[str]) -> dict[str, Any]:
    """A place, a time and sometimes a gender that nobody asked for before."""
    since = datetime(2025, 5, 1, tzinfo=UTC) + timedelta(seconds=float(rng.uniform(0, 20 * 86_400)))
    filters: dict[str, Any] = {
        "cameras": tuple(rng.choice(cameras, size=int(rng.integers(1, len(cameras))), replace=False).tolist()),
        "since": since,
        "until": since + timedelta(seconds=float(rng.uniform(3600, 10 * 86_400))),
    }
    if rng.random() < 0.5:
        filters["genders"] = (str(rng.choice(["male", "female"])),)
    return filters


def prepare(scratch: Path, rows: int) -> None:
    """A stored lake of that many sightings."""
    import dwell_kit as dk
    from dwell_kit.simulate.bulk import simulate_big

    folder = scratch / "queries"
    if (folder / "workspace.json").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    path = scratch / "queries.csv"
    simulate_big(rows=rows, seed=11, out=path)
    with dk.open(folder) as ws:
        ws.ingest(path)
    path.unlink()


def run(scratch: Path, rows: int = 10_000_000, rounds: int = 40) -> list[dict[str, Any]]:
    """Rows of the results table."""
    prepare(scratch, rows)
    cost = apart("benchmarks.queries", str(scratch), str(rounds))
    return [
        {
            "work": f"{name}, {rows / 1e6:g} M sightings",
            **found,
            "target": "p95 < 100 ms",
            "peak_mib": cost.peak_mib,
        }
        for name, found in cost.result.items()
        if isinstance(found, dict)
    ]


if __name__ == "__main__":
    report(dwell_kit(Path(sys.argv[1]), int(sys.argv[2])))
