"""Levels of service: what a density means to those who walk or wait in it.

The bounds are Fruin's, as areas a person in square feet: J. J. Fruin, Pedestrian Planning and Design (1971,
revised 1987), chapter 4, pages 71–78 (walkways), 80–82 (stairways) and 85–87 (queuing). They are brought to
persons per m² exactly; a density on a bound has the better level. Other handbooks, the HCM among them, draw other
lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c

LEVELS: Final = ("A", "B", "C", "D", "E", "F")
WALKWAY: Final = "fruin_walkway"
STAIRWAY: Final = "fruin_stairway"
QUEUEING: Final = "fruin_queueing"
SCHEMES: Final[Mapping[str, tuple[float, ...]]] = MappingProxyType(
    {WALKWAY: (35, 25, 15, 10, 5), STAIRWAY: (20, 15, 10, 7, 4), QUEUEING: (13, 10, 7, 3, 2)}
)
"""The least area of a person, ft², at the levels A to E of each scheme; less is F."""
SQUARE_FOOT_M2: Final = 0.3048**2


def bounds_per_m2(scheme: str) -> NDArray[np.float64]:
    """(5,) the highest densities, 1/m², of the levels A to E of a scheme; more is F.

    >>> bounds_per_m2("fruin_walkway").round(2).tolist(), bounds_per_m2("fruin_queueing").round(2).tolist()
    ([0.31, 0.43, 0.72, 1.08, 2.15], [0.83, 1.08, 1.54, 3.59, 5.38])

    Raises
    ------
    FilterError : listing the known schemes.
    """
    if scheme not in SCHEMES:
        raise FilterError(
            f"there is no scheme of levels of service {scheme!r}", expected=", ".join(SCHEMES), found=repr(scheme)
        )
    return 1 / (np.array(SCHEMES[scheme]) * SQUARE_FOOT_M2)


def level_of_service(density: Any, scheme: str = WALKWAY) -> pl.Series:
    """The level, A to F, of each density; null where it is not known.

    Parameters
    ----------
    density : (n,) persons per m². scheme : fruin_walkway, fruin_stairway or fruin_queueing.

    >>> level_of_service([0.0, 0.5, 1.0, None, 4.0]).to_list()
    ['A', 'C', 'D', None, 'F']
    >>> level_of_service([0.0, 0.5, 1.0, None, 4.0], "fruin_queueing").to_list()
    ['A', 'A', 'B', None, 'E']
    """
    given = pl.Series(c.LEVEL, density, dtype=pl.Float64, strict=False).fill_nan(None)
    found = np.searchsorted(bounds_per_m2(scheme), given.fill_null(0.0).to_numpy(), side="left")
    return pl.Series(c.LEVEL, LEVELS, dtype=pl.String).gather(found).set(given.is_null(), None)
