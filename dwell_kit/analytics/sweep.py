"""Runs the kernels over ranges of persons in threads, and holds what comes out: `SweptVisits`."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dwell_kit.analytics import kernels
from dwell_kit.analytics.bins import Bins, scale_of
from dwell_kit.analytics.kernels import Pick, Rows, Tally, VisitRows
from dwell_kit.analytics.ordering import frozen, time_sorted
from dwell_kit.analytics.parallel import in_threads, threads
from dwell_kit.analytics.room import borrow
from dwell_kit.analytics.selection import ALWAYS, Selection
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.coverage import Coverage
from dwell_kit.schema.time import MAX_US, MIN_US, union

_MANY = 200_000
VISIT_TYPES = VisitRows(
    group=np.int32, visit=np.int32, row=np.int64, rows=np.int32, first=np.int64, last=np.int64, dwell=np.int64,
    sightings=np.int32, cameras=np.int16, first_camera=np.int16, last_camera=np.int16, state=np.uint8,
    known=np.int64, marks=np.int64,
)  # fmt: skip
NEVER = np.array([[MIN_US, MIN_US]], np.int64)
DETAIL = frozenset({"visit", "cameras", "first_camera", "last_camera", "known"})
NO_TIME = np.empty(0, np.int64)
Covered = tuple[NDArray[np.int64], NDArray[np.int64]]
UNWATCHED: Covered = (np.zeros(1, np.int64), NEVER)
NO_BINS = Bins(scale_of(0, 1, 0), 0, NO_TIME)
NO_EVENTS = NO_BINS._replace(cells=np.empty(0, np.uint32))


@dataclass(frozen=True)
class SweptVisits:
    """Visits by (person, time) as arrays, in one part per thread; `column` joins them."""

    parts: tuple[VisitRows, ...]

    def __len__(self) -> int:
        return sum(len(part.group) for part in self.parts)

    def column(self, name: str) -> NDArray[Any]:
        """(visits,) one column of `kernels.VisitRows`."""
        held = [getattr(part, name) for part in self.parts]
        return held[0] if len(held) == 1 else np.concatenate(held)

    def is_(self, bit: int) -> NDArray[np.bool_]:
        """(visits,) whether a bit of `kernels.VisitRows.state` is set."""
        return (self.column("state") & bit) != 0


def rows_of(coded: Coded) -> Rows:
    """The arrays the kernels read."""
    return Rows(
        start=frozen(coded.start, np.int64),
        end=frozen(coded.end, np.int64),
        camera=frozen(coded.camera, np.int16),
        zone=frozen(coded.zone, np.int16),
        flags=frozen(coded.flags, np.uint8),
        offsets=frozen(coded.offsets, np.int64),
    )


def picks(selection: Selection, covered: Covered = UNWATCHED) -> tuple[Pick, Pick]:
    """The selection for the kernels, and the one that measures whole visits; only `open` needs the coverage."""
    pick = Pick(
        group=frozen(selection.person, np.bool_),
        camera=frozen(selection.camera, np.bool_),
        zone=frozen(selection.zone, np.bool_),
        by_zone=not bool(selection.zone.all()),
        spans=frozen(selection.intervals if len(selection.intervals) else NEVER, np.int64),
        min_us=selection.min_us,
        max_us=selection.max_us,
        max_gap=selection.max_gap_us,
        touching=selection.touching,
        covered_at=frozen(covered[0], np.int64),
        covered=frozen(covered[1], np.int64),
    )
    whole = pick._replace(
        camera=frozen(np.ones(len(selection.camera)), np.bool_),
        by_zone=False,
        spans=frozen(ALWAYS, np.int64),
        min_us=MIN_US,
        max_us=MAX_US,
    )
    return pick, whole


def covered_stretches(coded: Coded, coverage: Any, max_gap_us: int) -> Covered:
    """The coverage of each camera, and of none, as `Pick` has it; if None, up to the latest end in the data."""
    latest = coded.extent[1] if coded.extent else MAX_US
    known = Coverage(np.array([[MIN_US, latest]], np.int64)) if coverage is None else Coverage.of(coverage)
    parts = [_bridged(part, max_gap_us) for part in (*map(known.of_camera, coded.cameras), known.anywhere)]
    return np.cumsum([0, *map(len, parts)]), np.concatenate(parts)


def _bridged(intervals: NDArray[np.int64], max_gap_us: int) -> NDArray[np.int64]:
    """Joined where holes are at most `max_gap_us`: who was absent in one was seen to be absent on both sides."""
    reach = [(int(a), int(b) + max_gap_us) for a, b in intervals]
    return union(reach) - np.array([0, max_gap_us], np.int64)


def ranges(offsets: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Ranges of groups with about as many rows each: one per core, one alone if the rows are few."""
    n = int(offsets[-1])
    parts = threads() if n > _MANY else 1
    cuts = [int(cut) for cut in np.searchsorted(offsets, [n * i // parts for i in range(1, parts)])]
    edges = [0, *cuts, len(offsets) - 1]
    return list(pairwise(edges))


def sweep(
    coded: Coded,
    selection: Selection,
    *,
    coverage: Any = None,
    events: Bins = NO_EVENTS,
    env: Bins = NO_BINS,
    camera_us: NDArray[np.int64] = NO_TIME,
    rows: Rows | None = None,
    detail: bool = True,
) -> SweptVisits:
    """The selected visits, in one pass; their presence is added to the bins that are given.

    Parameters
    ----------
    coverage : as in `compute_visits`.
    events : arrivals and departures in the environment. env : its person-time.
    camera_us : (cameras + 1,) person-time in µs at each camera, the last for none.
    rows : other rows than those of `coded` (a person per zone as a group).
    detail : fill the columns of `DETAIL` too.
    """
    rows = rows or rows_of(coded)
    pick, whole = picks(selection, covered_stretches(coded, coverage, selection.max_gap_us))
    return _run(rows, pick, whole, Tally(events, env, camera_us), detail=detail)


def _run(rows: Rows, pick: Pick, whole: Pick, tally: Tally, *, detail: bool) -> SweptVisits:
    absent = (frozenset() if detail else DETAIL) | (frozenset() if len(tally.events.cells) else {"marks"})

    def run(lo: int, hi: int, tally: Tally) -> VisitRows:
        size = int(rows.offsets[hi] - rows.offsets[lo])
        room = (0 if name in absent else size for name in VisitRows._fields)
        out = VisitRows(*(borrow(n, dtype) for n, dtype in zip(room, VISIT_TYPES, strict=True)))
        made = kernels.sweep(rows, pick, whole, lo, hi, out, tally)
        return VisitRows(*(column[:made] for column in out))

    parts = ranges(rows.offsets)
    tallies = [tally, *(_blank(tally) for _ in parts[1:])]
    found = in_threads(run, [(*part, own) for part, own in zip(parts, tallies, strict=True)])
    for own in tallies[1:]:
        tally.events.cells[:] += own.events.cells
        tally.env.cells[:] += own.env.cells
        tally.camera_us[:] += own.camera_us
    return SweptVisits(tuple(found))


def _blank(tally: Tally) -> Tally:
    events, env = (bins._replace(cells=np.zeros_like(bins.cells)) for bins in (tally.events, tally.env))
    return Tally(events, env, np.zeros_like(tally.camera_us))


def visits_of_unsorted(
    *,
    person: NDArray[np.int32],
    camera: NDArray[np.int16],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    max_gap_us: int,
) -> VisitRows:
    """Visits of coded sightings in any order, without filters: arrays by person and time.

    Parameters
    ----------
    person : (n,) codes from 0, -1 for anonymous. camera : (n,) codes, -1 for none. start, end : (n,) µs.
    """
    made = time_sorted(person, start, end, int(person.max(initial=-1)) + 1)
    everyone, places = np.ones(len(made.offsets) - 1, np.bool_), np.ones(int(camera.max(initial=-1)) + 2, np.bool_)
    latest = int(end.max(initial=MIN_US))
    rows = Rows(
        start=frozen(made.start, np.int64),
        end=frozen(made.end, np.int64),
        camera=frozen(camera[made.order], np.int16),
        zone=frozen(np.empty(0), np.int16),
        flags=frozen(np.zeros(len(start)), np.uint8),
        offsets=frozen(made.offsets, np.int64),
    )
    pick = Pick(
        group=frozen(everyone, np.bool_),
        camera=frozen(places, np.bool_),
        zone=frozen(places[:1], np.bool_),
        by_zone=False,
        spans=frozen(ALWAYS, np.int64),
        min_us=MIN_US,
        max_us=MAX_US,
        max_gap=max_gap_us,
        touching=False,
        covered_at=frozen(np.arange(len(places) + 1), np.int64),
        covered=frozen(np.tile([MIN_US, latest], (len(places), 1)), np.int64),
    )
    swept = _run(rows, pick, pick, Tally(NO_EVENTS, NO_BINS, NO_TIME), detail=True)
    return VisitRows(*(swept.column(name) for name in VisitRows._fields))
