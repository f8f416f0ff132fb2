"""One person, one id, over all cameras and from run to run.

At each instant the boxes of all cameras that stand in one place become one group. Each group goes to the person
who was expected there, one to one; a group at which nobody was expected is a new person.
What the cameras' own tracks and looks say against that is recorded as merges and splits, which can be undone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from dwell_kit.errors import FormatError, InputError
from dwell_kit.vision.appearance import common_look, unit, unlikeness
from dwell_kit.vision.association_rules import AssociationRules
from dwell_kit.vision.cluster import cluster, fuse
from dwell_kit.vision.floor_boxes import NO_TRACK, FloorBoxes
from dwell_kit.vision.links import MERGE, SPLIT, Link, LinkLog
from dwell_kit.vision.persons import Person, Persons

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
STATE_VERSION: Final = 1
_FAR: Final = 1e9
_NEW_SHARE: Final = 0.2
"""How much the newest look counts in a person's."""


@dataclass(frozen=True, kw_only=True)
class Associated:
    """Who each box of an instant is. Arrays are (n,), in the order of the boxes.

    Parameters
    ----------
    raw_id : the id to store; −1 for boxes that are not on the floor.
    global_id : the person whom it stands for, by the merges that hold now.
    confirmed : they were seen often enough to count. links : what was decided at this instant.
    """

    raw_id: Ids
    global_id: Ids
    confirmed: NDArray[np.bool_]
    links: tuple[Link, ...]


class Associator:
    """Gives persons their ids, instant by instant.

    Parameters
    ----------
    first_id : the first id that is free, 1 in a new environment only. Whoever keeps the ids knows it: `next_id`,
        or all of `state()`, is what to keep from one run to the next.
    rules : when boxes are one person.

    Raises
    ------
    InputError : if `first_id` is below 1.
    """

    def __init__(self, *, first_id: int, rules: AssociationRules | None = None) -> None:
        if first_id < 1:
            raise InputError("a person's id is a number from 1 on", "first_id", "1 or more", str(first_id))
        self.rules = rules or AssociationRules()
        self.next_id = first_id
        self.log = LinkLog()
        self._persons = Persons()
        self._held: dict[tuple[int, int], tuple[int, float]] = {}
        self._together: Counter[tuple[int, int]] = Counter()
        self._now_s: float | None = None

    def step(self, at_s: float, boxes: FloorBoxes) -> Associated:
        """The persons of an instant at media time `at_s`, seconds, later than the one before.

        Raises
        ------
        InputError : if time does not go forwards.
        """
        known = len(self.log.links)
        self._pass_time(at_s)
        on_floor = np.asarray(
            np.isfinite(boxes.floor_m).all(axis=1) & np.isfinite(boxes.covariance).all(axis=(1, 2))
        )
        seen = boxes[on_floor]
        label, places, spread = self._places(seen)
        looks = None if seen.embedding is None else common_look(seen.embedding, label, len(places))
        owners = self._assign(seen, label, places, spread, looks)
        owners, born = self._bear(at_s, owners, places, spread)
        self._see(at_s, owners, born, places, spread, looks)
        raw = np.full(len(boxes), -1, dtype=np.int64)
        confirmed = np.zeros(len(boxes), dtype=np.bool_)
        raw[on_floor] = self._hold(at_s, seen, label, owners, born)
        hits = np.array([one.hits for one in self._persons.known])
        confirmed[on_floor] = (hits[owners] >= self.rules.confirm)[label] if len(seen) else False
        if looks is not None:
            self._recognise(at_s, owners)
        return Associated(
            raw_id=raw,
            global_id=self.log.resolve(raw),
            confirmed=confirmed,
            links=tuple(self.log.links[known:]),
        )

    def undo(self, number: int) -> Link:
        """Take a merge or split back; a merge that was taken back is not made again.

        Raises
        ------
        NotFoundError : if there is no such link.
        """
        return self.log.undo(number)

    def state(self) -> dict[str, Any]:
        """JSON-ready: all that the next run needs to go on where this one ended."""
        return {
            "version": STATE_VERSION,
            "next_id": self.next_id,
            "now_s": self._now_s,
            "links": self.log.as_rows(),
            "persons": self._persons.as_dict(),
            "held": [[*key, *value] for key, value in self._held.items()],
            "together": [[*pair, votes] for pair, votes in self._together.items()],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any], rules: AssociationRules | None = None) -> Associator:
        """An associator that goes on where the one that wrote `state` ended.

        Raises
        ------
        FormatError : if it is no such state.
        """
        if state.get("version") != STATE_VERSION:
            raise FormatError(
                "this is no state of an associator", "version", str(STATE_VERSION), repr(state.get("version"))
            )
        try:
            made = cls(first_id=state["next_id"], rules=rules)
            made._now_s = state["now_s"]
            made.log = LinkLog.from_rows(state["links"])
            made._persons = Persons.from_dict(state["persons"])
            made._held = {(camera, track): (held, at_s) for camera, track, held, at_s in state["held"]}
            made._together = Counter({(a, b): votes for a, b, votes in state["together"]})
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError("the state of an associator is damaged", found=repr(error)) from error
        return made

    def _pass_time(self, at_s: float) -> None:
        if self._now_s is not None:
            if not at_s > self._now_s:
                raise InputError(
                    "time does not go forwards", "at_s", f"after {self._now_s} s", f"{at_s} s",
                    "give each instant once, in order, with the boxes of all cameras",
                )  # fmt: skip
            self._persons.predict(at_s - self._now_s, self.rules.noise_m2_s3)
        self._persons.part(at_s, lost_s=self.rules.lost_s, forget_s=self.rules.forget_s)
        stale = at_s - self.rules.forget_s
        self._held = {key: value for key, value in self._held.items() if value[1] >= stale}
        self._now_s = at_s

    def _places(self, seen: FloorBoxes) -> tuple[Ids, Floats, Floats]:
        """Group of each box, and place and spread of each group."""
        label = cluster(
            seen.camera,
            seen.floor_m,
            self._spread(seen),
            gate_sigma=self.rules.gate_sigma,
            reach_m=self.rules.reach_m,
            unlike=None
            if seen.embedding is None
            else self.rules.look_m * unlikeness(seen.embedding, seen.embedding),
        )
        places, fused = self._fused(seen, label)
        return label, places, fused

    def _spread(self, seen: FloorBoxes) -> Floats:
        """(n, 2, 2) of feet, by how sharp they are in the picture and how wide the box is on the floor."""
        wide = np.nan_to_num(seen.width_m) * self.rules.body_share
        return seen.covariance + np.eye(2) * (wide**2)[:, None, None]

    def _fused(self, seen: FloorBoxes, label: Ids) -> tuple[Floats, Floats]:
        places, spread = fuse(seen.floor_m, self._spread(seen), label)
        return places, spread + np.eye(2) * self.rules.stance_m**2

    def _assign(self, seen: FloorBoxes, label: Ids, places: Floats, spread: Floats, looks: Floats | None) -> Ids:
        """(k,) which person each group is, −1 for none: the cheapest way to give each at most one."""
        owners = np.full(len(places), -1, dtype=np.int64)
        if not len(places) or not len(self._persons):
            return owners
        cost = self._persons.walkers.distances2(places, spread) - self.rules.held_sigma2 * self._claims(
            seen, label
        )
        allowed = cost <= self.rules.link_sigma**2
        if looks is not None:
            cost = cost + self.rules.look_sigma2 * unlikeness(self._persons.looks(looks.shape[1]), looks)
        rows, columns = linear_sum_assignment(np.where(allowed, cost, _FAR))
        taken = allowed[rows, columns]
        owners[columns[taken]] = rows[taken]
        return owners

    def _claims(self, seen: FloorBoxes, label: Ids) -> Floats:
        """(persons, groups) 1 where a track that was the person's is in the group, −1 where only tracks of others
        are, 0 where none was anybody's."""
        groups = int(label.max()) + 1
        claims, claimed = np.zeros((len(self._persons), groups)), np.zeros(groups)
        row = {int(one): i for i, one in enumerate(self.log.resolve(self._persons.ids()))}
        keys = zip(seen.camera.tolist(), seen.track.tolist(), strict=True)
        held = {i: self._held[key][0] for i, key in enumerate(keys) if key in self._held}
        for i, one in zip(held, self.log.resolve(list(held.values())).tolist(), strict=True):
            claimed[label[i]] = 1.0
            person = row.get(one)
            if person is not None:
                claims[person, label[i]] = 1.0
        return claims - claimed * (claims == 0)

    def _bear(self, at_s: float, owners: Ids, places: Floats, spread: Floats) -> tuple[Ids, NDArray[np.bool_]]:
        """The groups' persons with new ones for those without, and which are new."""
        born = owners < 0
        owners = owners.copy()
        owners[born] = len(self._persons) + np.arange(int(born.sum()))
        ids = range(self.next_id, self.next_id + int(born.sum()))
        self.next_id = ids.stop
        self._persons.add(
            [Person(one, at_s) for one in ids], places[born], spread[born], self.rules.start_speed_m_s
        )
        return owners, born

    def _see(
        self,
        at_s: float,
        owners: Ids,
        born: NDArray[np.bool_],
        places: Floats,
        spread: Floats,
        looks: Floats | None,
    ) -> None:
        self._persons.walkers.update(owners[~born], places[~born], spread[~born])
        for group, owner in enumerate(owners):
            person = self._persons.known[owner]
            person.seen_s, person.hits = at_s, person.hits + 1
            if looks is not None and np.isfinite(looks[group]).all():
                old = looks[group] if person.look is None else person.look
                person.look = unit(((1 - _NEW_SHARE) * old + _NEW_SHARE * looks[group])[None])[0]

    def _hold(self, at_s: float, seen: FloorBoxes, label: Ids, owners: Ids, born: NDArray[np.bool_]) -> Ids:
        """(n,) ids to store: the group's person, or whom the camera's track was of while that may be right."""
        ids = self._persons.ids()[owners]
        raw = ids[label] if len(label) else np.zeros(0, dtype=np.int64)
        present = set(self.log.resolve(ids).tolist())
        for i in np.flatnonzero(seen.track != NO_TRACK):
            key = int(seen.camera[i]), int(seen.track[i])
            person = int(raw[i])
            held = self._held.get(key, (person, at_s))[0]
            was, now = (held, person) if held == person else self.log.resolve([held, person]).tolist()
            if was == now:
                self._together.pop((held, person), None)
            elif was in present:
                if born[label[i]]:
                    self.log.add(SPLIT, kept=held, other=person, at_s=at_s, reason="in two places at once")
                held = person
            else:
                self._vote(held, person, at_s)
            raw[i] = held
            self._held[key] = held, at_s
        return raw

    def _vote(self, held: int, person: int, at_s: float) -> None:
        self._together[held, person] += 1
        if self._together[held, person] >= self.rules.settle:
            del self._together[held, person]
            self._merge(held, person, at_s, f"one place in {self.rules.settle} instants")

    def _merge(self, a: int, b: int, at_s: float, reason: str, cosine: float | None = None) -> None:
        # The two themselves and not whom they stand for: either may come to stand for somebody else.
        if len(set(self.log.resolve([a, b]).tolist())) == 2 and not self.log.forbids(a, b):
            self.log.add(MERGE, kept=min(a, b), other=max(a, b), at_s=at_s, reason=reason, cosine=cosine)

    def _recognise(self, at_s: float, owners: Ids) -> None:
        """Persons who have just been confirmed and look like one who was lost, near enough, are that one."""
        for owner in owners:
            person = self._persons.known[owner]
            if person.hits == self.rules.confirm and person.look is not None:
                place = self._persons.walkers.state[owner, :2]
                found = self._persons.recognise(person, place, self.rules.look_threshold, self.rules.speed_m_s)
                if found is not None:
                    lost, cosine = found
                    self._merge(lost, person.raw_id, at_s, f"looks alike, cosine {cosine:.2f}", cosine)
