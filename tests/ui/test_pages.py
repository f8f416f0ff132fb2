"""Pages without a browser: what the link brings stays, what means nothing is said, the newest question wins."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from bokeh.plotting import figure
from param.parameterized import discard_events

import dwell_kit as dk
from dwell_kit.ui import naming
from dwell_kit.ui.charts import CHARTS
from dwell_kit.ui.movement import Movement
from dwell_kit.ui.overview import Overview
from dwell_kit.ui.sessions import Sessions
from dwell_kit.ui.uploading import UploadPage
from dwell_kit.workspace import Workspace
from tests.workspace.exports import many, write


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("pages")
    with dk.open(folder / "ws") as opened:
        opened.ingest(write(folder / "a.csv", many(120)))
        yield opened


@pytest.mark.parametrize(
    ("since", "shown"),
    [("2025-05-05T08:00:30", "2025-05-05T08:00:30"), ("2025-05-05T08:00:00.250", "2025-05-05T08:00")],
)
def test_a_time_of_the_link_that_nobody_touched_stays_exact(ws: Workspace, since: str, shown: str) -> None:
    filtering = Overview(ws, f"since={since}").filtering
    assert filtering.bar.value["since"] == shown
    asked = filtering.asked({"environment": "main", "since": shown, "genders": ["female"], "at": 1})
    assert asked == dk.Filters.of(environment="main", since=since, gender="female")


@pytest.mark.parametrize(
    ("till", "until"), [("2025-05-12T00:00", "2025-05-12T00:00"), ("2025-05-12T00:01", "2025-05-13T00:00")]
)
def test_the_last_day_is_one_with_data_where_coverage_ends_at_midnight(
    tmp_path: Path, till: str, until: str
) -> None:
    with dk.open(tmp_path / "ws") as ws:
        window = (datetime(2025, 5, 5), datetime.fromisoformat(till))
        ws.ingest(write(tmp_path / "a.csv", many(9)), tz="Europe/Berlin", window=window)
        presets = {one["label"]: one for one in Sessions(ws).filtering.bar.options["presets"]}
    end = datetime.fromisoformat(until)
    for label, days in (("last day", 1), ("last 7 days", 7)):
        since = (end - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")
        assert (presets[label]["since"], presets[label]["until"]) == (since, until)


def chosen(page: Sessions, name: str) -> None:
    """The choice alone: the test itself asks, and waits for the answer."""
    with discard_events(page.choice):
        page.choice.value = name


@pytest.mark.parametrize(
    "query",
    ["cameras=nope", "since=2025-05-09&until=2025-05-01", "since=abc", "open_hours=1", "shoe=red", "hours=25-3"],
)
@pytest.mark.parametrize("kind", [Overview, Sessions, Movement])
def test_a_link_that_means_nothing_here_says_so_and_shows_everything(ws: Workspace, kind: Any, query: str) -> None:
    page = kind(ws, query)
    assert page.filtering.bar.error
    assert page.filtering.filters == dk.Filters(environment="main")


def test_what_only_a_link_can_ask_for_is_said_and_kept(ws: Workspace) -> None:
    told: list[str] = []
    page = Overview(ws, "hours=8-9&max_gap=60", tell=told.append)
    filtering = page.filtering
    assert "hours 8-9" in filtering.bar.value["also"]
    assert "max gap 60" in filtering.bar.value["also"]
    asked = filtering.asked({"environment": "main", "genders": [], "cameras": ["cam1"], "at": 1})
    assert asked == dk.Filters.of(environment="main", camera="cam1", hours=(8, 9), max_gap=60)
    asyncio.run(page.apply(asked))
    assert "hours=8-9" in told[-1]
    shown = {item["name"]: item["raw"] for item in page.cards.items}
    assert shown["visits"] == ws.summary(camera="cam1", hours=(8, 9), max_gap=60)["visits"]
    cleared = filtering.asked({"environment": "main", "clear": True, "at": 2})
    assert cleared == dk.Filters(environment="main")
    asyncio.run(page.apply(cleared))
    assert "also" not in filtering.bar.value


def test_the_table_is_that_of_its_heading_whichever_answer_comes_last(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Sessions(ws)
    page.draw()
    go, prepare = threading.Event(), page.rows.prepare

    def late(what: str, *more: Any) -> Any:
        if what == "sightings":
            go.wait(30)
        return prepare(what, *more)

    async def choose() -> None:
        monkeypatch.setattr(page.rows, "prepare", late)
        chosen(page, "Sightings")
        first = asyncio.create_task(page.apply(page.filtering.filters))
        await asyncio.sleep(0)
        chosen(page, "Persons")
        await page.apply(page.filtering.filters)
        go.set()
        await first

    asyncio.run(choose())
    assert page.rows.table.title == "Persons"
    assert page.rows._what == "top_visitors"
    assert "visits" in [column["name"] for column in page.rows.table.columns]
    assert not page.rows.table.busy


def test_filters_chosen_while_an_answer_is_awaited_are_not_lost(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Sessions(ws)
    page.draw()
    camera = dk.Filters.of(environment="main", camera="cam1")

    async def both() -> None:
        first = asyncio.create_task(page.apply(camera))
        await asyncio.sleep(0)
        chosen(page, "Persons")
        await page._chosen(None)
        await first

    asyncio.run(both())
    assert page.filtering.filters == camera
    assert page.rows.table.title == "Persons"


def test_the_link_names_the_table_that_is_looked_at(ws: Workspace) -> None:
    told: list[str] = []
    page = Sessions(ws, "cameras=cam1&table=Persons", tell=told.append)
    page.draw()
    assert page.rows.table.title == "Persons"
    assert page.filtering.filters.cameras == ("cam1",)
    asyncio.run(page.apply(page.filtering.filters))
    assert told == ["environment=main&cameras=cam1&table=Persons"]
    chosen(page, "Visits")
    asyncio.run(page.apply(page.filtering.filters))
    assert told[-1] == "environment=main&cameras=cam1"
    assert "no table" in Sessions(ws, "table=Shoes").filtering.bar.error


def test_the_open_visits_behind_the_card_are_as_many_as_it_says(ws: Workspace) -> None:
    page = Overview(ws, "max_gap=60")
    figure = next(item["raw"] for item in page.cards.items if item["name"] == "open_visits")
    asyncio.run(page._opened(SimpleNamespace(new={"name": "open_visits"})))
    assert figure > 0
    assert page.rows.table.total == figure
    assert page.rows.table.total < ws.summary(max_gap=60)["visits"]


def test_an_upload_that_failed_says_why_for_as_long_as_it_is_listed(tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as opened:
        (tmp_path / "a.csv").write_text("person_id,camera_id,started_at,ended_at\na,q,never,never\n")
        (tmp_path / "b.json").write_text('[{"person_id": "a", "utc_time_recorded": 1746432000} }')
        opened.ingest(tmp_path / "a.csv")
        with pytest.raises(dk.DwellError):
            opened.ingest(tmp_path / "b.json")
        page = UploadPage(opened, endpoint="uploads")
        row = next(row for row in page.history._rows if row["filename"] == "b.json")
        assert row["more"]["text"] == "Why"
        asyncio.run(page._acted(SimpleNamespace(new={"key": row["key"], "act": "more"})))
        assert "the JSON is broken" in page.history.table.detail["html"]


def test_cameras_are_called_by_their_names_in_charts_and_cards(ws: Workspace) -> None:
    names = {"cam0": "Door", "cam1": "Hall", "cam2": "Hall"}
    with dk.open(ws.path) as opened:
        for camera, name in names.items():
            opened.edit_camera(camera, name=name)
        assert naming.of_cameras(opened, "main") == {"cam0": "Door", "cam1": "Hall (cam1)", "cam2": "Hall (cam2)"}
        page = Overview(opened)
        page.draw()
        busiest = next(item for item in page.cards.items if item["name"] == "busiest_camera")
        assert busiest["raw"] in names
        assert busiest["value"] == naming.of_cameras(opened, "main")[busiest["raw"]]
        places = next(drawing for drawing in page.drawings if drawing.name == "camera_hour")
        assert set(places._frame["camera_id"]) == {"Door", "Hall (cam1)", "Hall (cam2)"}


def test_a_chart_that_was_drawn_is_let_go_of(ws: Workspace) -> None:
    chart = next(chart for chart in CHARTS if chart.name == "hour_profile")

    def held() -> int:
        chart.drawn(ws, dk.Filters(environment="main"), "UTC")
        gc.collect()
        return sum(isinstance(one, figure) for one in gc.get_objects())

    first = held()
    assert [held() for _ in range(3)] == [first] * 3


def test_a_refused_wish_leaves_no_chart_of_the_filters_before(ws: Workspace) -> None:
    page = Overview(ws, "environment=main")
    page.draw()
    camera = dk.Filters.of(environment="main", camera="cam1")
    backwards = camera.but(since="2025-05-06", until="2025-05-05")

    async def both() -> None:
        page.filtering.asked({"environment": "main", "cameras": ["cam1"], "at": 1})
        first = asyncio.create_task(page.apply(camera))
        while not any(one.shown and one.shown.filters == camera for one in page.drawings):
            await asyncio.sleep(0.01)  # some charts are of the new filters
        page.filtering.asked({"environment": "main", "since": "2025-05-06", "until": "2025-05-05", "at": 2})
        await page.apply(backwards)
        await first

    asyncio.run(both())
    assert "ends before it begins" in page.filtering.bar.error
    assert {one.shown for one in page.drawings} == {page.filtering.wish}
    assert page.filtering.wish.filters == camera
    assert page.filtering.wish.at == page.filtering.bar.value["at"] == 1
    assert {one.card.answers for one in page.drawings} == {1}


def test_what_nobody_foresaw_is_said_and_the_other_charts_are_drawn(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Overview(ws, "environment=main")
    page.draw()

    def broken(*_given: Any) -> Any:
        raise OverflowError("too big")

    monkeypatch.setattr(page.drawings[1], "make", broken)
    asyncio.run(page.apply(dk.Filters.of(environment="main", camera="cam1")))
    assert page.drawings[1].card.nothing == "OverflowError: too big"
    assert {one.shown for one in page.drawings} == {page.filtering.wish}
    monkeypatch.setattr(page, "_figures", broken)
    asyncio.run(page.apply(dk.Filters.of(environment="main")))
    assert page.filtering.bar.error == "OverflowError: too big"
    assert not page.cards.busy


@pytest.mark.parametrize("query", ["since=2025-05-05&until=9999-12-31", "since=0001-01-01&until=2025-05-05"])
def test_a_time_beyond_calendars_is_said(ws: Workspace, query: str) -> None:
    assert "out of range" in Overview(ws, query).filtering.bar.error


@pytest.mark.parametrize("name", ["sensitivity", "fragmentation"])
def test_a_line_of_noughts_is_no_chart(ws: Workspace, name: str) -> None:
    (chart,) = [one for one in CHARTS if one.name == name]
    assert chart.drawn(ws, dk.Filters.of(environment="main"), "UTC").figure
    nobody = dk.Filters.of(environment="main", since="2025-05-05T03:00Z", until="2025-05-05T04:00Z")
    found = chart.drawn(ws, nobody, "UTC")
    assert (found.figure, found.nothing) == ("", chart.nothing)


def test_days_that_are_covered_are_local_and_end_with_the_last_one(tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        window = ("2025-05-05T00:00", "2025-05-12T00:00")
        ws.ingest(write(tmp_path / "a.csv", many(20)), window=window, tz="Europe/Berlin")
        page = Overview(ws, "environment=main")
        page.draw()
        assert "of 168 hours, 05 May 2025 to 11 May 2025" in page.coverage.object


def test_every_column_of_the_files_can_be_shown(ws: Workspace) -> None:
    page = Sessions(ws, "table=Sightings%2C+every+column&persons=p0", exports="rows")
    page.draw()
    table = page.rows.table
    names = [column["name"] for column in table.columns]
    assert "colour" in names
    assert {row[names.index("colour")] for row in table.rows} == {"red"}
    assert table.total == len(ws.sightings(person="p0")) > 0
    assert all("p_payload=1" in link["href"] for link in table.exports)
    assert page.filtering.bar.value["persons"] == ["p0"]
    rows = ws.rows("sightings", dk.Filters.of(environment="main"), parameters={"payload": 1})
    assert "colour" in rows.frame.columns
