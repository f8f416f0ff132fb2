"""When the cameras of an environment were watched, as its uploads say: exports carry no heartbeat."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np

from dwell_kit.errors import FilterError
from dwell_kit.ingest.quality import NO_CAMERA
from dwell_kit.schema.coverage import Coverage, Intervals
from dwell_kit.schema.hours import OpeningHours, intersect
from dwell_kit.schema.time import MAX_US, MIN_US, from_us, parse_moment, to_us, union
from dwell_kit.store import registry, snapshots, statements, uploads
from dwell_kit.store.database import camera_status
from dwell_kit.store.snapshots import Snapshot
from dwell_kit.store.uploads import Window
from dwell_kit.workspace.handle import Handle

_KEEP = 8
_EVERYONE = -1
"""The feed of an upload without a camera: it vouches for all of them."""


def coverage_of(ws: Handle, environment: str, snapshot: Snapshot) -> Coverage:
    """The coverage that the uploads in a snapshot make up.

    An upload covers its window, which is the span of its rows unless `window=` said otherwise, for every camera of
    its feed. Cameras that ever came in one upload are one feed: a camera that nobody passed is not in the file and
    was watched all the same, while cameras that always come in files of their own do not vouch for each other.
    Videos vouch for their own cameras alone, from the first frame to the last.
    Uploads of crowd events alone cover nothing. What people state of a camera cuts its coverage (down) or extends
    it (up), the later statement over the earlier.
    """
    key = (environment, snapshot.id)
    if key not in ws.coverages:
        with ws.database.read() as connection:
            alive = snapshots.uploads_in(connection, snapshot.id)
            windows = uploads.windows(connection, environment, alive)
            stated = statements.standing(connection, camera_status, environment, snapshot.id)
            known = [row["camera_id"] for row in registry.cameras(connection, environment)]
        for old in list(ws.coverages)[: max(0, len(ws.coverages) - _KEEP + 1)]:
            del ws.coverages[old]
        ws.coverages[key] = combined(windows, [Status.of(row) for row in stated], known)
    return ws.coverages[key]


def available(ws: Handle, environment: str, snapshot: Snapshot) -> dict[str, Any]:
    """From when till when anything was watched, how many uploads there are, and when the last of them came in."""
    anywhere = coverage_of(ws, environment, snapshot).anywhere
    ends = (from_us(int(anywhere[0, 0])), from_us(int(anywhere[-1, 1]))) if len(anywhere) else (None, None)
    with ws.database.read() as connection:
        count, last = uploads.freshness(connection, environment)
    return {"covered_from": ends[0], "covered_till": ends[1], "uploads": count, "last_upload": last}


class Status(NamedTuple):
    """A camera was stated to be up, or down, in [since, until) µs."""

    camera: str
    up: bool
    since: int
    until: int

    @classmethod
    def of(cls, row: dict[str, Any]) -> Status:
        """The status in a row of the state."""
        return cls(row["camera_id"], row["state"] == "up", to_us(row["since"]), to_us(row["until"]))


def combined(windows: Iterable[Window], stated: Sequence[Status] = (), cameras: Iterable[str] = ()) -> Coverage:
    """Windows of uploads, and what was stated since, the oldest first, as the coverage of each camera.

    Those of `cameras` that no window names are covered by windows that name none.
    """
    everything = list(windows)
    given = [window for window in everything if not window.alone]
    named = [tuple(camera for camera in w.cameras if camera != NO_CAMERA) for w in given]
    feeds = _feeds(named)
    by_feed: dict[int, list[tuple[int, int]]] = {}
    for window, there in zip(given, named, strict=True):
        feed = feeds[there[0]] if there else _EVERYONE
        by_feed.setdefault(feed, []).append((to_us(window.since), to_us(window.until)))
    everyones = by_feed.get(_EVERYONE, [])
    videos = _alone(everything)
    anywhere = union([pair for pairs in (*by_feed.values(), *videos.values()) for pair in pairs])
    found = {feed: union([*pairs, *everyones]) for feed, pairs in by_feed.items()}
    strangers = [camera for camera in cameras if camera not in feeds and camera not in videos]
    own = {camera: found[feed] for camera, feed in feeds.items()}
    own |= dict.fromkeys(strangers, union(everyones))
    for camera, pairs in videos.items():
        own[camera] = union([*(_pairs(own[camera]) if camera in own else everyones), *pairs])
    if not strangers and not videos and len(set(feeds.values())) <= 1:
        own = {}  # they are all covered alike
    whole = all(w.holds_its_rows for w in everything)
    if not stated:
        return Coverage(anywhere, own, whole=whole)
    known = {camera: own.get(camera, anywhere) for camera in (*feeds, *strangers, *videos)}
    for status in stated:
        known[status.camera] = changed(known.get(status.camera, anywhere), status)
    everywhere = union([*everyones, *(pair for held in known.values() for pair in _pairs(held))])
    return Coverage(everywhere, known, whole=whole and all(status.up for status in stated))


def changed(intervals: Intervals, status: Status) -> Intervals:
    """A camera's coverage once a status is stated: a time stated to be down is watched by nobody."""
    if status.up:
        return union([*_pairs(intervals), (status.since, status.until)])
    return intersect(intervals, np.array([[MIN_US, status.since], [status.until, MAX_US]], np.int64))


def _alone(windows: Iterable[Window]) -> dict[str, list[tuple[int, int]]]:
    """Camera → the times that are said of it alone."""
    found: dict[str, list[tuple[int, int]]] = {}
    for window in windows:
        if window.alone:
            found.setdefault(window.cameras[0], []).append((to_us(window.since), to_us(window.until)))
    return found


def _pairs(intervals: Intervals) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in intervals]


def _feeds(groups: Iterable[Collection[str]]) -> dict[str, int]:
    """Camera → number of its feed: groups that share a camera are one."""
    feed: dict[str, int] = {}
    for number, group in enumerate(groups):
        met = {feed[camera] for camera in group if camera in feed}
        feed.update(dict.fromkeys(group, number))
        if met:
            feed.update({camera: number for camera, known in feed.items() if known in met})
    return feed


def share_of(
    coverage: Coverage, since: datetime, until: datetime, environment: registry.Environment
) -> float | None:
    """The share of a time, of its opening hours where there are some, in which any camera was watched."""
    a, b = to_us(since), to_us(until)
    if not environment.opening_hours:
        return coverage.share(a, b)
    hours = OpeningHours.from_dict(environment.opening_hours)
    return coverage.share(a, b, within=hours.intervals(a, b, environment.tz))


def parse_window(
    window: tuple[datetime | str, datetime | str], tz: str, *, what: str = "the window that the export covers"
) -> tuple[datetime, datetime]:
    """A window as two UTC instants; `what` it is, for the error.

    Raises
    ------
    FilterError : if it is no pair of times, or ends before it begins.
    """
    try:
        since, until = window
    except (TypeError, ValueError):
        raise FilterError("the window cannot be read", expected="(from, till)", found=repr(window)) from None
    begin, end = parse_moment(since, tz), parse_moment(until, tz)
    if end <= begin:
        raise FilterError(
            f"{what} ends before it begins",
            expected="from before till",
            found=f"{begin.isoformat()} to {end.isoformat()}",
        )
    return begin, end
