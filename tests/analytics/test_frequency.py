from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

from dwell_kit.analytics.frequency import compute_visit_frequency
from dwell_kit.errors import FilterError
from dwell_kit.schema.filters import Filters
from tests.analytics.brute import at, rows_of, specs, visits_of


def test_persons_by_how_often_they_came():
    # p comes four times, q twice, r once: with most=3 the last row stands for three visits or more.
    spec = [("p", "a", t, 5) for t in (0, 60, 120, 180)] + [("q", "a", 0, 5), ("q", "b", 60, 5), ("r", "a", 0, 5)]
    assert compute_visit_frequency(rows_of(spec), most=3).rows() == [(1, 1, 1 / 3), (2, 1, 1 / 3), (3, 1, 1 / 3)]
    early = compute_visit_frequency(rows_of(spec), most=2, filters=Filters.of(until=at(30)))
    assert early.rows() == [(1, 3, 1.0), (2, 0, 0.0)]


@settings(deadline=None, max_examples=50)
@given(specs)
def test_everybody_is_in_one_row(spec):
    visits = Counter(person for person, _ in visits_of(spec))
    table = compute_visit_frequency(rows_of(spec), most=4)
    counts = Counter(min(n, 4) for n in visits.values())
    assert [row[1] for row in table.rows()] == [counts[n] for n in range(1, 5)]
    assert [row[2] for row in table.rows()] == [counts[n] / len(visits) if visits else None for n in range(1, 5)]


def test_nobody_and_nonsense():
    assert compute_visit_frequency(rows_of([(None, "a", 0, 5)]), most=1).rows() == [(1, 0, None)]
    assert type(compute_visit_frequency(rows_of([]).to_pandas())).__name__ == "DataFrame"
    with pytest.raises(FilterError, match="counted from 1"):
        compute_visit_frequency(rows_of([]), most=0)
