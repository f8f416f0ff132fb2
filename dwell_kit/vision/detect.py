"""Every detector by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

from dwell_kit.errors import DwellError, NotFoundError
from dwell_kit.vision.background import Image
from dwell_kit.vision.boxes import Detections

GROUP: Final = "dwell_kit.detectors"
"""Entry points of this group are detectors of other packages: `name = "package.module:make"`, see `Make`."""
DEFAULT: Final = "offline"
OWN: Final = {"offline": "dwell_kit.vision.detect:offline", "replay": "dwell_kit.vision.detect:replay"}
"""Those that come with this package."""


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
class Learning(Protocol):
    """A detector that must have seen some pictures before it finds what one finds that began earlier."""

    @property
    def warm_up_s(self) -> float:
        """For how long it should have watched."""


@dataclass(frozen=True, kw_only=True)
class DetectorOptions:
    """What a detector is made with; each takes what it needs.

    Parameters
    ----------
    fps : pictures per second that it will be given.
    detections : a file of recorded detections, for `replay`.
    weights : a file or name of weights, for networks.
    least_confidence : boxes below are left out.
    """

    fps: float
    detections: Path | None = None
    weights: str | None = None
    least_confidence: float = 0.0


class Make(Protocol):
    """What an entry point of the group is: it makes the detector of one camera.

    One whose detectors want a GPU has an attribute `resources = {"GPU": 1}`: on a cluster they run on workers that
    were started with as much of it.
    """

    def __call__(self, options: DetectorOptions) -> Detector:
        """A new detector."""


def names() -> tuple[str, ...]:
    """The known detectors, in order of name.

    >>> {"offline", "replay"} <= set(names())
    True
    """
    return tuple(sorted(_points()))


def get(name: str) -> Make:
    """What makes detectors called `name`.

    Raises
    ------
    NotFoundError : listing the known ones. DwellError : if it needs a package that is not installed.
    """
    point = _points().get(name)
    if point is None:
        raise NotFoundError(
            f"there is no detector {name!r}",
            expected=", ".join(names()),
            found=name,
            hint=f"pip install the package that has an entry point {name!r} in the group {GROUP!r}",
        )
    try:
        found: Make = point.load()
    except ModuleNotFoundError as missing:
        raise DwellError(
            f"the detector {name!r} needs a package that is not installed",
            expected=missing.name,
            hint='pip install "dwell-kit[vision]"',
        ) from missing
    return found


def make(name: str, options: DetectorOptions) -> Detector:
    """The detector called `name`, made for one camera.

    Raises
    ------
    NotFoundError, DwellError : as `get`, or what the detector itself says.
    """
    try:
        return get(name)(options)
    except ModuleNotFoundError as missing:
        raise DwellError(
            f"the detector {name!r} needs a package that is not installed",
            expected=missing.name,
            hint='pip install "dwell-kit[vision]"',
        ) from missing


def resources(name: str) -> dict[str, float]:
    """What the detector called `name` wants a machine to have, as `Make.resources` says; nothing by default.

    Raises
    ------
    NotFoundError, DwellError : as `get`.

    >>> resources("offline")
    {}
    """
    return dict(getattr(get(name), "resources", {}))


def _points() -> dict[str, EntryPoint]:
    own = {name: EntryPoint(name, place, GROUP) for name, place in OWN.items()}
    return {point.name: point for point in entry_points(group=GROUP)} | own


def offline(options: DetectorOptions) -> Detector:
    """Background and HOG: needs no weights."""
    from dwell_kit.vision.offline import OfflineDetector

    return OfflineDetector(fps=options.fps)


def replay(options: DetectorOptions) -> Detector:
    """Recorded detections."""
    from dwell_kit.vision.replay import ReplayDetector

    return ReplayDetector.of(options)
