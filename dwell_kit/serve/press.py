"""Reports behind every door: started in a process of their own, followed, and their files handed out.

The doors move bytes; what they mean is here. What was run is in `report.shelf`.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from dwell_kit.errors import DwellError, NotFoundError, ParameterError
from dwell_kit.report import shelf, templates
from dwell_kit.report.run import OURS
from dwell_kit.serve.answers import Answer, refused, shown
from dwell_kit.serve.jobs import Jobs, write
from dwell_kit.workspace import Workspace

_JOB: Final = re.compile(r"[0-9a-f]{32}")
PAGE_POLICY: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
"""A report's page draws its charts, and reaches nothing: not this server, not its cookies, not the network."""
HEADERS: Final = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_TYPES: Final = {".html": "text/html; charset=utf-8", ".pdf": "application/pdf", ".json": "application/json"}


class Sheet(NamedTuple):
    """A file of a run, and whether a browser shows it or keeps it."""

    path: Path
    media_type: str
    inline: bool


class Press:
    """The report runs of one workspace."""

    def __init__(self, ws: Workspace) -> None:
        self.ws = ws
        self.jobs = Jobs(ws.path, shelf.jobs(ws))

    def close(self) -> None:
        """Take nothing more."""
        self.jobs.close()

    def start(self, report: str, asked: Mapping[str, str]) -> Answer:
        """Run a report; `asked` holds its parameters, texts as a form sends them, empty ones left out.

        What a notebook cannot use is refused here, before anything starts.
        """
        given = {name: value for name, value in asked.items() if value != ""}
        try:
            template = templates.find(report) if shelf.NAME.fullmatch(report) else None
            if template is None:
                raise NotFoundError(
                    f"there is no report {report!r}", expected=", ".join(t.name for t in templates.names())
                )
            if ours := set(given) & set(OURS):
                raise ParameterError(
                    f"the run sets {', '.join(sorted(ours))} itself", found=", ".join(sorted(ours))
                )
            checked = template.checked(given)
        except DwellError as error:
            return refused(error)
        job = uuid.uuid4().hex
        self.jobs.start(
            job,
            press,
            (str(self.ws.path), report, checked, str(shelf.home(self.ws)), str(self.jobs.folder(job))),
            report=report,
            given=checked,
        )
        return Answer(202, {"job": job})

    def said(self, job: str) -> Answer:
        """How far a run is: state (waiting, running, done, failed), for how long, and its folder or its error."""
        known = self.jobs.said(job) if _JOB.fullmatch(job) else None
        if known is None:
            return refused(NotFoundError(f"there is no run {job!r}"))
        began = known.get("began")
        return Answer(200, {**known, "for_s": None if began is None else round(time.time() - began, 1)})

    def file(self, run: str, name: str) -> Sheet:
        """A file of a run.

        Raises
        ------
        NotFoundError : for a run or a file that its manifest does not name; nothing else can be reached.
        """
        folder = shelf.folder_of(self.ws, run)
        manifest = shelf.manifest_of(folder) if folder is not None else None
        if folder is None or manifest is None:
            raise NotFoundError(f"there is no report run {run!r}", hint="the page of reports lists them")
        path = folder / name
        known = {*manifest["files"], "manifest.json"}
        if name not in known or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
            raise NotFoundError(f"the run has no file {name!r}", expected=", ".join(sorted(known)))
        kind = _TYPES.get(path.suffix, "application/octet-stream")
        return Sheet(path, kind, inline=path.suffix == ".html")


def press(workspace: str, report: str, given: dict[str, Any], output: str, staging: str, status: str) -> None:
    """What the process does with one report; nothing it raises is lost."""
    from dwell_kit.report.run import run_report

    path = Path(status)
    said = {**json.loads(path.read_text()), "state": "running", "began": time.time()}
    write(path, said)
    try:
        result = run_report(report, workspace=workspace, parameters=given, output=output, staging=Path(staging))
    except Exception as error:  # noqa: BLE001 - the person who waits has to hear of it, whatever it is
        write(path, {**said, "state": "failed", "error": shown(error)})
    else:
        write(
            path, {**said, "state": "done", "run": result.folder.name, "duration_s": result.manifest["duration_s"]}
        )
