"""Voilà's door as people use it: headless Chromium against `dwell dashboards`."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.ui.pages import PAGES
from tests.serve.site import Site, serving, visiting, workspace
from tests.workspace.exports import many, write

pytestmark = pytest.mark.slow  # a Voilà with its kernels

WAITING = len(PAGES)
"""Kernels, one for each page."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    made = workspace(tmp_path_factory.mktemp("voila"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving("dashboards", "--workspace", str(made), "--port", str(port), "--preheat", "1") as url:
        until(url, waiting=WAITING)
        yield url, made


@pytest.fixture
def site(server: tuple[str, Path], browser: Any) -> Iterator[Site]:
    with visiting(browser, *server) as made:
        made.page.set_default_timeout(60_000)
        yield made


def test_the_figures_are_those_of_the_library_under_every_filter(site: Site) -> None:
    site.page.goto(site.url + "overview")
    site.expect()
    site.page.locator(".bk-Canvas").nth(7).wait_for()
    site.page.get_by_text("Gender:").click()
    site.page.get_by_role("checkbox", name="female", exact=True).check()
    site.expect(gender="female")
    site.page.wait_for_url("**genders=female**")
    link = site.page.url
    site.page.get_by_role("button", name="Clear filters").click()
    site.expect()
    site.page.goto(link)  # a view can be shared
    site.expect(gender="female")


def test_a_page_is_printed_on_the_width_of_its_sheet(site: Site) -> None:
    site.page.goto(site.url + "reports")
    site.page.locator("form").first.wait_for()
    site.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    site.page.emulate_media(media="print")
    cells = site.page.locator("#rendered_cells")
    assert cells.bounding_box()["width"] > 600  # the rail's column was 184 wide
    style = "cell => getComputedStyle(cell).breakInside"
    assert site.page.locator("#rendered_cells .jp-OutputArea-output").first.evaluate(style) == "auto"


def test_rows_open_and_are_exported_as_shown(site: Site, tmp_path: Path) -> None:
    site.page.goto(site.url + "sessions?genders=male")
    with dk.open(site.workspace) as ws:
        visits = ws.visits(gender="male", as_="polars")
    site.page.locator(f"[data-total='{visits.height}']").wait_for()
    with site.page.expect_download() as waiting:
        site.page.locator("[data-export=parquet]").click()
    waiting.value.save_as(tmp_path / "rows.parquet")
    shown = pl.read_parquet(tmp_path / "rows.parquet")
    assert shown["dwell_s"].sort().to_list() == visits["dwell_s"].sort().to_list()


def test_a_dropped_file_is_ingested_and_a_wrong_one_refused_at_once(site: Site, tmp_path: Path) -> None:
    site.page.goto(site.url + "upload")
    site.page.locator("input[type=file]").wait_for(state="attached")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("alpha,beta\n1,2\n")
    site.page.locator("input[type=file]").set_input_files(wrong)
    site.page.locator("li[data-state=failed]").wait_for()
    assert "no reader knows this file" in site.page.locator("li[data-state=failed]").inner_text()
    site.wrong.clear()  # the browser reports the refusal's status as an error
    site.page.locator("input[type=file]").set_input_files(write(tmp_path / "more.csv", many(40)))
    site.page.locator("li[data-state=done]").wait_for()
    assert "40 of 40 rows accepted" in site.page.locator("li[data-state=done]").inner_text()
    site.page.get_by_role("cell", name="more.csv").wait_for()
    site.page.goto(site.url + "overview")  # drawn ahead by a kernel that waited, shown as it is now
    site.expect()


def test_a_closed_tab_frees_its_kernel(server: tuple[str, Path], browser: Any) -> None:
    with visiting(browser, *server) as site:
        site.page.set_default_timeout(60_000)
        site.page.goto(site.url + "sessions")
        site.page.locator("tbody tr").first.wait_for()
        site.page.close(run_before_unload=True)
    until(server[0], kernels=WAITING, waiting=WAITING)  # those that wait for the next visitors, and no other


def status(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def until(url: str, **counts: int) -> None:
    """Wait until the server's health has these counts."""
    deadline = time.monotonic() + 120
    said: dict[str, Any] = {}
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url + "health") as answer:
                said = json.load(answer)
        except urllib.error.URLError:  # not listening yet
            said = {}
        if all(said.get(name) == count for name, count in counts.items()):
            return
        time.sleep(0.2)
    pytest.fail(f"expected {counts}, found {said}")


@pytest.mark.parametrize(
    "path",
    ["tree", "api/contents", "files/overview.ipynb", "voila/files/overview.ipynb", "voila/tree", "api/kernels"],
)
def test_nothing_but_pages_is_handed_out(server: tuple[str, Path], path: str) -> None:
    assert status(server[0] + path) in {403, 404, 405}


def test_code_is_not_shown(site: Site) -> None:
    site.page.goto(site.url + "overview")
    site.expect()
    assert "import notebook" not in site.page.content()


def test_other_names_of_this_machine_are_refused(server: tuple[str, Path]) -> None:
    for path in ("overview", "dwell/rows.csv", "dwell/uploads/x"):
        assert status(server[0] + path, Host="evil.example") == 403
