"""The truth of a script, worked out in plain Python before any row is written: slow, obvious, shared with nobody.

Times are ms since `zero` (a UTC instant); the local clock of the campus is UTC. The definitions are those of the
summary: visits merge while next start − latest end ≤ 10 min, dwell is the union of a visit's sightings, occupancy
counts distinct persons with start ≤ t < end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dwell_kit.simulate.walks import DAY_MS, HOUR_MS, MAX_GAP_MS

Span = tuple[int, int]


@dataclass(frozen=True)
class Seen:
    """A sighting that is known: person (None: anonymous), camera, [start, end) ms."""

    person: str | None
    camera: str
    start: int
    end: int


@dataclass(frozen=True)
class Visit:
    """Presence of a person: spans are disjoint and sorted."""

    person: str
    spans: tuple[Span, ...]
    open: bool = False

    @property
    def start(self) -> int:
        return self.spans[0][0]

    @property
    def end(self) -> int:
        return self.spans[-1][1]

    @property
    def dwell(self) -> int:
        return sum(b - a for a, b in self.spans)


def united(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Disjoint sorted spans that cover the same instants; touching ones are joined."""
    made: list[Span] = []
    for start, end in sorted(spans):
        if made and start <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], end))
        else:
            made.append((start, end))
    return tuple(made)


def visits_of(seen: Iterable[Seen], *, covered_until: int) -> list[Visit]:
    """Visits of the identified people."""
    by_person: dict[str, list[Span]] = defaultdict(list)
    for sighting in seen:
        if sighting.person is not None:
            by_person[sighting.person].append((sighting.start, sighting.end))
    visits = []
    for person, spans in sorted(by_person.items()):
        group: list[Span] = []
        for span in sorted(spans):
            if group and span[0] - max(end for _, end in group) > MAX_GAP_MS:
                visits.append(_visit(person, group, covered_until))
                group = []
            group.append(span)
        visits.append(_visit(person, group, covered_until))
    return visits


def _visit(person: str, group: list[Span], covered_until: int) -> Visit:
    last = max(end for _, end in group)
    return Visit(person, united(group), covered_until - last <= MAX_GAP_MS)


def summary(visits: Sequence[Visit], seen: Sequence[Seen], *, zero: datetime) -> dict[str, Any]:
    """The key figures of visits and of the sightings behind them (what is seen only is counted from `seen`)."""
    dwell = sorted(v.dwell / 1000 for v in visits)
    per_person: dict[str, list[Visit]] = defaultdict(list)
    for visit in visits:
        per_person[visit.person].append(visit)
    presence = [(v.person, a, b) for v in visits for a, b in v.spans]
    peak, peak_at = _peak(presence)
    first = min([v.start for v in visits] + [s.start for s in seen], default=None)
    last = max([v.end for v in visits] + [s.end for s in seen], default=None)
    anonymous = sum(s.person is None for s in seen)
    repeat = sum(len(v) >= 2 for v in per_person.values())
    return {
        "unique_visitors": len(per_person),
        "visits": len(visits),
        "sightings": len(seen),
        "anonymous_sightings": anonymous,
        "anonymous_share": anonymous / len(seen) if seen else None,
        "cameras": len({s.camera for s in seen}),
        "dwell_mean_s": sum(dwell) / len(dwell) if dwell else None,
        "dwell_median_s": _quantile(dwell, 0.5),
        "dwell_p90_s": _quantile(dwell, 0.9),
        "dwell_p95_s": _quantile(dwell, 0.95),
        "dwell_max_s": dwell[-1] if dwell else None,
        "dwell_sum_s": sum(v.dwell for v in visits) / 1000,
        "dwell_per_person_s": sum(v.dwell for v in visits) / 1000 / len(per_person) if per_person else None,
        "repeat_visitors": repeat,
        "repeat_rate": repeat / len(per_person) if per_person else None,
        "repeat_day_visitors": sum(len({v.start // DAY_MS for v in p}) >= 2 for p in per_person.values()),
        "open_visits": sum(v.open for v in visits),
        "peak_occupancy": peak,
        "peak_at": _iso(zero, peak_at),
        "peak_hour": _peak_hour(presence, first, last),
        "busiest_camera": _busiest(seen),
        "first_seen": _iso(zero, first),
        "last_seen": _iso(zero, last),
        "person_seconds": sum(b - a for _, a, b in presence) / 1000,
    }


def series(visits: Sequence[Visit], seen: Sequence[Seen], *, zero: datetime) -> dict[str, Any]:
    """Footfall and unique visitors a day, occupancy an hour, person-seconds a camera."""
    footfall: dict[str, int] = defaultdict(int)
    people: dict[str, set[str]] = defaultdict(set)
    hours: dict[str, int] = defaultdict(int)
    for visit in visits:
        day = (zero + timedelta(milliseconds=visit.start)).date().isoformat()
        footfall[day] += 1
        people[day].add(visit.person)
        for a, b in visit.spans:
            for hour, length in _by_hour(a, b):
                hours[_iso(zero, hour * HOUR_MS) or ""] += length
    return {
        "footfall_per_day": dict(sorted(footfall.items())),
        "unique_visitors_per_day": {day: len(who) for day, who in sorted(people.items())},
        "person_seconds_per_hour": {hour: ms / 1000 for hour, ms in sorted(hours.items())},
        "person_seconds_per_camera": {c: ms / 1000 for c, ms in sorted(_camera_time(seen).items())},
    }


def _quantile(ordered: Sequence[float], q: float) -> float | None:
    """Linear interpolation between the closest ranks (Hyndman and Fan, type 7)."""
    if not ordered:
        return None
    at = (len(ordered) - 1) * q
    low = int(at)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (at - low)


def _peak(presence: Iterable[tuple[str, int, int]]) -> tuple[int, int | None]:
    """The highest number of people at one instant, and the first instant that has it."""
    change: dict[int, int] = defaultdict(int)
    for _, a, b in presence:
        if b > a:
            change[a] += 1
            change[b] -= 1
    now, best, when = 0, 0, None
    for instant in sorted(change):
        now += change[instant]
        if now > best:
            best, when = now, instant
    return best, when


def _by_hour(start: int, end: int) -> Iterable[Span]:
    """(hour since zero, ms in it) of [start, end)."""
    while start < end:
        hour = start // HOUR_MS
        edge = min(end, (hour + 1) * HOUR_MS)
        yield hour, edge - start
        start = edge


def _peak_hour(presence: Iterable[tuple[str, int, int]], first: int | None, last: int | None) -> int | None:
    """The clock hour with the highest mean occupancy over the time from the first start to the last end."""
    if first is None or last is None:
        return None
    held: dict[int, int] = defaultdict(int)
    covered: dict[int, int] = defaultdict(int)
    for _, a, b in presence:
        for hour, length in _by_hour(a, b):
            held[hour % 24] += length
    for hour, length in _by_hour(first, last):
        covered[hour % 24] += length
    if not any(held.values()):
        return None
    return max(covered, key=lambda hour: (held[hour] / covered[hour], -hour))


def _camera_time(seen: Iterable[Seen]) -> dict[str, int]:
    """ms at each camera: a person once at a time, every anonymous sighting for itself."""
    spans: dict[tuple[str, str], list[Span]] = defaultdict(list)
    total: dict[str, int] = defaultdict(int)
    for sighting in seen:
        if sighting.person is None:
            total[sighting.camera] += sighting.end - sighting.start
        else:
            spans[sighting.camera, sighting.person].append((sighting.start, sighting.end))
    for (camera, _), parts in spans.items():
        total[camera] += sum(b - a for a, b in united(parts))
    return total


def _busiest(seen: Iterable[Seen]) -> str | None:
    total = _camera_time(seen)
    return min(total, key=lambda camera: (-total[camera], camera)) if total else None


def _iso(zero: datetime, ms: int | None) -> str | None:
    return None if ms is None else (zero + timedelta(milliseconds=ms)).astimezone(UTC).isoformat()
