"""Figures of tracks: equal to trackeval's, to published ones, to hand-worked ones."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from dwell_kit.errors import ContractError
from dwell_kit.vision.detection import compute_detection, compute_ground_error
from dwell_kit.vision.evaluate import evaluate
from dwell_kit.vision.ground_truth import read_pair
from dwell_kit.vision.identity import compute_cross_camera_identity, compute_identity
from dwell_kit.vision.timeline import Timeline
from dwell_kit.vision.track_table import TrackTable
from tests.vision.reference import score_files, score_tables
from tests.vision.strategies import tables

TUD = {"TUD-Campus": (71, 0.558, 0.526), "TUD-Stadtmitte": (179, 0.645, 0.564)}


def table(*rows: tuple[int, int, float], confidence: list[float] | None = None) -> TrackTable:
    """Boxes of 10 × 20 px from (frame, id, left)."""
    frame, who, left = (np.array(part) for part in zip(*rows, strict=True))
    boxes = np.column_stack((left, 0 * left, left + 10, 0 * left + 20)).astype(float)
    given = np.ones(len(rows)) if confidence is None else np.array(confidence)
    return TrackTable(boxes, frame, who, given)


@pytest.mark.parametrize("name", TUD)
def test_tud_is_as_published_and_as_trackeval_says(testdata: Path, tmp_path: Path, name: str) -> None:
    folder = testdata / "tud" / name
    frames, idf1, mota = TUD[name]
    pair = read_pair(folder / "gt.txt", folder / "test.txt")
    ours = evaluate(pair.truth, pair.tracks).as_dict()
    assert pair.notes == ()
    assert (round(ours["idf1"], 3), round(ours["mota"], 3), ours["idsw"]) == (idf1, mota, 7)
    theirs = score_files(folder / "gt.txt", folder / "test.txt", tmp_path, frames=frames, benchmark="MOT15")
    assert {k: ours[k] for k in theirs} == pytest.approx(theirs, abs=1e-9)
    assert len(theirs) == 25


def test_pets_is_as_trackeval_says(testdata: Path) -> None:
    """Tracks that err in every way: the truth with jitter, holes, switched ids and strangers."""
    truth = read_pair(testdata / "pets2009_s2l1/PETS2009-S2L1.xml", testdata / "pets2009_s2l1/det.txt").truth
    assert (len(truth), len(np.unique(truth.track_id)), truth.frame.min(), truth.frame.max()) == (4650, 19, 1, 795)
    rng = np.random.default_rng(5)
    seen = truth[rng.random(len(truth)) > 0.2]
    boxes = seen.xyxy + np.repeat(rng.normal(0, 4, (len(seen), 2)), 2, axis=0).reshape(-1, 4)
    switched = np.where(seen.frame > 400, (seen.track_id + seen.frame // 150) % 23 + 100, seen.track_id)
    noisy = TrackTable(boxes, seen.frame, switched, seen.confidence)
    ours = evaluate(truth, noisy).as_dict()
    theirs = score_tables(truth, noisy, frames=795)
    assert {k: ours[k] for k in theirs} == pytest.approx(theirs, abs=1e-9)
    assert 0.1 < ours["hota"] < 0.9
    assert ours["idsw"] > 10


@settings(max_examples=60, deadline=None)
@given(tables(), tables())
def test_any_two_tables_are_scored_as_trackeval_does(truth: TrackTable, tracks: TrackTable) -> None:
    ours = evaluate(truth, tracks).as_dict()
    theirs = score_tables(truth, tracks, frames=6)
    if not len(truth) or not len(tracks):  # trackeval leaves all but these at 0 then
        theirs = {k: theirs[k] for k in ("hota", "loc_a", "fp", "fn", "idfp", "idfn", "mota", "motp")}
    assert {k: ours[k] for k in theirs} == pytest.approx(theirs, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(tables(ids=3, frames=4), tables(ids=3, frames=4))
def test_identity_is_the_best_of_all_pairings(truth: TrackTable, tracks: TrackTable) -> None:
    timeline = Timeline.of(truth, tracks)
    people, numbers = np.unique(truth.track_id), np.unique(tracks.track_id)
    shared = {(p, n): 0 for p in people for n in numbers}
    for true, found, similarity in zip(timeline.truth, timeline.tracks, timeline.similarity, strict=True):
        for row, column in np.argwhere(similarity >= 0.5):
            shared[true[row], found[column]] += 1
    choices = itertools.permutations([*numbers, *[None] * len(people)], len(people))
    best = max(sum(shared.get(pair, 0) for pair in zip(people, choice, strict=True)) for choice in choices)
    assert compute_identity(timeline).idtp == best


def test_a_switch_by_hand() -> None:
    """One person in four frames; the track changes its number after two of them and is lost in the last."""
    truth = table((1, 1, 0), (2, 1, 2), (3, 1, 4), (4, 1, 6))
    scores = evaluate(truth, table((1, 5, 0), (2, 5, 2), (3, 6, 4)))
    assert (scores.clear.tp, scores.clear.fp, scores.clear.fn, scores.clear.idsw) == (3, 0, 1, 1)
    assert scores.clear.mota == (3 - 0 - 1) / 4
    assert scores.clear.motp == 1
    assert (scores.identity.idtp, scores.identity.idfp, scores.identity.idfn) == (2, 1, 2)
    assert scores.identity.idf1 == pytest.approx(2 * 2 / (4 + 3))
    # two boxes of track 5 share 2 with a person of 4 boxes: 2 / 4; the one of track 6: 1 / 4
    ass_a = (2 * 2 / 4 + 1 / 4) / 3
    assert (scores.hota.det_a, scores.hota.ass_a) == (pytest.approx(3 / 4), pytest.approx(ass_a))
    assert scores.hota.hota == pytest.approx((3 / 4 * ass_a) ** 0.5)
    assert (scores.detection.precision, scores.detection.recall) == (1, 3 / 4)


def test_two_boxes_on_one_person_are_one_hit() -> None:
    scores = evaluate(table((1, 1, 0)), table((1, 5, 0), (1, 6, 1)))
    assert (scores.clear.tp, scores.clear.fp) == (1, 1)
    assert (scores.detection.precision, scores.detection.recall) == (1 / 2, 1)


def test_average_precision_by_hand() -> None:
    """Hit, miss, hit, hit of 4 by confidence: precision 1, 1/2, 2/3, 3/4; envelope 1, 3/4, 3/4 at each hit."""
    truth = table((1, 1, 0), (2, 1, 0), (3, 1, 0), (4, 1, 0))
    found = table((1, 9, 0), (1, 8, 0), (2, 9, 1), (3, 9, 0), confidence=[0.9, 0.8, 0.7, 0.6])
    assert compute_detection(truth, found).ap == pytest.approx((1 + 3 / 4 + 3 / 4) / 4)


def test_nobody_and_nothing() -> None:
    someone, nobody = table((1, 1, 0), (2, 1, 0)), TrackTable.empty()
    missed = evaluate(someone, nobody)
    assert (missed.clear.fn, missed.identity.idfn, missed.clear.ml) == (2, 2, 1)
    assert (missed.hota.hota, missed.clear.mota, missed.detection.f1, missed.detection.ap) == (0, 0, 0, 0)
    invented = evaluate(nobody, someone)
    assert (invented.clear.fp, invented.identity.idfp, invented.detection.precision) == (2, 2, 0)
    assert evaluate(nobody, nobody).as_dict()["true_boxes"] == 0


def test_boxes_that_nobody_tracked_are_detections_only() -> None:
    truth = table((1, 1, 0), (1, 2, 50))
    scores = evaluate(truth, table((1, -1, 0), (1, -1, 50)))
    assert (scores.detection.f1, scores.untracked_boxes, scores.tracks, scores.clear.tp) == (1, 2, 0, 0)


def test_an_id_is_in_one_place_at_a_time() -> None:
    with pytest.raises(ContractError, match="id 5 2 times") as raised:
        evaluate(table((1, 1, 0)), table((1, 5, 0), (1, 5, 50)))
    assert raised.value.where == "the tracks, frame 1"
    with pytest.raises(ContractError, match="at most 1"):
        evaluate(table((1, 1, 0)), table((1, 1, 0)), least_iou=50)


def test_cross_camera_identity_wants_one_id_everywhere() -> None:
    """A person for 2 frames at each of two cameras; the second camera calls it by another id or by the same."""
    truth = table((1, 1, 0), (2, 1, 2))
    apart = compute_cross_camera_identity(
        [(truth, table((1, 7, 0), (2, 7, 2))), (truth, table((1, 8, 0), (2, 8, 2)))]
    )
    assert (apart.idtp, apart.idfp, apart.idfn, apart.idf1) == (2, 2, 2, 0.5)
    assert compute_cross_camera_identity([(truth, truth), (truth, truth)]).idf1 == 1
    assert compute_cross_camera_identity([]).idtp == 0


class _Scaled:
    """10 px are 1 m."""

    def to_floor(self, points: np.ndarray) -> np.ndarray:
        return points / 10


def test_ground_error_is_of_true_positives() -> None:
    truth = table((1, 1, 0), (2, 1, 0), (3, 1, 0))
    found = table((1, 5, 1), (2, 5, 3), (3, 5, 60))
    error = compute_ground_error(truth, found, _Scaled())
    assert (error.boxes, error.median_m, error.mean_m) == (2, pytest.approx(0.2), pytest.approx(0.2))
    assert compute_ground_error(truth, TrackTable.empty(), _Scaled()).median_m is None
