"""Forms for notebooks, each optional: upload a file, choose filters, run a report. They do what code could.

>>> from dwell_kit.ui import widgets  # doctest: +SKIP
>>> form = widgets.filters(ws, on_change=ws.summary)  # doctest: +SKIP
>>> form  # doctest: +SKIP
>>> ws.visits(form.filters)  # doctest: +SKIP
"""

from __future__ import annotations

import html
import os
import tempfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import ipywidgets as w
import polars as pl
from IPython.display import FileLink, display

from dwell_kit.errors import DwellError
from dwell_kit.ingest.quality import Report
from dwell_kit.report import templates
from dwell_kit.report.run import RunResult, run_report
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS
from dwell_kit.schema.filters import Filters
from dwell_kit.schema.time import parse_moment, zone
from dwell_kit.workspace import Workspace

MOST_BYTES: Final = 50 << 20
"""A file of a form is in the kernel's memory as a whole; `notebook.upload` streams bigger ones to disk."""
_ENDINGS: Final = ".csv,.tsv,.txt,.json,.ndjson,.jsonl,.parquet,.gz,.zip"
_WIDE: Final = {"description_width": "130px"}
_OF_THE_RUN: Final = ("workspace", "version", "data_dir")
_MANY: Final = ("cameras", "groups", "zones", "age_groups", "genders")
_ONE: Final = ("environment", "since", "until", "min_dwell", "max_dwell")


def upload(ws: Workspace) -> UploadForm:
    """Choose exports of up to 50 MB; each is ingested at once and its quality report shown."""
    return UploadForm(ws)


def filters(
    ws: Workspace, *, on_change: Callable[[Filters], Any] | None = None, start: Filters | None = None
) -> FilterForm:
    """Controls whose `.filters` every quantity takes.

    Parameters
    ----------
    on_change : called with the filters after each change; what it returns is shown below, an error as a sentence.
    start : what is chosen first.
    """
    return FilterForm(ws, on_change=on_change, start=start or Filters())


def report_form(name: str, ws: Workspace, *, output: str | os.PathLike[str] = "reports") -> ReportForm:
    """The parameters of a report notebook as fields, and a button that runs it into a folder under `output`.

    Raises
    ------
    NotFoundError : if there is no such report.
    """
    return ReportForm(name, ws, Path(output))


class UploadForm(w.VBox):  # type: ignore[misc]
    """See `upload`; `reports` are the quality reports so far."""

    def __init__(self, ws: Workspace) -> None:
        self.ws = ws
        self.reports: list[Report] = []
        places = ws.environments()["name"].to_list()
        self.environment = w.Combobox(
            description="Environment", options=places, value=places[0] if len(places) == 1 else "",
            placeholder="main", style=_WIDE,
        )  # fmt: skip
        self.tz = w.Text(description="Time zone", placeholder="Europe/Berlin", style=_WIDE)
        self.files = w.FileUpload(
            accept=_ENDINGS, multiple=True, description="Choose exports", layout={"width": "max-content"}
        )
        self.progress = w.FloatProgress(
            min=0, max=1, description="Reading", style=_WIDE, layout={"display": "none"}
        )
        self.said = w.HTML()
        self.files.observe(self._chosen, "value")
        super().__init__([w.HBox([self.environment, self.tz]), self.files, self.progress, self.said])

    def _chosen(self, change: Any) -> None:
        if not change["new"]:
            return
        self.said.value = "".join(self._take(file["name"], file["content"]) for file in change["new"])
        self.files.value = ()  # the kernel need not hold them any longer

    def _take(self, name: str, content: Any) -> str:
        """Ingest one file; what became of it."""
        if len(content) > MOST_BYTES:
            return _alert(f"{name} is too big for a form: notebook.upload(ws) takes files of any size")
        self.progress.layout.display = ""
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / (Path(name.replace("\\", "/")).name or "upload")
                path.write_bytes(content)
                report = self.ws.ingest(
                    path,
                    environment=self.environment.value or None,
                    tz=self.tz.value or None,
                    progress=self._progress,
                )
        except DwellError as error:
            return _alert(str(error))
        finally:
            self.progress.layout.display = "none"
        self.reports.append(report)
        return _told(name, report)

    def _progress(self, done: int, total: int) -> None:
        self.progress.value = min(done / total, 1.0) if total else 0.0


class FilterForm(w.VBox):  # type: ignore[misc]
    """See `filters`; `filters` is what was last chosen that means something."""

    def __init__(self, ws: Workspace, *, on_change: Callable[[Filters], Any] | None, start: Filters) -> None:
        self.ws = ws
        self.filters = start
        self._on_change = on_change
        places = ws.environments()["name"].to_list()
        chosen = start.environment if start.environment in places else next(iter(places), None)
        self.environment = w.Dropdown(description="Environment", options=places, value=chosen, style=_WIDE)
        self.since = w.NaiveDatetimePicker(description="From", value=_local(ws, chosen, start.since), style=_WIDE)
        self.until = w.NaiveDatetimePicker(description="Until", value=_local(ws, chosen, start.until), style=_WIDE)
        self.cameras = _many("Cameras", _cameras(ws, chosen), start.cameras)
        self.groups = _many("Groups", _groups(ws, chosen), start.groups)
        self.zones = _many("Zones", ws.zones(chosen) if chosen else [], start.zones)
        self.age_groups = _many("Age groups", AGE_GROUPS, start.age_groups)
        self.genders = _many("Genders", GENDERS, start.genders)
        self.min_dwell = _dwell("Dwell at least", start.min_dwell)
        self.max_dwell = _dwell("Dwell less than", start.max_dwell)
        self.open_hours = w.Checkbox(description="Opening hours only", value=start.open_hours, style=_WIDE)
        self.error, self.shown = w.HTML(), w.Output()
        self.environment.observe(self._moved, "value")
        fields = (
            self.since, self.until, self.cameras, self.groups, self.zones, self.age_groups, self.genders,
            self.min_dwell, self.max_dwell, self.open_hours,
        )  # fmt: skip
        for field in fields:
            field.observe(self._changed, "value")
        top = [self.environment] if len(places) > 1 else []
        rows = [
            w.HBox([*top, self.since, self.until]), w.HBox([self.cameras, self.groups, self.zones]),
            w.HBox([self.age_groups, self.genders]), w.HBox([self.min_dwell, self.max_dwell, self.open_hours]),
        ]  # fmt: skip
        for row in rows:
            row.layout.flex_flow = "row wrap"
        super().__init__([*rows, self.error, self.shown])
        self._show()

    def _moved(self, change: Any) -> None:
        """Another environment has other cameras."""
        self.cameras.options = _cameras(self.ws, change["new"])
        self.groups.options = _groups(self.ws, change["new"])
        self.zones.options = self.ws.zones(change["new"])
        self._changed(change)

    def _changed(self, _change: Any) -> None:
        given = {name: list(getattr(self, name).value) for name in _MANY}
        one = {name: getattr(self, name).value or None for name in _ONE}
        keep = self.filters.but(**dict.fromkeys(_ONE))
        try:
            made = keep.with_(**given, **one, open_hours=self.open_hours.value)
            if made.environment is not None:
                self.ws.check(made)  # a time that ends before it begins, opening hours that nobody set
        except DwellError as error:
            self.error.value = _alert(str(error))
            return
        self.filters = made
        self._show()

    def _show(self) -> None:
        self.error.value = ""
        if self._on_change is None:
            return
        try:
            found = self._on_change(self.filters)
        except DwellError as error:
            self.error.value = _alert(str(error))
            return
        self.shown.clear_output(wait=True)
        if found is not None:
            with self.shown:
                display(found)


class ReportForm(w.VBox):  # type: ignore[misc]
    """See `report_form`; `result` is the last run."""

    def __init__(self, name: str, ws: Workspace, output: Path) -> None:
        self.ws, self.name, self.output = ws, name, output
        self.template = template = templates.find(name)
        self.result: RunResult | None = None
        self.fields: dict[str, Any] = {
            name: self._field(name, default)
            for name, default in template.parameters.items()
            if name not in _OF_THE_RUN
        }
        self.button = w.Button(description=f"Run {template.name}", button_style="primary")
        self.said, self.link = w.HTML(), w.Output()
        self.button.on_click(lambda _button: self.run())
        super().__init__([*self.fields.values(), self.button, self.said, self.link])

    @property
    def parameters(self) -> dict[str, Any]:
        """What the fields say, each of its parameter's type."""
        values = {name: field.value for name, field in self.fields.items()}
        return {
            name: value.isoformat() if isinstance(value, date) else "" if value is None else value
            for name, value in values.items()
        }

    def run(self) -> None:
        """Run the report, and link what came of it."""
        self.button.disabled, self.said.value = True, "<span role=status>The report is being written …</span>"
        self.link.clear_output()
        try:
            self.result = run_report(
                self.name, workspace=self.ws.path, parameters=self.parameters, output=self.output
            )
        except (DwellError, OSError) as error:
            self.said.value = _alert(str(error))
            return
        finally:
            self.button.disabled = False
        page = self.result.folder / "report.html"
        self.said.value = "<span role=status>The report is there:</span>"
        with self.link:
            display(FileLink(os.path.relpath(page)))  # type: ignore[no-untyped-call]

    def _field(self, name: str, default: Any) -> Any:
        title = {"description": name.replace("_", " "), "style": _WIDE}
        if name == "environment":
            return w.Combobox(**title, value=default, options=self.ws.environments()["name"].to_list())
        if name in self.template.days:
            return w.DatePicker(**title, value=date.fromisoformat(default) if default else None)
        kinds = {bool: w.Checkbox, int: w.IntText, float: w.FloatText, str: w.Text}
        return kinds[type(default)](**title, value=default)


def _many(title: str, options: Any, chosen: tuple[str, ...]) -> Any:
    known = [value for _, value in options] if options and isinstance(options[0], tuple) else list(options)
    rows = min(max(len(known), 2), 6)
    return w.SelectMultiple(
        description=title, options=options, value=[c for c in chosen if c in known], rows=rows, style=_WIDE
    )


def _cameras(ws: Workspace, environment: str | None) -> list[tuple[str, str]]:
    if environment is None:
        return []
    return [(row["name"], row["camera_id"]) for row in ws.cameras(environment, as_="polars").to_dicts()]


def _groups(ws: Workspace, environment: str | None) -> list[str]:
    if environment is None:
        return []
    known: pl.DataFrame = ws.cameras(environment, as_="polars")
    words = ("group", "store", "department", "division")
    return sorted({name for word in words for name in known[word].to_list() if name})


def _local(ws: Workspace, environment: str | None, moment: Any) -> datetime | None:
    """A moment by the local clock, as pickers have it."""
    if environment is None or moment is None:
        return None
    tz = ws.tz(environment)
    return parse_moment(moment, tz).astimezone(zone(tz)).replace(tzinfo=None)


def _dwell(title: str, start: timedelta | None) -> Any:
    return w.Text(
        description=title, value="" if start is None else f"{start.total_seconds():g}s", placeholder="5min",
        style=_WIDE, continuous_update=False,
    )  # fmt: skip


def _told(name: str, report: Report) -> str:
    """A quality report in a few lines."""
    if report.repeated:
        return f"<p role=status><b>{html.escape(name)}</b>: already there, nothing changed</p>"
    lines = [
        f"<b>{html.escape(name)}</b>: {report.accepted:,} of {report.rows_read:,} rows accepted · "
        f"quality {report.score:g} of 100"
    ]
    lines += [f"{rows:,} rejected: {html.escape(reason)}" for reason, rows in report.reasons.items()]
    lines += [html.escape(note) for note in report.notes]
    return f"<p role=status>{'<br>'.join(lines)}</p>"


def _alert(text: str) -> str:
    return f"<p role=alert>{html.escape(text).replace(chr(10), '<br>')}</p>"
