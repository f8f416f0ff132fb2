"""`python -m benchmarks [SUITE …] [--scratch DIR]`: prints tables and writes JSON to benchmarks/results."""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import (
    association,
    cameras,
    chunks,
    doors,
    gallery,
    gpu,
    ingest,
    pages,
    queries,
    recognition,
    small,
    tracker,
    visits,
)

SUITES = {
    "small": small.run,
    "ingest": ingest.run,
    "visits": visits.run,
    "queries": queries.run,
    "pages": pages.run,
    "doors": doors.run,
    "association": association.run,
    "gallery": gallery.run,
    "gpu": gpu.run,
    "recognition": recognition.run,
    "tracker": tracker.run,
    "cameras": cameras.run,
    "chunks": chunks.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", default=list(SUITES), help=", ".join(SUITES))
    parser.add_argument("--scratch", type=Path, help="folder for the generated files; kept if given")
    given = parser.parse_args()
    results: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processors": _processors(),
        "packages": {p: version(p) for p in ("polars", "pandas", "numba", "duckdb", "deltalake", "pyarrow")},
    }
    with tempfile.TemporaryDirectory() as temporary:
        scratch = given.scratch or Path(temporary)
        scratch.mkdir(parents=True, exist_ok=True)
        for name in given.suites:
            rows = SUITES[name](scratch)
            results[name] = rows
            show(name, rows)
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    target = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    target.write_text(json.dumps(results, indent=2, default=str))
    print(f"written to {target}")


def _processors() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0


def show(title: str, rows: list[dict[str, object]]) -> None:
    names = [n for n in dict.fromkeys(k for row in rows for k in row) if n != "detail"]
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name.replace("_", " "))
    for row in rows:
        table.add_row(*[str(row.get(name, "")) for name in names])
    Console(width=180).print(table)


if __name__ == "__main__":
    main()
