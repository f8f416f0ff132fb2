"""The key figures against a twin that counts ticks, and by hand."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.analytics.summary import compute_summary
from dwell_kit.schema import columns as c
from dwell_kit.schema.coverage import Coverage
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import to_us

from .strategies import CAMERAS, COARSE, Row, World, filters, frame, sightings


def peak_hour(world: World, rows: list[Row]) -> int | None:
    """Clock hour with the highest presence over watched ticks; watched: from the first start to the last end."""
    level = world.occupancy()
    present, watched = Counter[int](), Counter[int]()
    for tick in range(min(r.start for r in rows), max(r.end for r in rows)):
        if world.filters.touching or world.time(tick):
            hour = COARSE.at(tick).astimezone(world.zone).hour
            watched[hour] += 1
    for tick, n in level.items():
        present[COARSE.at(tick).astimezone(world.zone).hour] += n
    means = {hour: Fraction(present[hour], n) for hour, n in watched.items()}
    best = max(means.values(), default=Fraction())
    return min(hour for hour, mean in means.items() if mean == best) if best else None


def expected(rows: list[Row], chosen: Filters, tz: str) -> dict[str, Any]:
    world = World(rows, COARSE, chosen, tz=tz)
    visits, nobody = world.visits(), world.anonymous()
    tick = COARSE.tick / timedelta(seconds=1)
    dwell = np.array([len(v.present) for v in visits]) * tick
    by_person = defaultdict(list)
    for visit in visits:
        by_person[visit.person].append(visit)
    seen = [r for v in visits for r in v.rows] + [r for r, _ in nobody]
    level = world.occupancy()
    most = max(level.values(), default=0)
    cameras = {name: sum(world.occupancy("camera", name).values()) for name in CAMERAS}
    repeat = sum(len(v) > 1 for v in by_person.values())
    days = [{COARSE.at(x.first).astimezone(ZoneInfo(tz)).date() for x in v} for v in by_person.values()]
    moments = [v.first for v in visits], [v.last for v in visits]
    for row, ticks in nobody:
        moments[0].append(min(ticks, default=row.start))
        moments[1].append(max(ticks, default=row.end - 1) + 1)

    def iso(t: int | None) -> str | None:
        return None if t is None else COARSE.at(t).isoformat()

    return {
        "unique_visitors": len(by_person),
        "visits": len(visits),
        "sightings": len(seen),
        "anonymous_sightings": len(nobody),
        "anonymous_share": len(nobody) / len(seen) if seen else None,
        "cameras": len({r.camera for r in seen} - {None}),
        "dwell_mean_s": dwell.mean() if visits else None,
        "dwell_median_s": np.quantile(dwell, 0.5) if visits else None,
        "dwell_p90_s": np.quantile(dwell, 0.9) if visits else None,
        "dwell_p95_s": np.quantile(dwell, 0.95) if visits else None,
        "dwell_max_s": dwell.max() if visits else None,
        "dwell_sum_s": dwell.sum(),
        "dwell_per_person_s": dwell.sum() / len(by_person) if visits else None,
        "repeat_visitors": repeat,
        "repeat_rate": repeat / len(by_person) if visits else None,
        "repeat_day_visitors": sum(len(d) > 1 for d in days),
        "open_visits": sum(v.open for v in visits),
        "peak_occupancy": most,
        "peak_at": iso(min((t for t, n in level.items() if n == most), default=None)),
        "peak_hour": peak_hour(world, rows) if rows else None,
        "busiest_camera": max(cameras, key=lambda k: cameras[k]) if any(cameras.values()) else None,
        "first_seen": iso(min(moments[0], default=None)),
        "last_seen": iso(max(moments[1], default=None)),
        "person_seconds": dwell.sum(),
    }


@given(rows=sightings(), chosen=filters(COARSE), tz=st.sampled_from(("UTC", "Europe/Berlin", "Asia/Kathmandu")))
def test_the_summary_equals_the_twin(rows: list[Row], chosen: Filters, tz: str) -> None:
    found = compute_summary(frame(rows, COARSE), filters=chosen, tz=tz)
    wanted = expected(rows, chosen, tz)
    assert list(found) == list(wanted)
    assert found == pytest.approx(wanted)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2025, 5, day, hour, minute, tzinfo=UTC)


HAND = pl.DataFrame(
    [
        ("ann", "door", at(1, 9), at(1, 9, 20)),
        ("ann", "hall", at(1, 9, 10), at(1, 9, 30)),
        ("ann", "door", at(2, 9), at(2, 9, 10)),
        ("bob", "hall", at(1, 9, 25), at(1, 9, 45)),
        (None, "hall", at(1, 12), at(1, 13)),
    ],
    schema=[c.PERSON, c.CAMERA, c.STARTED, c.ENDED],
    orient="row",
)


def test_by_hand() -> None:
    found = compute_summary(HAND)
    counts = {"unique_visitors": 2, "visits": 3, "sightings": 5, "anonymous_sightings": 1, "cameras": 2}
    assert {name: found[name] for name in counts} == counts
    assert (found["dwell_mean_s"], found["dwell_median_s"], found["dwell_max_s"]) == (1200, 1200, 1800)
    assert (found["dwell_sum_s"], found["dwell_per_person_s"]) == (3600, 1800)
    assert (found["repeat_visitors"], found["repeat_rate"], found["repeat_day_visitors"]) == (1, 0.5, 1)
    assert (found["peak_occupancy"], found["peak_at"]) == (2, "2025-05-01T09:25:00+00:00")
    assert found["peak_hour"] == 9
    assert found["busiest_camera"] == "hall"  # 100 minutes, an hour of them anonymous; the door has 30
    assert found["open_visits"] == 1
    assert (found["first_seen"], found["last_seen"]) == ("2025-05-01T09:00:00+00:00", "2025-05-02T09:10:00+00:00")


def test_the_peak_hour_is_a_mean_over_covered_time() -> None:
    # 12:00–13:00 is watched on one day only, 09:00–10:00 on both: a busy hour seen twice does not win by that
    table = pl.concat([HAND, HAND.tail(1).with_columns(pl.lit("cem").alias(c.PERSON))])
    assert compute_summary(table)["peak_hour"] == 12


def test_coverage_decides_what_is_open() -> None:
    assert compute_summary(HAND, coverage=Coverage.until(at(3, 0)))["open_visits"] == 0
    own = {"hall": [(at(1, 8), at(1, 9, 46))], "door": [(at(1, 8), at(2, 9, 10))]}
    assert compute_summary(HAND, coverage=own)["open_visits"] == 2


def test_covered_time_can_be_given() -> None:
    covered = [[to_us(at(2, 8)), to_us(at(2, 10))]]
    assert compute_summary(HAND.filter(pl.col(c.STARTED) > at(2, 0)), coverage=covered)["peak_hour"] == 9


def test_without_data_nothing_is_invented() -> None:
    for empty in (compute_summary(HAND.clear()), compute_summary(HAND, filters=Filters.of(camera="nowhere"))):
        assert list(empty) == list(compute_summary(HAND))
        assert {value for value in empty.values() if value is not None} == {0}
