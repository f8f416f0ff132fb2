"""Persons without a network and without weights: what stands out from the empty scene and looks like people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import ContractError
from dwell_kit.vision.background import Background, Image
from dwell_kit.vision.boxes import Detections, Floats
from dwell_kit.vision.hog import PeopleFinder, PersonSize, suppress
from dwell_kit.vision.offline_rules import OfflineRules
from dwell_kit.vision.silhouettes import Silhouette, is_trace, moved, silhouettes, solid

_LONG_AGO: Final = -1e9
_SHAPED, _SHAPELESS = 0.25, 0.1
"""Scores of regions that the people detector did not confirm: of a person's shape, of another one."""
_LONE: Final = 0.5
"""What a lone, person-shaped region adds to its score."""
_STANDS_OUT: Final = 0.15
"""Of the picture's height."""
_GAIN: Final = 0.02
_BRIGHTER: Final = 4


@dataclass
class _Scene:
    """What is remembered of one camera; arrays are (h, w) of the small picture."""

    empty: Background
    before: Image
    began_s: float
    confirmed_s: Floats
    """When a person was last confirmed at a pixel."""
    still_s: Floats
    """For how long an object's pixel has not changed."""


@dataclass
class _Found:
    """The boxes of one picture, px of the picture as it came, and their scores."""

    boxes: list[Floats] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    confirmed: list[bool] = field(default_factory=list)
    """By the people detector, in this very picture."""

    def add(self, box: Floats, score: float, *, confirmed: bool) -> None:
        self.boxes.append(box)
        self.score.append(score)
        self.confirmed.append(confirmed)

    def take(self, other: _Found) -> None:
        self.boxes += other.boxes
        self.score += other.score
        self.confirmed += other.confirmed


class OfflineDetector:
    """Background and HOG (SPEC S3.1): moving regions, confirmed by OpenCV's people detector.

    Somebody who stands still stays found, because a confirmed person's pixels are not learnt. A change of the
    light is told from people by its size: the learnt scene follows it, or is learnt anew around the people known.
    Whoever was there before the first picture is found as soon as they move.

    Parameters
    ----------
    fps : pictures per second that `detect` is given; all times of the rules are in seconds.
    rules : the parameters; one set of defaults serves all recordings.
    """

    shared = False

    def __init__(self, *, fps: float, rules: OfflineRules | None = None) -> None:
        if not 0 < fps < np.inf:
            raise ContractError(
                "a detector needs the rate of its pictures", expected="fps above 0", found=f"{fps}"
            )
        self.rules = rules or OfflineRules()
        self._frame_s = self._step_s = 1 / fps
        self._now_s = 0.0
        self._number = self._ahead = 0
        self._people = PeopleFinder(self.rules.hog_px)
        self._sizes = PersonSize()
        self._scene: _Scene | None = None
        self.relearnt = 0
        """How often the scene was learnt anew since the light changed."""

    @property
    def warm_up_s(self) -> float:
        """As long as a confirmed person is kept out of the scene: most who stood in the first picture have left
        their place by then, and what they hid is learnt."""
        return self.rules.keep_s

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The persons in pictures that follow one another, (h, w, 3) BGR each."""
        return [self._next(image) for image in images]

    def seek(self, number: int) -> None:
        """The next picture is frame `number`: those between were dropped, and their time has passed."""
        self._ahead = max(0, number - self._number - 1) if self._number else 0
        self._number = number - 1

    def _next(self, image: Image) -> Detections:
        self._step_s = (1 + self._ahead) * self._frame_s
        self._number, self._ahead = self._number + 1, 0
        self._now_s += self._step_s
        scale = min(1.0, self.rules.work_px / image.shape[1])
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
        small = np.asarray(small, np.uint8)
        scene = self._scene
        if scene is None or scene.before.shape != small.shape:
            self._scene = self._begin(small)
            return Detections.empty()
        labels = self._compare(scene, small)
        if labels is None:
            self.relearnt += 1
            self._scene = self._begin(small, scene)
            return Detections.empty()
        mask = solid(labels)
        scene.still_s = np.where(moved(small, scene.before) | (mask == 0), 0.0, scene.still_s + self._step_s)
        found, traces = self._look(scene, image, small, mask, scale)
        detections = self._choose(scene, found, image.shape, scale)
        self._learn(scene, small, mask, traces)
        scene.before = small
        return detections

    def _begin(self, small: Image, old: _Scene | None = None) -> _Scene:
        """A scene learnt from one picture; people who were confirmed in the old one are not part of it."""
        shape, rules = small.shape[:2], self.rules
        empty = Background(*shape, different=rules.different, shadow=rules.shadow)
        known = np.full(shape, _LONG_AGO) if old is None else old.confirmed_s
        floor = (self._now_s - known >= rules.left_s).astype(np.float32)
        empty.learn(small, floor, floor)
        return _Scene(empty, small, self._now_s, known, np.zeros(shape))

    def _compare(self, scene: _Scene, small: Image) -> Image | None:
        """(h, w) labels of the pixels; None if the whole picture has become another."""
        some = slice(None, None, _BRIGHTER)
        now, then = (one[some, some].reshape(-1, 3) + np.float32(1) for one in (small, scene.empty.picture))
        gain = np.median(now / then, axis=0).astype(np.float32)
        if np.abs(gain - 1).max() > _GAIN:
            scene.empty.brighten(gain)
        labels = scene.empty.compare(small)
        return None if solid(labels).mean() > self.rules.flood else labels

    def _look(
        self, scene: _Scene, image: Image, small: Image, mask: Image, scale: float
    ) -> tuple[_Found, NDArray[np.bool_]]:
        """Who is in the picture, and (h, w) where only the trace of somebody is."""
        found, traces = _Found(), np.zeros(mask.shape, np.bool_)
        unconfirmed_s = self._now_s - scene.confirmed_s
        picture = scene.empty.picture
        for region in silhouettes(mask, self.rules.smallest * mask.size):
            since_s, still_s = region.median(unconfirmed_s), region.median(scene.still_s)
            people = self._in_region(region, image, mask, scale, since_s)
            if not any(people.confirmed):
                idle_s = min(since_s, still_s)
                if idle_s > self.rules.left_s and is_trace(region, small, picture):
                    traces |= region.grown(mask.shape)
                    continue
                if idle_s > self.rules.thing_s:
                    continue
            found.take(people)
        return found, traces

    def _in_region(self, region: Silhouette, image: Image, mask: Image, scale: float, since_s: float) -> _Found:
        """The persons of one region: the region itself if it has a person's shape, else whom HOG sees in it."""
        found, rules = _Found(), self.rules
        box = np.array(region.box, np.float64) / scale
        height, width = box[3] - box[1], box[2] - box[0]
        known = self._sizes.at(box[3])
        # while nobody has been confirmed any size may be a person's; without the detector a large one only
        believed = known is not None or height > _STANDS_OUT * image.shape[0]
        usual = max(known or height, 24.0)
        if height < 0.35 * usual:
            return found
        lone = rules.slim < width / height < rules.stout and abs(height / usual - 1) < rules.tall
        if lone and since_s < rules.again_s:
            found.add(box, rules.hog_score + _LONE, confirmed=False)
            return found
        boxes, score = self._people.find(image, box, usual, overlap=rules.overlap)
        sure = score >= rules.hog_score
        if lone and (believed or sure.any()):
            found.add(box, float(score.max()) + _LONE if sure.any() else _SHAPED, confirmed=bool(sure.any()))
            return found
        if not len(boxes) and known is not None and height > 0.5 * usual:
            found.add(box, _SHAPELESS, confirmed=False)
        for one, said, by_hog in zip(boxes, score.tolist(), sure.tolist(), strict=True):
            found.add(_fitted(one, mask, scale, usual), said if by_hog else _SHAPED, confirmed=by_hog)
        return found

    def _choose(self, scene: _Scene, found: _Found, shape: tuple[int, ...], scale: float) -> Detections:
        """The best of the boxes that overlap; who is confirmed is remembered."""
        boxes, score = np.array(found.boxes).reshape(-1, 4), np.array(found.score, np.float64)
        kept = suppress(boxes, score, self.rules.overlap)
        boxes, score = np.clip(boxes[kept], 0, [shape[1], shape[0]] * 2), score[kept]
        for x1, y1, x2, y2 in boxes[np.array(found.confirmed, np.bool_)[kept]]:
            rows = slice(int(y1 * scale), int(y2 * scale) + 1)
            scene.confirmed_s[rows, int(x1 * scale) : int(x2 * scale) + 1] = self._now_s
            self._sizes.add(y2, y2 - y1)
        return Detections(boxes, np.clip(0.4 + 0.3 * score, 0, 0.99), np.zeros(len(boxes), np.int64))

    def _learn(self, scene: _Scene, small: Image, mask: Image, traces: NDArray[np.bool_]) -> None:
        """Take the picture into the scene, but for people; traces become scene at once."""
        rules, age_s = self.rules, self._now_s - scene.began_s
        adapt, absorb = self._step_s / rules.adapt_s, 0.1 * self._step_s / rules.absorb_s
        if age_s < rules.first_s:
            adapt, absorb = max(adapt, self._step_s / (age_s + self._step_s)), max(absorb, 0.02)
        since_s = self._now_s - scene.confirmed_s
        unknown = scene.empty.unknown
        held = (mask > 0) & (since_s < np.where(unknown, rules.left_s, rules.keep_s))
        slow = np.where(held, 0, absorb).astype(np.float32)
        fast = np.where(held, 0, adapt).astype(np.float32)
        slow[traces] = 1
        scene.empty.learn(small, fast, slow)


def _fitted(box: Floats, mask: Image, scale: float, usual: float) -> Floats:
    """A box of the people detector, whose edges are rough, moved to the head and feet of the mask within it."""
    wide = np.array([-0.1, -0.1, 0.1, 0.1]) * usual
    x1, y1, x2, y2 = np.maximum((box + wide) * scale, 0).astype(int)
    part = mask[y1 : y2 + 1, x1 : x2 + 1]
    if part.size == 0 or part.mean() < 0.2:
        return box
    rows = np.flatnonzero(part.any(axis=1))
    return np.array([box[0], (y1 + rows[0]) / scale, box[2], (y1 + rows[-1] + 1) / scale])
