"""The gateway as people use it: headless Chromium against `dwell serve`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dwell_kit as dk
from tests.serve.site import Site, serving, visiting, workspace
from tests.workspace.exports import many, write


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    made = workspace(tmp_path_factory.mktemp("site"))
    with serving("serve", "--workspace", str(made), "--port", "0") as url:
        yield url, made


@pytest.fixture
def site(server: tuple[str, Path], browser: Any) -> Iterator[Site]:
    with visiting(browser, *server) as made:
        yield made


def test_the_figures_are_those_of_the_library_under_every_filter(site: Site) -> None:
    site.page.goto(site.url)
    site.expect()
    site.page.get_by_text("Gender:").click()
    site.page.get_by_role("checkbox", name="female", exact=True).check()
    site.expect(gender="female")
    site.page.wait_for_url("**genders=female**")
    site.page.get_by_role("checkbox", name="male", exact=True).check()  # the choice stays open
    site.expect(gender=["female", "male"])
    site.page.get_by_role("checkbox", name="male", exact=True).uncheck()
    site.expect(gender="female")
    site.page.get_by_label("From").fill("2025-05-05T12:00")
    site.page.get_by_label("Until").fill("2025-05-06T10:00")
    site.expect(gender="female", since="2025-05-05T12:00", until="2025-05-06T10:00")
    site.page.wait_for_url("**until=2025-05-06T10**")
    link = site.page.url
    site.page.get_by_role("button", name="Clear filters").click()
    site.expect()
    site.page.goto(link)  # a view can be shared
    site.expect(gender="female", since="2025-05-05T12:00", until="2025-05-06T10:00")


def key_in(page: Any, label: str, *parts: str) -> None:
    """Type a moment as people do: slowly, its year digit by digit."""
    page.get_by_label(label).focus()
    for part in parts:
        page.keyboard.type(part, delay=150)
        page.keyboard.press("Tab")


def test_answers_do_not_wipe_what_is_being_typed(site: Site) -> None:
    asked: list[str] = []
    site.page.on("framenavigated", lambda frame: asked.append(frame.url))
    site.page.goto(site.url)
    site.expect()
    key_in(site.page, "From", "05052025", "1200PM")
    key_in(site.page, "Until", "05062025", "1000AM")
    site.expect(since="2025-05-05T12:00", until="2025-05-06T10:00")
    site.page.wait_for_url("**until=2025-05-06T10**")
    assert not [url for url in asked if "=00" in url or "=02" in url], "no year that was on its way to 2025"
    site.page.get_by_label("Until").focus()
    site.page.keyboard.type("06", delay=150)  # another month
    site.page.wait_for_timeout(1500)
    site.page.keyboard.type("07", delay=150)  # answered meanwhile, and still the day is next
    site.expect(since="2025-05-05T12:00", until="2025-06-07T10:00")
    site.page.get_by_role("button", name="Clear filters").click()
    site.expect()
    assert site.page.get_by_label("From").input_value() == ""


def test_answers_do_not_wipe_what_is_being_searched_for(site: Site) -> None:
    site.page.goto(site.url + "sessions")
    with dk.open(site.workspace) as ws:
        visits = ws.visits(as_="polars")
    camera = visits["first_camera"].sort()[0]
    rows = visits.filter(pl.col("first_camera") == camera).height
    field = site.page.get_by_role("searchbox").first
    for pause in (310, 330, 350, 400):  # the first letters are asked for, and answered while others follow
        site.page.locator(f"[data-total='{visits.height}']").wait_for()
        site.page.locator("[name=column]").select_option("first_camera")
        field.focus()
        site.page.keyboard.type(camera[:2])
        site.page.wait_for_timeout(pause)
        site.page.keyboard.type(camera[2:], delay=40)
        site.page.locator(f"[data-total='{rows}']").wait_for()
        assert field.input_value() == camera
        field.fill("")


def test_filters_chosen_in_one_go_hold_together(site: Site) -> None:
    site.page.goto(site.url)
    site.expect()
    site.page.get_by_text("Gender:").click()
    site.page.get_by_role("checkbox", name="female", exact=True).check()
    site.page.get_by_label("From").fill("2025-05-05T12:00")
    site.page.wait_for_timeout(300)
    site.page.get_by_label("Until").fill("2025-05-06T10:00")
    site.expect(gender="female", since="2025-05-05T12:00", until="2025-05-06T10:00")
    site.page.get_by_label("Period").select_option("all data")
    site.page.get_by_label("From").focus()
    site.page.keyboard.type("05")  # half a date is none
    site.expect(gender="female")
    site.page.get_by_text("Age:").click()  # one click is enough, though the bar is drawn anew
    site.page.locator("details[data-name=age_groups][open]").wait_for()
    site.page.get_by_text("Gender:").click()
    site.page.get_by_role("checkbox", name="female", exact=True).uncheck()
    site.expect()


def test_persons_are_chosen_by_their_ids(site: Site) -> None:
    with dk.open(site.workspace) as ws:
        anna, ben = ws.visits(as_="polars")["person_id"].unique().sort()[:2].to_list()
    site.page.goto(site.url)
    site.expect()
    site.page.get_by_text("Person:").click()
    field = site.page.get_by_label("Ids of persons")
    field.fill(f"{anna}, {ben}")
    field.press("Enter")
    site.expect(persons=[anna, ben])
    site.page.get_by_text("Gender:").click()  # what is being typed is not drawn anew
    site.page.get_by_text("Person: 2 persons").wait_for()
    site.page.wait_for_url(f"**persons={anna}&persons={ben}**")
    site.page.get_by_role("button", name="Clear filters").click()
    site.expect()


def test_every_chart_is_drawn(site: Site) -> None:
    site.page.goto(site.url + "overview")
    for question in ("People present", "How long visits last", "When it is busy", "Who comes", "Crowds"):
        site.page.get_by_role("heading", name=question, exact=True).wait_for()
    canvases = site.page.locator(".bk-Canvas")
    canvases.nth(14).wait_for(timeout=90_000)  # locators look into shadow roots


AT_ONCE = """(box, chart) => {
  box.click();
  return new Promise((done) => setTimeout(() => done(chart.getAttribute("aria-busy")), 20));
}"""


def test_charts_of_the_filters_before_say_at_once_that_they_are_old(site: Site) -> None:
    busy = site.page.locator("section.chart[aria-busy=true]")
    site.page.goto(site.url + "overview")
    site.page.locator(".bk-Canvas").nth(14).wait_for()
    busy.first.wait_for(state="detached")
    drawn = site.page.evaluate("Bokeh.documents.length")
    last = site.page.locator("section.chart").last
    site.page.get_by_text("Gender:").click()
    box = site.page.get_by_role("checkbox", name="female", exact=True)
    assert box.evaluate(AT_ONCE, last.element_handle()) == "true"  # no server answers that soon
    site.expect(gender="female")
    busy.first.wait_for(state="detached")
    assert site.page.evaluate("Bokeh.documents.length") == drawn, "charts of other filters are let go of"
    assert last.locator(".bk-Canvas").count() == 1
    site.page.get_by_label("From").fill("2025-05-06T12:00")
    site.page.get_by_label("Until").fill("2025-05-05T12:00")
    site.page.get_by_role("alert").filter(has_text="ends before it begins").wait_for()
    busy.first.wait_for(state="detached")  # nothing is worked on: what is shown stays
    assert site.page.locator("ul[aria-busy=false] [data-kpi]").count()


def test_a_key_figure_opens_its_rows_and_they_can_be_exported(site: Site, tmp_path: Path) -> None:
    site.page.goto(site.url + "overview?genders=male")
    site.expect(gender="male")
    site.page.locator("[data-kpi=dwell_max_s]").click()
    with dk.open(site.workspace) as ws:
        visits = ws.visits(gender="male", as_="polars")
    site.page.locator(f"[data-total='{visits.height}']").wait_for()
    first = site.page.locator("tbody tr").first.inner_text().split("\t")
    longest = visits.sort("dwell_s", descending=True).row(0, named=True)
    assert first[0] == longest["person_id"]
    site.page.get_by_label("Search").fill(longest["person_id"][:8])
    mine = visits.filter(pl.col("person_id").str.contains(longest["person_id"][:8]))
    site.page.locator(f"[data-total='{mine.height}']").wait_for()
    with site.page.expect_download() as waiting:
        site.page.locator("[data-export=csv]").click()
    waiting.value.save_as(tmp_path / "rows.csv")
    assert (
        pl.read_csv(tmp_path / "rows.csv")["dwell_s"].to_list() == mine["dwell_s"].sort(descending=True).to_list()
    )


def test_a_dropped_file_is_ingested_and_a_wrong_one_refused_at_once(site: Site, tmp_path: Path) -> None:
    site.page.goto(site.url + "upload")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("alpha,beta\n1,2\n")
    site.page.locator("input[type=file]").set_input_files(wrong)
    site.page.locator("li[data-state=failed]").wait_for()  # checked by its beginning, before it is sent
    assert "no reader knows this file" in site.page.locator("li[data-state=failed]").inner_text()
    site.wrong.clear()  # the browser reports the refusal's status as an error
    good = write(tmp_path / "more.csv", many(40))
    site.page.locator("input[type=file]").set_input_files(good)
    site.page.locator("li[data-state=done]").wait_for()
    assert "40 of 40 rows accepted" in site.page.locator("li[data-state=done]").inner_text()
    site.page.get_by_role("cell", name="more.csv").wait_for()
    site.page.goto(site.url + "overview")
    site.expect()


def test_sessions_are_paged_sorted_and_filtered_on_the_server(site: Site) -> None:
    site.page.goto(site.url + "sessions")
    with dk.open(site.workspace) as ws:
        visits, women = ws.visits(as_="polars"), ws.visits(gender="female", as_="polars")
        moves = ws.compute("transitions", gender="female", as_="polars")
    site.page.locator(f"[data-total='{visits.height}']").wait_for()
    site.page.get_by_role("button", name="Next").click()
    site.page.get_by_text(f"26–50 of {visits.height:,}").wait_for()
    site.page.locator("[data-sort=dwell_s]").click()
    shortest = visits.sort("dwell_s").row(0, named=True)
    site.page.locator("th[aria-sort=ascending] [data-sort=dwell_s]").wait_for()
    assert site.page.locator("tbody tr").first.inner_text().split("\t")[0] == shortest["person_id"]
    site.page.get_by_text("Gender:").click()
    site.page.get_by_role("checkbox", name="female", exact=True).check()
    site.page.locator(f"[data-total='{women.height}']").wait_for()
    site.page.get_by_label("Table", exact=True).select_option("From place to place")
    site.page.locator(f"[data-total='{moves.height}']").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["overview", "sessions", "upload"])
def test_axe_finds_nothing_serious(server: tuple[str, Path], browser: Any, scheme: str, path: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(server[0] + path)
    if path == "overview":
        page.locator(".bk-Canvas").nth(7).wait_for()
        page.locator("[data-kpi=visits]").click()
    page.get_by_role("table").first.wait_for()
    found = Axe().run(page).response["violations"]
    context.close()
    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in {"serious", "critical"}] == []


@pytest.mark.parametrize("path", ["overview", "sessions", "upload"])
def test_it_fits_a_telephone(server: tuple[str, Path], browser: Any, path: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(server[0] + path)
    page.get_by_role("heading", level=1).wait_for()
    page.locator(".bk-Canvas" if path == "overview" else "table").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
