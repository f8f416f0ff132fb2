"""Reports: strict, atomic, offline, repeatable."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
import polars as pl
import pytest
from typer.testing import CliRunner

import dwell_kit as dk
from dwell_kit.cli.app import app
from dwell_kit.errors import NotFoundError, ParameterError, ReportError
from dwell_kit.report import pdf, period, templates
from dwell_kit.report.run import RunResult, rerun, run_report
from dwell_kit.report.show import by_clock
from dwell_kit.schema.hours import OpeningHours
from dwell_kit.schema.text import said
from dwell_kit.simulate import people
from dwell_kit.workspace.comparing import Comparison
from tests.workspace.exports import write

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHROMIUM_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    people.write(people.simulate_campus(days=2, seed=1, visitors_a_day=60), folder)
    with dk.open(folder / "workspace") as ws:
        for name in ("appearances.csv", "insights.json"):
            ws.ingest(folder / name, notes="simulated")
    return folder / "workspace"


@pytest.fixture(scope="module")
def daily(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    return run_report("daily", workspace=workspace, parameters={}, output=tmp_path_factory.mktemp("reports"))


def notebook(path: Path, *cells: str, parameters: str = "level = 1") -> Path:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in (parameters, *cells)])
    made.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(made, path)
    return path


def test_the_run_folder_is_complete(daily: RunResult) -> None:
    names = {str(p.relative_to(daily.folder)) for p in daily.folder.rglob("*") if p.is_file()}
    assert {"report.ipynb", "report.html", "manifest.json"} <= names
    assert {"data/key_figures.json", "data/occupancy.parquet", "data/demographics.csv"} <= names
    said = json.loads((daily.folder / "manifest.json").read_text())
    assert set(said["files"]) == names - {"manifest.json"}
    assert said["version"] == 2
    assert said["simulated"] is True
    assert said["parameters"]["k"] == 5
    assert said["dwell_kit"] == dk.__version__
    (about,) = json.loads((daily.folder / "data/period.json").read_text())
    assert about == {
        "environment": "main", "tz": "UTC", "title": "Tuesday, 06 May 2025",
        "since": "2025-05-06", "until": "2025-05-07",
    }  # fmt: skip


def test_figures_are_those_of_the_library(daily: RunResult, workspace: Path) -> None:
    with dk.open(workspace) as ws:
        summary = ws.summary(since="2025-05-06", until="2025-05-07")
        occupancy = ws.compute("occupancy", as_="polars", since="2025-05-06", until="2025-05-07")
    figures = dict(pl.read_csv(daily.folder / "data/key_figures.csv").select("figure", "value").rows())
    assert figures["Visits"] == f"{summary['visits']:,}"
    assert figures["Dwell of a visit, median"] == said("dwell_median_s", summary["dwell_median_s"])
    kept = pl.read_parquet(daily.folder / "data/occupancy.parquet")
    both = kept.filter(~pl.col("suppressed")).select(occupancy.columns)
    enough = pl.when(~pl.col("occupancy_max").is_between(1, 4)).then("occupancy_max")
    assert both.equals(occupancy.filter(pl.Series(~kept["suppressed"])).with_columns(enough))
    assert both.height > 8


def test_no_table_has_a_figure_of_fewer_than_k_persons(daily: RunResult) -> None:
    tables = [pl.read_parquet(path) for path in (daily.folder / "data").glob("*.parquet")]
    counted = [table for table in tables if "unique_visitors" in table.columns]
    assert len(counted) == 5
    for table in counted:
        persons = table["unique_visitors"].drop_nulls()
        assert persons.filter(persons.is_between(1, 4)).is_empty()
        assert (table["suppressed"] == table["unique_visitors"].is_null()).all()
    survival = pl.read_parquet(daily.folder / "data/survival.parquet")
    assert survival.columns == ["t_s", "survival", "low", "high"]
    assert "km_mean_until_s" not in pl.read_parquet(daily.folder / "data/survival_summary.parquet").columns


@pytest.fixture(scope="module")
def handful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six visitors, two of whom come twice, and one person of the staff; the last visit is open."""
    folder = tmp_path_factory.mktemp("handful")
    rows = [(f"p{i}", "door", f"a{i}", 600.0 * i, 660.0 * i + 1500) for i in range(6)]
    rows += [("p0", "hall", "b0", 20_000, 21_000), ("p1", "hall", "b1", 22_000, 23_000)]
    with dk.open(folder / "ws") as ws:
        ws.ingest(write(folder / "a.csv", [*rows, ("staff", "hall", "s", 0, 20_000)]))
        ws.set_list("staff", ["staff"], rule="badge")
        before = ws.summary()
    counted = ("unique_visitors", "visits", "repeat_visitors", "open_visits", "peak_occupancy", "excluded_persons")
    assert [before[name] for name in counted] == [6, 8, 2, 1, 3, 1]
    return folder / "ws"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["daily", "weekly"])
def test_a_report_of_six_visitors_tells_nothing_of_two(name: str, handful: Path, tmp_path: Path) -> None:
    run = run_report(name, workspace=handful, parameters={}, output=tmp_path, pdf=False)
    few = "fewer than 5 persons"
    figures = dict(pl.read_csv(run.folder / "data/key_figures.csv").select("figure", "value").rows())
    assert (figures["Visitors (persons)"], figures["Visits"]) == ("6", "8")
    for title in (
        "Persons with two or more visits", "Visits still open at the end", "Most people at one instant",
        "Dwell of a visit, 95th percentile",
    ):  # fmt: skip
        assert figures[title] == few
    medians = pl.read_parquet(run.folder / "data/survival_summary.parquet").row(0, named=True)
    assert (medians["visits"], medians["open"], medians["share"]) == (8, None, None)
    page = (run.folder / "report.html").read_text()
    assert "8 visits of 6 persons were seen; 0 sightings (0.0 %) have no person" in page
    assert "Fewer than 5 persons on lists (staff) are left out." in page
    assert "1 persons" not in page
    occupancy = pl.read_parquet(run.folder / "data/occupancy.parquet")
    assert occupancy["occupancy_max"].drop_nulls().filter(occupancy["occupancy_max"].drop_nulls() > 0).is_empty()
    if name == "weekly":
        again = dict(pl.read_csv(run.folder / "data/repeat_visitors.csv").select("figure", "value").rows())
        assert again["Visitors (persons)"] == "6"
        assert set(again.values()) == {"6", few}


def test_a_peak_that_rests_on_two_is_not_named(handful: Path, tmp_path: Path) -> None:
    given = {"since": "2025-05-05T08:00", "until": "2025-05-05T08:16"}
    run = run_report("incident", workspace=handful, parameters=given, output=tmp_path, pdf=False)
    assert "Fewer than 5 persons were seen" in (run.folder / "report.html").read_text()
    figures = pl.read_csv(run.folder / "data/key_figures.csv")
    assert set(figures["value"]) == {"fewer than 5 persons"}


def test_what_is_said_of_one_is_grammar() -> None:
    figures = {"visits": 1, "unique_visitors": 1, "anonymous_sightings": 1, "anonymous_share": 0.5}
    figures |= {"open_visits": 1, "excluded_persons": 1, "suppressed": {}}
    about = period.Period("main", "UTC", date(2025, 5, 5), date(2025, 5, 6), "a day", 1.0)
    assert period.said(Comparison(figures, None, None, None), about, 1).startswith(
        "1 visit of 1 person was seen; 1 sighting (50.0 %) has no person and counts in camera occupancy only. "
        "1 visit was still open when the data ended. 1 person on lists (staff) is left out."
    )


def test_the_cells_of_a_week_are_its_hours() -> None:
    hours = pl.datetime_range(
        datetime(2025, 10, 25, 22, tzinfo=UTC), datetime(2025, 10, 26, 22, tzinfo=UTC), "1h", eager=True
    )
    table = pl.DataFrame({"bucket": hours, "occupancy_mean": range(len(hours))})
    cells = by_clock(table, "Europe/Berlin")  # 02:00 comes twice on the 26th
    assert cells.height == 24
    assert cells.filter(pl.col("hour") == 2).select("weekday", "occupancy_mean").rows() == [(7, 2)]


def test_nothing_beside_a_hidden_figure_gives_it_away(daily: RunResult, workspace: Path) -> None:
    with dk.open(workspace) as ws:
        visits = ws.visits(as_="polars", since="2025-05-06", until="2025-05-07")
    curve = pl.read_parquet(daily.folder / "data/survival.parquet")
    assert curve.columns == ["t_s", "survival", "low", "high"]
    assert curve.height > 5
    ended = visits.filter(~pl.any_horizontal("open", "cut_end", "cut_start", "open_start"))
    for low, high in pairwise([*curve["t_s"], math.inf]):
        assert ended.filter(pl.col("dwell_s").is_between(low, high))["person_id"].n_unique() >= 5
    people_of_the_day = pl.read_parquet(daily.folder / "data/demographics.parquet")
    assert people_of_the_day["suppressed"].any()
    assert "share_determined" not in people_of_the_day.columns
    events = pl.read_parquet(daily.folder / "data/crowd_per_hour.parquet")
    assert "camera_id" not in events.columns


def test_small_cells_hide_one_other_at_most(daily: RunResult, workspace: Path) -> None:
    shown = pl.read_parquet(daily.folder / "data/demographics.parquet")
    with dk.open(workspace) as ws:
        people_of_the_day = ws.compute("demographics", as_="polars", since="2025-05-06", until="2025-05-07")
    big = people_of_the_day.filter(pl.Series(shown["suppressed"]), pl.col("unique_visitors") >= 5)
    assert big.height <= 1 < shown["suppressed"].sum()


@pytest.mark.slow
def test_the_day_before_is_blank_unless_exports_cover_it(workspace: Path, tmp_path: Path) -> None:
    def day_before(run: RunResult) -> set[str | None]:
        return set(pl.read_parquet(run.folder / "data/key_figures.parquet")["day before"].to_list())

    copy = tmp_path / "ws"
    shutil.copytree(workspace, copy)
    first = run_report("daily", workspace=copy, parameters={}, output=tmp_path / "a")
    assert day_before(first) == {""}  # the file begins at six in the morning of the day before
    with dk.open(copy) as ws:
        assert ws.covered_share("2025-05-05", "2025-05-06") < 0.8
        ws.set_environment(
            "main", opening_hours=OpeningHours(weekly=dict.fromkeys(range(1, 8), (("08:00", "20:00"),)))
        )
        assert ws.covered_share("2025-05-05", "2025-05-06") == 1
        assert ws.covered_share("2025-05-04", "2025-05-05") == 0
    second = run_report("daily", workspace=copy, parameters={}, output=tmp_path / "b")
    assert len(day_before(second)) > 5


def test_a_day_without_data_is_no_report_of_zeros(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there are no data of Tuesday, 01 July 2025") as raised:
        run_report("daily", workspace=workspace, parameters={"date": "2025-07-01"}, output=tmp_path / "out")
    assert "between 2025-05-05 and 2025-05-06" in str(raised.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_the_html_needs_no_network(daily: RunResult) -> None:
    page = (daily.folder / "report.html").read_text()
    tags = re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", page)
    assert not [t for t in tags if re.search(r"""(?:src|href)=["']?(?:https?:)?//""", t)]
    assert "Simulated data" in page
    assert "import polars" not in page


def test_charts_are_drawn_without_a_network(daily: RunResult) -> None:
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no Chromium to open the report with")
    from playwright.sync_api import sync_playwright

    messages: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_ARGUMENTS))
        page = browser.new_context(offline=True).new_page()
        page.on("console", lambda m: messages.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto((daily.folder / "report.html").as_uri())
        figures = page.locator("figure")
        assert figures.count() == 6
        for i in range(figures.count()):
            figures.nth(i).locator(".bk-Canvas").first.wait_for(timeout=20_000)
        assert page.locator("table").count() == 2
        assert page.locator("[role=note]").inner_text().startswith("Simulated data")
        page.set_viewport_size({"width": 390, "height": 800})
        page.wait_for_function("document.documentElement.scrollWidth <= 390")
        page.wait_for_function(
            "[...document.querySelectorAll('figure')].every(f => f.scrollWidth <= f.clientWidth)"
        )
        browser.close()
    assert messages == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.slow
def test_a_rerun_of_the_manifest_gives_the_same_figures(daily: RunResult, workspace: Path, tmp_path: Path) -> None:
    copy = tmp_path / "ws"
    shutil.copytree(workspace, copy)
    first = run_report("daily", workspace=copy, parameters={"date": "2025-05-05"}, output=tmp_path / "a")
    with dk.open(copy) as ws:
        ws.undo(1)  # the newest version has other figures now
    again = rerun(first.folder / "manifest.json", output=tmp_path / "b")

    def data(run: RunResult) -> dict[str, str]:
        return {
            name: h
            for name, h in run.manifest["files"].items()
            if name.startswith("data/") and "uploads" not in name
        }

    assert data(again) == data(first)
    assert data(again) != data(daily)


@pytest.mark.slow
def test_a_rerun_says_which_settings_have_changed_since(workspace: Path, tmp_path: Path) -> None:
    copy = tmp_path / "ws"
    shutil.copytree(workspace, copy)
    counting = notebook(
        tmp_path / "count.ipynb",
        "import dwell_kit as dk",
        "ws = dk.open(workspace, version=version)\nprint(ws.summary()['unique_visitors'])",
        parameters="workspace = ''\nversion = 0",
    )
    first = run_report(str(counting), workspace=copy, parameters={}, output=tmp_path / "a", pdf=False)
    manifest = first.folder / "manifest.json"
    assert first.manifest["warnings"] == rerun(manifest, output=tmp_path / "b").manifest["warnings"] == []
    with dk.open(copy) as ws:
        person = ws.sightings(as_="polars")["person_id"][0]
        camera = ws.cameras(as_="polars")["camera_id"][0]
        ws.set_list("staff", [person], rule="badge")
    assert _warned(manifest, tmp_path) == "lists of main"
    assert person not in manifest.read_text()
    with dk.open(copy) as ws:
        hours = OpeningHours(weekly=dict.fromkeys(range(1, 8), (("08:00", "20:00"),)))
        ws.set_environment("main", tz="Asia/Tokyo", opening_hours=hours)
        ws.edit_camera(camera, group="moved")
    everything = "time zone of main, opening hours of main, lists of main, camera groups of main"
    assert _warned(manifest, tmp_path) == everything
    old = {k: v for k, v in json.loads(manifest.read_text()).items() if k != "settings"}
    (tmp_path / "old.json").write_text(json.dumps(old))
    (warning,) = rerun(tmp_path / "old.json", output=tmp_path / "b").manifest["warnings"]
    assert "does not say which settings" in warning


def _warned(manifest: Path, tmp_path: Path) -> str:
    """What a rerun on the command line says has changed; its manifest says the same."""
    done = CliRunner().invoke(app, ["report", "rerun", str(manifest), "-o", str(tmp_path / "b"), "--json"])
    assert done.exit_code == 0, done.output
    (warning,) = json.loads(done.stdout)["warnings"]
    assert done.stderr == f"warning: {warning}\n"
    return str(warning).split(": ")[1].split(" (")[0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dte": "2025-05-05"}, "no parameter dte"),
        ({"k": "five"}, "wrong type"),
        ({"version": 1}, "itself"),
        ({"date": "nonsense"}, "no day"),
    ],
)
def test_parameters_are_strict(parameters: dict[str, Any], message: str, workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=message):
        run_report("daily", workspace=workspace, parameters=parameters, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_texts_become_numbers_where_the_default_is_one() -> None:
    assert templates.find("daily").checked({"k": "7"}) == {"k": 7}


def test_an_unknown_report_lists_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match="no report") as raised:
        templates.find("dayly")
    assert "daily" in str(raised.value)


def test_a_failing_cell_leaves_nothing_behind(workspace: Path, tmp_path: Path) -> None:
    bad = notebook(tmp_path / "bad.ipynb", "1 / 0")
    with pytest.raises(ReportError, match="failed") as raised:
        run_report(str(bad), workspace=workspace, parameters={"level": 2}, output=tmp_path / "out")
    assert "ZeroDivisionError" in str(raised.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_template_without_parameters_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x = 1")]), path)
    with pytest.raises(ReportError, match="tagged"):
        templates.find(str(path))
    computed = notebook(tmp_path / "computed.ipynb", parameters="x = open('/etc/passwd').read()")
    with pytest.raises(ReportError, match="not a literal"):
        templates.find(str(computed))


@pytest.mark.slow
def test_weekly_covers_the_iso_week(workspace: Path, tmp_path: Path) -> None:
    run = run_report("weekly", workspace=workspace, parameters={"week": "2025-W19"}, output=tmp_path, pdf=False)
    with dk.open(workspace) as ws:
        summary = ws.summary(since="2025-05-05", until="2025-05-12")
    figures = dict(pl.read_csv(run.folder / "data/key_figures.csv").select("figure", "value").rows())
    assert figures["Visits"] == f"{summary['visits']:,}"
    assert "Week 19 of 2025" in (run.folder / "report.html").read_text()
    assert run.manifest["no_pdf"] == "not asked for"
    with pytest.raises(ParameterError, match="the week cannot be read") as raised:
        run_report("weekly", workspace=workspace, parameters={"week": "W19"}, output=tmp_path / "no", pdf=False)
    assert "2025-W19" in str(raised.value)


@pytest.mark.slow
def test_incident_is_cut_to_its_time(workspace: Path, tmp_path: Path) -> None:
    given = {"since": "2025-05-05T12:00", "until": "2025-05-05T14:00", "camera": "cam-06-hall"}
    run = run_report("incident", workspace=workspace, parameters=given, output=tmp_path, pdf=False)
    with dk.open(workspace) as ws:
        summary = ws.summary(since=given["since"], until=given["until"], camera=given["camera"])
    figures = dict(pl.read_csv(run.folder / "data/key_figures.csv").select("figure", "value").rows())
    assert figures["Visits"] == f"{summary['visits']:,}"
    assert pl.read_parquet(run.folder / "data/minutes.parquet").height == 120


def test_the_pdf_is_printed_with_its_charts(daily: RunResult) -> None:
    if pdf.browser() is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no Chromium to print with")
    assert daily.manifest["no_pdf"] is None
    printed = (daily.folder / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF")
    assert len(printed) > 100_000  # charts, not only words
    assert "report.pdf" in daily.manifest["files"]


def test_no_chart_reaches_beyond_the_paper(daily: RunResult) -> None:
    if pdf.browser() is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no Chromium to print with")
    printed = (daily.folder / "report.pdf").read_bytes()
    papers = [float(width) for width in re.findall(rb"/MediaBox \[0 0 ([\d.]+) ", printed)]
    charts = [int(width) for width in re.findall(rb"/Subtype /Image\s+/Width (\d+)", printed)]
    margins_mm, padding_px = 2 * 12, 2 * 16
    printable = (min(papers) / 72 - margins_mm / 25.4) * 96 - padding_px
    assert 600 < max(charts) <= printable


def test_without_a_browser_the_report_is_there_and_says_why_it_has_no_pdf(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DWELL_CHROMIUM", str(tmp_path / "nowhere"))
    small = notebook(tmp_path / "small.ipynb", "level + 1")
    run = run_report(str(small), workspace=workspace, parameters={}, output=tmp_path / "out")
    assert (run.folder / "report.html").exists()
    assert "not printed" in run.manifest["no_pdf"]
    assert not (run.folder / "report.pdf").exists()
