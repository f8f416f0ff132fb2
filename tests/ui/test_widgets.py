"""Forms for notebooks, driven as a person would: they do what the library does, and say what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import dwell_kit as dk
from dwell_kit.errors import NotFoundError
from dwell_kit.simulate import people
from dwell_kit.ui import widgets
from tests.workspace.exports import many, write


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("widgets")
    people.write(people.simulate_campus(days=2, seed=5, visitors_a_day=40), folder)
    with dk.open(folder / "ws") as made:
        made.ingest(folder / "appearances.csv", tz="Europe/Berlin")
        yield made


def chosen(*paths: Path) -> tuple[dict[str, Any], ...]:
    """Files as the browser hands them over."""
    return tuple(
        {
            "name": path.name, "type": "text/csv", "size": path.stat().st_size,
            "content": memoryview(path.read_bytes()), "last_modified": datetime(2025, 5, 5),
        }
        for path in paths
    )  # fmt: skip


def test_an_upload_is_ingested_and_its_report_shown(tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        form = widgets.upload(ws)
        form.tz.value = "Europe/Berlin"
        bad = ["p1,cam1,x1,1746432000,never,1746432000,red"]
        path = write(tmp_path / "a<b>.csv", many(40), extra=bad)
        form.files.value = chosen(path)
        assert (form.reports[0].accepted, form.reports[0].rejected) == (40, 1)
        assert "40 of 41 rows accepted" in form.said.value
        assert "1 rejected" in form.said.value
        assert "<b>.csv" not in form.said.value  # names are text
        assert form.files.value == ()
        assert [u["filename"] for u in ws.uploads()] == ["a<b>.csv"]
        assert ws.tz() == "Europe/Berlin"
        form.files.value = chosen(path)
        assert "nothing changed" in form.said.value


def test_a_file_that_cannot_be_used_is_told_of_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dk.open(tmp_path / "ws") as ws:
        form = widgets.upload(ws)
        wrong = tmp_path / "wrong.csv"
        wrong.write_text("alpha,beta\n1,2\n")
        form.files.value = chosen(wrong)
        assert "role=alert" in form.said.value
        assert "no reader knows" in form.said.value
        monkeypatch.setattr(widgets, "MOST_BYTES", 5)
        form.files.value = chosen(wrong)
        assert "too big for a form" in form.said.value
        assert (ws.uploads(), form.reports) == ([], [])


def test_filters_are_those_of_the_library(ws: Any) -> None:
    seen: list[Any] = []
    form = widgets.filters(ws, on_change=seen.append)
    assert seen == [form.filters] == [dk.Filters()]
    form.genders.value = ("female",)
    form.cameras.value = (form.cameras.options[0][1],)
    form.since.value = datetime(2025, 5, 5, 12)
    form.min_dwell.value = "5min"
    asked = dk.Filters.of(
        environment="main", gender="female", camera=form.cameras.value[0], since=datetime(2025, 5, 5, 12),
        min_dwell="5min",
    )  # fmt: skip
    assert form.filters == asked == seen[-1]
    assert ws.summary(form.filters) == ws.summary(asked)
    form.min_dwell.value = ""
    assert form.filters == asked.but(min_dwell=None)
    assert len(seen) == 6


def test_a_filter_that_means_nothing_is_told_and_the_last_one_stays(ws: Any) -> None:
    form = widgets.filters(ws)
    form.genders.value = ("male",)
    before = form.filters
    form.max_dwell.value = "soon"
    assert "role=alert" in form.error.value
    assert form.filters == before
    form.max_dwell.value = ""
    assert form.error.value == ""
    form.since.value, form.until.value = datetime(2025, 5, 6), datetime(2025, 5, 5)
    assert "ends before it begins" in form.error.value
    assert form.filters.until is None


def test_a_form_starts_where_it_is_told(ws: Any) -> None:
    start = dk.Filters.of(gender="female", since="2025-05-05T12:00", max_dwell=3600, weekdays=[1, 2])
    form = widgets.filters(ws, start=start)
    assert (form.genders.value, form.since.value) == (("female",), datetime(2025, 5, 5, 12))
    form.age_groups.value = ("20-29",)
    assert form.filters.weekdays == (1, 2)
    assert form.filters.max_dwell == timedelta(hours=1)
    assert form.filters.age_groups == ("20-29",)
    form.open_hours.value = True
    assert "opening hours" in form.error.value  # nobody set any
    assert not form.filters.open_hours


def test_what_a_change_cannot_show_is_said(ws: Any) -> None:
    form = widgets.filters(ws, on_change=lambda _filters: ws.summary(camera="nowhere"))
    assert "nowhere" in form.error.value


def test_a_report_form_has_the_notebooks_parameters_and_runs_it(ws: Any, tmp_path: Path) -> None:
    form = widgets.report_form("daily", ws, output=tmp_path)
    assert set(form.fields) == {"date", "environment", "k"}
    assert form.parameters == {"date": "", "environment": "", "k": 5}
    form.fields["date"].value = date(2025, 5, 5)
    form.fields["k"].value = 3

    async def click() -> None:  # a kernel's loop runs while a button is pressed
        form.button.click()

    asyncio.run(click())
    assert form.result is not None, form.said.value
    assert form.result.manifest["given"] == {"date": "2025-05-05", "environment": "", "k": 3}
    assert (form.result.folder / "report.html").is_file()
    assert form.button.disabled is False


def test_a_report_that_cannot_be_run_says_why(ws: Any, tmp_path: Path) -> None:
    form = widgets.report_form("daily", ws, output=tmp_path)
    form.fields["date"].value = date(1999, 1, 1)
    form.button.click()
    assert "role=alert" in form.said.value
    assert form.result is None
    with pytest.raises(NotFoundError, match="daily"):
        widgets.report_form("hourly", ws)
