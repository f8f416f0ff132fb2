"""Key figures beside those of the period before."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import parse_moment, zone
from dwell_kit.store import registry
from dwell_kit.workspace import covering, querying
from dwell_kit.workspace.handle import Handle

ENOUGH_COVERED: Final = 0.8
_KEPT: Final = 64


class Comparison(NamedTuple):
    """Key figures, and those of the period before (None where its coverage is under 80 %, with the reason)."""

    figures: dict[str, Any]
    before: dict[str, Any] | None
    period_before: tuple[datetime, datetime] | None
    reason: str | None


def compare(ws: Handle, filters: Filters, *, k: int | None = None) -> Comparison:
    """The key figures of a selection and of the same local length immediately before, other filters the same.

    The latest answers are kept until anything changes: everybody who opens a page asks for the same ones.

    Parameters
    ----------
    k : hide figures about fewer than k persons, as `analytics.disclosure` says; None for people who may see rows.
    """
    with ws.database.read() as connection:
        changes = registry.changes(connection)
    key = (ws.snapshot().id, changes, filters, k)
    found = ws.compared.get(key)
    if found is None:
        found = _compare(ws, filters, k)
        while len(ws.compared) >= _KEPT:
            ws.compared.pop(next(iter(ws.compared), None), None)
        ws.compared[key] = found
    return Comparison(dict(found.figures), None if found.before is None else dict(found.before), *found[2:])


def _compare(ws: Handle, filters: Filters, k: int | None) -> Comparison:
    def summary(chosen: Filters) -> dict[str, Any]:
        if k is None:
            return querying.compute(ws, "summary", chosen)  # type: ignore[no-any-return]
        return querying.compute(ws, "summary_for_viewer", chosen, k=k)  # type: ignore[no-any-return]

    figures = summary(filters)
    environment = querying.resolve_environment(ws, filters.environment)
    period = period_before(filters, environment.tz)
    if period is None:
        return Comparison(figures, None, None, "no period before: choose a first and a last day")
    coverage = covering.coverage_of(ws, environment.name, ws.snapshot())
    share = covering.share_of(coverage, *period, environment) or 0.0
    if share < ENOUGH_COVERED:
        reason = f"exports cover {100 * share:.0f} % of the period before: too little to compare with"
        return Comparison(figures, None, period, reason)
    before = summary(filters.but(since=period[0], until=period[1]))
    return Comparison(figures, before, period, None)


def period_before(filters: Filters, tz: str) -> tuple[datetime, datetime] | None:
    """The same local length immediately before since (UTC): a day of 25 hours has a day before it, not 25 hours.

    None unless both ends are given.
    """
    if filters.since is None or filters.until is None:
        return None
    since, until = (_wall(moment, tz) for moment in (filters.since, filters.until))
    return parse_moment(since - (until - since), tz), parse_moment(since, tz)


def _wall(moment: Any, tz: str) -> datetime:
    """What the local clock reads."""
    return parse_moment(moment, tz).astimezone(zone(tz)).replace(tzinfo=None)
