"""Entries and exits → sessions, for any number of people at once."""

from __future__ import annotations

from typing import Final

import polars as pl

from dwell_kit.schema import columns as c

AT: Final = "at"
"""µs UTC of an event."""
IS_ENTRY: Final = "is_entry"
_GROUP: Final = "__group"
_LEVEL: Final = "__level"
_TIED: Final = "__tied"
_TOTAL: Final = "__total"


def pair(events: pl.DataFrame) -> pl.DataFrame:
    """Sessions of each person at each camera: an exit closes the latest entry that is still open.

    Last in, first out, because a missing exit then spoils one session only: with first in, first out, it would
    shift every later pair. The union of nested sessions is the same either way. An exit and an entry at the same
    instant end the session before and start the next; with no session open they are one of zero length.
    An event that stands twice counts once.

    Parameters
    ----------
    events : person_id, camera_id, at (µs), is_entry, row_no; in any order.

    Returns
    -------
    person_id, camera_id, started_at, ended_at (µs), open_start, open_end, row_no (of the entry, or of an exit
    without one), sorted by person, camera and row. An entry without an exit ends when it starts (open_end), an
    exit without an entry starts when it ends (open_start).
    """
    ordered = _distinct(events)
    ordered = ordered.with_columns(_tied().alias(_TIED))
    step = pl.when(_TIED).then(0).when(IS_ENTRY).then(1).otherwise(-1)
    ordered = ordered.with_columns(_running(step).alias(_TOTAL))
    # Sessions open after the event; before it, where an exit and an entry tie: together they change nothing.
    standing = pl.col(_TOTAL) - pl.min_horizontal(_lowest_so_far(), pl.lit(0))
    instant = pl.col(_TIED) & (standing == 0)
    fleeting = ordered.filter(instant & pl.col(IS_ENTRY)).with_columns(
        _session(pl.col(AT), pl.col(AT), open_start=False, open_end=False)
    )
    lasting = _nested(ordered.filter(~instant))
    names = [c.PERSON, c.CAMERA, c.STARTED, c.ENDED, c.OPEN_START, c.OPEN_END, c.ROW_NO]
    return pl.concat([lasting.select(names), fleeting.select(names)]).sort(c.PERSON, c.CAMERA, c.ROW_NO)


def repeats(events: int, sessions: pl.DataFrame) -> int:
    """How many of so many events stood in the file before: those that their sessions do not account for."""
    open_ends = int(sessions[c.OPEN_START].sum()) + int(sessions[c.OPEN_END].sum())
    return events - (2 * sessions.height - open_ends)


def _distinct(events: pl.DataFrame) -> pl.DataFrame:
    """Each event once, by person, camera and time; an exit before an entry of the same instant."""
    keys = [c.PERSON, c.CAMERA, AT, IS_ENTRY]
    ordered = events.sort([*keys, c.ROW_NO])
    again = pl.all_horizontal(pl.col(key).eq_missing(pl.col(key).shift()) for key in keys)
    first = pl.int_range(pl.len()) == 0
    ordered = ordered.filter(first | ~again)
    other = pl.any_horizontal(pl.col(key).ne_missing(pl.col(key).shift()) for key in keys[:2])
    return ordered.with_columns(other.cast(pl.UInt32).cum_sum().alias(_GROUP))


def _tied() -> pl.Expr:
    """True for an exit and an entry at the same instant."""
    before = (pl.col(AT) == pl.col(AT).shift()) & (pl.col(_GROUP) == pl.col(_GROUP).shift())
    after = (pl.col(AT) == pl.col(AT).shift(-1)) & (pl.col(_GROUP) == pl.col(_GROUP).shift(-1))
    return (before | after).fill_null(value=False)


def _running(step: pl.Expr) -> pl.Expr:
    """Sum of the steps so far within the group; groups lie one after the other (`over` is far slower)."""
    total = step.cast(pl.Int64).cum_sum()
    first = (pl.col(_GROUP) != pl.col(_GROUP).shift()).fill_null(value=True)
    return total - pl.when(first).then(total - step).forward_fill()


def _lowest_so_far() -> pl.Expr:
    """Least total so far within the group: every group is put below all that is possible before it."""
    below = pl.col(_GROUP).cast(pl.Int64) * (2 * pl.len().cast(pl.Int64) + 1)
    return (pl.col(_TOTAL) - below).cum_min() + below


def _nested(ordered: pl.DataFrame) -> pl.DataFrame:
    """Brackets: an entry that lifts the count from n to n + 1 fits the next exit that takes it back to n.

    On one level entries and exits alternate, so that the fitting event is the neighbour.
    """
    total = _running(pl.when(IS_ENTRY).then(1).otherwise(-1))
    level = (total + pl.when(IS_ENTRY).then(0).otherwise(1)).cast(pl.Int32)
    levels = ordered.with_columns(level.alias(_LEVEL)).sort(_GROUP, _LEVEL, maintain_order=True)

    def neighbour(by: int) -> pl.Expr:
        same = (pl.col(name) == pl.col(name).shift(by) for name in (_GROUP, _LEVEL))
        return pl.all_horizontal(*same).fill_null(value=False)

    closed = neighbour(-1)
    lone_exit = ~pl.col(IS_ENTRY) & ~neighbour(1)
    end = pl.when(pl.col(IS_ENTRY) & closed).then(pl.col(AT).shift(-1)).otherwise(pl.col(AT))
    session = _session(pl.col(AT), end, open_start=lone_exit, open_end=pl.col(IS_ENTRY) & ~closed)
    return levels.with_columns(session).filter(pl.col(IS_ENTRY) | pl.col(c.OPEN_START))


def _session(
    start: pl.Expr, end: pl.Expr, *, open_start: pl.Expr | bool, open_end: pl.Expr | bool
) -> list[pl.Expr]:
    def flag(value: pl.Expr | bool) -> pl.Expr:
        return value if isinstance(value, pl.Expr) else pl.lit(value)

    return [
        start.alias(c.STARTED),
        end.alias(c.ENDED),
        flag(open_start).alias(c.OPEN_START),
        flag(open_end).alias(c.OPEN_END),
    ]
