"""Who is one person: codes as the log has them → codes as links in force say; raw ids → codes of any source."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dwell_kit.analytics.coding import taken
from dwell_kit.schema import columns as c
from dwell_kit.schema.coded import Coded
from dwell_kit.store import links, uploads
from dwell_kit.store.keys import PersonCoder
from dwell_kit.store.links import MERGE, SPLIT, SPLIT_SOURCE, Link
from dwell_kit.store.snapshots import Snapshot
from dwell_kit.workspace.handle import Handle

_KEEP = 8
_UNNAMED = "#"
"""Before the code of a person whose id is not kept."""


@dataclass(frozen=True)
class Identities:
    """The links of one environment in force in one snapshot, and how its raw ids become codes."""

    environment: str
    secret: bytes
    sources: tuple[str, ...]
    links: tuple[Link, ...]

    @property
    def splits(self) -> tuple[Link, ...]:
        return tuple(link for link in self.links if link.kind == SPLIT)

    @cached_property
    def joined(self) -> dict[int, int]:
        """Code → code of the person who stands for all: the first that the oldest of their links names."""
        return _joined([m.code for m in link.members] for link in self.links if link.kind == MERGE)

    def split_code(self, name: str) -> int:
        """The code of the identity that a split calls `name`."""
        return PersonCoder(self.secret, self.environment, SPLIT_SOURCE).code(name)

    def apply(self, rows: pl.LazyFrame, start: str) -> pl.LazyFrame:
        """Rows with their `person_code` as the links in force say; those of a split are told by their `start`."""
        rows = self.only_split(rows, start)
        if not self.joined:
            return rows
        return rows.with_columns(pl.col(c.PERSON_CODE).replace(list(self.joined), list(self.joined.values())))

    def only_split(self, rows: pl.LazyFrame, start: str) -> pl.LazyFrame:
        """Rows with their `person_code` as the splits in force say, the oldest first."""
        code = pl.col(c.PERSON_CODE)
        for split in self.splits:
            fresh = pl.lit(self.split_code(split.name or ""), pl.Int64)
            rows = rows.with_columns(
                pl.when(chosen(split, start)).then(fresh).otherwise(code).alias(c.PERSON_CODE)
            )
        return rows

    def canonical(self, codes: Iterable[int]) -> list[int]:
        """Codes of the persons who stand for those given."""
        return [self.joined.get(code, code) for code in codes]

    def named(self, ids: pl.LazyFrame) -> pl.LazyFrame:
        """person_code, person_id of the log, and of the identities that splits made."""
        if not self.splits:
            return ids
        names = [split.name or "" for split in self.splits]
        made = pl.DataFrame(
            {c.PERSON_CODE: [self.split_code(name) for name in names], c.PERSON: names},
            schema={c.PERSON_CODE: pl.Int64, c.PERSON: pl.String},
        )
        return pl.concat([ids, made.lazy()])

    def codes_of(self, ids: Collection[str]) -> NDArray[np.int64]:
        """Codes of the persons who stand for raw ids, whatever source these come from; none twice."""
        coders = [PersonCoder(self.secret, self.environment, source) for source in self.sources]
        names = {split.name for split in self.splits}
        found = [coder.code(person) for coder in coders for person in ids]
        found += [self.split_code(person) for person in ids if person in names]
        found += [code for person in ids if (code := _unnamed(person)) is not None]
        return np.unique(np.array(self.canonical(found), np.int64))


def identities(ws: Handle, environment: str, snapshot: Snapshot) -> Identities:
    """The identities of an environment as a snapshot knows them."""
    key = (environment, snapshot.id)
    if key not in ws.identities:
        with ws.database.read() as connection:
            found = Identities(
                environment,
                ws.secret,
                tuple(uploads.sources(connection, environment)),
                tuple(links.standing(connection, environment, snapshot.id)),
            )
        for old in list(ws.identities)[: max(0, len(ws.identities) - _KEEP + 1)]:
            ws.identities.pop(old, None)
        ws.identities[key] = found
    return ws.identities[key]


def chosen(split: Link, start: str) -> pl.Expr:
    """True for the rows that a split takes away: its person's, at its camera, starting in its time."""
    mine = pl.col(c.PERSON_CODE).is_in([m.code for m in split.members])
    if split.camera is not None:
        mine &= pl.col(c.CAMERA) == split.camera
    if split.since is not None:
        mine &= pl.col(start) >= split.since
    if split.until is not None:
        mine &= pl.col(start) < split.until
    return mine.fill_null(value=False)


class Known(Sequence[str]):
    """The ids of coded persons, which finds a person by any id that is theirs, without a scan."""

    def __init__(self, shown: Sequence[str], codes: NDArray[np.int64], who: Identities) -> None:
        self._shown = shown
        self._codes = codes
        self._who = who

    def __len__(self) -> int:
        return len(self._shown)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._shown[index]

    def taken(self, indexes: NDArray[np.int64]) -> pl.Series:
        """Many of them at once."""
        return taken(self._shown, indexes)

    def __iter__(self) -> Iterator[str]:
        return iter(self._shown)

    def positions(self, ids: Collection[str]) -> NDArray[np.int64]:
        """Indexes of the persons whom raw ids mean; unknown ids mean nobody."""
        wanted = self._who.codes_of(ids)
        if not len(wanted) or not len(self._codes):
            return np.empty(0, np.int64)
        at = np.minimum(np.searchsorted(self._codes, wanted), len(self._codes) - 1)
        return np.unique(at[self._codes[at] == wanted])


def findable(coded: Coded, codes: NDArray[np.int64], who: Identities) -> Coded:
    """Coded columns whose persons are found by any of their ids; `codes` (p,) are theirs, ascending."""
    return replace(coded, persons=Known(coded.persons, codes, who))


def _joined(groups: Iterable[Sequence[int]]) -> dict[int, int]:
    parent: dict[int, int] = {}
    age: dict[int, int] = {}

    def root(code: int) -> int:
        while parent[code] != code:
            code = parent[code]
        return code

    for group in groups:
        for code in group:
            parent.setdefault(code, code)
            age.setdefault(code, len(age))
        roots = {root(code) for code in group}
        eldest = min(roots, key=age.__getitem__)
        parent.update(dict.fromkeys(roots, eldest))
    return {code: root(code) for code in parent if root(code) != code}


def _unnamed(shown: str) -> int | None:
    """The code behind `#<hex>`."""
    try:
        code = int(shown[1:], 16) if shown.startswith(_UNNAMED) and len(shown) == 17 else None
    except ValueError:
        return None
    return code if code is None or code < 2**63 else code - 2**64
