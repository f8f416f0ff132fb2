"""The one set of parameters by which people are associated across cameras."""

from __future__ import annotations

from dataclasses import dataclass, fields

from dwell_kit.errors import InputError


@dataclass(frozen=True, kw_only=True)
class AssociationRules:
    """How alike in place, time and look boxes must be to be one person.

    Parameters
    ----------
    foot_across, foot_along : how sharp feet are in the picture, as shares of the box's height.
    body_share : what a box's width on the floor adds to that, as a share of it: a wide box says less where one
        person stands. stance_m : how far, as a standard deviation, a person's feet are from where they are.
    gate_sigma, reach_m : how far apart two cameras may put one person: standard deviations, and metres at most.
    link_sigma : how far from where a person was expected they may be found.
    noise_m2_s3 : how freely people change their walk: spectral density of acceleration.
    start_speed_m_s : standard deviation per axis of a new person's velocity.
    lost_s : how long a person who is not seen is expected to walk on.
    confirm : in how many instants somebody must be seen before they count.
    settle : in how many instants two ids must be in one place before they are merged.
    held_sigma2 : how much nearer, squared standard deviations, a camera's own track makes its person.
    look_m, look_sigma2 : what looks that have nothing in common add to the distance of two boxes, and to the
        squared distance of a box and a person.
    look_threshold : cosine from which a person seen anew is one that was lost.
    forget_s : how long a lost person can be recognised. speed_m_s : how fast they may have gone meanwhile.

    Raises
    ------
    InputError : if one is not above 0, or the cosine is above 1.
    """

    foot_across: float = 0.02
    foot_along: float = 0.03
    body_share: float = 0.2
    stance_m: float = 0.1
    gate_sigma: float = 3.0
    reach_m: float = 1.5
    link_sigma: float = 3.0
    noise_m2_s3: float = 1.0
    start_speed_m_s: float = 1.0
    lost_s: float = 1.25
    confirm: int = 2
    settle: int = 3
    held_sigma2: float = 4.0
    look_m: float = 0.5
    look_sigma2: float = 4.0
    look_threshold: float = 0.8
    forget_s: float = 60.0
    speed_m_s: float = 2.5

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not value > 0:
                raise InputError("an association rule means nothing", one.name, "above 0", repr(value))
        if self.look_threshold > 1:
            found = repr(self.look_threshold)
            raise InputError("an association rule means nothing", "look_threshold", "a cosine, 1 at most", found)
