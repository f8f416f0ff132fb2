"""The hours of daily and weekly reports, attacked: what is hidden cannot be worked out of what is shown."""

from __future__ import annotations

import ast
import json
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.report import period, templates
from dwell_kit.workspace import Workspace
from tests.report.hours_attack import spared
from tests.workspace.exports import write

DAYS = 7
WEDNESDAY = date(2025, 5, 7)
ROWS_A_DAY = 86_400.0
TABLES = {"occupancy", "cameras", "days"}


def site(folder: Path, *cameras: str, seed: int = 3) -> Path:
    """A workspace of a week with visits at 9 to 17 o'clock of 8 to 20 persons; at noon on Wednesday of two."""
    draw = random.Random(seed)
    rows = []
    for day in range(DAYS):
        for hour in range(9, 18):
            few = (day, hour) == (2, 12)
            for _ in range(2 if few else draw.randint(8, 20)):
                began = day * ROWS_A_DAY + (hour - 8) * 3600 + draw.randint(0, 2400)
                name = f"{len(rows)}"
                rows.append((f"p{name}", draw.choice(cameras), f"a{name}", began, began + draw.randint(30, 1000)))
    with dk.open(folder / "ws") as ws:
        ws.ingest(write(folder / "a.csv", rows), window=("2025-05-05T00:00", "2025-05-12T00:00"))
    return folder / "ws"


@pytest.fixture(scope="module", params=[("door",), ("door", "hall"), ("door", "hall", "yard")], ids=len)
def workspace(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return site(tmp_path_factory.mktemp("site"), *request.param)


def tables(name: str, ws: Workspace, about: period.Period) -> dict[str, pl.DataFrame]:
    """Occupancy, cameras and days as the report's notebook makes them, by the notebook's own statements."""
    known: dict[str, Any] = {"ws": ws, "filters": about.filters(), "about": about, "k": 5}
    cells = json.loads(templates.find(name).path.read_text())["cells"]
    for cell in cells:
        if cell["cell_type"] == "code":
            for statement in ast.parse("".join(cell["source"])).body:
                if _makes_a_table(statement):
                    exec(compile(ast.Module([statement], []), name, "exec"), known)
    return {table: known[table] for table in TABLES & known.keys()}


def _makes_a_table(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        return isinstance(statement.targets[0], ast.Name) and statement.targets[0].id in TABLES
    return isinstance(statement, ast.Import | ast.ImportFrom)


def worked_out(name: str, workspace: Path) -> list[tuple[str, tuple[float, float]]]:
    with dk.open(workspace) as ws:
        about = period.day(ws, which="2025-05-07") if name == "daily" else period.week(ws, which="2025-W19")
        shown = tables(name, ws, about)
        summary = ws.summary(about.filters())
    covered = pl.col("occupancy_mean") * ROWS_A_DAY
    days = shown["days"].select("visits", covered).rows() if "days" in shown else []
    return spared(
        shown["occupancy"], shown["cameras"], days=days,
        visits=summary["visits"], person_seconds=summary["dwell_sum_s"],
    )  # fmt: skip


@pytest.mark.parametrize("name", ["daily", "weekly"])
def test_no_hidden_hour_can_be_worked_out(name: str, workspace: Path) -> None:
    found = worked_out(name, workspace)
    assert any("'hour': 12" in what for what, _ in found)
    for what, (low, high) in found:
        assert high - low > (5 if what.startswith("visits") else 600), what
        if what.startswith("visits"):
            assert high >= 5, what


def test_a_week_hides_the_hours_that_its_days_hide(workspace: Path) -> None:
    # Otherwise the reports of the days would show what the report of the week needs beside a hidden hour.
    def hidden(name: str, about: period.Period) -> set[Any]:
        shown = tables(name, ws, about)["occupancy"]
        return set(shown.filter("suppressed")["bucket"])

    with dk.open(workspace) as ws:
        of_week = hidden("weekly", period.week(ws, which="2025-W19"))
        days = [WEDNESDAY + timedelta(days=n) for n in range(-2, 5)]
        of_days = [hidden("daily", period.day(ws, which=day.isoformat())) for day in days]
    assert of_week == set().union(*of_days)
    assert len(of_week) == 2
