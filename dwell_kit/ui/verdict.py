"""The quality report of one upload, as people read it."""

from __future__ import annotations

import html
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from dwell_kit.schema.text import duration
from dwell_kit.schema.time import zone


def verdict(report: dict[str, Any], tz: str) -> str:
    """An upload's report as HTML: rows and reasons, what it covers, silence, clocks, notes, and the score."""
    facts = [
        ("read", f"{report['rows_read']:,} rows"),
        ("accepted", f"{report['accepted']:,}"),
        ("rejected", f"{report['rejected']:,}"),
        ("replaced older rows", f"{report['updated']:,}"),
        ("said the same again", f"{report['duplicates']:,}"),
        ("without a person", _percent(report["anonymous_share"])),
        *(
            (f"{word.replace('_', ' ')} determined", _percent(share))
            for word, share in report["determined"].items()
        ),
        ("quality score", f"{report['score']:g} of 100"),
    ]
    listed = "".join(f"<div><dt>{html.escape(a)}</dt><dd>{html.escape(b)}</dd></div>" for a, b in facts)
    span = ""
    if report["first"]:
        span = (
            f"<p>Rows from {_at(report['first'], tz)} to {_at(report['last'], tz)} ({html.escape(tz)}), read as "
        )
        span += f"{html.escape(report['reader'])}.</p>"
    return f"<dl class=facts>{listed}</dl>{span}" + "".join(
        _list(title, items)
        for title, items in (
            ("Why rows were rejected", _reasons(report)),
            ("Hours with rows, by camera", _coverage(report)),
            ("The whole site was implausibly silent", _gaps(report, tz)),
            ("Clocks that may differ", _clocks(report)),
            ("Notes", report["notes"]),
        )
    )


def _reasons(report: dict[str, Any]) -> Iterable[str]:
    most = sorted(report["reasons"].items(), key=lambda pair: (-pair[1], pair[0]))
    return [f"{n:,} × {reason}" for reason, n in most]


def _coverage(report: dict[str, Any]) -> Iterable[str]:
    silent = report["silent_hours"]
    return [
        f"{camera}: {hours:,} h" + (f", implausibly silent for {silent[camera]:,} h" if silent.get(camera) else "")
        for camera, hours in report["coverage"].items()
    ]


def _gaps(report: dict[str, Any], tz: str) -> Iterable[str]:
    return [f"{_at(gap['from'], tz)} to {_at(gap['to'], tz)} ({gap['hours']:,} h)" for gap in report["gaps"]]


def _clocks(report: dict[str, Any]) -> Iterable[str]:
    return [
        f"{' and '.join(hint['cameras'])}: {duration(abs(hint['apart_s']))} apart, by {hint['sightings']:,} rows"
        for hint in report["clock_skew"]
    ]


def _list(title: str, items: Iterable[str]) -> str:
    listed = "".join(f"<li>{html.escape(str(item))}</li>" for item in items)
    return f"<b>{html.escape(title)}</b><ul class=reasons>{listed}</ul>" if listed else ""


def _at(text: str, tz: str) -> str:
    return datetime.fromisoformat(text).astimezone(zone(tz)).strftime("%Y-%m-%d %H:%M")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
