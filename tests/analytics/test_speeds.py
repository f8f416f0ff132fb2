from __future__ import annotations

import pytest

from dwell_kit.analytics.speeds import compute_speed_histogram
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS

from .walks import positions


def test_by_hand() -> None:
    rows = [("p", t / 5, 0.3 * t / 5, 0.0) for t in range(10)] + [
        ("q", t / 5, 0.0, 0.05 * t / 5) for t in range(5)
    ]
    found = compute_speed_histogram(positions([*rows, ("r", 0.0, 9.0, 9.0)]))
    assert found[c.FROM_M_S].to_list() == pytest.approx([0.0, 0.1, 0.2, 0.3])
    assert found[c.TILL_M_S].to_list() == pytest.approx([0.1, 0.2, 0.3, 0.4])
    assert found[c.PERSON_SECONDS].to_list() == pytest.approx([1.0, 0.0, 0.0, 2.0])
    assert found[c.SHARE].to_list() == pytest.approx([1 / 3, 0, 0, 2 / 3])
    assert found[c.UNIQUE_VISITORS].to_list() == [1, 0, 0, 1]


def test_nothing_is_nothing_and_nonsense_is_refused() -> None:
    assert compute_speed_histogram(POSITIONS.empty()).is_empty()
    assert compute_speed_histogram(positions([("r", 0.0, 9.0, 9.0)])).is_empty()
    frame = positions([("p", 0.0, 0.0, 0.0), ("p", 1.0, 1.0, 0.0)])
    with pytest.raises(FilterError, match="width of a bin"):
        compute_speed_histogram(frame, bin_m_s=0)
    with pytest.raises(FilterError, match="too many bins"):
        compute_speed_histogram(frame, bin_m_s=1e-6)
