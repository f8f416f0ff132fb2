"""When looks are taken, and what they change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from dwell_kit.errors import InputError
from dwell_kit.schema import columns as c
from dwell_kit.vision.association_rules import AssociationRules
from dwell_kit.vision.boxes import Tracks
from dwell_kit.vision.looks import Looks
from dwell_kit.vision.pipeline import Pipeline, PipelineRules
from tests.vision.test_pipeline import FLOOR, SHIFTED, camera

START = datetime(2025, 5, 1, 9, tzinfo=UTC)
IMAGE = np.zeros((8, 8, 3), np.uint8)


class Told:
    """An embedder that is told a look; it counts the boxes that it is shown."""

    size = 2

    def __init__(self, look: Sequence[float] = (1.0, 0.0), note: str = "") -> None:
        self.look, self.note, self.shown = look, note, 0

    def embed(self, image_bgr: Any, xyxy: np.ndarray) -> np.ndarray:
        self.shown += len(xyxy)
        return np.tile(np.array(self.look, float), (len(xyxy), 1))


def tracks(*ids: int) -> Tracks:
    return Tracks(np.tile([0.0, 0, 4, 8], (len(ids), 1)), np.array(ids), np.ones(len(ids)))


def test_a_look_is_taken_anew_when_it_is_old() -> None:
    told = Told()
    looks = Looks(told, every_s=2.0)
    assert looks.of(0.0, IMAGE, tracks(1, 2)).tolist() == [[1, 0], [1, 0]]
    told.look = (0.0, 1.0)
    assert looks.of(1.0, IMAGE, tracks(2, 3)).tolist() == [[1, 0], [0, 1]]
    assert told.shown == 3
    assert looks.of(2.0, IMAGE, tracks(2)).tolist() == [[0, 1]]
    assert looks.of(9.0, IMAGE, tracks()).shape == (0, 2)
    assert looks._kept == {}


def test_who_shows_nothing_is_looked_at_again() -> None:
    told = Told((np.nan, np.nan))
    looks = Looks(told, every_s=2.0)
    assert np.isnan(looks.of(0.0, IMAGE, tracks(1))).all()
    told.look = (1.0, 0.0)
    assert looks.of(0.2, IMAGE, tracks(1)).tolist() == [[1, 0]]
    told.look = (np.nan, np.nan)
    assert looks.of(2.5, IMAGE, tracks(1)).tolist() == [[1, 0]]  # the old one, while there is no newer


def gone_and_back(number: int) -> list[float]:
    """Somebody who leaves for 4 s and comes back a metre on."""
    return [300] if number <= 20 else [400] if number > 40 else []


def persons(embedder: Told | None, **rules: Any) -> tuple[int, Pipeline]:
    made = Pipeline(
        [
            camera("south", gone_and_back, frames=70, calibration=FLOOR),
            camera("north", lambda n: [x - 200 for x in gone_and_back(n)], frames=70, calibration=SHIFTED),
        ],
        start=START,
        rules=PipelineRules(association=AssociationRules(**rules)),
        embedder=embedder,
    )
    rows = pl.concat([batch.rows for batch in made])
    return len(set(made.resolve(rows[c.PERSON].to_list()))) - len(made.alike()), made


def test_who_comes_back_is_known_by_their_look_and_by_nothing_else() -> None:
    assert persons(None)[0] == 2
    told = Told()
    count, made = persons(told)
    assert count == 1
    (link,) = made.alike()
    assert link == (link[0], link[1], pytest.approx(1.0))
    assert {one.person for one in made.portraits()} == {
        link[0],
        link[1],
    }  # the look does not make them one for good
    assert told.shown < 30  # of 100 boxes: two tracks a camera, each looked at every 2 s


def test_the_threshold_is_the_rules_own() -> None:
    class Changing(Told):
        def embed(self, image_bgr: Any, xyxy: np.ndarray) -> np.ndarray:
            was_there = np.isclose(xyxy[0, 0], [100, 300], atol=20).any()
            self.look = (1.0, 0.0) if was_there else (0.6, 0.8)
            return super().embed(image_bgr, xyxy)

    assert persons(Changing(), look_threshold=0.8)[0] == 2
    assert persons(Changing(), look_threshold=0.5)[0] == 1


def test_what_the_embedder_says_is_in_the_status() -> None:
    _, made = persons(Told(note="runs on the CPU"))
    assert [one.note for one in made.status] == ["runs on the CPU"] * 2


def test_one_camera_makes_portraits_of_its_own_persons() -> None:
    told = Told((0.6, 0.8))
    made = Pipeline([camera("door", gone_and_back, frames=70)], start=START, embedder=told)
    rows = pl.concat([batch.rows for batch in made])
    assert made.alike() == []  # place says nothing here, and looks alone are for whoever knows the gallery
    portraits = made.portraits()
    assert {one.person for one in portraits} == set(rows[c.PERSON])
    assert [one.look.tolist() for one in portraits] == [pytest.approx([0.6, 0.8])] * 2
    first, second = portraits
    assert 0 <= first.first_s < first.last_s < second.first_s < second.last_s
    assert first.camera == second.camera == "door"


def test_a_threshold_that_is_no_cosine_is_refused() -> None:
    with pytest.raises(InputError, match="means nothing"):
        AssociationRules(look_threshold=1.2)
