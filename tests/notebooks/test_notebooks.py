"""The notebooks run, and are clean."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

import dwell_kit as dk
from dwell_kit.errors import NotFoundError
from dwell_kit.report.execute import execute

ROOT = Path(__file__).parents[2] / "notebooks"
ALL = sorted(ROOT.rglob("*.ipynb"))
ANALYST = [path for path in ALL if path.parent == ROOT]


def test_the_promised_notebooks_are_there() -> None:
    names = {str(path.relative_to(ROOT)) for path in ALL}
    assert names >= {
        "ingest.ipynb", "dwell.ipynb", "demographics.ipynb", "occupancy_and_peaks.ipynb", "crowd_merge.ipynb",
        "movement.ipynb", "sensitivity.ipynb", "tracking.ipynb",
        "reports/daily.ipynb", "reports/weekly.ipynb", "reports/incident.ipynb",
    }  # fmt: skip


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_a_notebook_is_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [cell for cell in code if cell.outputs or cell.execution_count]
    assert not [cell for cell in code if re.search(r"^\s*(def|class)\s", cell.source, re.MULTILINE)]
    assert "parameters" in code[0].metadata.get("tags", [])
    assert notebook.metadata.kernelspec.name == "python3"
    assert sum(cell.cell_type == "markdown" for cell in notebook.cells) >= 4


@pytest.mark.parametrize("path", ANALYST, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    output = tmp_path / "executed.ipynb"
    execute(path, output, {})
    executed = nbformat.read(output, as_version=4)
    outputs = [o for cell in executed.cells if cell.cell_type == "code" for o in cell.outputs]
    assert not [o for o in outputs if o.output_type == "stream" and o.name == "stderr" and "Warning" in o.text]
    assert sum(o.output_type == "execute_result" for o in outputs) >= 5


def test_tracking_says_what_is_missing_where_nobody_has_a_place_on_the_floor(tmp_path: Path) -> None:
    export = tmp_path / "a.csv"
    export.write_text("person_id,camera_id,started_at,ended_at\na,door,2025-05-05 10:00:00,2025-05-05 10:05:00\n")
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(export)
    with pytest.raises(NotFoundError, match="nobody has a place on the floor"):
        execute(ROOT / "tracking.ipynb", tmp_path / "executed.ipynb", {"workspace": str(tmp_path / "ws")})
