"""Every detector by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from dwell_kit.vision.background import Image
from dwell_kit.vision.boxes import Detections
from dwell_kit.vision.named import Named

GROUP: Final = "dwell_kit.detectors"
"""Entry points of this group are detectors of other packages: `name = "package.module:make"`, see `Make`."""
DEFAULT: Final = "offline"
OWN: Final = {
    "faster-rcnn": "dwell_kit.vision.detect:faster_rcnn",
    "offline": "dwell_kit.vision.detect:offline",
    "replay": "dwell_kit.vision.detect:replay",
    "yolo": "dwell_kit.vision.detect:yolo",
}
"""Those that come with this package."""
_DETECTORS: Final = Named("detector", GROUP, OWN, networks=("faster-rcnn", "yolo"))


class Detector(Protocol):
    """What finds persons in pictures."""

    @property
    def shared(self) -> bool:
        """Whether it keeps nothing from picture to picture, so that one serves all cameras, in one batch."""

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The persons in each picture (h, w, 3) BGR: of one camera in order, or of any if it is `shared`."""


@runtime_checkable
class Numbered(Protocol):
    """A detector that must know which frame of the video comes next, since some may be left out."""

    def seek(self, number: int) -> None:
        """The next picture is frame `number`; the first of a video is 1."""


@runtime_checkable
class Noted(Protocol):
    """A detector or embedder that may have something to say about how it runs."""

    @property
    def note(self) -> str:
        """What a person should know, such as that memory ran out; empty if all is well."""


@runtime_checkable
class Learning(Protocol):
    """A detector that must have seen some pictures before it finds what one finds that began earlier."""

    @property
    def warm_up_s(self) -> float:
        """For how long it should have watched."""


def notes(*who: object) -> str:
    """What those of them say of themselves who have something to say."""
    return "; ".join(filter(None, (one.note for one in who if isinstance(one, Noted))))


@dataclass(frozen=True, kw_only=True)
class DetectorOptions:
    """What a detector is made with; each takes what it needs.

    Parameters
    ----------
    fps : pictures per second that it will be given.
    detections : a file of recorded detections, for `replay`.
    weights : a file or folder of weights, for networks. device : where networks run, such as cpu or cuda:0;
        None is a GPU if there is one.
    least_confidence : boxes below are left out; None is the detector's own default.
    overlap : IoU from which the weaker of two boxes of a network is left out.
    """

    fps: float
    detections: Path | None = None
    weights: str | Path | None = None
    device: str | None = None
    least_confidence: float | None = None
    overlap: float = 0.7


class Make(Protocol):
    """What an entry point of the group is: it makes the detector of one camera.

    One whose detectors want a GPU has an attribute `resources = {"GPU": 1}`: on a cluster they run on workers that
    were started with as much of it.
    """

    def __call__(self, options: DetectorOptions) -> Detector:
        """A new detector."""


def names() -> tuple[str, ...]:
    """The known detectors, in order of name.

    >>> {"offline", "replay", "yolo"} <= set(names())
    True
    """
    return _DETECTORS.names()


def get(name: str) -> Make:
    """What makes detectors called `name`.

    Raises
    ------
    NotFoundError : listing the known ones. DwellError : if it needs a package that is not installed.
    """
    found: Make = _DETECTORS.get(name)
    return found


def make(name: str, options: DetectorOptions) -> Detector:
    """The detector called `name`, made for one camera.

    Raises
    ------
    NotFoundError, DwellError : as `get`, or what the detector itself says.
    """
    made: Detector = _DETECTORS.make(name, options)
    return made


def resources(name: str, options: DetectorOptions) -> dict[str, float]:
    """What the detector called `name` wants a machine to have.

    What `Make.resources` says, nothing by default; our networks want a GPU if the device asked for is a CUDA one.
    One that is left to choose takes what it finds.

    Raises
    ------
    NotFoundError, DwellError : as `get`.

    >>> resources("yolo", DetectorOptions(fps=5, device="cuda:0")), resources("yolo", DetectorOptions(fps=5))
    ({'GPU': 1}, {})
    """
    return _DETECTORS.resources(name, options.device)


def offline(options: DetectorOptions) -> Detector:
    """Background and HOG: needs no weights."""
    from dwell_kit.vision.offline import OfflineDetector

    return OfflineDetector(fps=options.fps)


def replay(options: DetectorOptions) -> Detector:
    """Recorded detections."""
    from dwell_kit.vision.replay import ReplayDetector

    return ReplayDetector.of(options)


def yolo(options: DetectorOptions) -> Detector:
    """YOLO and RT-DETR, from local weights."""
    from dwell_kit.vision.yolo import YoloDetector

    return YoloDetector.of(options)


def faster_rcnn(options: DetectorOptions) -> Detector:
    """Torchvision's Faster R-CNN, from local weights."""
    from dwell_kit.vision.faster_rcnn import FasterRcnnDetector

    return FasterRcnnDetector.of(options)
