"""Coded columns of a snapshot: mapped from the cache, or made from the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from dwell_kit.analytics.coding import ATTRIBUTES
from dwell_kit.analytics.ordering import dominant_words, time_order
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import OPEN_END_BIT, OPEN_START_BIT, Attribute, Coded
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS, OTHER, UNDETERMINED, age_code, gender_code
from dwell_kit.store import hot, upsert
from dwell_kit.store.lake import PERSONS, SIGHTINGS_LOG
from dwell_kit.store.snapshots import Snapshot
from dwell_kit.workspace.handle import Handle

_KEEP = 2


def coded_columns(ws: Handle, environment: str, snapshot: Snapshot) -> Coded:
    """The sightings of one environment in one snapshot, as coded columns."""
    key = (environment, snapshot.id)
    if key not in ws.loaded:
        where = hot.folder(ws.layout.hot, environment, snapshot.id)
        found = hot.load(where)
        if found is None:
            _build(ws, environment, snapshot, where)
            found = hot.load(where)
            hot.prune(ws.layout.hot, environment, keep=_KEEP)
        if found is None:
            raise RuntimeError(f"coded columns at {where} vanished while they were made")
        for old in list(ws.loaded)[: max(0, len(ws.loaded) - _KEEP + 1)]:
            del ws.loaded[old]
        ws.loaded[key] = found
    return ws.loaded[key]


def person_codes(ws: Handle, environment: str, snapshot: Snapshot) -> NDArray[np.int64]:
    """(p,) codes in the order of `Coded.persons`, ascending."""
    coded_columns(ws, environment, snapshot)
    return hot.codes(hot.folder(ws.layout.hot, environment, snapshot.id))


def _build(ws: Handle, environment: str, snapshot: Snapshot, where: Path) -> None:
    rows = _rows(ws, environment, snapshot)
    codes = rows[c.PERSON_CODE]
    unique = codes.drop_nulls().unique().sort().to_numpy()
    person = (codes.rank("dense").cast(pl.Int64).fill_null(0) - 1).to_numpy()
    start, end = rows[c.STARTED].to_numpy(), rows[c.ENDED].to_numpy()
    order, offsets = time_order(person, start, end, len(unique))
    start, end = start[order], end[order]
    camera, cameras = _place(rows[c.CAMERA], order)
    zone, zones = _place(rows[c.ZONE], order)
    age = _group(rows[c.AGE_GROUP], age_code, order)
    gender = _group(rows[c.GENDER], gender_code, order)
    attributes = {}
    for name in ATTRIBUTES:
        said, words = _words(rows[name], order)
        if len(words) > 1:
            attributes[name] = Attribute(dominant_words(said, start, end, offsets, len(words)), words)
    coded = Coded(
        person=person[order].astype(np.int32),
        camera=camera,
        zone=zone,
        start=start,
        end=end,
        flags=rows["flags"].to_numpy()[order],
        age=age,
        gender=gender,
        offsets=offsets,
        persons=_names(ws, environment, snapshot, unique),
        cameras=cameras,
        zones=zones,
        person_age=dominant_words(age, start, end, offsets, len(AGE_GROUPS)).astype(np.int8),
        person_gender=dominant_words(gender, start, end, offsets, len(GENDERS)).astype(np.int8),
        attributes=attributes,
    )
    hot.save(where, coded, unique)


def _rows(ws: Handle, environment: str, snapshot: Snapshot) -> pl.DataFrame:
    words = (c.CAMERA, c.ZONE, c.AGE_GROUP, c.GENDER, *ATTRIBUTES)
    flags = pl.col(c.OPEN_START) * OPEN_START_BIT + pl.col(c.OPEN_END) * OPEN_END_BIT
    return (
        upsert.current(ws.lake, SIGHTINGS_LOG, snapshot.versions, environment=environment)
        .select(
            pl.col(c.PERSON_CODE),
            pl.col(c.STARTED, c.ENDED).to_physical(),
            *[pl.col(name).cast(pl.Categorical) for name in words],
            flags.cast(pl.UInt8).alias("flags"),
        )
        .collect(engine="streaming")
    )


def _physical(values: pl.Series) -> tuple[NDArray[np.int64], dict[int, str]]:
    """(n,) physical codes, -1 for null, and what each means."""
    distinct = values.unique().drop_nulls()
    meaning = dict(zip(distinct.to_physical().to_list(), distinct.cast(pl.String).to_list(), strict=True))
    return values.to_physical().cast(pl.Int64).fill_null(-1).to_numpy(), meaning


def _recode(codes: NDArray[np.int64], table: dict[int, int], *, null: int, dtype: type) -> NDArray[np.integer]:
    lookup = np.full(max(table, default=-1) + 2, null, dtype)
    for old, new in table.items():
        lookup[old] = new
    return lookup[codes]  # -1 picks the last entry, which no code has


def _place(values: pl.Series, order: NDArray[np.int64]) -> tuple[NDArray[np.int16], tuple[str, ...]]:
    """Codes into the sorted names, -1 for none."""
    codes, meaning = _physical(values)
    names = tuple(sorted(meaning.values()))
    position = {name: i for i, name in enumerate(names)}
    table = {old: position[text] for old, text in meaning.items()}
    return _recode(codes, table, null=-1, dtype=np.int16)[order], names


def _group(values: pl.Series, code_of: Callable[[str | None], int], order: NDArray[np.int64]) -> NDArray[np.int8]:
    """Codes of canonical groups from raw words."""
    codes, meaning = _physical(values)
    table = {old: code_of(text) for old, text in meaning.items()}
    return _recode(codes, table, null=code_of(None), dtype=np.int8)[order]


def _words(values: pl.Series, order: NDArray[np.int64]) -> tuple[NDArray[np.int16], tuple[str, ...]]:
    """Codes into the sorted determined words, `other` last."""
    codes, meaning = _physical(values)
    clean = {old: text.strip().lower() for old, text in meaning.items()}
    names = (*sorted(set(clean.values()) - UNDETERMINED - {OTHER}), OTHER)
    position = {name: i for i, name in enumerate(names)}
    table = {old: position.get(text, len(names) - 1) for old, text in clean.items()}
    return _recode(codes, table, null=len(names) - 1, dtype=np.int16)[order], names


def _names(ws: Handle, environment: str, snapshot: Snapshot, unique: NDArray[np.int64]) -> Sequence[str]:
    """Raw ids of ascending person codes; a code whose id is not kept is shown as `#<hex>`."""
    wanted = pl.DataFrame({c.PERSON_CODE: unique})
    known = (
        ws.lake.scan(PERSONS, snapshot.versions)
        .filter(pl.col(c.ENVIRONMENT) == environment)
        .select(c.PERSON_CODE, c.PERSON)
        .unique(c.PERSON_CODE)
        .collect()
    )
    joined = wanted.join(known, on=c.PERSON_CODE, how="left", maintain_order="left")
    missing = pl.col(c.PERSON_CODE).map_elements(lambda code: f"#{code & (2**64 - 1):016x}", pl.String)
    return hot.MappedText(
        joined.select(pl.coalesce(c.PERSON, missing)).to_series().to_arrow().cast(pa.large_string())
        if joined[c.PERSON].null_count()
        else joined[c.PERSON].to_arrow().cast(pa.large_string())
    )
