"""Key figures for people who may not see rows: what each rests on, and which are hidden. The rule is here only.

A figure is hidden when it rests on fewer than k distinct persons, or when what it leaves of another figure does:
who knows the visitors and those who came again knows those who came once. That the one or the other is small is
all that is said of it, never which.

| figure | persons it rests on | what it leaves |
|---|---|---|
| unique_visitors, visits, means, medians, sums | the visitors | |
| dwell_p90_s, dwell_p95_s | those who stayed as long or longer | |
| dwell_max_s, first_seen, last_seen | one | |
| repeat_visitors, repeat_rate | they | who came once |
| repeat_day_visitors | they | who did not; who came again on the same day |
| open_visits | whose visits were open | who had one that was not |
| peak_occupancy, peak_at | those present at that instant | |
| peak_hour | those present in that clock hour | |
| busiest_camera | those seen there, anonymous ones not counted | |
| anonymous_sightings, anonymous_share | each sighting may be another person | |
| sightings, cameras | the visitors; if there are none, the anonymous sightings | |
| excluded_persons | they | |

Below k visitors all but the last is hidden. What is not hidden: visits − visitors is an upper bound of the repeat
visitors. Tables go through `suppress`, camera × hour through `suppress_hours`, the survival curve beside a
histogram through `suppress_curve`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import numba as nb
import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import like, needs, to_polars
from dwell_kit.analytics.kernels import OPEN, first_span
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.presence import pick_of
from dwell_kit.analytics.selection import ALWAYS, Selection
from dwell_kit.analytics.summary import swept_summary
from dwell_kit.analytics.suppress import DEFAULT_K
from dwell_kit.analytics.survival import (
    SUMMARY_FIELDS,
    at_times,
    compute_survival_summary,
    curve_frame,
    in_sight,
    kaplan_meier,
    lengths,
)
from dwell_kit.analytics.sweep import SweptVisits, rows_of
from dwell_kit.analytics.visits import selected
from dwell_kit.analytics.watched import watched_time
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.hours import clock_intervals, intersect
from dwell_kit.schema.time import US

Rests = Mapping[str, Sequence[int]]
"""Figure → numbers of distinct persons, of which none may be from 1 to k − 1."""

_ONE: Final = ("dwell_max_s", "first_seen", "last_seen")
_OF_VISITORS: Final = (
    "unique_visitors", "visits", "dwell_mean_s", "dwell_median_s", "dwell_p90_s", "dwell_p95_s", "dwell_sum_s",
    "dwell_per_person_s", "repeat_visitors", "repeat_rate", "repeat_day_visitors", "open_visits", "peak_occupancy",
    "peak_at", "peak_hour", "busiest_camera", "person_seconds", "anonymous_share",
)  # fmt: skip
_COUNTED: Final = {c.OPEN: (c.OPEN, c.SHARE), c.CUT_END: (c.CUT_END,), "unknown_start": ("unknown_start",)}


def few(k: int) -> str:
    """What stands in the place of a hidden figure.

    >>> few(5)
    'fewer than 5 persons'
    """
    return f"fewer than {k} persons"


def compute_summary_for_viewer(
    sightings: Any,
    *,
    k: int = DEFAULT_K,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    coverage: Any = None,
    excluded: int = 0,
) -> dict[str, Any]:
    """The key figures as `compute_summary` gives them, those about fewer than k persons hidden.

    Parameters
    ----------
    k : the least number of distinct persons that a visible figure rests on.
    excluded : persons left out because they are on a list (staff).
    others : as for `compute_summary`.

    Returns
    -------
    dict: the key figures and excluded_persons, hidden ones None, and `suppressed`: hidden figure → why.
    """
    _check(k)
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, coverage=coverage)
    figures, swept = swept_summary(coded, chosen, tz=tz, coverage=coverage)
    figures["excluded_persons"] = excluded
    rests = _rests(figures, coded, chosen, swept, tz=tz, coverage=coverage, k=k)
    hidden = {name: few(k) for name, value in figures.items() if value is not None and _small(rests[name], k)}
    return {name: None if name in hidden else value for name, value in figures.items()} | {c.SUPPRESSED: hidden}


def compute_survival_summary_for_viewer(
    visits: Any,
    *,
    k: int = DEFAULT_K,
    by: str | Sequence[str] = (),
    known_until: datetime | None = None,
    confidence: float = 0.95,
) -> Any:
    """What `compute_survival_summary` gives, with figures about fewer than k persons hidden.

    Everything rests on the persons of the visits; `open`, `share`, `cut_end` and `unknown_start` on those whose
    visits are so, and on those with another; the naive figures of closed visits too, because what they leave are
    the open and cut ones; Kaplan–Meier on the persons of the visits whose beginning is known. `km_mean_until_s`,
    the longest dwell seen, is one visit's and left out.

    Parameters
    ----------
    visits : frame of visits with person_id. by, known_until, confidence : as for `compute_survival_summary`.

    Returns
    -------
    The columns of `compute_survival_summary`, hidden ones null, and `suppressed`: which are hidden, and why, in
    words.
    """
    _check(k)
    frame, keys = to_polars(visits), [by] if isinstance(by, str) else list(by)
    needs(frame, (c.PERSON, c.OPEN, *keys))
    made = compute_survival_summary(frame, by=keys, known_until=known_until, confidence=confidence)
    made = made.drop("km_mean_until_s")
    groups = frame.sort(keys).partition_by(keys, maintain_order=True) if keys else [frame]
    rows = []
    for row, part in zip(made.to_dicts(), groups, strict=True):
        rests = _rests_of_visits(part)
        hidden = [name for name, value in row.items() if value is not None and _small(rests.get(name, ()), k)]
        said = f"{', '.join(hidden)}: {few(k)}" if hidden else ""
        rows.append(row | dict.fromkeys(hidden) | {c.SUPPRESSED: said})
    return like(pl.DataFrame(rows, schema={**made.schema, c.SUPPRESSED: pl.String}), visits)


def compute_survival_for_viewer(
    visits: Any,
    *,
    k: int = DEFAULT_K,
    known_until: datetime | None = None,
    confidence: float = 0.95,
    points: int = 400,
) -> Any:
    """The curve of `compute_survival` at times between which, and after the last, visits of k persons or more end.

    Parameters
    ----------
    visits : frame of visits with person_id. points : about how many times at most.
    known_until, confidence : as for `compute_survival`.

    Returns
    -------
    t_s (s), survival, low, high (shares), without counts; the first row is t_s = 0. No row below k persons.
    """
    _check(k)
    frame = to_polars(visits)
    needs(frame, (c.PERSON, c.OPEN))
    seen = in_sight(frame, known_until=known_until)
    t, ended = lengths(seen)
    person = seen[c.PERSON].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
    enough = len(np.unique(person)) >= k
    at = np.array([0.0, *_times(t[ended], person[ended], k, points)] if enough else [], np.float64)
    shown = curve_frame(at_times(kaplan_meier(t, ended, confidence=confidence), at))
    return like(shown.select("t_s", c.SURVIVAL, c.LOW, c.HIGH), visits)


def _times(t: NDArray[np.float64], person: NDArray[np.int64], k: int, points: int) -> list[float]:
    """Times (s) between which, and after the last, visits of k persons or more end; none is a visit's own.

    Parameters
    ----------
    t : (n,) s, how long visits lasted. person : (n,) whose they were.
    """
    order = np.argsort(t, kind="stable")
    t, person = t[order], person[order]
    least, begin, made = max(k, len(t) // max(points, 1)), 0, []
    while begin < len(t):
        end = min(begin + least, len(t))
        while end < len(t) and (t[end] == t[end - 1] or len(np.unique(person[begin:end])) < k):
            end += 1
        if end < len(t):
            made.append(float(t[end - 1] + t[end]) / 2)
        elif len(np.unique(person[begin:])) < k:
            made = made[:-1]  # too few are left: they go with those before them
        begin = end
    return made


def _check(k: int) -> None:
    if k < 1:
        raise FilterError("k is too small", expected="1 or more persons", found=str(k))


def _small(persons: Sequence[int], k: int) -> bool:
    return any(0 < n < k for n in persons)


def _rests(
    figures: Mapping[str, Any],
    coded: Coded,
    selection: Selection,
    swept: SweptVisits,
    *,
    tz: str,
    coverage: Any,
    k: int,
) -> Rests:
    """What every figure rests on, as the table at the top of the module says; counts may stop at k."""
    everybody, anonymous = figures["unique_visitors"], figures["anonymous_sightings"]
    repeat, repeat_day = figures["repeat_visitors"], figures["repeat_day_visitors"]
    own: dict[str, tuple[int, ...]] = {
        "repeat_visitors": (repeat, everybody - repeat),
        "repeat_rate": (repeat, everybody - repeat),
        "repeat_day_visitors": (repeat_day, everybody - repeat_day, repeat - repeat_day),
        "open_visits": (_persons(swept, "open"), _persons(swept, "closed")),
        "peak_occupancy": (figures["peak_occupancy"],),
        "peak_at": (figures["peak_occupancy"],),
        "anonymous_sightings": (anonymous,),
        "anonymous_share": (anonymous,),
        "excluded_persons": (figures["excluded_persons"],),
        **{name: (everybody or anonymous,) for name in ("sightings", "cameras")},
        **{name: (1,) for name in _ONE},
    }
    for name in ("dwell_p90_s", "dwell_p95_s"):
        if figures[name] is not None:
            own[name] = (_persons(swept, "long", least=round(figures[name] * US)),)
    if figures["peak_hour"] is not None:
        watched = watched_time(coded, selection, coverage)
        hour = figures["peak_hour"]
        spans = clock_intervals(int(watched[0, 0]), int(watched[-1, 1]), tz=tz, hours=(hour, hour + 1))
        own["peak_hour"] = (max(_present(coded, selection, swept, intersect(watched, spans), k=k), 1),)
    if figures["busiest_camera"] is not None:
        spans = ALWAYS if selection.touching else selection.intervals
        camera = coded.cameras.index(figures["busiest_camera"])
        own["busiest_camera"] = (max(_present(coded, selection, swept, spans, camera=camera, k=k), 1),)
    return {name: (*own.get(name, ()), *((everybody,) if name in _OF_VISITORS else ())) for name in figures}


def _persons(swept: SweptVisits, which: str, *, least: int = 0) -> int:
    """Distinct persons with a visit that is open, is not, or lasts `least` µs."""
    found = 0
    for part in swept.parts:
        is_open = (part.state & OPEN) != 0
        mask = {"open": is_open, "closed": ~is_open, "long": part.dwell >= least}[which]
        found += int(np.count_nonzero(np.diff(part.group[mask], prepend=-1)))
    return found


def _present(
    coded: Coded, selection: Selection, swept: SweptVisits, spans: NDArray[np.int64], *, k: int, camera: int = -1
) -> int:
    """Distinct persons of the visits present in the intervals, at the camera if one is given; k at most."""
    if not len(spans):
        return 0
    rows, pick = rows_of(coded), pick_of(selection)
    found = 0
    for part in swept.parts:
        found += int(_count_present(rows, pick, part, frozen(spans, np.int64), camera, k - found))
    return found


@nb.njit(cache=True, nogil=True)
def _count_present(rows: Any, pick: Any, part: Any, spans: Any, camera: int, enough: int) -> int:
    found = 0
    latest = -1
    for v in range(len(part.row)):
        if found >= enough:
            break
        if part.group[v] == latest:
            continue
        for i in range(part.row[v], part.row[v] + part.rows[v]):
            if camera >= 0 and rows.camera[i] != camera:
                continue
            if not pick.camera[rows.camera[i]] or (pick.by_zone and not pick.zone[rows.zone[i]]):
                continue
            j = first_span(spans, rows.start[i])
            if max(rows.start[i], spans[j, 0]) < min(rows.end[i], spans[j, 1]):
                found += 1
                latest = part.group[v]
                break
    return found


def _rests_of_visits(visits: pl.DataFrame) -> Rests:
    """What each figure of a survival summary rests on."""
    false = pl.lit(False)
    marks = {
        name: pl.col(name) if name in visits.columns else false for name in (c.OPEN_START, c.CUT_START, c.CUT_END)
    }
    unknown = marks[c.OPEN_START] | marks[c.CUT_START]
    unended = pl.col(c.OPEN) | marks[c.CUT_END]

    def persons(condition: pl.Expr) -> int:
        return visits.filter(condition)[c.PERSON].n_unique()

    def split(condition: pl.Expr) -> tuple[int, int]:
        return persons(condition), persons(~condition)

    everybody = visits[c.PERSON].n_unique()
    rests: dict[str, tuple[int, ...]] = {c.VISITS: (everybody,)}
    for mark, condition in ((c.OPEN, pl.col(c.OPEN)), (c.CUT_END, marks[c.CUT_END]), ("unknown_start", unknown)):
        rests |= dict.fromkeys(_COUNTED[mark], (everybody, *split(condition)))
    for name in SUMMARY_FIELDS:
        if name.startswith("naive_closed"):
            rests[name] = (everybody, *split(unended))
        else:
            rests[name] = (everybody, persons(~unknown) if name.startswith("km_") else everybody)
    return rests
