"""What somebody can work out of the hours that a report shows: bounds by linear programming.

Unknown is what each camera has on each day in each hour, 0 or more. At these sites nobody is in view of two
cameras and nobody is anonymous, so hours of the environment are sums over cameras, and all tables are sums of the
unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from scipy.optimize import linprog

HOURS = 24
Cell = tuple[int, int, int]
"""Camera, day, hour."""


@dataclass
class Attack:
    """Sums that are known; `bounds` says what they leave of another."""

    cameras: int
    days: int
    rows: list[np.ndarray] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def learn(self, value: float, **cells: int | None) -> None:
        self.rows.append(self._sum(**cells))
        self.values.append(value)

    def bounds(self, **cells: int | None) -> tuple[float, float]:
        """The least and the most that a sum can be, given all that is known."""
        aim = self._sum(**cells)
        found = [
            linprog(sign * aim, A_eq=np.array(self.rows), b_eq=self.values, bounds=(0, None)) for sign in (1, -1)
        ]
        assert all(solved.status in {0, 3} for solved in found), [solved.message for solved in found]
        low, high = (np.inf if s.status == 3 else sign * s.fun for s, sign in zip(found, (1, -1), strict=True))
        return float(low), float(high)

    def _sum(self, camera: int | None = None, day: int | None = None, hour: int | None = None) -> np.ndarray:
        cube = np.zeros((self.cameras, self.days, HOURS))
        cube[tuple(slice(None) if at is None else at for at in (camera, day, hour))] = 1
        return cube.ravel()


def spared(
    occupancy: pl.DataFrame,
    cameras: pl.DataFrame,
    *,
    visits: float,
    person_seconds: float,
    days: Iterable[tuple[float | None, float | None]] = (),
) -> list[tuple[str, tuple[float, float]]]:
    """For each hidden row what can be worked out of it: its name, and the range of its visits or person-seconds.

    Parameters
    ----------
    occupancy, cameras : as reports show them; buckets are UTC and hours too.
    visits, person_seconds : of the whole time. days : those of each day, where they are shown.
    """
    at = {day: i for i, day in enumerate(occupancy["bucket"].dt.date().unique().sort())}
    names = {camera: i for i, camera in enumerate(cameras["camera_id"].unique().sort())}
    time, counts = Attack(len(names), len(at)), Attack(len(names), len(at))
    time.learn(person_seconds)
    counts.learn(visits)
    for i, (began, present) in enumerate(days):
        if began is not None and present is not None:
            counts.learn(began, day=i)
            time.learn(present, day=i)
    hidden_hours = []
    for row in occupancy.iter_rows(named=True):
        place = {"day": at[row["bucket"].date()], "hour": row["bucket"].hour}
        if row["suppressed"]:
            hidden_hours.append(place)
        else:
            time.learn(row["person_seconds"], **place)
    hidden_cells = []
    for row in cameras.iter_rows(named=True):
        place = {"camera": names[row["camera_id"]], "hour": row["hour"]}
        if row["suppressed"]:
            hidden_cells.append(place)
        else:
            time.learn(row["occupancy_mean"] * row["covered_s"], **place)
            counts.learn(row["visits"], **place)
    return [
        *((f"person-seconds {place}", time.bounds(**place)) for place in hidden_hours),
        *((f"visits {place}", counts.bounds(**place)) for place in hidden_cells),
    ]
