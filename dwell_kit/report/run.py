"""`run_report` reads like what it does: check, pin, execute, render, write the manifest, appear."""

from __future__ import annotations

import json
import os
import platform
import shutil
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, Final

from blake3 import blake3

import dwell_kit
from dwell_kit.errors import ParameterError, ReportError
from dwell_kit.report import templates
from dwell_kit.report.execute import execute
from dwell_kit.report.pdf import print_pdf
from dwell_kit.report.render import render
from dwell_kit.settings import Settings
from dwell_kit.workspace import Workspace, fingerprints
from dwell_kit.workspace import open as open_workspace

OURS: Final = ("workspace", "version", "data_dir")
"""Parameters that the run sets itself."""
SIMULATED: Final = "simulated"
"""The notes of an upload, or a column of its file, that mark made-up people."""
_PACKAGES: Final = ("numpy", "pandas", "polars", "numba", "holoviews", "bokeh", "papermill", "nbconvert")


@dataclass(frozen=True)
class RunResult:
    """A finished run: its folder, and what its manifest says."""

    folder: Path
    manifest: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"folder": str(self.folder), **self.manifest}


def run_report(
    name: str,
    *,
    workspace: str | os.PathLike[str],
    parameters: dict[str, Any],
    output: str | os.PathLike[str],
    version: int | None = None,
    pdf: bool = True,
    staging: Path | None = None,
    settings: dict[str, Any] | None = None,
    scheduled: dict[str, Any] | None = None,
) -> RunResult:
    """Run a report notebook into one new folder under `output`; the folder appears whole or not at all.

    Parameters
    ----------
    name : a report (`daily`) or a notebook's path.
    version : snapshot to report on; default is the newest, which the manifest then names.
    staging : where it is put together, beside the finished ones, a folder that is not there yet; by default a
        hidden one of its own.
    pdf : print one too, where there is a Chromium; the manifest's `no_pdf` says why there is none.
    settings : those of an earlier run's manifest; what has changed since is in the manifest's `warnings`.
    scheduled : which due time of which schedule it is; the manifest says so.
    parameters : the notebook's; an unknown one, or a value of the wrong type, is an error.

    Raises
    ------
    NotFoundError : for an unknown report. ParameterError : for parameters that it cannot use.
    ReportError : for a failing cell. NotADirectoryError : if `output` is a file. FileExistsError : if `staging` is
    there already, which is left as it is. Nothing is left behind.
    """
    template = templates.find(name)
    given = template.checked(parameters)
    if ours := set(given) & set(OURS):
        raise ParameterError(f"the run sets {', '.join(sorted(ours))} itself", hint="--workspace, version=")
    with open_workspace(workspace, version=version, create=False) as ws:
        pinned = ws.snapshot_id
        simulated = _simulated(ws)
        hashes = fingerprints.settings_of(ws._handle, given.get("environment") or None)
    home = Path(output).absolute()
    home.mkdir(parents=True, exist_ok=True)
    staging = staging or home / f".{template.name}-{uuid.uuid4().hex}"
    began = datetime.now(UTC)
    staging.mkdir(parents=True)  # one that is there is another run's, and not ours to remove
    try:
        (staging / "data").mkdir()
        own = {"workspace": str(Path(workspace).absolute()), "version": pinned, "data_dir": str(staging / "data")}
        notebook = staging / "report.ipynb"
        execute(template.path, notebook, {**given, **{k: v for k, v in own.items() if k in template.parameters}})
        render(notebook, staging / "report.html", title=f"{template.name} report", simulated=simulated)
        no_pdf = _print(staging) if pdf else "not asked for"
        manifest = {
            "report": template.name,
            "notebook": str(template.path.absolute()) if name.endswith(".ipynb") else None,
            "template_hash": _hash(template.path),
            "parameters": {**template.parameters, **given, **{k: v for k, v in own.items() if k != "data_dir"}},
            "given": given,
            "workspace": own["workspace"],
            "scheduled": scheduled,
            "version": pinned,
            "settings": hashes,
            "warnings": _changed(settings, hashes) if settings is not None else [],
            "simulated": simulated,
            "no_pdf": no_pdf,
            "dwell_kit": dwell_kit.__version__,
            "python": platform.python_version(),
            "packages": {package: package_version(package) for package in _PACKAGES},
            "created_at": began.isoformat(timespec="seconds"),
            "duration_s": round((datetime.now(UTC) - began).total_seconds(), 3),
            "files": {str(p.relative_to(staging)): _hash(p) for p in sorted(staging.rglob("*")) if p.is_file()},
        }
        (staging / "manifest.json").write_text(json.dumps(manifest, indent=1, default=str) + "\n")
        folder = _appear(staging, home, f"{template.name}-{began:%Y%m%dT%H%M%SZ}-v{pinned}")
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return RunResult(folder, manifest)


def rerun(manifest: str | os.PathLike[str], *, output: str | os.PathLike[str]) -> RunResult:
    """Run what a manifest describes again, on the same version of the data.

    A version pins facts; time zone, opening hours, lists and camera groups are as they are now. Where they are not
    what they were, the new manifest's `warnings` say which.

    Raises
    ------
    ReportError : if the notebook has changed since, or the manifest cannot be read.
    """
    try:
        said = json.loads(Path(manifest).read_text())
        name, given, workspace, version = said["report"], said["given"], said["workspace"], said["version"]
    except (OSError, ValueError, KeyError) as error:
        raise ReportError("the manifest cannot be read", where=str(manifest), found=str(error)) from error
    name = said.get("notebook") or name
    template = templates.find(name)
    if _hash(template.path) != said["template_hash"]:
        raise ReportError("the report's notebook has changed since", where=str(template.path), hint="run it anew")
    return run_report(
        name,
        workspace=workspace,
        parameters=given,
        output=output,
        version=version,
        settings=said.get("settings", {}),
    )


def _changed(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    if not before:
        return ["the manifest does not say which settings it was made with: figures may differ by them"]
    found = fingerprints.changed(before, now)
    said = f"changed since that manifest: {', '.join(found)} (no version pins them, so that figures may differ)"
    return [said] if found else []


def _print(folder: Path) -> str | None:
    """Print the page; the reason if that cannot be."""
    try:
        print_pdf(folder / "report.html", folder / "report.pdf", chromium=Settings.from_environment().chromium)
    except ReportError as error:
        return str(error)
    return None


def _simulated(ws: Workspace) -> bool:
    """True if any upload said so: in its notes, or by a column of its own."""
    reports = [(upload["notes"], (upload["report"] or {}).get("header")) for upload in ws.uploads()]
    return any(notes == SIMULATED or SIMULATED in (header or ()) for notes, header in reports)


def _hash(path: Path) -> str:
    return blake3(path.read_bytes()).hexdigest()


def _appear(staging: Path, home: Path, name: str) -> Path:
    """Rename to the first free name: two runs in one second do not meet."""
    for attempt in range(1, 1000):
        target = home / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            staging.rename(target)
        except OSError:
            if not target.exists():
                raise
        else:
            return target
    raise ReportError("no free name for the run folder", where=str(home))
