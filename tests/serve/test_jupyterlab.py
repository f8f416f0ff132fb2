"""JupyterLab as analysts use it: headless Chromium, a cell that shows the pages, and the tile of the launcher."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.simulate import people
from tests.serve.jupyter import TOKEN, Jupyter, running
from tests.serve.site import Site
from tests.workspace.exports import many, write

pytestmark = pytest.mark.slow  # a JupyterLab

CELLS = (
    "from dwell_kit.ui import notebook\n\nnotebook.overview('workspace')",
    "notebook.upload('workspace')",
)
START_MS = 90_000
"""A kernel or a gateway starts, loads everything and, the first time on a machine, compiles."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Jupyter]:
    home = tmp_path_factory.mktemp("jupyterlab")
    root = home / "root"
    root.mkdir()
    people.write(people.simulate_campus(days=2, seed=5, visitors_a_day=60), home)
    with dk.open(root / "workspace") as ws:
        for name in ("appearances.csv", "insights.json"):
            ws.ingest(home / name)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, root / "pages.ipynb")
    with running("jupyterlab", home / "server", root) as made:
        yield made


@pytest.fixture
def site(server: Jupyter, browser: Any) -> Iterator[Site]:
    """A browser that asks nobody but the server, and whose console stays free of errors."""
    context = browser.new_context(viewport={"width": 1400, "height": 2600}, accept_downloads=True)
    page = context.new_page()
    made = Site(server.url, server.root / "workspace", page)
    host = urlsplit(server.url).netloc

    def watch(opened: Any) -> None:
        opened.on("console", lambda m: made.wrong.append(f"{m.text} {m.location}") if m.type == "error" else None)
        opened.on("pageerror", lambda error: made.wrong.append(str(error)))

    def asked(request: Any) -> None:
        if not request.url.startswith(("blob:", "data:")) and urlsplit(request.url).netloc != host:
            made.wrong.append(request.url)

    context.on("page", watch)
    context.on("request", asked)
    watch(page)
    yield made
    context.close()
    assert made.wrong == []


def exported(page: Any, target: Path) -> pl.DataFrame:
    """The rows behind the open key figure, downloaded as CSV."""
    with page.expect_download() as waiting:
        page.locator("[data-export=csv]").click()
    waiting.value.save_as(target)
    return pl.read_csv(target)


def dropped(page: Any, path: Path) -> Any:
    """Upload a file through the page; the answer of the server that took it."""
    with page.expect_response(
        lambda answer: answer.request.method == "PUT" and "/uploads?" in answer.url
    ) as waiting:
        page.locator("input[type=file]").set_input_files(path)
    page.locator("li[data-state=done]").wait_for(timeout=START_MS)
    return waiting.value


def test_a_cell_shows_the_overview_and_takes_uploads(site: Site, server: Jupyter, tmp_path: Path) -> None:
    page = site.page
    page.goto(f"{server.url}lab/tree/pages.ipynb?reset&token={TOKEN}")
    page.get_by_text("| Idle").wait_for(timeout=START_MS)
    page.locator(".jp-Notebook .cm-content").first.click()
    for _ in CELLS:
        page.keyboard.press("Shift+Enter")
    page.locator("[data-kpi=visits]").wait_for(timeout=START_MS)
    site.expect()
    page.locator(".bk-Canvas").nth(7).wait_for()
    page.get_by_text("Gender:").click()
    page.get_by_role("checkbox", name="female", exact=True).check()
    site.expect(gender="female")
    page.locator("[data-kpi=dwell_max_s]").click()
    with dk.open(site.workspace) as ws:
        visits = ws.visits(gender="female", as_="polars")
    page.locator(f"[data-total='{visits.height}']").first.wait_for()
    found = exported(page, tmp_path / "rows.csv")
    assert found["dwell_s"].to_list() == visits["dwell_s"].sort(descending=True).to_list()
    dropped(page, write(tmp_path / "more.csv", many(40)))
    page.get_by_role("cell", name="more.csv").wait_for()
    page.get_by_role("button", name="Clear filters").click()
    site.expect()
    with dk.open(site.workspace) as ws:
        assert ws.uploads()[0]["filename"] == "more.csv"
    # a cell that runs again lets go of the charts that it showed
    page.locator(".bk-Canvas").nth(14).wait_for()
    drawn = page.evaluate("Bokeh.documents.length")
    page.locator("section.chart").first.evaluate("chart => { window.before = chart; }")
    page.locator(".jp-Notebook .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.wait_for_function("!window.before.isConnected", timeout=START_MS)
    page.locator(".bk-Canvas").nth(14).wait_for(timeout=START_MS)
    assert page.evaluate("Bokeh.documents.length") <= drawn + 4
    # the browser begins anew, the kernel goes on
    page.reload()
    page.get_by_text("| Idle").wait_for(timeout=START_MS)
    page.locator(".jp-Notebook .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.locator("button[data-kpi=visits]:visible").wait_for(timeout=START_MS)
    site.expect()


def test_the_launcher_opens_the_overview(site: Site, server: Jupyter, tmp_path: Path) -> None:
    site.page.goto(f"{server.url}lab?reset&token={TOKEN}")
    tile = site.page.locator(".jp-LauncherCard", has_text="Dwell overview")
    tile.wait_for(timeout=START_MS)
    assert tile.locator("img").get_attribute("src") == f"{urlsplit(server.url).path}server-proxy/icon/dwell"
    with site.page.context.expect_page(timeout=START_MS) as opening:
        tile.click()
    site.page = page = opening.value
    page.locator("[data-kpi=visits]").wait_for(timeout=START_MS)
    assert page.url.startswith(f"{server.url}dwell/overview")
    site.expect()
    page.get_by_text("Gender:").click()
    page.get_by_role("checkbox", name="male", exact=True).check()
    site.expect(gender="male")
    page.wait_for_url("**genders=male**")
    page.locator("[data-kpi=visits]").click()
    with dk.open(site.workspace) as ws:
        visits = ws.visits(gender="male", as_="polars")
    page.locator(f"[data-total='{visits.height}']").wait_for()
    assert exported(page, tmp_path / "rows.csv").height == visits.height
    page.get_by_role("link", name="Upload", exact=True).click()
    answer = dropped(page, write(tmp_path / "again.csv", many(30, first=100)))
    assert answer.headers["server"].startswith("Tornado")  # not through the proxy, which would hold it in memory
    page.get_by_role("link", name="Overview").click()
    site.expect()
