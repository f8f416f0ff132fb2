"""The script: who is on the campus from when to when, and which camera would see them where."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Final
from uuid import UUID

from dwell_kit.simulate import site

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
MAX_GAP_MS: Final = 600_000
_LONG_ABSENCE: Final = 0.06
"""Chance that a walk leads through a place without cameras for longer than `MAX_GAP_MS`."""


@dataclass(frozen=True)
class Person:
    """Somebody with a true age group and gender; `keen` people come more often."""

    person_id: str
    age_group: str
    gender: str
    keen: float
    staff: bool


@dataclass
class Pass:
    """A person in a camera's view during [start, end) ms since the first midnight."""

    person: Person
    camera: str
    start: int
    end: int


@dataclass
class Stay:
    """A person on the campus during [enter, leave) ms, whatever cameras see."""

    person: Person
    enter: int
    leave: int
    passes: list[Pass] = field(default_factory=list)


def population(rng: Random, size: int) -> list[Person]:
    """Visitors and a few members of staff."""
    ages = ("3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70-")
    weights = (1, 18, 42, 16, 10, 7, 4, 2)
    people = []
    for i in range(size):
        staff = i < max(2, size // 60)
        people.append(
            Person(
                person_id=str(UUID(int=rng.getrandbits(128), version=4)),
                age_group=rng.choices(ages, weights)[0],
                gender=rng.choice(("male", "female")),
                keen=rng.paretovariate(1.6),
                staff=staff,
            )
        )
    return people


def script(rng: Random, *, people: list[Person], days: int, visitors_a_day: int, first: datetime) -> list[Stay]:
    """Every stay that begins within `days` days from midnight `first`; nobody is in two places at once."""
    visitors = [p for p in people if not p.staff]
    keen = [p.keen for p in visitors]
    stays: list[Stay] = []
    for day in range(days):
        weight = site.WEEKDAY_WEIGHT[(first.weekday() + day) % 7]
        count = max(1, round(visitors_a_day * weight * rng.uniform(0.9, 1.1)))
        free_from: dict[str, int] = {}
        arrivals = sorted(_arrival(rng, day) for _ in range(count))
        for arrival, person in zip(arrivals, rng.choices(visitors, keen, k=count), strict=True):
            enter = max(arrival, free_from.get(person.person_id, 0))
            stays.append(_walk(rng, person, enter, hops=1 + int(rng.expovariate(1 / 4))))
            free_from[person.person_id] = stays[-1].leave + MAX_GAP_MS * 2 + rng.randrange(HOUR_MS)
        for person in people:
            if person.staff and weight > 0.5:
                enter = day * DAY_MS + 7 * HOUR_MS + rng.randrange(HOUR_MS)
                stays.append(_walk(rng, person, enter, hops=rng.randrange(14, 26)))
    return _apart(stays)


def _arrival(rng: Random, day: int) -> int:
    hour = rng.choices(range(24), site.ARRIVALS_BY_HOUR)[0]
    return day * DAY_MS + hour * HOUR_MS + rng.randrange(HOUR_MS)


def _walk(rng: Random, person: Person, enter: int, *, hops: int) -> Stay:
    """From an entrance through neighbouring cameras and back out; unseen ways between most of them."""
    camera = site.BY_ID[rng.choice(site.ENTRANCES)]
    stay = Stay(person, enter, enter)
    now = enter + rng.randrange(1_000, 20_000)
    for hop in range(hops):
        length = int(1000 * min(camera.mean_stay_s * rng.lognormvariate(-0.3, 0.8), 6 * 3600)) + rng.randrange(
            1000
        )
        stay.passes.append(Pass(person, camera.camera_id, now, now + length))
        if camera.overlaps and rng.random() < 0.7:
            beside = rng.choice(camera.overlaps)
            seen = now + length - int(length * rng.uniform(0.1, 0.9))
            stay.passes.append(Pass(person, beside, seen, now + length + rng.randrange(8_000)))
        now += length
        if hop < hops - 1:
            absent = rng.random() < _LONG_ABSENCE
            now += rng.randrange(MAX_GAP_MS + 60_000, 4 * MAX_GAP_MS) if absent else rng.randrange(5_000, 180_000)
            camera = site.BY_ID[rng.choice(camera.next_to)]
    stay.leave = max(p.end for p in stay.passes) + rng.randrange(1_000, 30_000)
    return stay


def _apart(stays: list[Stay]) -> list[Stay]:
    """Drop stays that would begin before the same person left, so that a person's stays are true visits."""
    kept: list[Stay] = []
    left: dict[str, int] = {}
    for stay in sorted(stays, key=lambda s: (s.enter, s.person.person_id)):
        if stay.enter > left.get(stay.person.person_id, -(2 * MAX_GAP_MS)) + MAX_GAP_MS + 60_000:
            kept.append(stay)
            left[stay.person.person_id] = stay.leave
    return kept
