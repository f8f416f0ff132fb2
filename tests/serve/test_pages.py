"""Every page as people see it: figures in the DOM, movement, uploads taken back, reports, empty places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.ui import cells
from dwell_kit.workspace import Workspace
from tests.serve.site import SHOWN, Site, serving, visiting, workspace
from tests.workspace.exports import many, write

PATIENCE_MS = 90_000
"""Kernels may be compiled while a page waits."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pages")
    path = workspace(made)
    rng = np.random.default_rng(4)
    walks = rng.normal(0, 0.2, (40, 50, 2)).cumsum(1) + rng.uniform(0, 20, (40, 1, 2))
    pl.DataFrame(
        {
            "person_id": np.repeat([f"walker{i}" for i in range(40)], 50),
            "camera_id": "floor",
            "t": 1746432000.0 + np.tile(np.arange(50), 40),
            "x_m": walks[..., 0].ravel(),
            "y_m": walks[..., 1].ravel(),
        }
    ).write_csv(made / "positions.csv")
    with dk.open(path) as ws:
        ws.ingest(made / "positions.csv", environment="hall")
    return path


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    with serving("serve", "--workspace", str(folder), "--port", "0") as found:
        yield found


@pytest.fixture
def site(url: str, folder: Path, browser: Any) -> Iterator[Site]:
    with visiting(browser, url, folder) as made:
        made.page.set_default_timeout(PATIENCE_MS)
        yield made


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("empty") / "ws"
    dk.open(path).close()
    with serving("serve", "--workspace", str(path), "--port", "0") as found:
        yield found


def card(site: Site, question: str) -> Any:
    return site.page.locator("section.chart").filter(
        has=site.page.get_by_role("heading", name=question, exact=True)
    )


def table_of(site: Site, question: str) -> list[list[str]]:
    """What the table of a card says, opened where it is closed."""
    found = card(site, question)
    summary = found.get_by_text("As a table")
    if summary.is_visible():
        summary.click()
    found.locator("tbody tr").first.wait_for()
    return found.locator("tbody tr").evaluate_all("rows => rows.map(r => [...r.cells].map(c => c.textContent))")


def said(frame: pl.DataFrame, ws: Workspace) -> list[list[str]]:
    """A frame as a card says it: cameras by their names."""
    names = dict(ws.cameras("main", as_="polars").select("camera_id", "name").rows())
    for column in {"camera_id", "origin", "destination"} & set(frame.columns):
        frame = frame.with_columns(pl.col(column).cast(pl.String).replace(names))
    return cells.table(frame, "UTC")["rows"]


TABLES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("The peak hour", "hour_profile", {}),
    ("Who stays when", "dwell", {"by": ("age_group", "hour")}),
    ("How often people come", "visit_frequency", {}),
    ("Where crowds form", "crowd_camera_hour", {}),
    ("When it is busy", "weekday_hour", {}),
)


def test_charts_say_their_figures_as_tables(site: Site) -> None:
    site.page.goto(site.url + "overview?environment=main&cameras=cam-06-hall")
    for question, quantity, parameters in TABLES:
        card(site, question).locator(".bk-Canvas").wait_for()
        with dk.open(site.workspace) as ws:
            frame = ws.compute(
                quantity, parameters=parameters, as_="polars", environment="main", camera="cam-06-hall"
            )
            expected = said(frame, ws)
        assert table_of(site, question) == expected, question
        label = card(site, question).locator("figure").get_attribute("aria-label")
        assert "Greatest" in str(label), question


def test_what_cards_say_in_words_is_what_the_library_says(site: Site) -> None:
    site.page.goto(site.url + "overview?environment=main")
    with dk.open(site.workspace) as ws:
        figures = ws.summary(environment="main")
        top = ws.compute("top_visitors", parameters={"n": 8, "least": 2}, as_="polars", environment="main")
        quality = ws.quality(environment="main")
    text = card(site, "The peak hour").locator(".said-strong").inner_text()
    assert f"{figures['peak_hour']:02d}:00–{figures['peak_hour'] + 1:02d}:00" in text
    assert f"{figures['peak_occupancy']:,} persons" in text
    assert figures["peak_at"][:19].replace("T", " ") in text
    rows = table_of(site, "Who comes back")
    assert [row[:3] for row in rows] == [[p, str(n), str(d)] for p, n, d, *_ in top.iter_rows()]
    trust = card(site, "How far to trust this")
    trust.locator(".facts").wait_for()
    text = trust.locator(".facts").inner_text()
    assert f"{quality.report.score:g} of 100" in text
    assert f"{quality.report.rejected:,} (" in text
    assert f"{100 * quality.report.anonymous_share:.1f} %" in text
    reasons = trust.locator(".reasons li").all_inner_texts()
    assert reasons[: min(5, quality.reasons.height)] == [
        f"{n:,} × {reason}" for reason, n, _ in quality.reasons.head(5).rows()
    ]
    trust.get_by_role("link", name="Uploads and their rejects").click()
    site.page.wait_for_url("**/upload")


def test_flows_and_the_map_are_those_of_the_library(site: Site) -> None:
    site.page.goto(site.url + "movement?environment=main")
    card(site, "From place to place").locator(".bk-Canvas").wait_for()
    with dk.open(site.workspace) as ws:
        flows = ws.compute("transitions", as_="polars", environment="main")
        begun = ws.compute("origin_destination", as_="polars", environment="main")
        expected = said(flows, ws), said(begun, ws)
    assert table_of(site, "From place to place") == expected[0]
    assert table_of(site, "Where visits begin and end") == expected[1]
    card(site, "Where people were").get_by_text("No positions in this selection").wait_for()
    site.page.get_by_label("Environment").select_option("hall")
    card(site, "Where people were").locator(".bk-Canvas").wait_for()
    with dk.open(site.workspace) as ws:
        positions = ws.positions(environment="hall", as_="polars")
    card(site, "Where people were").get_by_text(f"{positions.height:,} positions").wait_for()
    assert table_of(site, "Where people were")[0][:2] == ["floor", f"{positions.height:,}"]


IMAGE = """() => {
  for (const doc of Bokeh.documents) for (const model of doc._all_models.values()) {
    const drawn = model.type === "GlyphRenderer" && model.glyph.type === "Image";
    const image = drawn && model.data_source.data.image?.[0];
    if (image) { const d = model.data_source.data; let sum = 0; for (const v of image) if (v > 0) sum += v;
      return [d.dw[0], d.x[0], sum]; }
  }
  return null;
}"""


def test_what_is_seen_of_the_map_is_counted_anew(site: Site) -> None:
    site.page.goto(site.url + "movement?environment=hall")
    canvas = card(site, "Where people were").locator(".bk-Canvas")
    canvas.wait_for()
    site.page.wait_for_function(f"({IMAGE})() !== null")
    width, _, everybody = site.page.evaluate(IMAGE)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    site.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    for _ in range(2):
        site.page.mouse.wheel(0, -200)
    site.page.wait_for_function(f"({IMAGE})()[0] < {0.8 * width} && ({IMAGE})()[2] > 0")
    assert site.page.evaluate(IMAGE)[2] < everybody


HIT = """([x, y]) => {
  let at = document.elementFromPoint(x, y);
  while (at?.shadowRoot) at = at.shadowRoot.elementFromPoint(x, y);
  return at?.textContent;
}"""


def test_an_upload_opens_its_report_hands_out_rejects_and_is_taken_back(site: Site, tmp_path: Path) -> None:
    path = write(tmp_path / "late.csv", many(30, first=9_000), extra=["p1,cam1,x1,never,never,never,red"])
    site.page.goto(site.url + "upload")
    site.page.get_by_role("combobox", name="Environment").fill("main")
    site.page.locator("input[type=file]").set_input_files(path)
    row = site.page.locator("tr").filter(has_text="late.csv")
    row.wait_for()
    row.get_by_role("button", name="Report").press("Enter")
    detail = site.page.locator("tr.detail")
    detail.get_by_text("Why rows were rejected").wait_for()
    with dk.open(site.workspace) as ws:
        upload = ws.uploads()[0]
    assert [f"{n} × {reason}" for reason, n in upload["report"]["reasons"].items()] == detail.locator(
        ".reasons"
    ).first.locator("li").all_inner_texts()
    assert f"{upload['report']['score']:g} of 100" in detail.inner_text()
    with site.page.expect_download() as waiting:
        row.get_by_role("link", name="Download").click()
    waiting.value.save_as(tmp_path / "rejects.csv")
    assert "never" in (tmp_path / "rejects.csv").read_text()
    row.get_by_role("button", name="Undo").press("Enter")
    row.get_by_role("button", name="No", exact=True).press("Escape")  # asked, and thought better of
    row.get_by_role("button", name="Undo").press("Enter")
    row.get_by_role("button", name="Yes").press("Enter")
    row.get_by_role("cell", name="undone").wait_for()
    with dk.open(site.workspace) as ws:
        assert ws.uploads()[0]["status"] == "undone"


@pytest.mark.parametrize("width", [1280, 390])
def test_undo_and_its_question_are_in_sight_and_take_clicks(site: Site, tmp_path: Path, width: int) -> None:
    name = f"{'a_long_name_of_an_export_' * 3}{width}.csv"
    with dk.open(site.workspace) as ws:
        ws.ingest(write(tmp_path / name, many(10, first=20_000 + width)), environment="main")
    site.page.set_viewport_size({"width": width, "height": 900})
    site.page.goto(site.url + "upload")
    row = site.page.locator("tr").filter(has_text=f"{width}.csv")
    undo, yes = row.get_by_role("button", name="Undo"), row.get_by_role("button", name="Yes")
    undo.wait_for()
    for button in (undo, yes):
        button.scroll_into_view_if_needed()
        box = button.bounding_box()
        at = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert site.page.evaluate(HIT, at) == button.inner_text(), "nothing clips or covers it"
        site.page.mouse.click(*at)
    row.get_by_role("cell", name="undone").wait_for()
    with dk.open(site.workspace) as ws:
        assert (ws.uploads()[0]["filename"], ws.uploads()[0]["status"]) == (name, "undone")


@pytest.mark.slow
def test_a_report_is_run_opened_and_its_errors_said(site: Site) -> None:
    site.page.goto(site.url + "reports?environment=main")
    site.page.locator("select[name=report]").select_option("daily")
    site.page.locator("input[name=date]").fill("1999-01-01")
    site.page.get_by_role("button", name="Run", exact=True).click()
    site.page.locator("li[data-state=failed]").get_by_text("1999").first.wait_for()
    row = site.page.locator("tr").filter(has_text="1999-01-01")
    row.get_by_role("button", name="What happened").click()
    site.page.locator("tr.detail").get_by_text("1999").first.wait_for()
    site.page.locator("input[name=date]").fill("")
    site.page.get_by_role("button", name="Run", exact=True).click()
    site.page.locator("li[data-state=done]").wait_for(timeout=2 * PATIENCE_MS)
    with site.page.context.expect_page() as opening:
        site.page.locator("li[data-state=done]").get_by_role("link", name="Open the report").click()
    opened = opening.value
    opened.get_by_role("heading", level=1).first.wait_for()
    opened.locator(".bk-Canvas").first.wait_for()
    assert opened.evaluate("origin") == "null"  # sandboxed: it is nobody's page
    opened.close()
    site.page.locator("tr").filter(has_text="done").first.get_by_role("button", name="files").click()
    site.page.locator("tr.detail").get_by_role("link", name="data/key_figures.csv").wait_for()


@pytest.mark.parametrize("path", ["overview", "sessions", "movement", "reports"])
def test_where_nothing_is_yet_a_page_says_what_to_do(empty: str, browser: Any, path: str) -> None:
    with visiting(browser, empty, Path()) as site:
        site.page.goto(empty + path)
        site.page.get_by_role("heading", name="Nothing is here yet").wait_for()
        site.page.get_by_role("link", name="Upload an export").click()
        site.page.get_by_text("No uploads yet").wait_for()


def test_the_key_figures_are_there_before_any_script(url: str, browser: Any, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    for query, filters in (("", {}), ("&genders=female&hours=9-12", {"gender": "female", "hours": (9, 12)})):
        page.goto(f"{url}overview?environment=main{query}")
        shown = dict(
            page.locator("[data-kpi]").evaluate_all("all => all.map(b => [b.dataset.kpi, b.dataset.value])")
        )
        with dk.open(folder) as ws:
            figures = ws.summary(environment="main", **filters)
        for name in SHOWN:
            assert float(shown[name]) == pytest.approx(float(figures[name])), name
    context.close()


def test_ranges_freshness_and_environments_are_shown(site: Site) -> None:
    site.page.goto(site.url + "overview?environment=main")
    site.page.get_by_text("data from 05 May 2025").first.wait_for()
    site.page.get_by_text("the last one").first.wait_for()
    site.page.get_by_role("link", name="hall", exact=True).click()
    site.page.wait_for_url("**environment=hall**")
    site.expect(environment="hall")


def open_page(page: Any, url: str, path: str) -> None:
    page.goto(url + path)
    if path.startswith("movement"):
        page.locator("figure[aria-label*='A map of'] .bk-Canvas").wait_for()
    else:
        page.get_by_role("table").first.wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["movement?environment=hall", "reports?environment=main", "upload"])
def test_axe_finds_nothing_serious(url: str, browser: Any, scheme: str, path: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    open_page(page, url, path)
    if path == "upload":
        page.get_by_role("button", name="Report").first.click()
        page.locator("tr.detail").wait_for()
    else:
        for summary in page.get_by_text("As a table").all():
            if summary.is_visible():
                summary.click()
    found = Axe().run(page).response["violations"]
    context.close()
    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in {"serious", "critical"}] == []


@pytest.mark.parametrize("path", ["movement?environment=hall", "reports?environment=main", "upload"])
def test_it_fits_a_telephone(url: str, browser: Any, path: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    open_page(page, url, path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
