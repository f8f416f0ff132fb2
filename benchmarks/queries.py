"""Dashboard queries on 10 M stored sightings, each with a filter never seen in that process.

Milliseconds move with the machine; DuckDB, which answers the key figures from the same Parquet files in the same
run, says how fast the machine was.
"""

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


KEY_FIGURES = """
    WITH s AS (SELECT person_code, camera_id, started_at, coalesce(ended_at, started_at) AS "end"
               FROM read_parquet({files}) WHERE person_code IS NOT NULL AND {where}),
    a AS (SELECT *, max("end") OVER (PARTITION BY person_code ORDER BY started_at
                                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM s),
    b AS (SELECT *, before IS NULL OR started_at - before > to_seconds({gap}) AS fresh FROM a),
    v AS (SELECT *, sum(fresh::INT) OVER (PARTITION BY person_code ORDER BY started_at
                                          ROWS UNBOUNDED PRECEDING) AS visit FROM b),
    m AS (SELECT person_code, sum(CASE WHEN fresh THEN epoch_us("end") - epoch_us(started_at) ELSE greatest(
                 0, epoch_us("end") - epoch_us(greatest(started_at, before))) END) / 1e6 AS dwell
          FROM v GROUP BY person_code, visit)
    SELECT count(*), count(DISTINCT person_code), avg(dwell), quantile_cont(dwell, [0.5, 0.95]), max(dwell) FROM m
"""
"""Visits, unique visitors and dwell alone: neither occupancy nor what is open or silent."""


def duckdb(scratch: Path, rounds: int) -> Cost:
    """The same of DuckDB, for the key figures."""
    import duckdb as db
    from deltalake import DeltaTable

    import dwell_kit as dk

    ws = dk.open(scratch / "queries", create=False)
    cameras = ws.cameras(as_="polars")["camera_id"].to_list()
    figures = ws.summary()
    files = DeltaTable(str(scratch / "queries" / "lake" / "sightings_log")).file_uris()
    rng = np.random.default_rng()
    connection = db.connect()

    def ask(where: str, gap: float) -> Any:
        return connection.execute(KEY_FIGURES.format(files=files, where=where, gap=gap)).fetchone()

    visits, persons, *_ = ask("true", 600)
    result: dict[str, Any] = {"same": (visits, persons) == (figures["visits"], figures["unique_visitors"])}
    for filtered in (False, True):
        times = []
        for _ in range(rounds):
            where, gap = (
                (_where(_filters(rng, cameras)), 600.0) if filtered else ("true", 600 + float(rng.random()))
            )
            times.append(timed(lambda w=where, g=gap: ask(w, g)).wall_s)
        result["KPIs, filtered" if filtered else "KPIs"] = round(1000 * float(np.median(times)), 1)
    return timed(lambda: result)


def _where(filters: dict[str, Any]) -> str:
    names = ", ".join(f"'{name}'" for name in filters["cameras"])
    said = [f"camera_id IN ({names})"]
    said += [f"started_at < '{filters['until']}'", f"coalesce(ended_at, started_at) > '{filters['since']}'"]
    said += [f"gender = '{gender}'" for gender in filters.get("genders", ())]
    return " AND ".join(said)


JOBS = {"dwell_kit": dwell_kit, "duckdb": duckdb}


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

    folder, path = scratch / "queries", scratch / "queries.csv"
    if (folder / "workspace.json").exists() and not path.exists():  # what was broken off has left its file
        return
    shutil.rmtree(folder, ignore_errors=True)
    simulate_big(rows=rows, seed=11, out=path)
    with dk.open(folder) as ws:
        ws.ingest(path)
    path.unlink()


def run(scratch: Path, rows: int = 10_000_000, rounds: int = 40) -> list[dict[str, Any]]:
    """Rows of the results table."""
    prepare(scratch, rows)
    cost = apart("benchmarks.queries", "dwell_kit", str(scratch), str(rounds))
    peer = apart("benchmarks.queries", "duckdb", str(scratch), str(rounds // 4)).result
    return [
        {
            "work": f"{name}, {rows / 1e6:g} M sightings",
            **found,
            "target": "p95 < 100 ms",
            "duckdb_ms": peer.get(name, ""),
            "times_faster": round(peer[name] / found["median_ms"], 1) if name in peer else "",
            "same_visits_and_persons": peer["same"] if name in peer else "",
            "peak_mib": cost.peak_mib,
        }
        for name, found in cost.result.items()
        if isinstance(found, dict)
    ]


if __name__ == "__main__":
    report(JOBS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3])))
