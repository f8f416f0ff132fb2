"""The one set of parameters by which people are found without a network and without weights."""

from __future__ import annotations

from dataclasses import dataclass, fields

from dwell_kit.errors import InputError


@dataclass(frozen=True, kw_only=True)
class OfflineRules:
    """How the empty scene is learnt, and what before it is a person. Serves all recordings; see `benchmarks`.

    Parameters
    ----------
    work_px : width that pictures are made smaller to before they are compared with the empty scene.
    different : squared standard deviations, over the three colours, from which a pixel shows something else.
    shadow : how dark a shadow may make the floor, as a share of its brightness.
    first_s : how long the scene is learnt fast after the first picture and after a reset.
    adapt_s : how fast a pixel of the empty scene follows the light.
    absorb_s : how long what is not confirmed as a person must stand until it belongs to the scene.
    flood : share of the picture that changes at once when it is the light, not people.
    smallest : area of the smallest region looked at, as a share of the picture.
    hog_score : of the people detector, from which it confirms a person.
    hog_px : height that a person is brought to for the people detector, whose own are about 100 px tall.
    again_s : how often a lone, person-shaped region is shown to the people detector.
    keep_s : how long after it was confirmed a person is kept out of the scene.
    left_s : how long a region must be still and unconfirmed to be taken for the trace of somebody who has left.
    thing_s : how long it must be both to be taken for a thing.
    slim, stout : width by height of a lone person's region: least and most.
    tall : how far its height may be off what is usual at its place, as a share.
    overlap : IoU of two boxes from which the less sure one is dropped.

    Raises
    ------
    InputError : if one is not above 0.
    """

    work_px: float = 384.0
    different: float = 16.0
    shadow: float = 0.5
    first_s: float = 8.0
    adapt_s: float = 20.0
    absorb_s: float = 120.0
    flood: float = 0.5
    smallest: float = 0.0004
    hog_score: float = 0.3
    hog_px: float = 100.0
    again_s: float = 0.5
    keep_s: float = 20.0
    left_s: float = 1.5
    thing_s: float = 20.0
    slim: float = 0.2
    stout: float = 0.6
    tall: float = 0.25
    overlap: float = 0.4

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not value > 0:
                raise InputError("a rule of the detector means nothing", one.name, "above 0", repr(value))
