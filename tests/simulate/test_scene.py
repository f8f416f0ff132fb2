"""The truth of the rendered scene, against the walkers' script."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import POSITIONS, validate
from dwell_kit.simulate import scene

START = datetime(2025, 5, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> scene.Scene:
    folder: Path = tmp_path_factory.mktemp("scene")
    return scene.write(folder)


def test_true_positions_are_where_the_script_has_the_walkers(made: scene.Scene) -> None:
    frame = validate(made.positions(START), POSITIONS)
    by_name = {walker.name: walker for walker in scene.WALKERS}
    for row in frame.iter_rows(named=True):
        place = by_name[row[c.PERSON]].at((row[c.TIME] - START).total_seconds())
        assert (row[c.X_M], row[c.Y_M]) == pytest.approx(place)
        assert row[c.FRAME] == round((row[c.TIME] - START).total_seconds() * scene.FPS) + 1
    for name in by_name:
        assert len(frame.filter(frame[c.PERSON] == name)) == pytest.approx(made.seen_s(name) * scene.FPS)


def test_how_far_they_walked_is_no_more_than_the_script_says(made: scene.Scene) -> None:
    for walker in scene.WALKERS:
        whole = np.hypot(*np.diff(np.array(walker.stops)[:, 1:], axis=0).T).sum()
        assert 0.8 * whole < made.walked_m(walker.name) <= whole + 1e-9
