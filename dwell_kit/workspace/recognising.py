"""Who of a run was seen before, by looks: decided and written down as links in the snapshot that shows the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

import numpy as np
import polars as pl
from sqlalchemy import Connection

from dwell_kit.ingest.quality import Report
from dwell_kit.schema import columns as c
from dwell_kit.schema.time import US, to_us
from dwell_kit.store import links, registry, uploads
from dwell_kit.store.keys import PersonCoder
from dwell_kit.store.lake import PERSONS
from dwell_kit.store.lease import publish_lease
from dwell_kit.store.links import Member
from dwell_kit.store.statements import Said
from dwell_kit.vision.gallery_files import About, read_about
from dwell_kit.workspace.handle import Handle
from dwell_kit.workspace.identity import identities
from dwell_kit.workspace.ingesting import Target
from dwell_kit.workspace.linking import write_down
from dwell_kit.workspace.publishing import Draft
from dwell_kit.workspace.remembering import expire, kept_since_us, remember, shown
from dwell_kit.workspace.track_runs import WHO, Run, rules_of, said_by

if TYPE_CHECKING:
    from dwell_kit.vision.gallery import Gallery
    from dwell_kit.vision.portraits import Portrait
    from dwell_kit.vision.recognise import Likeness


@dataclass(frozen=True, eq=False)
class _Known:
    """Looks of earlier runs, the uploads that they came with, and how many could not be compared."""

    gallery: Gallery
    upload_of: Mapping[int, str]
    others: int


@dataclass(eq=False)
class Recognition:
    """What one run does with looks. `ingest` calls it under the lease, before the snapshot row.

    Parameters
    ----------
    about : what the run's looks are of and by. start : instant of media time 0.
    """

    ws: Handle
    target: Target
    start: datetime
    about: About
    _portraits: Sequence[Portrait] = ()
    _alike: Sequence[tuple[str, str, float]] = ()
    _named: Mapping[str, str] = field(default_factory=dict)
    _linked: set[tuple[int, int]] = field(default_factory=set)
    _began: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.ws.now()

    @classmethod
    def of(cls, ws: Handle, run: Run, target: Target, *, start: datetime, size: int) -> Self:
        """What a run with an embedder does; looked at before hours of video: whether galleries can be read.

        Raises
        ------
        FormatError : if one is damaged.
        """
        about = About(
            environment=target.environment,
            embedder=run.embedder or "",
            weights=said_by(run.embedder_weights) or "",
            size=size,
            threshold=rules_of(run).association.look_threshold,
        )
        made = cls(ws, target, start, about)
        with publish_lease(ws.layout.root, ws.database, timeout_s=ws.settings.lease_timeout_s):
            made._recall()
        return made

    def see(
        self, portraits: Sequence[Portrait], alike: Sequence[tuple[str, str, float]], named: Mapping[str, str]
    ) -> None:
        """What the run found; `named` gives the person id of each name, `alike` the pairs that it has decided."""
        self._portraits, self._alike, self._named = portraits, alike, named

    def __call__(self, draft: Draft, report: Report) -> None:
        """Decide who was seen before, keep the looks for the next run, have links written with the snapshot."""
        from dwell_kit.vision.recognise import recognise

        self._forget()
        known, fresh = self._recall(), self._fresh()
        joined = identities(self.ws, self.target.environment, self.ws.snapshot()).joined
        found = self._decided()
        if self.ws.settings.looks_days > 0:
            found = recognise(known.gallery, fresh, joined=joined, alike=found)
            if len(fresh):
                remember(self.ws, str(report.upload_id), self.about, fresh.entries)
        draft.afterwards.append(lambda: expire(self.ws, self.target.environment, self._now()))
        members = self._members(draft, {code for one in found for code in (one.earlier, one.later)})
        found = [one for one in found if set(one.pair) <= members.keys() and one.pair not in self._linked]
        draft.finally_do.append(lambda connection: self._link(connection, draft, report, known, found, members))
        draft.afterwards.append(lambda: self._linked.update(one.pair for one in found))
        report.notes += _notes(len(found), known.others)

    def _forget(self) -> None:
        """Whoever was erased since the run began has no look any more."""
        with self.ws.database.read() as connection:
            gone = registry.erased_since(connection, self.target.environment, self._began)
        self._named = {name: one for name, one in self._named.items() if not gone or self._code(name) not in gone}

    def _now(self) -> datetime:
        """The newest sight of anybody: a live run goes on for days."""
        return self.start + timedelta(seconds=max((one.last_s for one in self._portraits), default=0.0))

    def _code(self, name: str) -> int:
        coder = PersonCoder(self.ws.secret, self.target.environment, self.target.source)
        return coder.code(self._named[name])

    def _recall(self) -> _Known:
        """The looks that can be compared with the run's and have not expired."""
        from dwell_kit.vision.gallery import Gallery

        folders = {folder: read_about(folder) for folder in shown(self.ws, self.target.environment)}
        mine = {folder.name: Gallery.load(folder) for folder, a in folders.items() if a.comparable(self.about)}
        gallery = Gallery(**vars(self.about))
        gallery.absorb(*mine.values())
        gallery.expire(kept_since_us(self.ws, self._now()))
        gallery.erase(self._split())
        upload_of = {int(person): name for name, one in mine.items() for person in one.persons()}
        return _Known(gallery, upload_of, len(folders) - len(mine))

    def _split(self) -> set[int]:
        """Persons who were split: of which part a look is nobody knows."""
        found = identities(self.ws, self.target.environment, self.ws.snapshot()).splits
        return {member.code for split in found for member in split.members}

    def _fresh(self) -> Gallery:
        from dwell_kit.vision.gallery import Gallery

        gallery = Gallery(**vars(self.about))
        seen = [one for one in self._portraits if one.person in self._named]
        if seen:
            since, until = (
                to_us(self.start) + np.round(np.array(at) * US).astype(np.int64)
                for at in ([one.first_s for one in seen], [one.last_s for one in seen])
            )
            codes = np.array([self._code(one.person) for one in seen], np.int64)
            gallery.add(np.array([one.look for one in seen]), codes, until, since_us=since)
        return gallery

    def _decided(self) -> list[Likeness]:
        from dwell_kit.vision.recognise import Likeness

        return [
            Likeness(earlier=self._code(a), later=self._code(b), cosine=cosine)
            for a, b, cosine in self._alike
            if a in self._named and b in self._named
        ]

    def _members(self, draft: Draft, codes: set[int]) -> dict[int, Member]:
        """Persons as their sources know them."""
        rows = self.ws.lake.scan(PERSONS, draft.versions).filter(
            pl.col(c.ENVIRONMENT) == self.target.environment, pl.col(c.PERSON_CODE).is_in(list(codes))
        )
        named = rows.select(c.SOURCE, c.PERSON, c.PERSON_CODE).unique().collect()
        return {code: Member(source, person, code) for source, person, code in named.iter_rows()}

    def _link(
        self,
        connection: Connection,
        draft: Draft,
        report: Report,
        known: _Known,
        found: Sequence[Likeness],
        members: Mapping[int, Member],
    ) -> None:
        number = uploads.numbers(connection, self.target.environment)
        mine = str(report.upload_id)
        for one in found:
            before = number[known.upload_of.get(one.earlier, mine)]
            seen = f"uploads {before} and {number[mine]}" if before != number[mine] else f"upload {before}"
            reason = f"they look alike: cosine {one.cosine:.2f} by {self.about.embedder}, in {seen}"
            write_down(
                connection, self.target.environment, links.MERGE, (members[one.earlier], members[one.later]),
                Said(WHO, self.ws.now(), reason), snapshot_id=draft.snapshot_id or 0,
            )  # fmt: skip


def _notes(found: int, others: int) -> list[str]:
    said = []
    if found:
        said.append(f"known again by their look: {found}; `dwell links` says who, `dwell unlink` takes it back")
    if others:
        said.append(
            f"looks of {others} uploads were taken by another embedder or with other weights, and not compared"
        )
    return said
