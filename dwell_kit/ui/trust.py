"""The cards that say how far the figures can be trusted, who comes back most, and when it was fullest."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from dwell_kit.plots.coverage import plot_coverage
from dwell_kit.schema import cells
from dwell_kit.schema import columns as c
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.text import said
from dwell_kit.ui import naming
from dwell_kit.ui.charts import NOTHING, Drawn, drawn
from dwell_kit.workspace import Workspace
from dwell_kit.workspace.judging import Quality

COVERAGE = (
    "each camera by the local hour: somebody seen, nobody seen, implausibly silent, down · hatched: not covered"
)
_REASONS = 5


def coverage(found: Quality, tz: str, names: Mapping[str, str], *, linked: bool) -> Drawn:
    """When cameras were watched, and what is known of rows; `linked` where the upload page is beside this."""
    stretches = naming.named(found.stretches, names)
    said = _facts(found, linked=linked)
    if stretches.is_empty():
        nothing = "No export says when a camera was watched: upload one."
        return Drawn("", [], "", stretches, nothing, said)
    made = drawn(lambda: plot_coverage(stretches, tz=tz, title=""), stretches, "", COVERAGE, tz)
    shares = ", ".join(f"{names.get(q, q)} {100 * share:.0f} %" for q, share, _ in found.cameras.rows())
    return replace(made, alternative=f"{COVERAGE}. Covered: {shares}.", said=said)


def _facts(found: Quality, *, linked: bool) -> str:
    """Score, rejects by reason and shares, as HTML."""
    report = found.report
    determined = {word.replace("_", " "): share for word, share in report.determined.items()}
    pairs = [
        ("quality score", f"{report.score:g} of 100" if report.rows_read else "–"),
        ("rows read", f"{report.rows_read:,}"),
        ("rejected", _of(report.rejected, report.rows_read)),
        ("without a person", _percent(report.anonymous_share)),
        *((f"{word} determined", _percent(share)) for word, share in determined.items()),
        ("camera hours covered", _percent(found.covered_share)),
        ("implausibly silent", f"{found.silent_h:,} camera hours"),
    ]
    listed = "".join(f"<div><dt>{html.escape(a)}</dt><dd>{html.escape(b)}</dd></div>" for a, b in pairs)
    return f"<dl class=facts>{listed}</dl>{_reasons(found, linked=linked)}"


def _reasons(found: Quality, *, linked: bool) -> str:
    link = ' <a href="upload">Uploads and their rejects</a>' if linked else ""
    if found.reasons.is_empty():
        said = "No row was rejected." if found.report.rows_read else "No upload is of this time."
        return f"<span>{said}{link}</span>"
    rows = "".join(
        f"<li>{n:,} × {html.escape(reason)}</li>" for reason, n, _ in found.reasons.head(_REASONS).rows()
    )
    rest = found.reasons.height - _REASONS
    more = f"<li>{rest} more reasons</li>" if rest > 0 else ""
    return f"<span>Why rows were rejected:{link}</span><ul class=reasons>{rows}{more}</ul>"


def returning(ws: Workspace, filters: Filters, _tz: str) -> Drawn:
    """The persons with most visits."""
    given = {"n": 8, "least": 2}
    frame = ws.compute("top_visitors", filters, parameters=given, as_="polars")
    shown = frame.select(c.PERSON, c.VISITS, c.DAYS, c.SUM_S, c.LAST_SEEN).rename({c.SUM_S: "dwell_in_all_s"})
    return Drawn("", [], "", shown, "" if shown.height else f"Nobody came twice. {NOTHING}")


def peak(figures: dict[str, Any], tz: str) -> str:
    """The peak hour, and the busiest instant as a figure of its own, as HTML."""
    if figures.get("peak_hour") is None:
        return ""
    at = datetime.fromisoformat(figures["peak_at"])
    return (
        f"<b>{said('peak_hour', figures['peak_hour'])}</b> is the peak hour ({html.escape(tz)}). "
        f"The busiest instant is another figure: <b>{figures['peak_occupancy']:,} persons</b> at "
        f"{cells.cell('at', at, tz)}."
    )


def _of(part: int, whole: int) -> str:
    return f"{part:,} ({100 * part / whole:.1f} %)" if whole else f"{part:,}"


def _percent(share: Any) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
