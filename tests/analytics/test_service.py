from __future__ import annotations

import numpy as np
import pytest

from dwell_kit.analytics.service import SCHEMES, bounds_per_m2, level_of_service
from dwell_kit.errors import FilterError


@pytest.mark.parametrize(
    ("scheme", "areas_m2"),
    [
        ("fruin_walkway", (3.25, 2.32, 1.39, 0.93, 0.46)),
        ("fruin_queueing", (1.21, 0.93, 0.65, 0.28, 0.19)),
        ("fruin_stairway", (1.86, 1.39, 0.93, 0.65, 0.37)),
    ],
)
def test_bounds_are_those_published_in_metres(scheme: str, areas_m2: tuple[float, ...]) -> None:
    """The areas a person as handbooks round them to m²."""
    assert (1 / bounds_per_m2(scheme)).round(2).tolist() == pytest.approx(areas_m2, abs=0.006)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_density_on_a_bound_has_the_better_level(scheme: str) -> None:
    bounds = bounds_per_m2(scheme)
    assert level_of_service(bounds, scheme).to_list() == list("ABCDE")
    assert level_of_service(np.nextafter(bounds, 9), scheme).to_list() == list("BCDEF")


def test_what_is_not_known_has_no_level() -> None:
    assert level_of_service([float("nan"), None, 0.0]).to_list() == [None, None, "A"]
    assert level_of_service([]).to_list() == []
    with pytest.raises(FilterError, match="fruin_walkway"):
        level_of_service([1.0], "hcm")
