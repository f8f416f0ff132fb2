"""Coded columns of a snapshot: mapped from the cache, or made from the log."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from dwell_kit.analytics.coding import ATTRIBUTES
from dwell_kit.analytics.ordering import dominant_words, time_order
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import OPEN_END_BIT, OPEN_START_BIT, Coded
from dwell_kit.schema.demographics import AGE_GROUPS, GENDERS, OTHER, UNDETERMINED, age_code, gender_code
from dwell_kit.store import hot, snapshots, upsert
from dwell_kit.store.codes import code_text
from dwell_kit.store.hot import Words
from dwell_kit.store.lake import PERSONS, SIGHTINGS_LOG, SUPERSEDED
from dwell_kit.store.snapshots import Snapshot
from dwell_kit.workspace.handle import Handle
from dwell_kit.workspace.identity import Identities, findable, identities

_LOADING: Final = threading.RLock()
_KEEP = 2
_TRIES = 4
_MADE_OF = (SIGHTINGS_LOG.name, SUPERSEDED.name, PERSONS.name)
"""The tables that coded columns are made of."""
_PASS_ROWS = 1_500_000
"""Sightings sorted in memory at a time: more are cut by ranges of person codes, so that memory stays flat."""


@dataclass(frozen=True)
class _Loaded:
    """Coded columns in use, and the codes of their persons."""

    coded: Coded
    codes: NDArray[np.int64]


def coded_columns(ws: Handle, environment: str, snapshot: Snapshot) -> Coded:
    """The sightings of one environment in one snapshot, as coded columns."""
    return _loaded(ws, environment, snapshot).coded


def person_codes(ws: Handle, environment: str, snapshot: Snapshot) -> NDArray[np.int64]:
    """(p,) codes in the order of `Coded.persons`, ascending."""
    return _loaded(ws, environment, snapshot).codes


def _loaded(ws: Handle, environment: str, snapshot: Snapshot) -> _Loaded:
    key = (environment, snapshot.id)
    found: _Loaded | None = ws.loaded.get(key)
    if found is not None:
        return found
    with _LOADING:  # a page asks for many figures at once; the columns are made once
        found = ws.loaded.get(key)
        if found is None:
            coded, codes = _made(ws, environment, snapshot)
            for old in list(ws.loaded)[: max(0, len(ws.loaded) - _KEEP + 1)]:
                del ws.loaded[old]
            found = _Loaded(findable(coded, codes, identities(ws, environment, snapshot)), codes)
            ws.loaded[key] = found
    return found


def _made(ws: Handle, environment: str, snapshot: Snapshot) -> tuple[Coded, NDArray[np.int64]]:
    """The columns from the cache; made if they are not there, or if another process removes them meanwhile."""
    where = hot.folder(ws.layout.hot, environment, snapshot.id)
    for _ in range(_TRIES):
        if (found := hot.load(where)) is not None:
            using = {number for name, number in ws.loaded if name == environment} | {snapshot.id}
            hot.prune(ws.layout.hot, environment, keep=_KEEP, using=using)
            return found
        hot.discard(where)
        if not _carried_over(ws, environment, snapshot, where):
            _build(ws, environment, snapshot, where)
    raise RuntimeError(f"coded columns at {where} vanished while they were made")


def starts_by_quarter(ws: Handle, environment: str, snapshot: Snapshot) -> pl.DataFrame:
    """camera_id, quarter (of hours, since 1970 UTC), sightings that start in it; those that name a camera."""
    coded = coded_columns(ws, environment, snapshot)
    kept = hot.quarters(hot.folder(ws.layout.hot, environment, snapshot.id))
    if kept is not None:
        return kept
    words = pl.Series([*coded.cameras, None], dtype=pl.String)  # -1 picks the last
    return _by_quarter(pl.DataFrame({c.CAMERA: words.gather(coded.camera % len(words)), c.STARTED: coded.start}))


def _by_quarter(rows: pl.DataFrame) -> pl.DataFrame:
    quarter = (pl.col(c.STARTED) // hot.QUARTER_US).alias(hot.QUARTER)
    named = rows.lazy().filter(pl.col(c.CAMERA).is_not_null()).group_by(c.CAMERA, quarter)
    return (
        named.agg(pl.len().cast(pl.Int64).alias(c.N_SIGHTINGS))
        .with_columns(pl.col(c.CAMERA).cast(pl.String))
        .collect()
    )


def _carried_over(ws: Handle, environment: str, snapshot: Snapshot, where: Path) -> bool:
    """Whether the columns of another snapshot with the same sightings and links could be taken over."""
    who = identities(ws, environment, snapshot)
    for number in hot.made(ws.layout.hot, environment):
        with ws.database.read() as connection:
            other = snapshots.kept(connection, number)
        if other is None or any(other.versions.get(t) != snapshot.versions.get(t) for t in _MADE_OF):
            continue
        if identities(ws, environment, other).links == who.links:
            return hot.carry_over(hot.folder(ws.layout.hot, environment, number), where)
    return False


@dataclass
class _Vocabulary:
    cameras: Words = field(default_factory=Words)
    zones: Words = field(default_factory=Words)
    attributes: dict[str, Words] = field(default_factory=lambda: {name: Words() for name in ATTRIBUTES})
    quarters: list[pl.DataFrame] = field(default_factory=list)


def _build(ws: Handle, environment: str, snapshot: Snapshot, where: Path) -> None:
    who = identities(ws, environment, snapshot)
    rows = upsert.current(ws.lake, SIGHTINGS_LOG, snapshot.versions, environment=environment)
    rows = who.apply(rows, c.STARTED)
    ids = known_ids(ws, who, snapshot)
    vocabulary = _Vocabulary()
    total = ws.lake.count(SIGHTINGS_LOG, snapshot.versions)
    with hot.Writer(where) as writer:
        for part in _parts(total):
            _write_part(writer, _columns(rows.filter(part)), ids.filter(part), vocabulary)
        _write_anonymous(writer, _columns(rows.filter(pl.col(c.PERSON_CODE).is_null())), vocabulary)
        starts = pl.concat(vocabulary.quarters).group_by(c.CAMERA, hot.QUARTER).agg(pl.col(c.N_SIGHTINGS).sum())
        writer.close(
            cameras=vocabulary.cameras,
            zones=vocabulary.zones,
            attributes=vocabulary.attributes,
            other=OTHER,
            quarters=starts.sort(c.CAMERA, hot.QUARTER),
        )


def known_ids(ws: Handle, who: Identities, snapshot: Snapshot) -> pl.LazyFrame:
    """person_code, person_id as an environment's exports and splits name them."""
    here = pl.col(c.ENVIRONMENT) == who.environment
    return who.named(ws.lake.scan(PERSONS, snapshot.versions).filter(here).select(c.PERSON_CODE, c.PERSON))


def _parts(total: int) -> Iterator[pl.Expr]:
    """Ranges of person codes, ascending; codes are hashes, so equal ranges hold about equally many rows."""
    code = pl.col(c.PERSON_CODE)
    passes = -(-max(total, 1) // _PASS_ROWS)
    edges = [-(2**63) + 2**64 * i // passes for i in range(passes)]
    for first, last in zip(edges, [*edges[1:], None], strict=True):
        inside = code.is_not_null() & (code >= first)
        yield inside if last is None else inside & (code < last)


def _columns(rows: pl.LazyFrame) -> pl.DataFrame:
    words = (c.CAMERA, c.ZONE, c.AGE_GROUP, c.GENDER, *ATTRIBUTES)
    flags = pl.col(c.OPEN_START) * OPEN_START_BIT + pl.col(c.OPEN_END) * OPEN_END_BIT
    return rows.select(
        pl.col(c.PERSON_CODE),
        pl.col(c.STARTED, c.ENDED).to_physical(),
        *[pl.col(name).cast(pl.Categorical) for name in words],
        flags.cast(pl.UInt8).alias("flags"),
    ).collect(engine="streaming")


def _write_part(writer: hot.Writer, rows: pl.DataFrame, ids: pl.LazyFrame, vocabulary: _Vocabulary) -> None:
    vocabulary.quarters.append(_by_quarter(rows))
    codes = rows[c.PERSON_CODE].unique().sort()
    person = (rows[c.PERSON_CODE].rank("dense").cast(pl.Int64) - 1).to_numpy().astype(np.int32)
    start, end = rows[c.STARTED].to_numpy(), rows[c.ENDED].to_numpy()
    order, offsets = time_order(person, start, end, len(codes))
    start, end = start[order], end[order]
    age = _recoded(rows[c.AGE_GROUP], age_code)[order]
    gender = _recoded(rows[c.GENDER], gender_code)[order]
    writer.persons(
        codes.to_numpy(),
        np.diff(offsets),
        _names(codes, ids),
        person_age=dominant_words(age, start, end, offsets, len(AGE_GROUPS)),
        person_gender=dominant_words(gender, start, end, offsets, len(GENDERS)),
    )
    for name, words in vocabulary.attributes.items():
        said = _recoded(rows[name], _determined(words))[order]
        found = dominant_words(said, start, end, offsets, len(words) + 1)
        writer.attribute(name, np.where(found == len(words), -1, found))
    writer.rows(
        person=person[order] + np.int32(writer.n_persons - len(codes)),
        camera=_recoded(rows[c.CAMERA], _place(vocabulary.cameras))[order],
        zone=_recoded(rows[c.ZONE], _place(vocabulary.zones))[order],
        start=start,
        end=end,
        flags=rows["flags"].to_numpy()[order],
        age=age,
        gender=gender,
    )


def _write_anonymous(writer: hot.Writer, rows: pl.DataFrame, vocabulary: _Vocabulary) -> None:
    vocabulary.quarters.append(_by_quarter(rows))
    rows = rows.sort(c.STARTED, c.ENDED)
    writer.rows(
        person=np.full(rows.height, -1),
        camera=_recoded(rows[c.CAMERA], _place(vocabulary.cameras)),
        zone=_recoded(rows[c.ZONE], _place(vocabulary.zones)),
        start=rows[c.STARTED].to_numpy(),
        end=rows[c.ENDED].to_numpy(),
        flags=rows["flags"].to_numpy(),
        age=_recoded(rows[c.AGE_GROUP], age_code),
        gender=_recoded(rows[c.GENDER], gender_code),
    )


def _recoded(values: pl.Series, code_of: Callable[[str | None], int]) -> NDArray[np.int16]:
    """(n,) `code_of` of each text, asked once per distinct one."""
    distinct = values.unique().drop_nulls()
    physical = values.to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
    old = distinct.to_physical().to_list()
    table = np.full(max(old, default=-1) + 2, code_of(None), np.int16)  # -1 picks the last entry
    for position, text in zip(old, distinct.cast(pl.String).to_list(), strict=True):
        table[position] = code_of(text)
    return table[physical]


def _place(words: Words) -> Callable[[str | None], int]:
    return lambda text: -1 if text is None else words.number(text)


def _determined(words: Words) -> Callable[[str | None], int]:
    def code_of(text: str | None) -> int:
        clean = (text or "").strip().lower()
        return -1 if clean in UNDETERMINED or clean == OTHER else words.number(clean)

    return code_of


def _names(codes: pl.Series, ids: pl.LazyFrame) -> pa.Array:
    """Raw ids of person codes; a code whose id is not kept is shown as `#<hex>`."""
    known = ids.unique(c.PERSON_CODE).collect()
    joined = codes.to_frame().join(known, on=c.PERSON_CODE, how="left", maintain_order="left")
    names = joined[c.PERSON]
    if names.null_count():
        shown = [f"#{code_text(code)}" for code in codes.to_list()]
        names = pl.select(pl.coalesce(names, pl.Series(shown))).to_series()
    return names.rechunk().to_arrow()
