"""The key figures of a selection, each defined in `compute_summary`."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from dwell_kit.analytics.entries import find_bucket
from dwell_kit.analytics.kernels import OPEN, VisitRows, first_span
from dwell_kit.analytics.occupancy_series import series_edges
from dwell_kit.analytics.ordering import frozen
from dwell_kit.analytics.parallel import in_threads
from dwell_kit.analytics.peaks import hour_means, peak_hour_of
from dwell_kit.analytics.presence import (
    anonymous_rows,
    event_bins,
    maxima,
    per_bucket,
    person_time_bins,
    pick_of,
    pieces,
)
from dwell_kit.analytics.quantiles import quantile_s
from dwell_kit.analytics.selection import Selection
from dwell_kit.analytics.sweep import SweptVisits, rows_of, sweep
from dwell_kit.analytics.visits import selected
from dwell_kit.analytics.watched import all_inside, covered_person_time, overlap, watched_time
from dwell_kit.schema.coded import Coded
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import US, bucket_edges, from_us


def compute_summary(
    sightings: Any,
    *,
    filters: Filters | None = None,
    selection: Selection | None = None,
    tz: str = "UTC",
    coverage: Any = None,
) -> dict[str, Any]:
    """The key figures, all of the same selected visits; grain of every dwell figure: the (clipped) visit.

    Parameters
    ----------
    sightings : frame of the sightings contract, or `Coded`.
    coverage : as in `compute_occupancy` and `compute_visits`.

    Returns
    -------
    dict; without data counts are 0 and the others None:

    - unique_visitors: distinct persons with a selected visit. visits: selected visits.
    - sightings: selected sightings, anonymous ones included; anonymous_sightings of them; anonymous_share their
      share.
    - cameras: distinct cameras of the selected sightings.
    - dwell_mean_s, dwell_median_s, dwell_p90_s, dwell_p95_s, dwell_max_s, dwell_sum_s: of the visits' dwell,
      quantiles linear. Open visits count as they were seen: these are the naive figures
      (`compute_survival_summary` corrects).
    - dwell_per_person_s: dwell_sum_s / unique_visitors.
    - repeat_visitors: persons with ≥ 2 selected visits; repeat_rate: of unique_visitors; repeat_day_visitors:
      persons whose selected visits start on ≥ 2 distinct local days.
    - open_visits: right-censored ones. person_seconds: in the environment (= dwell_sum_s).
    - peak_occupancy: the most persons present in the environment at once; peak_at: its earliest instant (ISO 8601,
      UTC).
    - peak_hour: local clock hour with the highest mean occupancy over covered time, ties to the earliest.
    - busiest_camera: most person-seconds at the camera, anonymous ones included, ties to the smallest id.
    - first_seen, last_seen: of the selected parts of sightings (ISO 8601, UTC).
    """
    coded, chosen = selected(sightings, filters=filters, selection=selection, tz=tz, coverage=coverage)
    return swept_summary(coded, chosen, tz=tz, coverage=coverage)[0]


def swept_summary(
    coded: Coded, chosen: Selection, *, tz: str, coverage: Any = None
) -> tuple[dict[str, Any], SweptVisits]:
    """The key figures, and the visits that they are of."""
    watched = watched_time(coded, chosen, coverage)
    edges = series_edges(coded, chosen, watched, every="hour", tz=tz)
    if coded.extent is None or len(edges) < 2:
        return _nothing(), SweptVisits(())
    low, high = coded.extent
    ends = np.array([min(low, int(edges[0])), max(high + 1, int(edges[-1]))], np.int64)
    env, events, camera = (
        person_time_bins(edges),
        event_bins(ends, len(coded)),
        np.zeros(len(coded.cameras) + 1, np.int64),
    )
    swept = sweep(coded, chosen, coverage=coverage, env=env, events=events, camera_us=camera, detail=False)
    nobody = anonymous_rows(coded, chosen)
    camera_us = camera[:-1] + _anonymous_time(coded, chosen)
    most, at = maxima(coded, chosen, swept, events, ends)
    inside = all_inside(coverage)
    person_us = per_bucket(env, edges)[0] if inside else covered_person_time(coded, chosen, swept, watched, edges)
    means = hour_means(edges, person_us, overlap(watched, edges), tz=tz)
    n_sightings = int(swept.column("sightings").sum()) + len(nobody.row)
    figures = {
        **_nothing(),
        **_persons(swept, bucket_edges(low, high, every="day", tz=tz)),
        "visits": len(swept),
        "sightings": n_sightings,
        "anonymous_sightings": len(nobody.row),
        "anonymous_share": len(nobody.row) / n_sightings if n_sightings else None,
        "cameras": _count_cameras(coded, chosen, swept, nobody, camera_us),
        **_dwell(swept),
        "open_visits": int(swept.is_(OPEN).sum()),
        "peak_occupancy": int(most[0]),
        "peak_at": _iso(at[0]) if most[0] else None,
        "peak_hour": peak_hour_of(means),
        "busiest_camera": coded.cameras[int(camera_us.argmax())] if camera_us.any() else None,
        **_seen(swept, nobody),
    }
    return figures, swept


def _nothing() -> dict[str, Any]:
    """The figures of no data, in the order they are shown."""
    counts = (
        "unique_visitors", "visits", "sightings", "anonymous_sightings", "cameras", "repeat_visitors",
        "repeat_day_visitors", "open_visits", "peak_occupancy",
    )  # fmt: skip
    names = (
        "unique_visitors", "visits", "sightings", "anonymous_sightings", "anonymous_share", "cameras",
        "dwell_mean_s", "dwell_median_s", "dwell_p90_s", "dwell_p95_s", "dwell_max_s", "dwell_sum_s",
        "dwell_per_person_s", "repeat_visitors", "repeat_rate", "repeat_day_visitors", "open_visits",
        "peak_occupancy", "peak_at", "peak_hour", "busiest_camera", "first_seen", "last_seen", "person_seconds",
    )  # fmt: skip
    sums = {"dwell_sum_s": 0.0, "person_seconds": 0.0}
    zeros = dict.fromkeys(counts, 0)
    return {name: zeros.get(name, sums.get(name)) for name in names}


def _persons(swept: SweptVisits, days: NDArray[np.int64]) -> dict[str, Any]:
    parts = in_threads(_count_persons, [(part.group, part.first, frozen(days, np.int64)) for part in swept.parts])
    persons, repeat, repeat_day = (int(n) for n in np.sum(parts, axis=0))
    dwell_us = sum(int(part.dwell.sum()) for part in swept.parts)
    return {
        "unique_visitors": persons,
        "dwell_per_person_s": dwell_us / US / persons if persons else None,
        "repeat_visitors": repeat,
        "repeat_rate": repeat / persons if persons else None,
        "repeat_day_visitors": repeat_day,
        "person_seconds": dwell_us / US,
    }


@nb.njit(cache=True, nogil=True)
def _count_persons(group: Any, first: Any, days: Any) -> Any:
    """Persons, persons with ≥ 2 visits, and persons with visits on ≥ 2 days; visits by person and time."""
    persons = repeat = repeat_day = 0
    per_us = (len(days) - 1) / (days[-1] - days[0])
    i = 0
    while i < len(group):
        begin = i
        while i < len(group) and group[i] == group[begin]:
            i += 1
        persons += 1
        if i - begin > 1:
            repeat += 1
            day = find_bucket(first[begin], days, per_us)
            repeat_day += find_bucket(first[i - 1], days, per_us) > day
    return persons, repeat, repeat_day


def _dwell(swept: SweptVisits) -> dict[str, Any]:
    if not len(swept):
        return {}
    ordered = np.sort(swept.column("dwell"))
    total = int(ordered.sum())
    return {
        "dwell_mean_s": total / len(ordered) / US,
        "dwell_median_s": quantile_s(ordered, 0.5),
        "dwell_p90_s": quantile_s(ordered, 0.9),
        "dwell_p95_s": quantile_s(ordered, 0.95),
        "dwell_max_s": int(ordered[-1]) / US,
        "dwell_sum_s": total / US,
    }


def _anonymous_time(coded: Coded, selection: Selection) -> NDArray[np.int64]:
    """(cameras,) µs of anonymous sightings."""
    if coded.n_identified == len(coded):
        return np.zeros(len(coded.cameras), np.int64)
    place, start, end = pieces(coded, selection, SweptVisits(()), by="camera")
    found = np.zeros(len(coded.cameras), np.int64)
    np.add.at(found, place, end - start)
    return found


def _count_cameras(
    coded: Coded, selection: Selection, swept: SweptVisits, nobody: VisitRows, camera_us: NDArray[np.int64]
) -> int:
    """Distinct cameras of selected sightings; only cameras without person-time have to be looked for."""
    possible = np.ones(len(coded.cameras), np.bool_) if selection.touching else selection.camera[:-1]
    if not np.any(possible & (camera_us == 0)):
        return int(np.count_nonzero(possible))
    seen = np.append(camera_us > 0, False)
    rows, pick = rows_of(coded), pick_of(selection)
    for part in (*swept.parts, nobody):
        _see_cameras(rows, pick, part, seen)
    return int(np.count_nonzero(seen[:-1]))


@nb.njit(cache=True, nogil=True)
def _see_cameras(rows: Any, pick: Any, part: Any, seen: Any) -> None:
    for v in range(len(part.row)):
        for i in range(part.row[v], part.row[v] + part.rows[v]):
            if seen[rows.camera[i]] or not pick.camera[rows.camera[i]]:
                continue
            if pick.by_zone and not pick.zone[rows.zone[i]]:
                continue
            j = first_span(pick.spans, rows.start[i])
            since, until = pick.spans[j, 0], pick.spans[j, 1]
            if rows.start[i] < until and (since < rows.end[i] or since <= rows.start[i]):
                seen[rows.camera[i]] = True


def _seen(swept: SweptVisits, nobody: VisitRows) -> dict[str, Any]:
    firsts = [int(part.first.min()) for part in swept.parts if len(part.first)]
    lasts = [int(part.last.max()) for part in swept.parts if len(part.last)]
    if len(nobody.row):
        firsts.append(int(nobody.first.min()))
        lasts.append(int(nobody.last.max()))
    return {"first_seen": _iso(min(firsts)), "last_seen": _iso(max(lasts))} if firsts else {}


def _iso(us: int) -> str:
    return from_us(us).isoformat()
