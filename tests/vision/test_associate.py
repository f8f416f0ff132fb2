"""One person, one id: scripted scenes, WILDTRACK with its ids hidden, and decisions that can be undone."""

from __future__ import annotations

import json

import numpy as np
import pytest
from trackeval.metrics import Identity

from benchmarks.wildtrack import associate, idf1, pairs, read
from dwell_kit.errors import FormatError, InputError, NotFoundError
from dwell_kit.vision.associate import Associator
from dwell_kit.vision.association_rules import AssociationRules
from dwell_kit.vision.cluster import cluster, fuse
from dwell_kit.vision.floor_boxes import NO_TRACK, FloorBoxes


def scene(*seen, looks=None) -> FloorBoxes:
    """Boxes as (camera, x m, y m[, track]), each known to 0.1 m."""
    n = len(seen)
    return FloorBoxes(
        camera=np.array([one[0] for one in seen], np.int64),
        floor_m=np.array([one[1:3] for one in seen], np.float64).reshape(n, 2),
        covariance=np.tile(np.eye(2) * 0.01, (n, 1, 1)),
        width_m=np.full(n, 0.5),
        track=np.array([one[3] if len(one) > 3 else NO_TRACK for one in seen], np.int64),
        embedding=None if looks is None else np.array(looks, np.float64),
    )


def test_two_cameras_and_two_people_who_walk() -> None:
    who = Associator(first_id=41)
    for t in range(6):
        found = who.step(
            t * 0.5, scene((0, t * 0.6, 0), (0, t * 0.6, 2), (1, t * 0.6 + 0.1, 2.1), (1, t * 0.6, 0.1))
        )
        assert found.global_id.tolist() == [41, 42, 42, 41]
        assert found.confirmed.tolist() == [t >= 1] * 4
    assert who.next_id == 43
    assert who.log.links == []


def test_no_two_boxes_of_a_camera_are_one_person() -> None:
    found = Associator(first_id=1).step(0, scene((0, 0, 0), (0, 0.05, 0), (1, 0, 0.01)))
    assert len({*found.raw_id[:2].tolist()}) == 2
    assert found.raw_id[2] in found.raw_id[:2]


def test_a_row_of_people_is_no_chain() -> None:
    x = np.arange(6) * 0.5
    label = cluster(
        np.arange(6), np.column_stack([x, x * 0]), np.tile(np.eye(2) * 0.04, (6, 1, 1)), gate_sigma=3, reach_m=0.6
    )
    assert max(np.ptp(x[label == one]) for one in np.unique(label)) <= 0.6


def test_places_are_fused_by_their_certainty() -> None:
    spread = np.array([np.eye(2) * 1.0, np.eye(2) * 3.0])
    places, fused = fuse(np.array([[0.0, 0], [4.0, 0]]), spread, np.zeros(2, np.int64))
    np.testing.assert_allclose(places, [[1.0, 0.0]])
    np.testing.assert_allclose(fused, [np.eye(2) * 0.75])


def test_boxes_off_the_floor_are_nobody() -> None:
    found = Associator(first_id=1).step(0, scene((0, np.nan, np.nan), (1, 0, 0)))
    assert found.raw_id.tolist() == [-1, 1]
    assert found.confirmed.tolist() == [False, False]
    assert Associator(first_id=1).step(0, scene()).raw_id.shape == (0,)


def test_a_short_absence_is_bridged_and_a_long_one_is_not() -> None:
    who = Associator(first_id=1)
    for t in range(4):
        who.step(t * 0.5, scene((0, t * 0.5, 0)))
    who.step(2.0, scene())
    assert who.step(2.5, scene((1, 2.5, 0))).raw_id.tolist() == [1]
    who.step(10.0, scene())
    assert who.step(10.5, scene((1, 2.5, 0))).raw_id.tolist() == [2]


def test_ids_go_on_from_run_to_run() -> None:
    who = Associator(first_id=7)
    for t in range(3):
        who.step(t * 0.5, scene((0, t * 0.5, 0, 3), (1, 5, 5, 4)))
    again = Associator.from_state(json.loads(json.dumps(who.state())))
    boxes = scene((0, 1.5, 0, 3), (1, 5, 5, 4), (1, 9, 9, 5))
    ours, theirs = who.step(1.5, boxes), again.step(1.5, boxes)
    assert ours.raw_id.tolist() == theirs.raw_id.tolist() == [7, 8, 9]
    assert json.dumps(who.state()) == json.dumps(again.state())
    assert Associator(first_id=again.next_id).step(0, scene((0, 0, 0))).raw_id.tolist() == [10]


def meet(who: Associator) -> list:
    """Two ids, one per camera, for what turns out to be one person: the cameras disagree by 3 m at first."""
    found = [who.step(t * 0.5, scene((0, 0, 0, 1), (1, 3, 0, 1))) for t in range(4)]
    return found + [who.step(2 + t * 0.5, scene((0, 0, 0, 1), (1, 0.05, 0, 1))) for t in range(8)]


def test_a_merge_is_recorded_and_can_be_undone() -> None:
    who = Associator(first_id=1)
    found = meet(who)
    assert found[0].global_id.tolist() == [1, 2]
    (link,) = who.log.links
    assert (link.kind, link.kept, link.other, link.undone) == ("merge", 1, 2, False)
    assert [one.links for one in found if one.links] == [(link,)]
    assert found[-1].global_id.tolist() == [1, 1]
    stored = np.concatenate([one.raw_id for one in found])
    assert len(set(who.log.resolve(stored).tolist())) == 1
    who.undo(link.number)
    assert len(set(who.log.resolve(stored).tolist())) == 2
    for t in range(8):
        after = who.step(6 + t * 0.5, scene((0, 0, 0, 1), (1, 0.05, 0, 1)))
    assert len(who.log.links) == 1
    assert after.links == ()
    who.log.redo(link.number)
    assert len(set(who.log.resolve(stored).tolist())) == 1
    with pytest.raises(NotFoundError):
        who.undo(9)


def test_a_cameras_track_that_comes_back_is_the_same_person() -> None:
    who = Associator(first_id=1)
    for t in range(3):
        who.step(t * 0.5, scene((0, 0, 0, 1)))
    back = [who.step(10 + t * 0.5, scene((0, 4, 0, 1))) for t in range(3)]
    assert [one.global_id.tolist() for one in back] == [[1]] * 3
    assert [(link.kept, link.other) for link in who.log.links] == [(1, 2)]


def test_a_split_is_recorded_and_can_be_undone() -> None:
    who = Associator(first_id=1)
    for t in range(3):
        who.step(t * 0.5, scene((0, 0, 0, 1), (1, 0.1, 0, 1)))
    apart = who.step(1.5, scene((0, 0, 0, 1), (1, 4, 0, 1)))
    assert apart.global_id.tolist() == [1, 2]
    (link,) = apart.links
    assert (link.kind, link.kept, link.other) == ("split", 1, 2)
    who.undo(link.number)
    assert who.log.resolve(apart.raw_id).tolist() == [1, 1]


def test_somebody_lost_is_known_again_by_their_look() -> None:
    look, other = [1.0, 0.0], [0.6, 0.8]
    who = Associator(first_id=1)
    for t in range(3):
        who.step(t * 0.5, scene((0, 0, 0), (0, 3, 0), looks=[look, other]))
    who.step(5, scene(looks=np.zeros((0, 2))))
    who.step(10, scene((1, 8, 0), looks=[look]))
    back = who.step(10.5, scene((1, 8, 0), looks=[look]))
    assert back.raw_id.tolist() == [3]
    assert back.global_id.tolist() == [1]
    assert "looks alike" in back.links[0].reason
    too_far = Associator(first_id=1)
    for t in range(3):
        too_far.step(t * 0.5, scene((0, 0, 0), looks=[look]))
    too_far.step(5, scene(looks=np.zeros((0, 2))))
    too_far.step(6, scene((1, 80, 0), looks=[look]))
    assert too_far.step(6.5, scene((1, 80, 0), looks=[look])).links == ()


def test_looks_decide_between_two_in_one_place() -> None:
    red, blue, none = [1.0, 0.0], [0.0, 1.0], [np.nan, np.nan]
    found = Associator(first_id=1).step(
        0, scene((0, 0, 0), (0, 0.3, 0), (1, 0.2, 0), (2, 0.31, 0), looks=[red, blue, red, none])
    )
    assert found.raw_id[2] == found.raw_id[0]
    assert found.raw_id[3] == found.raw_id[1]


def test_wildtrack_with_its_ids_hidden(testdata) -> None:
    data = read(testdata / "wildtrack")
    found, who = associate(data)
    score = idf1(data.person, found)
    assert score >= 0.90
    assert score == pytest.approx(0.948, abs=0.01)
    precision, recall = pairs(data, found)
    assert precision > 0.99
    assert recall > 0.99
    assert len(np.unique(found)) < 1.1 * len(np.unique(data.person))
    assert who.next_id > len(np.unique(found))
    # The reference's figure, over one timeline per camera and instant.
    same = {"num_timesteps": 0, "gt_ids": [], "tracker_ids": [], "similarity_scores": []}
    truth, ids = (np.unique(one, return_inverse=True)[1] for one in (data.person, found))
    for instant in range(data.instants):
        for camera in range(7):
            rows = (data.instant == instant) & (data.camera == camera)
            same["gt_ids"].append(truth[rows])
            same["tracker_ids"].append(ids[rows])
            same["similarity_scores"].append(np.eye(rows.sum()))
    same |= {
        "num_timesteps": len(same["gt_ids"]),
        "num_gt_ids": truth.max() + 1,
        "num_tracker_ids": ids.max() + 1,
        "num_gt_dets": len(truth),
        "num_tracker_dets": len(ids),
    }
    assert Identity({"PRINT_CONFIG": False}).eval_sequence(same)["IDF1"] == pytest.approx(score, abs=1e-9)


def test_what_means_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="1 on"):
        Associator(first_id=0)
    with pytest.raises(InputError, match="above 0"):
        AssociationRules(lost_s=0)
    who = Associator(first_id=1)
    who.step(1.0, scene((0, 0, 0)))
    with pytest.raises(InputError, match="forwards"):
        who.step(1.0, scene((0, 0, 0)))
    with pytest.raises(FormatError, match="no state"):
        Associator.from_state({"version": 0})
    with pytest.raises(FormatError, match="damaged"):
        Associator.from_state({"version": 1, "next_id": 1})
    with pytest.raises(InputError, match="do not match"):
        FloorBoxes(
            camera=np.zeros(2, np.int64),
            floor_m=np.zeros((1, 2)),
            covariance=np.zeros((2, 2, 2)),
            width_m=np.zeros(2),
            track=np.zeros(2, np.int64),
        )
