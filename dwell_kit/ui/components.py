"""Components with a browser half (`js/`): native HTML, so that keyboard and screen readers work by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent
from panel.viewable import Child

from dwell_kit.ui.style import CHART, COMPONENT

_JS = Path(__file__).parent / "js"


def _module(name: str) -> str:
    return "\n".join((_JS / f"{part}.js").read_text(encoding="utf-8") for part in ("common", name))


class _Component(JSComponent):  # type: ignore[misc]
    """What the browser sends is a whole wish each: Panel would wait 50 ms whether more of it came."""

    _debounce = 0


class FilterBar(_Component):
    """Filters; `asked` is what the person wants, `value` what is shown.

    Where no server keeps the address (`linked`), the page does: it says with which query it was `opened`, and
    shows `address` there.
    """

    options = param.Dict(default={})
    value = param.Dict(default={})
    asked = param.Dict(default={})
    error = param.String(default="")
    brief = param.Boolean(default=False)
    """Only the environment is to be chosen: for pages that are about no time and no camera."""
    linked = param.Boolean(default=False)
    address = param.String(default="")
    opened = param.Dict(default={})
    _esm = _module("filter_bar")
    _stylesheets = [COMPONENT]


class Cards(_Component):
    """Key figures; `opened` is the one whose rows the person wants."""

    items = param.List(default=[])
    opened = param.Dict(default={})
    shown = param.String(default="")
    busy = param.Boolean(default=False)
    _esm = _module("cards")
    _stylesheets = [COMPONENT]


class ChartCard(_Component):
    """A chart with its question, legend and text alternative, and its figures as a table once somebody wants them.

    Without a figure (`has_figure`) it is a card with a table; `nothing` says why there is neither.
    """

    question = param.String(default="")
    caption = param.String(default="")
    said = param.String(default="")
    """HTML of ours over the chart."""
    alternative = param.String(default="")
    legend = param.List(default=[])
    nothing = param.String(default="")
    answers = param.Integer(default=-1)
    """Which wish of the filter bar (`at`) is drawn: 0 is what the page came with, -1 nothing yet."""
    has_figure = param.Boolean(default=True)
    figure = param.String(default="")
    """JSON of a Bokeh figure (`bokeh.embed.json_item`). Its models stay out of the page's document, which Bokeh
    would walk through, all charts of it, at every change."""
    live = Child(default=None)
    """Instead of it: a chart that goes on asking Python."""
    table = param.Dict(default={})
    wanted = param.Boolean(default=False)
    _esm = _module("chart_card")
    _stylesheets = [CHART]


class DataTable(_Component):
    """One page of rows; `asked` is the page, order and search that the person wants."""

    title = param.String(default="")
    note = param.String(default="")
    empty = param.String(default="nothing matches")
    columns = param.List(default=[])
    rows = param.List(default=[])
    total = param.Integer(default=0)
    keys = param.List(default=[])
    """Of the rows, where they have buttons: `acted` names one and what is to be done."""
    acted = param.Dict(default={})
    detail = param.Dict(default={})
    """key and html of ours: what stands open under a row."""
    exports = param.List(default=[])
    state = param.Dict(
        default={"page": 0, "size": 25, "sort": "", "descending": False, "search": "", "column": "", "at": 0}
    )
    """What is shown, and which wish (`at`) it answers."""
    asked = param.Dict(default={})
    busy = param.Boolean(default=False)
    drawn = param.Integer(default=0)
    """Raised once everything else is set: one drawing a page."""
    _esm = _module("data_table")
    _stylesheets = [COMPONENT]


class ReportForm(_Component):
    """Choose a report and its parameters; `endpoint` runs it, and `finished` names the job that ended."""

    endpoint = param.String(default="")
    kinds = param.List(default=[])
    environments = param.List(default=[])
    environment = param.String(default="")
    finished = param.Dict(default={})
    _esm = _module("report_form")
    _stylesheets = [COMPONENT]


class Uploader(_Component):
    """Drop files; they stream to `endpoint`, and `finished` names the upload that came of one."""

    endpoint = param.String(default="")
    environment = param.String(default="")
    environments = param.List(default=[])
    most_bytes = param.Integer(default=0)
    finished = param.Dict(default={})
    _esm = _module("uploader")
    _stylesheets = [COMPONENT]


def option(value: str, label: str | None = None) -> dict[str, Any]:
    """A value of a choice, and what people call it."""
    return {"value": value, "label": label or value}
