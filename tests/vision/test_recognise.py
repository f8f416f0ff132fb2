"""Who comes again: the most alike first, nobody twice at a time, and nobody joined behind anybody's back."""

from __future__ import annotations

import numpy as np
import pytest

from dwell_kit.errors import InputError
from dwell_kit.vision.gallery import Gallery
from dwell_kit.vision.recognise import Likeness, recognise
from tests.vision.test_gallery import near, units

ANN, BOB, CAT = units(3, 3)
Entry = tuple[int, np.ndarray, float, float]


def alike(look: np.ndarray, cosine: float) -> np.ndarray:
    return near(look[None], cosine)[0]


def gallery(*entries: Entry, **more) -> Gallery:
    """Of (person, look, first, last) with times in seconds."""
    made = Gallery(environment="shop", size=len(ANN), **more)
    for person, look, first, last in entries:
        times = (np.array([round(at * 1e6)]) for at in (last, first))
        made.add(look[None], np.array([person]), next(times), since_us=next(times))
    return made


def pairs(found: list[Likeness]) -> list[tuple[int, int]]:
    return [(one.earlier, one.later) for one in found]


def test_each_is_whom_they_most_look_like() -> None:
    known = gallery((1, ANN, 0, 9), (2, BOB, 0, 9))
    fresh = gallery((7, alike(BOB, 0.9), 100, 110), (8, alike(ANN, 0.85), 100, 110), (9, CAT, 100, 110))
    found = recognise(known, fresh, joined={})
    assert pairs(found) == [(2, 7), (1, 8)]
    assert [one.cosine for one in found] == pytest.approx([0.9, 0.85], abs=1e-5)


def test_the_threshold_is_the_runs() -> None:
    known = gallery((1, ANN, 0, 9), threshold=0.1)
    assert recognise(known, gallery((7, alike(ANN, 0.79), 100, 110)), joined={}) == []
    assert pairs(recognise(known, gallery((7, alike(ANN, 0.79), 100, 110), threshold=0.7), joined={})) == [(1, 7)]


def test_of_two_who_are_there_together_one_at_most_is_somebody() -> None:
    known = gallery((1, ANN, 0, 9))
    fresh = gallery((7, alike(ANN, 0.9), 100, 110), (8, alike(ANN, 0.95), 105, 120))
    assert pairs(recognise(known, fresh, joined={})) == [(1, 8)]
    later = gallery((7, alike(ANN, 0.9), 100, 110), (8, alike(ANN, 0.95), 111, 120))
    assert pairs(recognise(known, later, joined={})) == [(1, 8), (7, 8)]  # 7 and 8 look alike most of all


def test_who_was_seen_elsewhere_at_that_time_is_somebody_else() -> None:
    fresh = gallery((7, ANN, 105, 110))
    assert recognise(gallery((1, ANN, 0, 106)), fresh, joined={}) == []
    counted_as_one = gallery((1, ANN, 0, 9), (2, CAT, 104, 106))
    assert recognise(counted_as_one, fresh, joined={2: 1}) == []
    assert pairs(recognise(counted_as_one, fresh, joined={})) == [(1, 7)]


def test_two_known_persons_are_not_joined_through_a_third() -> None:
    known = gallery((1, alike(ANN, 0.9), 0, 9), (2, ANN, 20, 29))
    assert pairs(recognise(known, gallery((7, ANN, 100, 110)), joined={})) == [(2, 7)]


def test_a_fresh_person_who_comes_twice_is_one_with_the_known_one_first() -> None:
    fresh = gallery((7, ANN, 100, 110), (8, ANN, 200, 210), (9, BOB, 300, 310))
    assert pairs(recognise(gallery(), fresh, joined={})) == [(7, 8)]
    found = recognise(gallery((1, BOB, 0, 9)), fresh, joined={}, alike=[Likeness(earlier=8, later=9, cosine=0.81)])
    # 9 is the known one, 8 is 9, and 7 is 8: by the links in this order all of them count as 1
    assert pairs(found) == [(1, 9), (8, 9), (7, 8)]


def test_nobody_known_and_nobody_new() -> None:
    assert recognise(gallery(), gallery(), joined={}) == []
    assert recognise(gallery((1, ANN, 0, 9)), gallery(), joined={}) == []


@pytest.mark.parametrize("other", [{"embedder": "clip"}, {"weights": "b"}])
def test_looks_of_another_embedder_or_weights_are_never_compared(other) -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        recognise(gallery((1, ANN, 0, 9), **other), gallery((7, ANN, 100, 110)), joined={})
