from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dwell_kit.errors import FilterError
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS
from dwell_kit.schema.filters import Filters

some = st.builds(
    Filters,
    environment=st.none() | st.just("main"),
    since=st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    until=st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)),
    cameras=st.lists(st.text(max_size=5), max_size=3).map(tuple),
    genders=st.lists(st.sampled_from(GENDERS), max_size=2).map(tuple),
    age_groups=st.lists(st.sampled_from(AGE_GROUPS), max_size=2).map(tuple),
    weekdays=st.lists(st.integers(1, 7), max_size=3).map(tuple),
    hours=st.none() | st.permutations(range(24)).map(lambda h: (h[0], h[1])),
    min_dwell=st.none() | st.integers(0, 9999).map(lambda s: timedelta(seconds=s)),
    max_gap=st.integers(0, 9999).map(lambda s: timedelta(seconds=s)),
    touching=st.booleans(),
)


@given(some)
def test_a_dict_and_back_means_the_same(filters: Filters) -> None:
    again = Filters.of(**filters.as_dict())
    assert again.as_dict() == filters.as_dict()
    assert (again.cameras, again.hours, again.max_gap) == (filters.cameras, filters.hours, filters.max_gap)


def test_singular_and_loose_values() -> None:
    assert Filters.of(camera="a", gender=["male"], max_gap=30, weekday=1) == Filters(
        cameras=("a",), genders=("male",), max_gap=timedelta(seconds=30), weekdays=(1,)
    )
    assert Filters.of(attributes={"mask_outcome": "mask"}).attributes == (("mask_outcome", ("mask",)),)
    assert Filters.of(camera=None) == Filters()
    assert Filters.of(hours="22-6").hours == (22, 6)


def test_words_are_taken_as_exports_spell_them() -> None:
    assert Filters.of(age_group="70-", gender="M") == Filters(age_groups=("70+",), genders=("male",))
    assert Filters.of(age_groups=["20–29", "80+"]).age_groups == ("20-29", "70+")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kamera": "a"}, "no filter 'kamera'"),
        ({"gender": "lady"}, "no gender"),
        ({"age_group": "20-30"}, "no age group"),
        ({"weekday": 0}, "no weekday"),
        ({"age_group": 70}, "age_groups cannot be read"),
        ({"hours": (9, 9)}, "hours mean nothing"),
        ({"hours": (24, 6)}, "hours mean nothing"),
        ({"max_gap": -1}, "negative"),
    ],
)
def test_nonsense_is_refused_and_named(given: dict, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        Filters.of(**given)
