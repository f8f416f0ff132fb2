"""The tracker of one camera: ByteTrack/BoT-SORT class, online, all of its state on the instance."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import Self

import numpy as np

from dwell_kit.errors import ContractError
from dwell_kit.vision.association import Memory, Rules, advance, persons, room_for
from dwell_kit.vision.boxes import Detections, Tracks

_SLOTS = 64


@dataclass(frozen=True)
class TrackerSettings:
    """What may be set; one set of defaults serves every recording that the tests know.

    Parameters
    ----------
    high_confidence : boxes from here on are associated first, and with lost and tentative tracks.
    low_confidence : boxes from here on may continue a track that was seen in the frame before; others are ignored.
    new_confidence : boxes from here on begin a track when no track takes them.
    first_iou, tentative_iou : least IoU × confidence of a confident box with a track, with a tentative one.
    second_iou : least IoU of a doubtful box with a track.
    keep_lost_s : how long a person may be hidden and still be the same.
    confirm_s : for how long a track must be seen in every frame until it is a person; two frames at least.
    spread : boxes are compared grown by this many standard deviations of where the track may be; the longer a
        person was hidden, the farther off they may turn up again.
    position_noise : how far a box may be off its course after 1 s, in box sizes.
    velocity_noise : how much its velocity may change in 1 s, in box sizes per s.
    measurement_noise : error of a detection, in box sizes.
    first_velocity : velocity of somebody of whom nothing is known, in box sizes per s.
    """

    high_confidence: float = 0.25
    low_confidence: float = 0.1
    new_confidence: float = 0.4
    first_iou: float = 0.12
    second_iou: float = 0.5
    tentative_iou: float = 0.3
    keep_lost_s: float = 3.0
    confirm_s: float = 0.0
    spread: float = 1.5
    position_noise: float = 0.12
    velocity_noise: float = 0.5
    measurement_noise: float = 0.125
    first_velocity: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            most = np.inf if field.name.endswith(("_s", "noise", "velocity", "spread")) else 1.0
            if not 0 <= value <= most or value == np.inf:
                raise ContractError(
                    "a tracker setting is out of range",
                    where=f"TrackerSettings.{field.name}",
                    expected="0 or more" if most > 1 else "0 to 1",
                    found=str(value),
                )

    def rules(self) -> Rules:
        """The same for the kernel."""
        given = [float(value) for value in astuple(self)]
        return Rules._make([*given[:-4], np.array(given[-4:])])


class Tracker:
    """Follows the persons of one camera from frame to frame.

    Parameters
    ----------
    camera : whose persons these are; ids are this camera's own, see `person_ids`.
    fps : frames per second that `step` is given.
    first_id : number of the first person. A later run goes on with the `next_id` of the one before.

    Raises
    ------
    ContractError : if `fps` is not above 0 or `first_id` is below 0.

    >>> tracker = Tracker("cam-1", fps=25)
    >>> seen = Detections(xyxy=[[10, 10, 30, 70]], confidence=[0.9], class_id=[0])
    >>> [tracker.person_ids(tracker.step(seen)) for _ in range(3)]
    [[], ['cam-1:1'], ['cam-1:1']]
    """

    def __init__(
        self, camera: str, *, fps: float, settings: TrackerSettings | None = None, first_id: int = 1
    ) -> None:
        if not 0 < fps < np.inf:
            raise ContractError("a tracker needs the rate of its frames", expected="fps above 0", found=str(fps))
        if first_id < 0:
            raise ContractError("ids are 0 or more", expected="first_id >= 0", found=str(first_id))
        self.camera = camera
        self.fps = fps
        self.settings = settings or TrackerSettings()
        self._rules = self.settings.rules()
        self._next_id = first_id
        self._memory: Memory = room_for(_SLOTS)
        self._used = 0
        self._now = 0.0

    @property
    def next_id(self) -> int:
        """The number that the next person gets."""
        return self._next_id

    def step(self, detections: Detections, *, frames: int = 1) -> Tracks:
        """The persons seen in the next frame: confirmed tracks only, their boxes smoothed.

        Parameters
        ----------
        detections : persons found in the frame, of every confidence; the caller leaves other classes out.
        frames : 1, or more when frames before this one were dropped.
        """
        if frames < 1:
            raise ContractError("time goes forwards", expected="frames >= 1", found=str(frames))
        seconds = frames / self.fps
        self._now += seconds
        if self._used + len(detections) > len(self._memory.seen):
            self._grow(self._used + len(detections))
        self._used, self._next_id = advance(
            self._memory, self._used, detections.xyxy, detections.confidence, self._now, seconds, self._rules,
            self._next_id,
        )  # fmt: skip
        rows = persons(self._memory, self._used, self._now)
        return Tracks(self._memory.box[rows], self._memory.track_id[rows], self._memory.confidence[rows])

    def person_ids(self, tracks: Tracks) -> list[str]:
        """The names of these persons beyond this camera: "<camera>:<number>"."""
        return [f"{self.camera}:{number}" for number in tracks.track_id]

    def reset(self) -> Self:
        """Forget everybody, as after a cut; numbers go on, so that nobody gets another one's."""
        self._used = 0
        return self

    def _grow(self, wanted: int) -> None:
        larger = room_for(2 * wanted)
        for old, new in zip(self._memory, larger, strict=True):
            new[: self._used] = old[: self._used]
        self._memory = larger
