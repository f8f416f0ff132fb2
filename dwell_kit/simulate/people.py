"""A simulated campus: exports whose truth is known, because it was scripted before any row was written."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

from dwell_kit.simulate import emit, truth
from dwell_kit.simulate.seeing import REPAIRED, observe
from dwell_kit.simulate.truth import Seen, Visit
from dwell_kit.simulate.walks import DAY_MS, HOUR_MS, population, script

_CLOSES_MS = 18 * HOUR_MS
"""The export ends at 18:00 of the last day, with people still there."""


@dataclass(frozen=True)
class Simulation:
    """Rows of both exports and the truth about them."""

    appearances: list[dict[str, str]]
    insights: list[dict[str, Any]]
    truth: dict[str, Any]


def simulate_campus(
    *,
    days: int = 7,
    seed: int = 0,
    visitors_a_day: int = 400,
    start: date = date(2025, 5, 5),
    dirty_share: float = 0.01,
    duplicate_share: float = 0.01,
    outage: bool = True,
) -> Simulation:
    """Script a campus, and work out the truth and the exports; the same arguments give the same result.

    Parameters
    ----------
    days : calendar days (UTC); the last one ends at 18:00, with visits still open.
    visitors_a_day : arrivals on an average weekday, staff not counted.
    dirty_share, duplicate_share : of rows to reject, and of rows told twice (twice as many are updated).
    outage : the café's camera is down from 11:00 to 14:00 on the first day.
    """
    rng = Random(seed)  # noqa: S311 - a simulation, not a secret
    zero = datetime(start.year, start.month, start.day, tzinfo=UTC)
    people = population(rng, max(20, visitors_a_day * 2))
    stays = script(rng, people=people, days=days, visitors_a_day=visitors_a_day, first=zero)
    known = observe(
        rng,
        stays,
        window_ms=(days - 1) * DAY_MS + _CLOSES_MS,
        dirty_share=dirty_share,
        duplicate_share=duplicate_share,
        outage=outage,
    )
    seen = known.accepted
    visits = truth.visits_of(seen, covered_until=known.covered_until)
    observable = truth.summary(visits, seen, zero=zero)
    everything = [Seen(p.person.person_id, p.camera, p.start, p.end) for s in stays for p in s.passes]
    real = [Visit(s.person.person_id, ((s.enter, s.leave),)) for s in stays]
    world = {**truth.summary(real, everything, zero=zero), "open_visits": 0}
    rows = emit.appearances(rng, known.messages, zero=zero)
    events = emit.insights(rng, [m for m in known.messages if m.damage in {None, REPAIRED}], zero=zero)
    damaged = Counter(m.damage for m in known.messages if m.damage not in {None, REPAIRED})
    return Simulation(
        appearances=rows,
        insights=events,
        truth={
            "simulated": True,
            "arguments": {
                "days": days,
                "seed": seed,
                "visitors_a_day": visitors_a_day,
                "start": start.isoformat(),
            },
            "tz": "UTC",
            "max_gap_s": 600,
            "world": world,
            "observable": observable,
            "differences": known.differences,
            "rows": {
                "read": len(rows),
                "accepted": len(rows) - sum(damaged.values()),
                "rejected": sum(damaged.values()),
                "updated": sum(m.early_end is not None for m in known.messages),
                "duplicates": sum(m.repeated for m in known.messages),
            },
            "rejects": dict(sorted(damaged.items())),
            "series": truth.series(visits, seen, zero=zero),
            "crowd_events": dict(sorted(Counter(e["event_type"] for e in events).items())),
        },
    )


def write(simulation: Simulation, folder: str | os.PathLike[str]) -> list[Path]:
    """Write truth.json, appearances.csv and insights.json; returns their paths."""
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    paths = [home / name for name in ("truth.json", "appearances.csv", "insights.json")]
    emit.write_json(simulation.truth, paths[0])
    emit.write_csv(simulation.appearances, paths[1])
    emit.write_json(simulation.insights, paths[2])
    return paths
