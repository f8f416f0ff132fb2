"""Detectors by name, recorded detections, and the offline detector on rendered scenes with known truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from dwell_kit.errors import AskError, ContractError, DwellError, InputError, NotFoundError
from dwell_kit.simulate.video import Image, RenderedCamera, RenderedVideo, Walker
from dwell_kit.vision import detect
from dwell_kit.vision.background import FLOOR, OBJECT, SHADOW, Background
from dwell_kit.vision.boxes import Detections, iou
from dwell_kit.vision.detect import DetectorOptions
from dwell_kit.vision.hog import PersonSize
from dwell_kit.vision.offline import OfflineDetector
from dwell_kit.vision.offline_rules import OfflineRules

CAMERA = RenderedCamera(camera_id="cam", place_m=(0, -9, 3.5), pitch_deg=18, width=320, height=240, focal_px=280)
STANDING = Walker(name="ann", stops=((3, -5, 1), (9, 0.5, 1), (620, 0.5, 1), (626, -5, 1)))
PASSING = Walker(name="bob", stops=((5, 5, 3), (14, -5, 3)), coat=(60, 60, 170))


def scene(*walkers: Walker, fps: float = 5, seconds: float = 20, **more: object) -> RenderedVideo:
    return RenderedVideo(camera=CAMERA, walkers=walkers, fps=fps, seconds=seconds, **more)  # type: ignore[arg-type]


def watch(
    video: RenderedVideo, change: Callable[[Image, float], Image] = lambda image, _: image
) -> list[tuple[float, Detections, Sequence[tuple[str, bool]]]]:
    """Time, detections, and who is there and was found (IoU 0.5), of every picture."""
    detector = OfflineDetector(fps=video.fps)
    seen = []
    for number, (image, shown) in enumerate(video):
        at_s = number / video.fps
        (found,) = detector.detect([change(image, at_s)])
        overlap = iou(np.array([s.xyxy for s in shown]).reshape(-1, 4), found.xyxy)
        hit = [(s.name, bool(row.max(initial=0) >= 0.5)) for s, row in zip(shown, overlap, strict=True)]
        seen.append((at_s, found, hit))
    return seen


def found_share(seen: list[tuple[float, Detections, Sequence[tuple[str, bool]]]], name: str) -> float:
    hits = [hit for _, _, shown in seen for who, hit in shown if who == name]
    assert hits
    return float(np.mean(hits))


def test_walkers_are_found_and_nobody_else() -> None:
    seen = watch(scene(STANDING, PASSING))
    assert found_share(seen, "ann") > 0.9
    assert found_share(seen, "bob") > 0.9
    extra = sum(max(0, len(found) - len(shown)) for _, found, shown in seen)
    assert extra <= 2


def test_who_stands_still_for_ten_minutes_is_still_there() -> None:
    seen = watch(scene(STANDING, fps=1, seconds=632))
    standing = [s for s in seen if 13 <= s[0] < 618]
    assert found_share(standing, "ann") > 0.99
    assert all(len(found) <= 1 for _, found, _ in standing)
    assert not any(len(found) for at_s, found, _ in seen if at_s > 628)


def test_who_was_there_first_leaves_no_ghost() -> None:
    """In the first picture already; when they walk off, they are found, and the floor behind them is no person."""
    early = Walker(name="eve", stops=((-1, 0, 1), (10, 0, 1), (16, 6, 1)))
    seen = watch(scene(early, seconds=25))
    assert found_share([s for s in seen if s[0] > 11.5], "eve") > 0.8
    assert not any(len(found) for at_s, found, _ in seen if at_s > 19)
    ghosts = [len(found) - len(shown) for at_s, found, shown in seen if at_s > 13]
    assert sum(g > 0 for g in ghosts) <= 5


@pytest.mark.parametrize("factor", [0.6, 1.35])
def test_a_step_of_the_light_is_no_crowd_and_hides_nobody(factor: float) -> None:
    seen = watch(scene(STANDING, seconds=24, light=((15, factor),)))
    after = [s for s in seen if s[0] >= 15.4]
    assert found_share(after, "ann") > 0.9
    assert max(len(found) for at_s, found, _ in seen if at_s >= 15) <= 1


def test_light_that_no_one_factor_explains_is_learnt_anew_around_the_people_known() -> None:
    def lamps(image: Image, at_s: float) -> Image:
        if at_s < 15:
            return image
        factor = np.repeat([0.4, 1.0, 1.6], [107, 106, 107])[:, None]
        return np.clip(image * factor, 0, 255).astype(np.uint8)

    seen = watch(scene(STANDING, seconds=22), lamps)
    after = [s for s in seen if s[0] > 15.2]
    assert found_share(after, "ann") > 0.9
    assert sum(len(found) > 1 for _, found, _ in after) <= 3


def test_shadows_are_not_people() -> None:
    def shaded(image: Image, at_s: float) -> Image:
        if at_s < 1:
            return image
        made = image.copy()
        x = int(40 * at_s) % 280
        made[100:170, x : x + 30] = (made[100:170, x : x + 30] * 0.65).astype(np.uint8)
        return made

    seen = watch(scene(seconds=12), shaded)
    assert sum(len(found) for _, found, _ in seen) == 0


def test_an_empty_scene_is_empty() -> None:
    seen = watch(scene(seconds=12, noise=4.0))
    assert all(len(found) == 0 for _, found, _ in seen)


def test_a_thing_put_down_is_not_kept_as_a_person() -> None:
    """A box of a person's size that nothing but its size speaks for."""

    def with_box(image: Image, at_s: float) -> Image:
        made = image.copy()
        if at_s > 3:
            made[90:145, 150:172] = (30, 60, 90)
        return made

    seen = watch(scene(fps=3, seconds=45), with_box)
    assert not any(len(found) for at_s, found, _ in seen if at_s > 25)


def test_pictures_of_another_size_begin_anew() -> None:
    detector = OfflineDetector(fps=5)
    sizes = [(120, 160), (60, 80), (120, 160)]
    found = detector.detect([np.full((*size, 3), 90, np.uint8) for size in sizes])
    assert [len(one) for one in found] == [0, 0, 0]


def test_the_time_of_dropped_pictures_passes() -> None:
    detector = OfflineDetector(fps=5)
    image = np.full((60, 80, 3), 90, np.uint8)
    for number in (1, 2, 12):
        detector.seek(number)
        detector.detect([image])
    assert detector._now_s == pytest.approx(12 / 5)


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="rule of the detector"):
        OfflineRules(keep_s=0)
    with pytest.raises(ContractError, match="rate of its pictures"):
        OfflineDetector(fps=0)


def test_the_background_learns_as_it_is_told() -> None:
    background = Background(2, 3, different=16, shadow=0.5)
    assert background.unknown.all()
    grey, red = np.full((2, 3, 3), 120, np.uint8), np.full((2, 3, 3), (20, 20, 200), np.uint8)
    everywhere = np.ones((2, 3), np.float32)
    assert (background.compare(grey) == OBJECT).all()
    background.learn(grey, everywhere, everywhere)
    assert (background.compare(grey) == FLOOR).all()
    assert (background.compare((grey * 0.7).astype(np.uint8)) == SHADOW).all()
    held = np.zeros((2, 3), np.float32)
    held[:, 0] = 0.02
    for _ in range(20):
        background.learn(red, held, held)
    seen = background.compare(red)
    assert (seen[:, 0] == FLOOR).all()
    assert (seen[:, 1:] == OBJECT).all()
    assert (background.compare(grey) == FLOOR).all()  # not forgotten
    background.brighten(np.full(3, 1.25, np.float32))
    assert (background.compare(np.full((2, 3, 3), 150, np.uint8)) == FLOOR).all()


def test_heights_follow_the_row_of_the_feet() -> None:
    sizes = PersonSize()
    assert sizes.at(100) is None
    for y in range(100, 300, 4):
        sizes.add(y, 20 + 0.3 * y)
        sizes.add(y, 20 + 0.3 * y)
    sizes.add(200, 400)  # two people, one behind the other
    assert sizes.at(200) == pytest.approx(80, abs=1)
    assert sizes.at(10_000) == pytest.approx(20 + 0.3 * (296 + 80 / 3), rel=0.1)


def test_recorded_detections_are_given_back(tmp_path: Path) -> None:
    path = tmp_path / "det.txt"
    path.write_text("2,-1,10,20,30,60,0.9,-1,-1,-1\n2,-1,80,20,30,60,0.2,-1,-1,-1\n5,-1,0,0,5,9,1,-1,-1,-1\n")
    made = detect.make("replay", DetectorOptions(fps=5, detections=path, least_confidence=0.5))
    image = np.zeros((100, 120, 3), np.uint8)
    assert [len(found) for found in made.detect([image] * 3)] == [0, 1, 0]
    assert isinstance(made, detect.Numbered)
    made.seek(5)
    assert made.detect([image])[0].xyxy.tolist() == [[0, 0, 5, 9]]
    with pytest.raises(AskError, match="recorded detections"):
        detect.make("replay", DetectorOptions(fps=5))


def test_detectors_are_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError) as refused:
        detect.get("yolo-of-tomorrow")
    assert refused.value.expected == "faster-rcnn, offline, replay, yolo"
    package = tmp_path / "others-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: others\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(
        f"[{detect.GROUP}]\nempty = others_detector:make\nabsent = others_detector_that_is_not_there:make\n"
    )
    (tmp_path / "others_detector.py").write_text("def make(options):\n    return ('made', options.fps)\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert detect.names() == ("absent", "empty", "faster-rcnn", "offline", "replay", "yolo")
    assert detect.make("empty", DetectorOptions(fps=3)) == ("made", 3)
    with pytest.raises(DwellError, match="not installed") as missing:
        detect.get("absent")
    assert "pip install" in str(missing.value.hint)
