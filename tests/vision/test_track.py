"""The tracker: as good as its peers on public detections, and what must never happen to an identity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dwell_kit.errors import ContractError
from dwell_kit.vision.boxes import Detections, Tracks
from dwell_kit.vision.evaluate import Scores, evaluate
from dwell_kit.vision.ground_truth import read_pair
from dwell_kit.vision.track import Tracker, TrackerSettings
from dwell_kit.vision.track_table import TrackTable

FPS = 25


def at(*lefts: float, confidence: float = 0.9, width: float = 20) -> Detections:
    """People of 20 × 60 px side by side."""
    left = np.array(lefts, float)
    boxes = np.column_stack((left, 0 * left, left + width, 0 * left + 60)).reshape(-1, 4)
    return Detections(boxes, np.full(len(left), confidence), np.zeros(len(left), np.int64))


def follow(tracker: Tracker, frames: list[Detections]) -> list[Tracks]:
    return [tracker.step(frame) for frame in frames]


def scored(truth: Path, detections: Path, fps: float, **settings: float) -> Scores:
    pair = read_pair(truth, detections)
    tracker = Tracker("c", fps=fps, settings=TrackerSettings(**settings))
    table = TrackTable.of((frame, tracker.step(d)) for frame, d in pair.tracks.detections())
    return evaluate(pair.truth, table)


@pytest.mark.parametrize(
    ("folder", "truth", "fps", "idf1", "mota"),
    [
        ("tud/TUD-Campus", "gt.txt", 25, 0.70, 0.59),
        ("tud/TUD-Stadtmitte", "gt.txt", 25, 0.80, 0.70),
        ("pets2009_s2l1", "PETS2009-S2L1.xml", 7, 0.62, 0.63),
    ],
)
def test_public_detections(testdata: Path, folder: str, truth: str, fps: float, idf1: float, mota: float) -> None:
    """ByteTrack reaches 0.67 and 0.71 on TUD, BoT-SORT 0.70 and 0.80."""
    scores = scored(testdata / folder / truth, testdata / folder / "det.txt", fps)
    assert scores.identity.idf1 >= idf1
    assert scores.clear.mota >= mota


def test_nobody_counts_before_being_confirmed() -> None:
    tracker = Tracker("c", fps=FPS)
    assert len(tracker.step(at(10))) == 0
    assert len(tracker.step(Detections.empty())) == 0
    assert len(tracker.step(at(500))) == 0  # somebody else: still nobody was seen twice
    assert tracker.next_id == 1
    assert tracker.step(at(502)).track_id.tolist() == [1]


def test_confirmation_can_take_longer() -> None:
    tracker = Tracker("c", fps=10, settings=TrackerSettings(confirm_s=0.3))
    assert [len(t) for t in follow(tracker, [at(10)] * 5)] == [0, 0, 0, 1, 1]


def test_a_doubtful_box_continues_a_track_and_begins_none() -> None:
    tracker = Tracker("c", fps=FPS)
    said = follow(tracker, [at(10), at(11), at(12, confidence=0.15), at(13, confidence=0.05), at(14)])
    assert [t.track_id.tolist() for t in said] == [[], [1], [1], [], [1]]
    assert said[2].confidence.tolist() == [0.15]
    assert [len(t) for t in follow(Tracker("d", fps=FPS), [at(10, confidence=0.15)] * 4)] == [0] * 4


def test_someone_hidden_for_a_while_is_the_same_person() -> None:
    """At 2 px a frame, hidden for 20 frames, back where the way goes on; after too long it is a stranger."""
    walk = [at(2 * k) for k in range(30)]
    tracker = Tracker("c", fps=FPS)
    follow(tracker, walk + [Detections.empty()] * 20)
    assert tracker.step(at(2 * 50)).track_id.tolist() == [1]
    hidden = round(FPS * tracker.settings.keep_lost_s) + 1
    follow(tracker, [Detections.empty()] * hidden)
    back = 2 * (51 + hidden)
    assert [t.track_id.tolist() for t in follow(tracker, [at(back), at(back + 2)])] == [[], [2]]


def test_two_people_who_pass_each_other_keep_their_numbers() -> None:
    """At 3 px a frame towards each other; while one hides the other only one box is seen."""
    frames = []
    for k in range(60):
        a, b = 3 * k, 180 - 3 * k
        frames.append(at(a) if abs(a - b) < 12 else at(a, b))
    said = follow(Tracker("c", fps=FPS), frames)
    first, last = (dict(zip(t.track_id.tolist(), t.xyxy[:, 0], strict=True)) for t in (said[1], said[-1]))
    assert set(first) == set(last) == {1, 2}
    assert (first[1] < first[2]) != (last[1] < last[2])


def test_cameras_never_share_ids_nor_state() -> None:
    here, there = Tracker("hall", fps=FPS), Tracker("door", fps=FPS)
    names: dict[str, set[str]] = {"hall": set(), "door": set()}
    for k in range(10):
        names["hall"] |= set(here.person_ids(here.step(at(10 + k, 300))))
        names["door"] |= set(there.person_ids(there.step(at(10 + k))))
    assert names == {"hall": {"hall:1", "hall:2"}, "door": {"door:1"}}
    here.reset()
    assert there.step(at(20)).track_id.tolist() == [1]
    assert [t.track_id.tolist() for t in follow(here, [at(20, 300)] * 2)] == [[], [3, 4]]


def test_a_later_run_goes_on_with_the_numbers() -> None:
    before = Tracker("c", fps=FPS)
    follow(before, [at(10, 100)] * 2)
    after = Tracker("c", fps=FPS, first_id=before.next_id)
    assert follow(after, [at(10)] * 2)[1].track_id.tolist() == [3]


def test_frames_without_anybody_and_crowds_beyond_the_first_slots() -> None:
    tracker = Tracker("c", fps=FPS)
    assert [len(t) for t in follow(tracker, [Detections.empty()] * 3)] == [0, 0, 0]
    said = follow(tracker, [at(*(30.0 * np.arange(300) + k)) for k in range(3)])
    assert sorted(said[1].track_id.tolist()) == list(range(1, 301))
    assert said[2].track_id.tolist() == said[1].track_id.tolist()
    assert len(tracker.step(Detections.empty())) == 0


def test_the_same_detections_give_the_same_tracks() -> None:
    rng = np.random.default_rng(2)
    frames = [at(*np.sort(rng.uniform(0, 400, 12))) for _ in range(60)]
    one, two = (follow(Tracker("c", fps=FPS), frames) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        assert a.track_id.tolist() == b.track_id.tolist()
        assert a.xyxy.tolist() == b.xyxy.tolist()
        assert len(set(a.track_id.tolist())) == len(a)


def test_what_a_tracker_said_stays_as_it_was() -> None:
    tracker = Tracker("c", fps=FPS)
    said = follow(tracker, [at(10), at(12)])[1]
    kept = said.xyxy.copy()
    follow(tracker, [at(14), at(16)])
    assert said.xyxy.tolist() == kept.tolist()


def test_dropped_frames_are_time_that_passed() -> None:
    """Every third frame of a walk, said to be so, is followed like all of them; times are seconds, not frames."""
    walk = [at(2 * k) for k in range(31)]
    all_of_them, some = Tracker("c", fps=FPS), Tracker("c", fps=FPS)
    last = follow(all_of_them, walk)[-1]
    thirds = [some.step(frame, frames=3) for frame in walk[::3]]
    assert thirds[-1].track_id.tolist() == last.track_id.tolist() == [1]
    assert thirds[-1].xyxy == pytest.approx(last.xyxy, abs=1)
    gone = Tracker("c", fps=FPS)
    follow(gone, [at(10), at(10)])
    gone.step(Detections.empty(), frames=round(FPS * gone.settings.keep_lost_s) + 2)
    assert len(gone.step(at(10))) == 0


@pytest.mark.parametrize("wrong", [{"fps": 0}, {"fps": float("nan")}, {"fps": 25, "first_id": -1}])
def test_a_tracker_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ContractError):
        Tracker("c", **wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"first_iou": 1.5}, {"keep_lost_s": -1}, {"spread": float("nan")}])
def test_settings_out_of_range_are_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(ContractError, match="out of range") as raised:
        TrackerSettings(**wrong)
    assert raised.value.where == f"TrackerSettings.{next(iter(wrong))}"
    with pytest.raises(ContractError):
        Tracker("c", fps=25).step(Detections.empty(), frames=0)
