"""Simulated weeks: what is ingested and computed equals the truth that was scripted before any row was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import dwell_kit as dk
from dwell_kit.simulate import people


@pytest.mark.parametrize(("seed", "days"), [(1, 7), (2, 3), (3, 3), (4, 2), (5, 2)])
def test_figures_equal_the_observable_truth(seed: int, days: int, tmp_path: Path) -> None:
    people.write(people.simulate_campus(days=days, seed=seed), tmp_path)
    truth = json.loads((tmp_path / "truth.json").read_text())
    with dk.open(tmp_path / "ws") as ws:
        report = ws.ingest(tmp_path / "appearances.csv")
        ws.ingest(tmp_path / "insights.json")
        found = ws.summary()
    expected = {k: v for k, v in truth["observable"].items() if k in found}
    assert set(expected) >= {
        "unique_visitors", "visits", "sightings", "cameras", "dwell_mean_s", "dwell_median_s", "dwell_p95_s",
        "dwell_max_s", "repeat_visitors", "peak_occupancy", "peak_hour", "busiest_camera", "open_visits",
    }  # fmt: skip
    for name, value in expected.items():
        if isinstance(value, float):
            assert found[name] == pytest.approx(value, rel=1e-9), name
        else:
            assert found[name] == value, name
    rows = truth["rows"]
    assert report.rows_read == rows["read"]
    assert report.accepted == rows["accepted"]
    assert report.rejected == rows["rejected"]
    assert report.updated == rows["updated"]
    assert report.duplicates == rows["duplicates"]
