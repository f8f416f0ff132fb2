"""The band of persons: by hand, against a twin that tries every joining, and on tracks with truth."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dwell_kit.analytics.tracklets import compute_person_band
from dwell_kit.errors import ContractError, FilterError
from dwell_kit.schema import columns as c
from dwell_kit.vision.ground_truth import read_tracks

from .walks import after, positions


def stay(person: str, since: float, till: float, x: float = 0.0, *, to: float | None = None) -> list[Any]:
    """Five positions a second along x, from `x` to `to`."""
    steps = round(5 * (till - since))
    return [
        (person, since + n / 5, x + ((x if to is None else to) - x) * n / steps, 0.0) for n in range(steps + 1)
    ]


def band(rows: list[Any], **more: Any) -> tuple[int, int]:
    (row,) = compute_person_band(positions(rows), **more).rows(named=True)
    assert row[c.LOW] == row[c.HIGH] - row[c.BRIEF] - row[c.JOINED]
    return row[c.LOW], row[c.HIGH]


def test_nobody_is_nobody() -> None:
    assert band([]) == (0, 0)


def test_who_is_seen_without_a_break_is_one() -> None:
    assert band(stay("a", 0, 10)) == (1, 1)
    assert band([*stay("a", 0, 10), *stay("b", 2, 8, 5)]) == (2, 2)


@pytest.mark.parametrize(
    ("since", "x", "low"),
    [
        (12.0, 0.0, 1),  # two seconds later at the same place
        (12.0, 4.8, 1),  # 0.85 m and 2 s at 2 m/s
        (12.0, 4.9, 2),
        (15.0, 0.0, 1),
        (15.2, 0.0, 2),  # later than five seconds
        (9.6, 0.0, 1),  # the new track may begin before the old one ends …
        (9.4, 0.0, 2),  # … half a second at most
    ],
)
def test_a_track_goes_on_where_somebody_can_walk_to(since: float, x: float, low: int) -> None:
    assert band([*stay("a", 0, 10), *stay("b", since, since + 8, x)]) == (low, 2)


def test_each_track_goes_on_in_one_at_most_and_the_joining_is_the_best() -> None:
    # a may go on in c or d, b in c only: taking c for a would leave b alone
    rows = [*stay("a", 0, 5), *stay("b", 0, 5, -4), *stay("c", 6, 9, -2), *stay("d", 6, 9, 2)]
    assert band(rows) == (2, 4)
    assert band([*stay("a", 0, 5), *stay("b", 7, 9), *stay("c", 7, 9)]) == (2, 3)
    assert band([row for n in range(6) for row in stay(str(n), 3 * n, 3 * n + 2)]) == (1, 6)


def test_brief_tracks_may_be_nobody() -> None:
    rows = [*stay("a", 0, 5), *stay("ghost", 1, 1.6, 20)]
    assert band(rows) == (1, 2)
    assert band(rows, brief=0.5) == (2, 2)
    assert band(rows, brief=timedelta(seconds=0)) == (2, 2)
    assert band([("lone", 0.0, 0.0, 0.0)]) == (0, 1)


def test_in_the_image_a_body_is_the_measure_and_cameras_are_apart() -> None:
    rows = positions([*stay("a", 0, 5), *stay("b", 6, 9)])
    boxed = rows.with_columns(
        pl.lit(None, pl.Float64).alias(c.X_M), pl.lit(None, pl.Float64).alias(c.Y_M),
        pl.when(pl.col(c.PERSON) == "a").then(100.0).otherwise(pl.lit(100.0 + 165)).alias(c.BOX_X),
        pl.lit(50.0).alias(c.BOX_Y), pl.lit(40.0).alias(c.BOX_W), pl.lit(100.0).alias(c.BOX_H),
    )  # fmt: skip
    # 165 px of 100 px a body are 2.8 m: within 0.85 m and a second's walk
    assert compute_person_band(boxed)[c.LOW][0] == 1
    far = boxed.with_columns(pl.when(pl.col(c.BOX_X) > 100).then(270.0).otherwise(pl.col(c.BOX_X)).alias(c.BOX_X))
    assert compute_person_band(far)[c.LOW][0] == 2
    elsewhere = boxed.with_columns(
        pl.when(pl.col(c.PERSON) == "b").then(pl.lit("other")).otherwise(pl.col(c.CAMERA)).alias(c.CAMERA)
    )
    assert compute_person_band(elsewhere)[c.LOW][0] == 2
    moved = rows.with_columns(elsewhere[c.CAMERA])  # on the floor a person may go from one camera to another
    assert compute_person_band(moved)[c.LOW][0] == 1


walks = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 30), st.integers(-3, 3)), min_size=0, max_size=6)


@settings(max_examples=60)
@given(walks)
def test_it_equals_the_twin_that_tries_every_joining(drawn: list[tuple[int, int, int]]) -> None:
    tracks = [(0.4 * since, 0.4 * (since + lasts), 2.0 * x) for since, lasts, x in drawn]  # whole steps of 0.2 s
    rows = [row for n, (since, till, x) in enumerate(tracks) for row in stay(str(n), since, till, x)]
    assert band(rows, brief=0) == (fewest(tracks), len(tracks))


def fewest(tracks: list[tuple[float, float, float]]) -> int:
    def follows(one: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
        wait, way = other[0] - one[1], abs(other[2] - one[2])
        return other[0] > one[0] and other[1] > one[1] and -0.5 <= wait <= 5 and way <= 0.85 + 2 * max(wait, 0)

    def most(left: list[int], free: frozenset[int]) -> int:
        if not left:
            return 0
        first, rest = left[0], left[1:]
        takes = [1 + most(rest, free - {at}) for at in free if follows(tracks[first], tracks[at])]
        return max([most(rest, free), *takes])

    return len(tracks) - most(list(range(len(tracks))), frozenset(range(len(tracks))))


@pytest.mark.parametrize(
    ("recording", "fps"), [("pets2009_s2l1/PETS2009-S2L1.xml", 7), ("tud/TUD-Campus/gt.txt", 25)]
)
@pytest.mark.parametrize("breaks_per_minute", [1, 6])
def test_the_true_number_lies_inside_when_identities_break(
    testdata: Path, recording: str, fps: float, breaks_per_minute: float
) -> None:
    truth = read_tracks(testdata / recording).table
    rng = np.random.default_rng(5)
    pieces = []
    for person in np.unique(truth.track_id):
        seen = np.sort(truth.frame[truth.track_id == person])
        at = np.flatnonzero(rng.random(len(seen)) < breaks_per_minute / 60 / fps)
        lost = (rng.uniform(0, 3, len(at)) * fps).astype(int)
        cuts = [0, *at, len(seen)]
        for n, (since, till) in enumerate(pairwise(cuts)):
            begins = since + (lost[n - 1] if n else 0)
            pieces += [(int(person), int(frame), f"{person}.{n}") for frame in seen[begins:till]]
    broken = {(person, frame): name for person, frame, name in pieces}
    frame = truth_positions(truth, broken, fps)
    (row,) = compute_person_band(frame).rows(named=True)
    true = len(np.unique(truth.track_id))
    assert row[c.HIGH] > true or breaks_per_minute < 6
    assert row[c.LOW] <= true <= row[c.HIGH]


def truth_positions(truth: Any, names: dict[tuple[int, int], str], fps: float) -> pl.DataFrame:
    """Boxes of the truth under the names of their pieces."""
    rows = [
        (names[key], after(key[1] / fps), *(float(v) for v in (x0, y0, x1 - x0, y1 - y0)))
        for key, (x0, y0, x1, y1) in zip(
            zip(truth.track_id.tolist(), truth.frame.tolist(), strict=True), truth.xyxy, strict=True
        )
        if key in names
    ]
    made = pl.DataFrame(
        rows, schema=[c.PERSON, c.TIME, c.BOX_X, c.BOX_Y, c.BOX_W, c.BOX_H], orient="row"
    ).with_columns(pl.lit("view").alias(c.CAMERA), pl.lit(None, pl.Float64).alias(c.X_M))
    return made.with_columns(pl.col(c.X_M).alias(c.Y_M), pl.col(c.TIME).cast(pl.Datetime("us", "UTC")))


@pytest.mark.parametrize(
    "wrong", [{"reach": -1}, {"brief": "long"}, {"max_speed": 0}, {"max_speed": float("nan")}]
)
def test_lengths_and_speeds_that_are_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(FilterError):
        compute_person_band(positions([]), **wrong)


def test_a_frame_without_places() -> None:
    with pytest.raises(ContractError, match=c.X_M):
        compute_person_band(positions([]).drop(c.X_M))
