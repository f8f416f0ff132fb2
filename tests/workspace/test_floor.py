"""Quantities of positions, asked of a workspace and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dwell_kit as dk
from dwell_kit.cli import main
from dwell_kit.errors import FilterError
from dwell_kit.schema.geometry import Zone

HALL = Zone("hall", ((0, 0), (2, 0), (2, 2), (0, 2)))
CORNERS = {"hall": [[0, 0], [2, 0], [2, 2], [0, 2]]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """ann walks along y = 1 at 1 m/s for 20 s, 2 s of them in the hall; bob stands in it for 10 s."""
    rows = [(t, "ann", float(t)) for t in range(20)] + [(t, "bob", 1.0) for t in range(10)]
    table = tmp_path / "positions.csv"
    lines = [f"{1746090000 + t},{who},door,{x},1.0" for t, who, x in rows]
    table.write_text("\n".join(["t,person_id,camera_id,x_m,y_m", *lines]) + "\n")
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(table, window=("2025-05-01T09:00:00+00:00", "2025-05-01T09:00:40+00:00"))
    return tmp_path / "ws"


def test_what_is_stored_gives_them_all_over_covered_time(path: Path) -> None:
    with dk.open(path) as ws:
        walked = ws.compute("distance")
        assert walked["distance_m"].tolist() == pytest.approx([19.0, 0.0])
        assert ws.compute("paths", as_="polars").height == 30
        density = ws.compute("density", parameters={"zones": [HALL], "every": None})
        # ann 2 s and bob 10 s in 4 m², watched for 40 s
        assert density["density_mean_per_m2"].tolist() == pytest.approx([12 / 40 / 4])
        service = ws.compute("level_of_service", parameters={"zones": CORNERS, "schemes": ["fruin_walkway"]})
        assert service["lasted_s"].tolist() == pytest.approx([38.0, 0, 2.0, 0, 0, 0])
        assert ws.compute("speed_histogram")["person_seconds"].sum() == pytest.approx(30.0)
        cells = ws.compute("floor_map", parameters={"cell_m": 2})
        assert cells["density_mean_per_m2"].max() == pytest.approx(12 / 40 / 4)


def test_filters_cut_what_was_watched(path: Path) -> None:
    with dk.open(path) as ws:
        first = {"since": "2025-05-01T09:00:00", "until": "2025-05-01T09:00:05"}
        density = ws.compute("density", parameters={"zones": [HALL], "every": None}, **first)
        assert density["covered_s"].tolist() == [5.0]
        assert density["person_seconds"].tolist() == [7.0]
        with pytest.raises(FilterError, match="density needs zones"):
            ws.compute("density")
        with pytest.raises(FilterError, match="no scheme"):
            ws.compute("density", parameters={"zones": [HALL], "scheme": "hcm"})


def test_on_the_command_line_zones_are_json(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [
        "figure",
        "level_of_service",
        "-p",
        f"zones={json.dumps(CORNERS)}",
        "--workspace",
        str(path),
        "--json",
    ]
    with pytest.raises(SystemExit) as ended:
        main(given)
    out, _ = capsys.readouterr()
    assert ended.value.code == 0
    rows = json.loads(out)
    assert {row["scheme"] for row in rows} == {"fruin_walkway", "fruin_queueing"}
    assert sum(row["lasted_s"] for row in rows) == pytest.approx(80.0)
