"""Persons by YOLO or RT-DETR: one network for all cameras, their pictures in one batch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final, Self

import numpy as np

from dwell_kit.errors import InputError
from dwell_kit.vision.background import Image
from dwell_kit.vision.boxes import Detections, Floats
from dwell_kit.vision.candidates import read_answer
from dwell_kit.vision.detect import DetectorOptions
from dwell_kit.vision.devices import Thrifty
from dwell_kit.vision.letterbox import Letterbox
from dwell_kit.vision.networks import Network, open_network

_LEAST: Final = 0.1
"""The tracker goes on with a person's track from here on, and begins one with more confident boxes only."""


class YoloDetector:
    """What a network of the YOLO family finds of persons.

    Each picture is answered as Ultralytics' `predict(classes=[0])` answers to that picture alone, whatever is in
    the batch with it; boxes without an area or with sides that are not finite are left out.

    Parameters
    ----------
    network : see `networks.open_network`. least_confidence : boxes must be more confident.
    overlap : IoU above which the weaker of two boxes is left out; RT-DETR and YOLO26 have no need of it.

    Raises
    ------
    InputError : if one of them is not from 0 to 1.
    """

    shared = True

    def __init__(self, network: Network, *, least_confidence: float = _LEAST, overlap: float = 0.7) -> None:
        for name, share in (("least_confidence", least_confidence), ("overlap", overlap)):
            if not 0 <= share <= 1:
                raise InputError("a setting of the detector means nothing", name, "0 to 1", str(share))
        self._facts = network.facts
        self._network = Thrifty(network, most=network.facts.most)
        self._least, self._overlap = least_confidence, overlap
        self._hands = ThreadPoolExecutor(os.cpu_count(), "dwell-letterbox")

    @classmethod
    def of(cls, options: DetectorOptions) -> Self:
        """From a file of weights. Raises what `open_network` raises, and as above."""
        least = _LEAST if options.least_confidence is None else options.least_confidence
        network = open_network(options.weights, device=options.device, least=least)
        return cls(network, least_confidence=least, overlap=options.overlap)

    @property
    def note(self) -> str:
        """That memory ran out, and what was done; empty if it did not."""
        return self._network.note

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The persons in each picture (h, w, 3) BGR; their sizes may differ."""
        fits = [self._fit(image) for image in images]
        found: list[Detections] = [Detections.empty()] * len(images)
        for shape in dict.fromkeys(fit.shape for fit in fits):
            rows = [row for row, fit in enumerate(fits) if fit.shape == shape]
            batch = np.empty((len(rows), *shape, 3), np.uint8)
            shown = [fits[row] for row in rows], [images[row] for row in rows]
            list(self._hands.map(Letterbox.place, *shown, batch))
            left = iter(rows)
            for answer in self._network.answers(batch):
                candidates, alike = read_answer(
                    answer, classes=self._facts.classes, shape=shape, detr=self._facts.detr, least=self._least
                )
                for row, some in zip(islice(left, len(answer)), candidates, strict=True):
                    kept = some.of_class(self._facts.person, overlap=self._overlap if alike else None)
                    found[row] = _detections(fits[row].back(kept.xyxy), kept.score)
        return found

    def _fit(self, image: Image) -> Letterbox:
        facts, size = self._facts, (image.shape[0], image.shape[1])
        if facts.detr:
            return Letterbox.stretched(size, facts.shape)
        return Letterbox.of(size, facts.shape, stride=facts.stride if facts.any_shape else None)


def _detections(xyxy: Floats, score: Floats) -> Detections:
    """Those that are in the picture."""
    inside = (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1)
    return Detections(xyxy[inside], np.clip(score[inside], 0, 1), np.zeros(int(inside.sum()), np.int64))
