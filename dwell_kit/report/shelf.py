"""Report runs as people find them again: what there is to run, what was run, and what became of schedules.

A run is a folder with a manifest: those of the workspace's own `reports` folder, and those that schedules made
wherever their output is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dwell_kit.report import templates
from dwell_kit.report.run import OURS
from dwell_kit.store import schedules as store
from dwell_kit.workspace import Workspace

NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,150}")
_SCHEDULED: Final = re.compile(r"schedule-(\d{1,9})")


def home(ws: Workspace) -> Path:
    """Where reports that pages start go."""
    return ws.path / "reports"


def jobs(ws: Workspace) -> Path:
    """Where it is said how far they are, a JSON file each."""
    return ws.path / "tmp" / "press"


def kinds() -> list[dict[str, Any]]:
    """Every report with its parameters: name, kind (day, moment, number, flag, text), default."""
    return [{"name": t.name, "parameters": _parameters(t)} for t in templates.names()]


def runs(ws: Workspace) -> list[dict[str, Any]]:
    """Runs, the newest first: those under way, those that failed, and the finished ones with their files.

    id, report, status (waiting, running, done, failed), schedule (or None), given (parameters), period (the time
    it is about, in words, or None), version, created_at (ISO 8601), duration_s, files, error (or None).
    """
    past = history(ws)
    made = [found for folder in _folders(ws, past) if (found := _finished(*folder)) is not None]
    return sorted([*_jobs(ws), *_due(past), *made], key=lambda run: str(run["created_at"]), reverse=True)


def schedules(ws: Workspace) -> list[dict[str, Any]]:
    """Schedules: name, report, cron, tz, …, and `last`, the run that was due last (or None)."""
    with ws._handle.database.read() as connection:
        known = store.schedules(connection)
        return [{**s, "last": next(iter(store.runs(connection, s["name"])), None)} for s in known]


def history(ws: Workspace) -> list[dict[str, Any]]:
    """What became of every time that was due, the latest first."""
    with ws._handle.database.read() as connection:
        return store.runs(connection)


def folder_of(ws: Workspace, run: str) -> Path | None:
    """The folder of a run by its id; None if there is none: no id reaches anything else."""
    if not NAME.fullmatch(run):
        return None
    if scheduled := _SCHEDULED.fullmatch(run):
        number = int(scheduled[1])
        found = next((r["folder"] for r in history(ws) if r["id"] == number), None)
        return Path(found) if found else None
    path = home(ws) / run
    return path if path.is_dir() and not path.is_symlink() else None


def manifest_of(folder: Path) -> dict[str, Any] | None:
    """What a run says of itself; None where that cannot be read."""
    try:
        said = json.loads((folder / "manifest.json").read_text())
    except (OSError, ValueError):
        return None
    return said if isinstance(said, dict) and isinstance(said.get("files"), dict) else None


def _folders(ws: Workspace, past: list[dict[str, Any]]) -> Iterator[tuple[str, Path, str | None]]:
    """(id, folder, schedule) of the finished runs."""
    scheduled = [(f"schedule-{r['id']}", Path(r["folder"]), r["schedule"]) for r in past if r["folder"]]
    known = {path.resolve() for _, path, _ in scheduled}
    yield from scheduled
    for path in sorted(home(ws).iterdir()) if home(ws).is_dir() else ():
        if NAME.fullmatch(path.name) and path.is_dir() and not path.is_symlink() and path.resolve() not in known:
            yield path.name, path, None


def _finished(run: str, folder: Path, schedule: str | None) -> dict[str, Any] | None:
    said = manifest_of(folder)
    if said is None:
        return None
    names = ("report", "given", "version", "created_at", "duration_s")
    known = {name: said.get(name) for name in names}
    return _run(
        run, status=store.DONE, schedule=schedule, files=sorted(said["files"]), period=_period(folder), **known
    )


def _period(folder: Path) -> str | None:
    """The time that a report is about, in its own words; None where it has not kept them."""
    try:
        (row,) = json.loads((folder / "data" / "period.json").read_text())
        return str(row["title"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _jobs(ws: Workspace) -> Iterator[dict[str, Any]]:
    """Reports that a page started, and that are not there yet, or will not be."""
    for path in sorted(jobs(ws).glob("*.json")):
        try:
            said = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if said["state"] != "done":
            asked = datetime.fromtimestamp(said.get("asked", 0.0), UTC).isoformat(timespec="seconds")
            more = {"report": said.get("report", ""), "given": said.get("given", {}), "error": said.get("error")}
            yield _run(path.stem, status=said["state"], created_at=asked, **more)


def _due(past: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Due times without a folder: under way, failed, or removed since."""
    for run in past:
        if not run["folder"]:
            error = {"what": run["error"]} if run["error"] else None
            status = "removed" if run["status"] == store.DONE else run["status"]
            at = run["due_at"].isoformat()
            yield _run(
                f"schedule-{run['id']}", status=status, schedule=run["schedule"], created_at=at, error=error
            )


def _run(run: str, **known: Any) -> dict[str, Any]:
    blank: dict[str, Any] = {
        "id": run, "report": "", "status": "", "schedule": None, "given": {}, "period": None, "version": None,
        "created_at": "", "duration_s": None, "files": [], "error": None,
    }  # fmt: skip
    return {**blank, **known}


def _parameters(template: templates.Template) -> list[dict[str, Any]]:
    return [
        {"name": name, "kind": _kind(template, name, default), "default": default}
        for name, default in template.parameters.items()
        if name not in OURS
    ]


def _kind(template: templates.Template, name: str, default: Any) -> str:
    if name in template.days:
        return "day"
    if name in {"since", "until"}:
        return "moment"
    return "flag" if isinstance(default, bool) else "number" if isinstance(default, int | float) else "text"
