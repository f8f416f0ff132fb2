"""What became of a file: every row, every reason, and what the accepted rows cover."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

import polars as pl

from dwell_kit.ingest import rhythm
from dwell_kit.ingest.batches import Batch
from dwell_kit.ingest.rejects import write_rejects
from dwell_kit.schema import columns as c
from dwell_kit.schema.demographics import UNDETERMINED
from dwell_kit.schema.tables import CROWD_EVENTS, POSITIONS, SIGHTINGS

_TIMES: Final = {
    SIGHTINGS.name: (c.STARTED, c.ENDED),
    CROWD_EVENTS.name: (c.STARTED, c.RECORDED),
    POSITIONS.name: (c.TIME, c.TIME),
}


_N: Final = "n"
NO_CAMERA: Final = "(none)"
"""What a report calls the camera of a row that names none."""


@dataclass
class Report:
    """The quality report of one upload; stored as JSON.

    Parameters
    ----------
    rows_read, accepted, rejected : of the file. `accepted` + `rejected` = `rows_read`.
    stored : rows that were written to a log; a session of entry and exit is one of two accepted rows.
    updated : accepted rows whose key an older message had; duplicates : those that said the same again.
    reasons : reason → rejected rows. notes : what was guessed or noticed.
    first, last : the span of the accepted rows (ISO 8601, UTC).
    anonymous_share : of accepted rows without a person.
    determined : column → share of accepted rows whose word is determined.
    coverage : camera → hours (UTC) with at least one row. Other hours are unknown, not empty: a file
        carries no heartbeat.
    watched : camera → stretches (from, till; ISO 8601, UTC) in which it was watched, where whoever made the rows
        knows, as of videos; None where nobody does.
    hourly : camera → hours since 1970 (UTC) → rows that start in it; `coverage_by_hour` makes a frame of it.
    silent_hours : camera → hours in which its silence is implausible by its own rhythm.
    gaps : runs of hours in which the whole site was implausibly silent.
    clock_skew : pairs of cameras whose clocks may differ.
    score : 0–100, see `score`.
    """

    reader: str
    filename: str
    rows_read: int = 0
    accepted: int = 0
    rejected: int = 0
    stored: int = 0
    updated: int = 0
    duplicates: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    first: str | None = None
    last: str | None = None
    anonymous_share: float | None = None
    determined: dict[str, float] = field(default_factory=dict)
    coverage: dict[str, int] = field(default_factory=dict)
    watched: dict[str, list[list[str]]] | None = None
    hourly: dict[str, dict[str, int]] = field(default_factory=dict)
    silent_hours: dict[str, int] = field(default_factory=dict)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    clock_skew: list[dict[str, Any]] = field(default_factory=list)
    score: float = 0.0
    repeated: bool = False
    upload_id: str | None = None
    snapshot_id: int | None = None
    header: list[str] | None = None
    """The file's own header; None for JSON."""
    parts: list[dict[str, Any]] = field(default_factory=list)
    """Of an archive of tables: name, after (row number before its first) and header of each part."""
    places: list[dict[str, str | None]] | None = None
    """What the file said of cameras and zones; None if that was not kept yet when it came."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Report:
        """The report that `as_dict` wrote."""
        return cls(**values)

    def coverage_by_hour(self) -> pl.DataFrame:
        """camera_id, hour, sightings, state (up, silent, unknown), odds: see `rhythm.coverage_by_hour`."""
        return rhythm.coverage_by_hour({k: {int(h): n for h, n in v.items()} for k, v in self.hourly.items()})


def score(*, accepted_share: float, determined_share: float | None, named_share: float) -> float:
    """Overall quality, 0–100: 100 × accepted² × (0.8 + 0.1 × determined + 0.1 × named).

    Rejected rows weigh most (squared); undetermined demographics (None where the source has none: no loss) and
    anonymous rows cost at most a tenth each.
    """
    determined = 1.0 if determined_share is None else determined_share
    return round(100 * accepted_share**2 * (0.8 + 0.1 * determined + 0.1 * named_share), 1)


def combined(reports: Iterable[Report]) -> Report:
    """The reports of several uploads as one: rows and reasons added up, shares weighted by accepted rows.

    The score is that of all the rows together, not a mean of scores: a small bad file hardly moves it.
    """
    given = list(reports)
    made = Report("", "")
    for report in given:
        for name in ("rows_read", "accepted", "rejected", "stored", "updated", "duplicates"):
            setattr(made, name, getattr(made, name) + getattr(report, name))
        for reason, count in report.reasons.items():
            made.reasons[reason] = made.reasons.get(reason, 0) + count
        for camera, hours in report.hourly.items():
            of_camera = made.hourly.setdefault(camera, {})
            for hour, count in hours.items():
                of_camera[hour] = of_camera.get(hour, 0) + count
        made.gaps.extend(report.gaps)
        made.clock_skew.extend(report.clock_skew)
    made.anonymous_share = _weighted([(r.anonymous_share, r.accepted) for r in given])
    words = dict.fromkeys(word for r in given for word in r.determined)
    shares = {word: _weighted([(r.determined.get(word), r.accepted) for r in given]) for word in words}
    made.determined = {word: share for word, share in shares.items() if share is not None}
    known = list(made.determined.values())
    made.score = score(
        accepted_share=made.accepted / made.rows_read if made.rows_read else 0.0,
        determined_share=sum(known) / len(known) if known else None,
        named_share=1 - (made.anonymous_share or 0.0),
    )
    return made


def _weighted(shares: list[tuple[float | None, int]]) -> float | None:
    known = [(share, weight) for share, weight in shares if share is not None and weight]
    total = sum(weight for _, weight in known)
    return sum(share * weight for share, weight in known) / total if total else None


class Collector:
    """Sums batches up into a report, in flat memory."""

    def __init__(self, *, reader: str, filename: str, header: list[str] | None = None) -> None:
        self._report = Report(reader, filename, header=header)
        self._first: datetime | None = None
        self._last: datetime | None = None
        self._rows = 0
        self._anonymous = 0
        self._words: dict[str, dict[str | None, int]] = {}
        self._hourly: dict[str, dict[int, int]] = {}
        self._clocks = rhythm.Clocks()

    def add(self, batch: Batch) -> None:
        """Count one batch."""
        report = self._report
        report.rows_read += batch.rows_read
        report.accepted += batch.rows.height if batch.accepted is None else batch.accepted
        report.rejected += batch.rejects.height
        for reason, count in batch.rejects.group_by(c.REASON).len().rows():
            report.reasons[reason] = report.reasons.get(reason, 0) + count
        report.notes.extend(note for note in batch.notes if note not in report.notes)
        if batch.rows.height:
            self._add_rows(batch.rows, *_TIMES[batch.table])

    def _add_rows(self, rows: pl.DataFrame, start: str, end: str) -> None:
        self._rows += rows.height
        row = rows.select(
            pl.col(start).min().alias("first"),
            pl.col(end).max().alias("last"),
            pl.col(c.PERSON).null_count().alias("anonymous"),
        ).row(0, named=True)
        self._first = min(self._first or row["first"], row["first"])
        self._last = max(self._last or row["last"], row["last"])
        self._anonymous += row["anonymous"]
        words = [name for name in (c.AGE_GROUP, c.GENDER) if name in rows.columns]
        hour = (pl.col(start).to_physical() // rhythm.HOUR_US).alias(c.HOUR)
        # one pass over the rows for every count: the groups are few
        counted = rows.lazy().group_by(c.CAMERA, hour, *words).agg(pl.len().alias(_N)).collect()
        for name in words:
            _count(self._words.setdefault(name, {}), counted.group_by(name).agg(pl.col(_N).sum()))
        for camera, at, count in counted.group_by(c.CAMERA, c.HOUR).agg(pl.col(_N).sum()).iter_rows():
            hours = self._hourly.setdefault(camera or NO_CAMERA, {})
            hours[at] = hours.get(at, 0) + count
        if c.ENDED in rows.columns:
            self._clocks.add(rows)

    def report(self) -> Report:
        """The report so far."""
        report = self._report
        report.first = self._first.isoformat() if self._first else None
        report.last = self._last.isoformat() if self._last else None
        report.anonymous_share = self._anonymous / self._rows if self._rows else None
        report.determined = {
            name: sum(n for word, n in counts.items() if _is_determined(word)) / self._rows
            for name, counts in self._words.items()
            if set(counts) != {None}
        }
        report.coverage = {camera: len(hours) for camera, hours in sorted(self._hourly.items())}
        report.hourly = {
            camera: {str(hour): hours[hour] for hour in sorted(hours)}
            for camera, hours in sorted(self._hourly.items())
        }
        silent = rhythm.coverage_by_hour(self._hourly).filter(pl.col(rhythm.STATE) == "silent")
        report.silent_hours = dict(silent.group_by(c.CAMERA).len().sort(c.CAMERA).iter_rows())
        report.gaps = rhythm.gaps(self._hourly)
        report.clock_skew = self._clocks.hints()
        shares = list(report.determined.values())
        report.score = score(
            accepted_share=report.accepted / report.rows_read if report.rows_read else 0.0,
            determined_share=sum(shares) / len(shares) if shares else None,
            named_share=1 - (report.anonymous_share or 0.0),
        )
        return report


def _is_determined(word: str | None) -> bool:
    return (word or "").strip().lower() not in UNDETERMINED


def _count(counts: dict[Any, int], frame: pl.DataFrame) -> None:
    for value, number in frame.iter_rows():
        counts[value] = counts.get(value, 0) + number


__all__ = ["Collector", "Report", "combined", "score", "write_rejects"]
