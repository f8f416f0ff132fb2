"""What viewers are told: against a twin that counts persons, and by hand."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.analytics.disclosure import (
    compute_summary_for_viewer,
    compute_survival_for_viewer,
    compute_survival_summary_for_viewer,
    few,
)
from dwell_kit.analytics.summary import compute_summary
from dwell_kit.analytics.survival import compute_survival
from dwell_kit.analytics.visits import compute_visits
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters

from .brute import rows_of
from .strategies import COARSE, Row, World, filters, frame, sightings

ALWAYS_ONE = {"dwell_max_s", "first_seen", "last_seen"}


def rests_on(rows: list[Row], chosen: Filters, tz: str, figures: dict[str, Any]) -> dict[str, set[int]]:
    """Figure → numbers of persons that must not be few, from the definitions."""
    world = World(rows, COARSE, chosen, tz=tz)
    visits = world.visits()
    by_person = defaultdict(list)
    for visit in visits:
        by_person[visit.person].append(visit)
    everybody, again = len(by_person), sum(len(v) > 1 for v in by_person.values())
    days = [len({COARSE.at(x.first).astimezone(world.zone).date() for x in v}) for v in by_person.values()]
    on_days = sum(n > 1 for n in days)
    tick = COARSE.tick.total_seconds()

    def longer(name: str) -> int:
        return len({v.person for v in visits if len(v.present) * tick >= figures[name] - 1e-6})

    made: dict[str, set[int]] = {name: {1} for name in ALWAYS_ONE}
    made |= {name: {everybody or len(world.anonymous())} for name in ("sightings", "cameras")}
    made |= {
        name: {everybody} for name in figures if name not in {*made, "anonymous_sightings", "excluded_persons"}
    }
    made["anonymous_sightings"] = {len(world.anonymous())}
    made["anonymous_share"] |= {len(world.anonymous())}
    for name in ("repeat_visitors", "repeat_rate"):
        made[name] |= {again, everybody - again}
    made["repeat_day_visitors"] |= {on_days, everybody - on_days, again - on_days}
    made["open_visits"] |= {len({v.person for v in visits if v.open is flag}) for flag in (True, False)}
    for name in ("peak_occupancy", "peak_at"):
        made[name] |= {figures["peak_occupancy"]}
    for name in ("dwell_p90_s", "dwell_p95_s"):
        if figures[name] is not None:
            made[name] |= {longer(name)}
    if figures["peak_hour"] is not None:
        hour = {
            v.person
            for v in visits
            for t in v.present
            if COARSE.at(t).astimezone(world.zone).hour == figures["peak_hour"]
        }
        made["peak_hour"] |= {len(hour)}
    if figures["busiest_camera"] is not None:
        there = {v.person for v in visits if v.present_at("camera", figures["busiest_camera"])}
        made["busiest_camera"] |= {len(there) or 1}
    return made


@given(data=st.data())
def test_what_is_hidden_equals_the_twin(data: st.DataObject) -> None:
    rows, chosen = data.draw(sightings()), data.draw(filters(COARSE))
    tz, k = data.draw(st.sampled_from(("UTC", "Europe/Berlin"))), data.draw(st.integers(1, 4))
    table = frame(rows, COARSE)
    figures = compute_summary(table, filters=chosen, tz=tz)
    found = compute_summary_for_viewer(table, k=k, filters=chosen, tz=tz, excluded=3)
    hidden = found.pop(c.SUPPRESSED)
    rests = rests_on(rows, chosen, tz, figures) | {"excluded_persons": {3}}
    known = figures | {"excluded_persons": 3}
    assert set(hidden) == {
        name for name, value in known.items() if value is not None and any(0 < n < k for n in rests[name])
    }
    assert set(hidden.values()) <= {few(k)}
    assert found == {name: None if name in hidden else value for name, value in known.items()}


SIX = [(f"p{i}", "door", 10 * i, 30 + i) for i in range(6)]  # minutes; at most 3 to 4 at once
AGAIN = [("p0", "hall", 500, 20), ("p1", "hall", 530, 20)]


def test_a_handful_of_visitors_tell_nothing_of_fewer() -> None:
    found = compute_summary_for_viewer(rows_of(SIX + AGAIN), excluded=1)
    shown = {name for name, value in found.items() if value is not None} - {c.SUPPRESSED}
    assert {"unique_visitors", "visits", "dwell_mean_s", "dwell_median_s", "dwell_per_person_s"} <= shown
    assert shown & {
        "repeat_visitors", "repeat_rate", "open_visits", "peak_occupancy", "peak_at", "dwell_max_s", "dwell_p95_s",
        "excluded_persons", "first_seen",
    } == set()  # fmt: skip
    assert found["busiest_camera"] == "door"  # six were there
    assert found[c.SUPPRESSED]["repeat_visitors"] == "fewer than 5 persons"
    nobody = compute_summary_for_viewer(rows_of([]))
    assert (nobody["visits"], nobody[c.SUPPRESSED]) == (0, {})


def test_what_a_figure_leaves_is_a_figure_too() -> None:
    """Seven of eight came again: who knows that knows of the one who did not."""
    spec = [(f"p{i}", "door", 0, 30) for i in range(8)] + [(f"p{i}", "door", 600, 30) for i in range(7)]
    assert compute_summary_for_viewer(rows_of(spec))["repeat_visitors"] is None
    everybody = [*spec, ("p7", "door", 600, 30)]
    assert compute_summary_for_viewer(rows_of(everybody))["repeat_visitors"] == 8
    nobody = compute_summary_for_viewer(rows_of(spec[:8]))
    assert (nobody["repeat_visitors"], nobody["peak_occupancy"], nobody["peak_hour"]) == (0, 8, 20)


def test_a_busy_hour_and_camera_of_two_persons_are_not_said() -> None:
    spec = [(f"p{i}", "door", 0, 1) for i in range(6)] + [("p0", "hall", 120, 60), ("p1", "hall", 120, 60)]
    found = compute_summary_for_viewer(rows_of(spec))
    assert (found["peak_hour"], found["busiest_camera"]) == (None, None)
    assert compute_summary_for_viewer(rows_of(spec), k=2)["busiest_camera"] == "hall"


def test_the_median_beside_one_open_visit() -> None:
    visits = compute_visits(rows_of([*SIX, *AGAIN]))  # p1 is the last one seen, and open
    row = compute_survival_summary_for_viewer(visits).row(0, named=True)
    assert (row[c.VISITS], row[c.OPEN], row[c.SHARE]) == (8, None, None)
    assert row["naive_closed_only_mean_s"] is None
    assert row["naive_as_if_closed_median_s"] is not None
    assert row[c.SUPPRESSED].startswith("open, share, ")
    assert row[c.SUPPRESSED].endswith(": fewer than 5 persons")
    assert "km_mean_until_s" not in row
    alone = compute_survival_summary_for_viewer(visits, by=c.FIRST_CAMERA)
    assert alone[c.VISITS].to_list() == [6, None]
    everything = compute_survival_summary_for_viewer(visits, k=1).row(0, named=True)
    assert (everything[c.OPEN], everything[c.SUPPRESSED]) == (1, "")
    none = compute_survival_summary_for_viewer(compute_visits(rows_of([])))
    assert none[c.VISITS].to_list() == [0]
    with pytest.raises(FilterError, match="k is too small"):
        compute_survival_summary_for_viewer(visits, k=0)
    with pytest.raises(FilterError, match="k is too small"):
        compute_summary_for_viewer(rows_of(SIX), k=0)


lengths = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 30), st.booleans()), max_size=60)


@given(lengths, st.integers(1, 4), st.integers(2, 30))
def test_between_times_of_the_curve_enough_persons_leave(
    rows: list[tuple[int, int, bool]], k: int, points: int
) -> None:
    visits = pl.DataFrame(
        {
            c.PERSON: [f"p{who}" for who, _, _ in rows],
            c.DWELL_S: [float(length) for _, length, _ in rows],
            c.OPEN: [is_open for _, _, is_open in rows],
        },
        schema={c.PERSON: pl.String, c.DWELL_S: pl.Float64, c.OPEN: pl.Boolean},
    )
    shown = compute_survival_for_viewer(visits, k=k, points=points)
    if visits[c.PERSON].n_unique() < k:
        assert shown.is_empty()
        return
    times = shown["t_s"].to_list()
    ended = visits.filter(~pl.col(c.OPEN))
    assert times[0] == 0.0
    assert not set(times[1:]) & set(ended[c.DWELL_S])
    if len(times) > 1:
        for low, high in pairwise([*times, math.inf]):
            left = ended.filter(pl.col(c.DWELL_S).is_between(low, high))
            assert left[c.PERSON].n_unique() >= k
    whole = compute_survival(visits)
    for t_s, survival, low, high in shown.iter_rows():
        held = whole.filter(pl.col("t_s") <= t_s).row(-1, named=True)
        assert (survival, low, high) == (held[c.SURVIVAL], held[c.LOW], held[c.HIGH])


def test_who_came_after_everything_was_known_is_not_in_the_curve() -> None:
    begun = [datetime(2025, 5, 5, 9, minute, tzinfo=UTC) for minute in (0, 1, 2, 3, 4, 5, 40)]
    lasted = [300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 60.0]
    visits = pl.DataFrame(
        {
            c.PERSON: [f"p{who}" for who in range(7)],
            c.STARTED: begun,
            c.ENDED: [at + timedelta(seconds=s) for at, s in zip(begun, lasted, strict=True)],
            c.DWELL_S: lasted,
            c.OPEN: [False] * 6 + [True],
        }
    )
    shown = compute_survival_for_viewer(visits, k=2, known_until=datetime(2025, 5, 5, 9, 30, tzinfo=UTC))
    assert shown["t_s"].to_list() == [0.0, 450.0, 650.0]
    assert shown[c.SURVIVAL].to_list() == pytest.approx([1.0, 4 / 6, 2 / 6])
