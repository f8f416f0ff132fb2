"""Random sightings on a grid of ticks, and a twin of every interval algorithm that counts ticks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import strategies as st

from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.tables import UTC_US

CAMERAS = ("door", "hall", "lift")
ZONES = ("north", "south")
PEOPLE = ("ann", "bob", "cem", "dee")


@dataclass(frozen=True)
class Row:
    """A sighting; `start` and `end` are ticks."""

    person: str | None
    camera: str | None
    zone: str | None
    start: int
    end: int
    open_end: bool = False


@dataclass(frozen=True)
class Clock:
    """What a tick is: tick 0 is `zero`."""

    zero: datetime
    tick: timedelta

    def at(self, tick: int) -> datetime:
        return self.zero + tick * self.tick

    def ticks(self, delta: timedelta) -> int:
        return delta // self.tick


# Berlin skips 02:00–03:00 on the first day that this covers, and New York does so three weeks before
COARSE = Clock(datetime(2025, 3, 29, 20, tzinfo=UTC), timedelta(minutes=5))
FINE = Clock(datetime(2025, 5, 1, 9, 59, 58, tzinfo=UTC), timedelta(milliseconds=125))


@st.composite
def sightings(draw: st.DrawFn, *, most: int = 14, span: int = 160) -> list[Row]:
    rows = []
    for _ in range(draw(st.integers(0, most))):
        start = draw(st.integers(0, span))
        rows.append(
            Row(
                person=draw(st.sampled_from((*PEOPLE, None))),
                camera=draw(st.sampled_from((*CAMERAS, *CAMERAS, None))),
                zone=draw(st.sampled_from((*ZONES, None))),
                start=start,
                end=start + draw(st.integers(0, 12)),
                open_end=draw(st.booleans()),
            )
        )
    return rows


@st.composite
def filters(draw: st.DrawFn, clock: Clock, *, span: int = 170, by_clock: bool = True) -> Filters:
    def some(values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(draw(st.lists(st.sampled_from((*values, "nowhere")), max_size=2, unique=True)))

    def moment() -> datetime | None:
        tick = draw(st.none() | st.integers(-5, span))
        return None if tick is None else clock.at(tick)

    def length() -> timedelta | None:
        ticks = draw(st.none() | st.none() | st.integers(0, 12))
        return None if ticks is None else ticks * clock.tick

    since, until = moment(), moment()
    if since is not None and until is not None:
        since, until = min(since, until), max(since, until)
    shortest, longest = length(), length()
    if shortest is not None and longest is not None:
        shortest, longest = min(shortest, longest), max(shortest, longest)
    return Filters(
        cameras=some(CAMERAS),
        zones=some(ZONES) if draw(st.booleans()) else (),
        persons=some(PEOPLE) if draw(st.booleans()) else (),
        since=since,
        until=until,
        weekdays=draw(st.sampled_from(((), (), (7,), (6, 1)))) if by_clock else (),
        hours=draw(st.sampled_from((None, None, (0, 3), (2, 3), (21, 24), (22, 3)))) if by_clock else None,
        min_dwell=shortest,
        max_dwell=longest,
        touching=draw(st.booleans()),
        max_gap=draw(st.integers(0, 4)) * clock.tick,
    )


WORDS_OF = {"ann": ("male", "20-29"), "bob": ("female", "20-29"), "cem": ("male", "70-"), "dee": (None, None)}
"""Gender and age group of each person, as every sighting says them."""


def with_words(table: pl.DataFrame) -> pl.DataFrame:
    """The frame with gender and age group of `WORDS_OF`."""
    said = {name: {p: words[i] for p, words in WORDS_OF.items()} for i, name in enumerate((c.GENDER, c.AGE_GROUP))}
    return table.with_columns(
        pl.col(c.PERSON).replace_strict(words, default=None, return_dtype=pl.String).alias(name)
        for name, words in said.items()
    )


def frame(rows: list[Row], clock: Clock) -> pl.DataFrame:
    """The rows as a frame of the contract's columns that analytics needs."""
    data = {
        c.PERSON: pl.Series([r.person for r in rows], dtype=pl.String),
        c.CAMERA: pl.Series([r.camera for r in rows], dtype=pl.String),
        c.ZONE: pl.Series([r.zone for r in rows], dtype=pl.String),
        c.STARTED: pl.Series([clock.at(r.start) for r in rows], dtype=UTC_US),
        c.ENDED: pl.Series([clock.at(r.end) for r in rows], dtype=UTC_US),
        c.OPEN_END: pl.Series([r.open_end for r in rows], dtype=pl.Boolean),
    }
    return pl.DataFrame(data)


@dataclass(frozen=True)
class Twin:
    """A visit as the twin sees it: ticks present, and facts about the selected sightings."""

    person: str
    visit: int
    present: frozenset[int]
    first: int
    last: int
    rows: tuple[Row, ...]
    """The selected sightings, by (start, end)."""
    first_camera: str | None
    last_camera: str | None
    open: bool
    known: int | None
    cut_start: bool
    cut_end: bool

    def present_at(self, key: str, place: str) -> set[int]:
        """Ticks of presence at one camera or in one zone."""
        ticks: set[int] = set()
        for row in self.rows:
            if getattr(row, key) == place:
                ticks |= set(range(row.start, row.end)) & self.present
        return ticks


NEVER = -(10**9)


def hours_of(first: int, after: int) -> set[int]:
    """Clock hours from one to another, past midnight if that is earlier."""
    return {h % 24 for h in range(first, after if first < after else after + 24)}


def covered_till(stretches: list[tuple[int, int]], tick: int, gap: int) -> int:
    """Where the coverage that holds at a tick, or ended last before it, ends: holes up to `gap` do not end it."""
    end = NEVER
    for a, b in sorted(stretches):
        if a <= tick or a - end <= gap:
            end = max(end, b)
    return end


class World:
    """The twin: rows, filters and what they mean, one tick at a time."""

    def __init__(self, rows: list[Row], clock: Clock, filters: Filters, *, tz: str = "UTC") -> None:
        self.rows, self.clock, self.filters, self.zone = rows, clock, filters, ZoneInfo(tz)

    def time(self, tick: int) -> bool:
        f, now = self.filters, self.clock.at(tick)
        local = now.astimezone(self.zone)
        return (
            (f.since is None or f.since <= now)
            and (f.until is None or now < f.until)
            and (not f.weekdays or local.isoweekday() in f.weekdays)
            and (f.hours is None or local.hour in hours_of(*f.hours))
        )

    def place(self, row: Row) -> bool:
        f = self.filters
        return (not f.cameras or row.camera in f.cameras) and (not f.zones or row.zone in f.zones)

    def touched(self, row: Row) -> list[int]:
        """Selected instants of a row: ticks, or its instant if it has no length."""
        if not self.place(row):
            return []
        return [t for t in (range(row.start, row.end) if row.end > row.start else [row.start]) if self.time(t)]

    def clipped_end(self, row: Row) -> int:
        if self.filters.touching or row.end == row.start:
            return row.end
        return max(self.touched(row)) + 1

    def groups(self, key: tuple[str, ...] = ("person",)) -> dict[tuple[str, ...], list[list[Row]]]:
        """Visits before filtering."""
        gap = self.clock.ticks(self.filters.max_gap)
        by: dict[tuple[str, ...], list[Row]] = defaultdict(list)
        for row in self.rows:
            values = tuple(getattr(row, name) for name in key)
            if None not in values:
                by[values].append(row)
        made = {}
        for values, rows in by.items():
            visits: list[list[Row]] = []
            for row in sorted(rows, key=lambda r: (r.start, r.end)):
                if visits and row.start - max(r.end for r in visits[-1]) <= gap:
                    visits[-1].append(row)
                else:
                    visits.append([row])
            made[values] = visits
        return made

    def visits(
        self, coverage: dict[str | None, list[tuple[int, int]]] | None = None, key: tuple[str, ...] = ("person",)
    ) -> list[Twin]:
        f = self.filters
        if coverage is None:
            whole = [(-1000, max((r.end for r in self.rows), default=0))]
            coverage = dict.fromkeys((*CAMERAS, None), whole)
        found = []
        for values, visits in sorted(self.groups(key).items()):
            if f.persons and values[0] not in f.persons:
                continue
            for number, rows in enumerate(visits, start=1):
                chosen = [row for row in rows if self.touched(row)]
                if not chosen:
                    continue
                if f.touching:
                    chosen = rows
                twin = self._twin(values[0], number, chosen, rows, coverage)
                dwell = len(twin.present) * self.clock.tick
                if (f.min_dwell is None or dwell >= f.min_dwell) and (f.max_dwell is None or dwell < f.max_dwell):
                    found.append(twin)
        return found

    def _twin(
        self,
        person: str,
        number: int,
        rows: list[Row],
        visit: list[Row],
        coverage: dict[str | None, list[tuple[int, int]]],
    ) -> Twin:
        def instants(row: Row) -> list[int]:
            if not self.filters.touching:
                return self.touched(row)
            return list(range(row.start, row.end)) or [row.start]

        present = {t for row in rows if row.end > row.start for t in instants(row)}
        last = max(self.clipped_end(row) for row in rows)
        latest = [row for row in rows if self.clipped_end(row) == last][-1]
        gap = self.clock.ticks(self.filters.max_gap)
        first = min(instants(row)[0] for row in rows)
        covered = covered_till(coverage[latest.camera], last, gap)
        ends = latest.end == last
        cut = [row for row in visit if self.place(row) and not self.filters.touching]
        return Twin(
            person=person,
            visit=number,
            present=frozenset(present),
            first=first,
            last=last,
            rows=tuple(rows),
            first_camera=rows[0].camera,
            last_camera=latest.camera,
            open=ends and (latest.open_end or covered - last <= gap),
            known=covered - gap if ends and covered - last <= gap and covered > NEVER else None,
            cut_start=any(row.start < first for row in cut),
            cut_end=any(row.end > last for row in cut),
        )

    def anonymous(self) -> list[tuple[Row, set[int]]]:
        """Selected anonymous rows and their selected ticks."""
        f = self.filters
        if f.persons or f.min_dwell is not None or f.max_dwell is not None:
            return []
        found = []
        for row in self.rows:
            if row.person is None and self.touched(row):
                ticks = range(row.start, row.end) if f.touching else self.touched(row)
                found.append((row, {t for t in ticks if row.start <= t < row.end}))
        return found

    def occupancy(self, key: str | None = None, place: str | None = None) -> dict[int, int]:
        """Tick → people present in the environment, or at a place."""
        level: dict[int, int] = defaultdict(int)
        for twin in self.visits():
            for tick in twin.present if key is None else twin.present_at(key, place or ""):
                level[tick] += 1
        if key is not None:
            for row, ticks in self.anonymous():
                for tick in ticks if getattr(row, key) == place else ():
                    level[tick] += 1
        return level
