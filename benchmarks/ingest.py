"""Validated ingest of a CSV to a visible snapshot, beside `pandas.read_csv` only parsing the same file."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks.measure import Cost, apart, cached, report, timed

ROWS_PER_GB = 3_690_000


def dwell_kit(path: Path, scratch: Path) -> Cost:
    """dwell_kit's own job: parse, validate, dedupe, log, snapshot, coded columns, visits."""
    import dwell_kit as dk
    from dwell_kit.workspace.coding import coded_columns

    _warm(scratch)
    folder = scratch / "workspace"
    shutil.rmtree(folder, ignore_errors=True)
    ws = dk.open(folder)
    state: dict[str, Any] = {}
    cached(path)

    def job() -> dict[str, Any]:
        ingest = timed(lambda: ws.ingest(path))
        found = ingest.result
        derive = timed(lambda: coded_columns(ws._handle, "main", ws._handle.snapshot()))
        visits = timed(lambda: ws.summary()["visits"])
        state.update(
            rows_read=found.rows_read,
            accepted=found.accepted,
            rejected=found.rejected,
            snapshot_s=ingest.wall_s,
            derive_s=derive.wall_s,
            visits_s=visits.wall_s,
            snapshot_mib=ingest.peak_mib,
            derive_mib=derive.peak_mib,
            visits_mib=visits.peak_mib,
            visits=visits.result,
        )
        return state

    return timed(job)


def _warm(scratch: Path) -> None:
    """Load modules and compiled kernels with a tiny file, so that only the job is timed."""
    import dwell_kit as dk

    folder = scratch / "warm"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tiny = folder / "tiny.csv"
    tiny.write_text(
        "person_id,camera_id,appearance_id,utc_time_started,utc_time_ended\n"
        "a,door,1,1746057600.000,1746057660.000\nb,door,2,1746057610.000,1746057640.000\n"
    )
    with dk.open(folder / "workspace") as ws:
        ws.ingest(tiny)
        ws.summary()


def pandas_parse(path: Path, _scratch: Path) -> Cost:
    """The peer: pandas parses the file and does nothing else."""
    import pandas as pd

    cached(path)
    return timed(lambda: len(pd.read_csv(path)))


def reader_only(path: Path, scratch: Path) -> Cost:
    """Our parse and validation alone, nothing written."""
    from dwell_kit.ingest import readers
    from dwell_kit.ingest.batches import ReadOptions
    from dwell_kit.ingest.sources import Source

    _warm(scratch)
    options = ReadOptions()
    cached(path)

    def job() -> int:
        source = Source(path)
        return sum(batch.rows.height for batch in readers.detect(source, options).read(source, options))

    return timed(job)


JOBS = {"dwell_kit": dwell_kit, "pandas": pandas_parse, "reader": reader_only}


def run(scratch: Path, gigabytes: tuple[float, ...] = (1, 3)) -> list[dict[str, Any]]:
    """Rows of the results table."""
    from dwell_kit.simulate.bulk import simulate_big

    rows = []
    for size in gigabytes:
        path = scratch / f"{size:g}gb.csv"
        if not path.exists():
            simulate_big(rows=int(size * ROWS_PER_GB), seed=7, out=path)
        apart("benchmarks.ingest", "dwell_kit", str(path), str(scratch))  # compiles the kernels
        peer = apart("benchmarks.ingest", "pandas", str(path), str(scratch), repeat=3)
        for job in ("reader", "dwell_kit"):
            ours = apart("benchmarks.ingest", job, str(path), str(scratch), repeat=3)
            rows.append(
                {
                    "work": f"{job} of a {path.stat().st_size / 1e9:.2f} GB CSV",
                    "ours_s": ours.wall_s,
                    "peer": "pandas.read_csv",
                    "peer_s": peer.wall_s,
                    "ratio": round(ours.wall_s / peer.wall_s, 2),
                    "cpu_ratio": round(ours.cpu_s / peer.cpu_s, 2),
                    "ours_mib": ours.peak_mib,
                    "peer_mib": peer.peak_mib,
                    "memory_ratio": round(ours.peak_mib / peer.peak_mib, 2),
                    "target": "<= 2x time, <= 0.33x memory",
                    "detail": ours.result,
                }
            )
        shutil.rmtree(scratch / "workspace", ignore_errors=True)
    return rows


if __name__ == "__main__":
    report(JOBS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3])))
