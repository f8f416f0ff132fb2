"""World truth − causes = observable truth, figure by figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dwell_kit.simulate.clock import Clock
from dwell_kit.simulate.truth import Seen, Visit, summary, visits_of

CAUSES: Final = {
    "unseen_way": "entering, leaving and walking between cameras is not seen: dwell loses those times",
    "gap": "away from every camera for longer than max_gap: one stay becomes several visits",
    "open_visit": "still there when the export ends, or there only later: what comes after is not known",
    "silent_camera": "a camera was down: what it would have seen is not known",
    "whole_seconds": "rows whose times are left to the second only",
    "dirty_row": "rows that are spoilt and rejected: their sightings are lost, or end with an older message",
    "anonymous": "sightings without a person: they count at the camera, and for nobody",
}
_ADDITIVE: Final = ("visits", "unique_visitors", "sightings")


class Ledger:
    """What each cause changes, in the order in which they apply; every figure that changes is listed.

    `rows`: cause, why, count (how often it struck), the change of visits, unique_visitors, sightings, dwell_sum_s
    and, exactly, dwell_sum_ms; `changes`: figure → [before, after]. The first figures are the world's, the last
    the observable ones.
    """

    def __init__(self, visits: Sequence[Visit], seen: Sequence[Seen], *, clock: Clock) -> None:
        self._clock = clock
        self.rows: list[dict[str, Any]] = []
        self.world = self._figures = summary(visits, seen, clock=clock)
        self._dwell_ms = sum(v.dwell for v in visits)

    def after(self, cause: str, count: int, seen: Sequence[Seen]) -> list[Visit]:
        """Enter what is left to see once `cause` took its share; the visits of that."""
        visits = visits_of(seen, covered_until=max((s.end for s in seen), default=None))
        self.enter(cause, count, visits, seen)
        return visits

    def enter(self, cause: str, count: int, visits: Sequence[Visit], seen: Sequence[Seen]) -> None:
        """Enter the visits and sightings that are left after `cause` struck `count` times."""
        before, now = self._figures, summary(visits, seen, clock=self._clock)
        dwell_ms = sum(v.dwell for v in visits)
        self.rows.append(
            {
                "cause": cause,
                "why": CAUSES[cause],
                "count": count,
                **{name: now[name] - before[name] for name in _ADDITIVE},
                "dwell_sum_s": (dwell_ms - self._dwell_ms) / 1000,
                "dwell_sum_ms": dwell_ms - self._dwell_ms,
                "changes": {name: [before[name], now[name]] for name in now if now[name] != before[name]},
            }
        )
        self._figures, self._dwell_ms = now, dwell_ms
