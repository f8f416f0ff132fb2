"""Pages without a browser: what the link brings stays, what means nothing is said, the newest question wins."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from param.parameterized import discard_events

import dwell_kit as dk
from dwell_kit.ui.movement import Movement
from dwell_kit.ui.overview import Overview
from dwell_kit.ui.sessions import Sessions
from dwell_kit.workspace import Workspace
from tests.workspace.exports import many, write


@pytest.fixture(scope="module")
def ws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    folder = tmp_path_factory.mktemp("pages")
    with dk.open(folder / "ws") as opened:
        opened.ingest(write(folder / "a.csv", many(120)))
        yield opened


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
