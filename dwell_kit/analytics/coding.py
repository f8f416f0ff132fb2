"""From a frame of sightings to coded columns, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics._frames import needs, to_polars
from dwell_kit.analytics.ordering import dominant_words, time_order
from dwell_kit.errors import ContractError
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import OPEN_END_BIT, OPEN_START_BIT, Attribute, Coded
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS, OTHER, UNDETERMINED, age_code, gender_code
from dwell_kit.schema.filters import PERSON_WORDS
from dwell_kit.schema.tables import SIGHTINGS, UTC_US

MANDATORY = (c.PERSON, c.CAMERA, c.STARTED, c.ENDED)
ATTRIBUTES = PERSON_WORDS
_DEFAULTS = {
    c.ZONE: pl.lit(None, pl.String),
    c.OPEN_START: pl.lit(False),
    c.OPEN_END: pl.lit(False),
    c.AGE_GROUP: pl.lit(None, pl.String),
    c.GENDER: pl.lit(None, pl.String),
}


def as_coded(sightings: Any) -> Coded:
    """`sightings` itself if it is coded, else encoded."""
    return sightings if isinstance(sightings, Coded) else encode(sightings)


def encode(frame: Any) -> Coded:
    """The sightings of one environment as coded columns, sorted by (person, start, end), anonymous ones last.

    Parameters
    ----------
    frame : pandas, Polars or Arrow; person_id (null = anonymous), camera_id, started_at, ended_at are mandatory,
        the other columns of the sightings contract are used where they are there.

    Raises
    ------
    ContractError : for missing columns, naive or missing times, and an end before its start.
    """
    rows = _checked(to_polars(frame))
    person, persons = _codes(rows[c.PERSON], np.int32)
    start, end = (rows[name].to_physical().to_numpy() for name in (c.STARTED, c.ENDED))
    order, offsets = time_order(person, start, end, len(persons))
    start, end = start[order], end[order]
    camera, cameras = _codes(rows[c.CAMERA], np.int16)
    zone, zones = _codes(rows[c.ZONE], np.int16)
    age = _word_codes(rows[c.AGE_GROUP], age_code)[order].astype(np.int8)
    gender = _word_codes(rows[c.GENDER], gender_code)[order].astype(np.int8)
    flags = rows[c.OPEN_START].to_numpy() * OPEN_START_BIT + rows[c.OPEN_END].to_numpy() * OPEN_END_BIT
    return Coded(
        person=person[order],
        camera=camera[order],
        zone=zone[order],
        start=start,
        end=end,
        flags=flags.astype(np.uint8)[order],
        age=age,
        gender=gender,
        offsets=offsets,
        persons=persons,
        cameras=cameras,
        zones=zones,
        person_age=dominant_words(age, start, end, offsets, len(AGE_GROUPS)).astype(np.int8),
        person_gender=dominant_words(gender, start, end, offsets, len(GENDERS)).astype(np.int8),
        attributes={
            name: person_attribute(rows[name].gather(order), start, end, offsets)
            for name in ATTRIBUTES
            if name in rows.columns
        },
    )


def person_attribute(
    words: pl.Series, start: NDArray[np.int64], end: NDArray[np.int64], offsets: NDArray[np.int64]
) -> Attribute:
    """The word of each person with most sighting time, from the words of the coded rows (lower case, stripped)."""
    said = words.cast(pl.String).str.strip_chars().str.to_lowercase()
    said = said.set(said.is_in([*UNDETERMINED, OTHER]), None)
    codes, known = _codes(said, np.int16)
    vocabulary = (*known, OTHER)
    found = dominant_words(codes, start, end, offsets, len(vocabulary))
    return Attribute(codes=found, words=vocabulary)


def _checked(frame: pl.DataFrame) -> pl.DataFrame:
    needs(frame, MANDATORY)
    for name in (c.STARTED, c.ENDED):
        if frame.is_empty() and frame.schema[name] != UTC_US:
            frame = frame.with_columns(pl.lit(None, UTC_US).alias(name))
        if frame.schema[name] != UTC_US:
            raise ContractError(
                "a time is not a datetime",
                where=f"column {name!r}",
                expected=str(UTC_US),
                found=str(frame.schema[name]),
            )
        if frame[name].null_count():
            row = int(frame[name].is_null().arg_true()[0])
            raise ContractError("a time is missing", where=f"column {name!r}, row {row}", expected="a datetime")
    late = frame.select((pl.col(c.ENDED) < pl.col(c.STARTED)).arg_true()).to_series()
    if len(late):
        row = int(late[0])
        raise ContractError(
            f"{len(late)} sightings end before they start",
            where=f"row {row}",
            expected=f"{c.ENDED} not before {c.STARTED}",
            found=f"{frame[c.STARTED][row]} to {frame[c.ENDED][row]}",
        )
    given = frame.with_columns(made.alias(name) for name, made in _DEFAULTS.items() if name not in frame.columns)
    known = [f for f in SIGHTINGS.fields if f.name in given.columns]
    flags = [pl.col(name).cast(pl.Boolean).fill_null(False) for name in (c.OPEN_START, c.OPEN_END)]
    texts = [pl.col(f.name).cast(pl.String) for f in known if f.dtype == pl.String]
    return given.with_columns(*flags, *texts)


def _codes(values: pl.Series, dtype: type[np.signedinteger[Any]]) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Index of each value into the sorted distinct ones, -1 for null."""
    words = values.drop_nulls().unique().sort()
    if len(words) > np.iinfo(dtype).max:
        raise ContractError(
            "too many different values",
            where=f"column {values.name!r}",
            expected=f"at most {np.iinfo(dtype).max}",
            found=str(len(words)),
        )
    if words.is_empty():
        return np.full(len(values), -1, dtype), ()
    codes = values.cast(pl.Enum(words)).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
    return codes.astype(dtype), tuple(words.to_list())


def _word_codes(words: pl.Series, code: Callable[[str | None], int]) -> NDArray[np.int16]:
    distinct = words.unique()
    codes = [code(word) for word in distinct.to_list()]
    made = words.replace_strict(distinct, codes, default=code(None), return_dtype=pl.Int16)
    return made.to_numpy()


def frame_of(coded: Coded) -> pl.DataFrame:
    """The coded sightings as a Polars frame, in coded order; demographics are grouped words, of each sighting."""
    return pl.DataFrame(
        {
            c.PERSON: names(coded.persons, coded.person),
            c.CAMERA: names(coded.cameras, coded.camera),
            c.ZONE: names(coded.zones, coded.zone),
            c.STARTED: utc(coded.start),
            c.ENDED: utc(coded.end),
            c.OPEN_START: (coded.flags & OPEN_START_BIT) != 0,
            c.OPEN_END: (coded.flags & OPEN_END_BIT) != 0,
            c.AGE_GROUP: names(AGE_GROUPS, coded.age),
            c.GENDER: names(GENDERS, coded.gender),
        }
    )


def names(words: Any, codes: NDArray[Any]) -> pl.Series:
    """The word of each code, null for -1; only the words that occur are fetched from a lazy sequence."""
    codes = np.asarray(codes, np.int64)
    used, inverse = np.unique(codes, return_inverse=True)
    known = int(np.searchsorted(used, 0))  # -1 comes first
    text = pl.concat([pl.Series([None] * known, dtype=pl.String), taken(words, used[known:])])
    return text.gather(inverse)


def taken(words: Any, indexes: NDArray[np.int64]) -> pl.Series:
    """Words of a sequence, all at once where it can do so."""
    at_once = getattr(words, "taken", None)
    if at_once is not None:
        return at_once(indexes).cast(pl.String)
    return pl.Series([words[int(i)] for i in indexes], dtype=pl.String)


def utc(us: NDArray[np.int64]) -> pl.Series:
    """Microseconds as a Polars series of UTC datetimes."""
    return pl.Series(np.ascontiguousarray(us)).cast(pl.Int64).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
