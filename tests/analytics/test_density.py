"""Density and level of service by hand, and against counting at every instant."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.analytics.density import compute_density, compute_level_of_service, floor_zones
from dwell_kit.analytics.service import level_of_service
from dwell_kit.errors import FilterError, InputError
from dwell_kit.schema import columns as c
from dwell_kit.schema.geometry import Zone
from dwell_kit.schema.tables import POSITIONS
from dwell_kit.schema.time import to_us

from .walks import after, positions

HALL = Zone("hall", ((0, 0), (2, 0), (2, 2), (0, 2)))
"""4 m²: one person is 0.25/m² (walkway A), two 0.5 (C), three 0.75 (D), all of them A for waiting."""


def standing(person: str, since: int, until: int, x: float = 1.0) -> list[tuple[str, float, float, float]]:
    """Once a second; the last position stands for a second too."""
    return [(person, float(t), x, 1.0) for t in range(since, until)]


THREE = positions(
    [*standing("p", 0, 60), *standing("q", 10, 40), *standing("r", 20, 30), *standing("s", 0, 100, 9.0)]
)
"""In the hall: p for 60 s, q for 30, r for 10; s for 100 s, outside."""


def test_density_by_hand() -> None:
    (row,) = compute_density(THREE, zones=[HALL], every=None).rows(named=True)
    assert row == {
        c.ZONE: "hall", c.BUCKET: after(0), c.AREA_M2: 4.0, c.DENSITY_MEAN: 100 / 4 / 100, c.DENSITY_MAX: 0.75,
        c.OCCUPANCY_MAX: 3, c.PERSON_SECONDS: 100.0, c.COVERED_S: 100.0, c.UNIQUE_VISITORS: 3,
        c.SCHEME: "fruin_walkway", c.LEVEL_MEAN: "A", c.LEVEL_MAX: "D",
    }  # fmt: skip
    found = compute_density(THREE, zones=[HALL], every="20s", scheme="fruin_queueing")
    assert found[c.DENSITY_MEAN].to_list() == pytest.approx([30 / 80, 50 / 80, 20 / 80, 0.0, 0.0])
    assert found[c.DENSITY_MAX].to_list() == [0.5, 0.75, 0.25, 0.0, 0.0]
    assert found[c.UNIQUE_VISITORS].to_list() == [2, 3, 1, 0, 0]
    assert set(found[c.LEVEL_MAX]) == {"A"}


def test_levels_of_service_by_hand() -> None:
    found = compute_level_of_service(THREE, zones=[HALL])
    walking = found.filter(pl.col(c.SCHEME) == "fruin_walkway")
    # alone: p for 10 s and 20 s; two: 10 + 10 s; three: 10 s; nobody for 40 s
    assert walking[c.LEVEL].to_list() == list("ABCDEF")
    assert walking[c.LASTED_S].to_list() == [70.0, 0.0, 20.0, 10.0, 0.0, 0.0]
    assert walking[c.SHARE].to_list() == pytest.approx([0.7, 0.0, 0.2, 0.1, 0.0, 0.0])
    assert walking[c.PERSON_SECONDS].to_list() == [30.0, 0.0, 40.0, 30.0, 0.0, 0.0]
    assert walking[c.PERSON_SHARE].to_list() == pytest.approx([0.3, 0.0, 0.4, 0.3, 0.0, 0.0])
    assert walking[c.UNIQUE_VISITORS].to_list() == [1, 0, 2, 3, 0, 0]
    assert (walking[c.FROM_PER_M2][0], walking[c.TILL_PER_M2][5]) == (0.0, None)
    waiting = found.filter(pl.col(c.SCHEME) == "fruin_queueing")
    assert waiting[c.LASTED_S].to_list() == [100.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_means_are_over_watched_time() -> None:
    watched = [(to_us(after(0)), to_us(after(20))), (to_us(after(30)), to_us(after(50)))]
    (row,) = compute_density(THREE, zones=[HALL], every=None, coverage=watched).rows(named=True)
    # p 40 s, q 10 s and 10 s, r never
    assert (row[c.PERSON_SECONDS], row[c.COVERED_S], row[c.OCCUPANCY_MAX]) == (60.0, 40.0, 2)
    assert row[c.DENSITY_MEAN] == pytest.approx(60 / 40 / 4)
    half = compute_density(
        THREE, zones=[HALL], every="20s", coverage={"a": [watched[0], (to_us(after(60)), to_us(after(80)))]}
    )
    assert half[c.DENSITY_MEAN].to_list() == [30 / 80, None, None, 0.0]
    assert half[c.LEVEL_MAX].to_list() == ["C", None, None, "A"]
    levels = compute_level_of_service(THREE, zones=[HALL], coverage=watched, schemes="fruin_walkway")
    assert levels[c.LASTED_S].sum() == pytest.approx(40.0)
    assert levels[c.SHARE].sum() == pytest.approx(1.0)


def test_zones_as_they_may_be_given() -> None:
    by_name = {"hall": [[0, 0], [2, 0], [2, 2], [0, 2]]}
    assert compute_density(THREE, zones=by_name).equals(compute_density(THREE, zones=[HALL]))
    two = compute_level_of_service(
        THREE.to_pandas(), zones=[HALL, Zone("far", ((8, 0), (10, 0), (10, 2), (8, 2)))]
    )
    assert type(two).__module__.startswith("pandas")
    assert list(two[c.ZONE].unique()) == ["hall", "far"]
    for wrong in ([], ["hall"], [Zone("z", ((0, 0), (1, 0), (1, 1)), "share")], [HALL, HALL]):
        with pytest.raises(FilterError, match="zones"):
            floor_zones(wrong)
    with pytest.raises(InputError):
        floor_zones({"line": [[0, 0], [1, 1]]})


def test_nothing_is_nothing_and_nonsense_is_refused() -> None:
    for compute in (compute_density, compute_level_of_service):
        empty = compute(POSITIONS.empty(), zones=[HALL])
        assert (empty.height, empty.schema) == (0, compute(THREE, zones=[HALL]).schema)
    nobody = compute_level_of_service(THREE, zones={"far": [[50, 50], [51, 50], [51, 51]]})
    assert nobody[c.LASTED_S].to_list() == [100.0, 0, 0, 0, 0, 0] * 2
    assert nobody[c.PERSON_SHARE].null_count() == 12
    with pytest.raises(FilterError, match="no bucket"):
        compute_density(THREE, zones=[HALL], every="fortnight")
    with pytest.raises(FilterError, match="scheme"):
        compute_level_of_service(THREE, zones=[HALL], schemes=["hcm"])


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("pqrs"), st.integers(0, 30)), st.sampled_from([0.5, 1.5, 2.5]), min_size=2
    )
)
def test_levels_equal_counting_every_second(found: dict[tuple[str, int], float]) -> None:
    # all are seen every second or not at all, so that the usual step is 1 s or unknown
    frame = positions([(p, float(t), x, 1.0) for (p, t), x in found.items()])
    seconds = Counter(t for (_, t), x in found.items() if x < 2)
    steps = [b - a for who in "pqrs" for a, b in _pairs(sorted(t for p, t in found if p == who))]
    if not steps or min(t for t, n in Counter(steps).items() if n == max(Counter(steps).values())) != 1:
        return
    first, last = min(t for _, t in found), max(t for _, t in found) + 1
    levels = level_of_service([seconds[t] / 4 for t in range(first, last)]).to_list()
    table = compute_level_of_service(frame, zones=[HALL], schemes=["fruin_walkway"])
    assert dict(zip(table[c.LEVEL], table[c.LASTED_S], strict=True)) == pytest.approx(
        {level: float(levels.count(level)) for level in "ABCDEF"}, abs=1e-9
    )
    by_second = compute_density(frame, zones=[HALL], every="1s")
    assert by_second[c.OCCUPANCY_MAX].to_list() == [seconds[t] for t in range(first, last)]
    assert by_second[c.UNIQUE_VISITORS].to_list() == [seconds[t] for t in range(first, last)]


def _pairs(times: list[int]) -> list[tuple[int, int]]:
    return list(pairwise(times))
