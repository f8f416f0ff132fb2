"""A run of tracking, stored in instalments: persons go on from one to the next, and nothing is stored twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Final, Self

from sqlalchemy import Connection

from dwell_kit.ingest.batches import ReadOptions
from dwell_kit.ingest.quality import Report
from dwell_kit.store import links, registry, runs, uploads
from dwell_kit.store.keys import PersonCoder
from dwell_kit.store.links import Member
from dwell_kit.store.raw import hash_file
from dwell_kit.store.statements import Said
from dwell_kit.workspace import journal
from dwell_kit.workspace.handle import Handle
from dwell_kit.workspace.ingesting import Also, Target, ingest
from dwell_kit.workspace.linking import write_down
from dwell_kit.workspace.publishing import Draft, Step, no_step
from dwell_kit.workspace.run_state import State, Stored, Waiting, Watched
from dwell_kit.workspace.track_files import drop_persons, persons_in, to_disk, write_positions
from dwell_kit.workspace.track_runs import WHO

READER: Final = "positions"
_PERSON: Final = "person-{}"


class Instalments:
    """What a run stores, and how far it has come.

    Parameters
    ----------
    folder : of the run and its journal. lasting : if the run is killed, whoever comes next can store what it has
        left (`resumed`). state : how far it has come; None for one that begins.
    """

    def __init__(
        self, ws: Handle, folder: Path, stored: Stored, *, lasting: bool, state: State | None = None
    ) -> None:
        self._ws, self._stored = ws, stored
        self.folder, self.lasting = folder, lasting
        if state is None:
            state = State(begun=ws.now().isoformat())
            self._save(state)
        self._state = state

    @classmethod
    def resumed(cls, ws: Handle, folder: Path, *, said: str) -> Self:
        """Those of a run that was killed; what is stored from now on says so.

        Raises
        ------
        OSError, ValueError, KeyError, TypeError : if what it left cannot be read.
        """
        found = json.loads((folder / journal.STATE).read_text())
        stored = Stored.from_dict(found["stored"])
        if said not in stored.target.said:
            stored = replace(stored, target=replace(stored.target, said=(*stored.target.said, said)))
        waiting = tuple(Waiting.from_dict(one) for one in found["state"]["waiting"])
        return cls(ws, folder, stored, lasting=True, state=State(**{**found["state"], "waiting": waiting}))

    @property
    def named(self) -> Mapping[str, str]:
        """The person id of each name that came in an instalment."""
        return self._state.named

    @property
    def erased(self) -> Collection[str]:
        """The names whose persons were erased while the run went on: their looks are not kept."""
        return self._state.erased

    @property
    def made(self) -> int:
        """How many there are."""
        return self._state.made

    def left(self) -> list[Path]:
        """The parts of the journal that are in no instalment."""
        return [part for part in journal.parts(self.folder) if int(part.stem) >= self._state.parts]

    def cut(self, parts: Sequence[Path], kept: Mapping[str, str], watched: Watched, said: Sequence[str]) -> None:
        """Make an instalment of the next parts of the journal.

        Parameters
        ----------
        kept : whom each name of the run stands for by now. watched, said : as in `Target`.
        """
        state = self._state
        erased = self._erased(state.named.values())
        before = {name: person for name, person in state.named.items() if person not in erased}
        gone = {kept.get(name, name): erased[person] for name, person in state.named.items() if person in erased}
        since = {name: datetime.fromisoformat(at) for name, at in state.erased.items()}
        since |= {name: gone[one] for name, one in kept.items() if one in gone and name not in before}
        named, new, merged = _named(kept, before)
        with self._ws.database.write() as connection:
            run, first = runs.claim(
                connection, self._stored.target.environment, self._stored.target.source, persons=len(new),
                run_hash=self._stored.known_by, now=self._ws.now(),
            )  # fmt: skip
        numbers = {one: _PERSON.format(first + at) for at, one in enumerate(new)}
        named = {name: numbers.get(person, person) for name, person in named.items()}
        folder = self.folder / f"{state.made + 1:06}"
        folder.mkdir(exist_ok=True)
        path = folder / f"{self._stored.title}.tracks.parquet"
        write_positions(path, parts, named, since, mark=f"{self.folder.stem}/{folder.name}")
        if self.lasting:
            to_disk(path)  # the journal's parts go
        with self._ws.database.write() as connection:
            runs.wrote(connection, run, hash_file(path))
        waiting = Waiting(folder=folder.name, watched=watched, said=tuple(said), merged=tuple(merged))
        self._keep(
            replace(
                state,
                named=named,
                parts=state.parts + len(parts),
                made=state.made + 1,
                waiting=(*state.waiting, waiting),
                erased={name: at.isoformat() for name, at in since.items()},
            )
        )
        for part in parts:
            with suppress(OSError):  # it goes with the folder then
                part.unlink()

    def store(self, *, also: Also | None = None, step: Step = no_step) -> Iterator[Report]:
        """Store what is not stored yet, the oldest first; `also` is published with the newest. Their reports."""
        while self._state.waiting:
            first, *others = self._state.waiting
            folder, target = self.folder / first.folder, self._target(first)
            path = folder / f"{self._stored.title}.tracks.parquet"
            with self._ws.database.read() as connection:
                shown = uploads.same_content(
                    connection, target.environment, target.source, hash_file(path), READER, undone=True
                )
            if shown is not None:  # published before that could be written down: as it is, or was undone, it stays
                yield Report.from_dict({**shown["report"], "repeated": True})
            else:
                try:
                    yield self._ingest(path, target, first.merged, None if others else also, step)
                except _ErasedMeanwhileError:
                    continue  # once more, without them
            self._keep(replace(self._state, waiting=tuple(others)))
            shutil.rmtree(folder, ignore_errors=True)

    def _ingest(
        self, path: Path, target: Target, merged: Sequence[tuple[str, str]], also: Also | None, step: Step
    ) -> Report:
        persons = [*persons_in(path), *chain(*merged)]
        erased = self._erased(persons)
        drop_persons(path, erased)
        left = [pair for pair in merged if not erased.keys() & set(pair)]

        def both(draft: Draft, report: Report) -> None:
            if self._erased(persons).keys() - erased.keys():
                raise _ErasedMeanwhileError
            _link(self._ws, target, left, draft)
            if also is not None:
                also(draft, report)

        options = ReadOptions(tz=self._stored.tz, zones=self._stored.zones)
        return ingest(self._ws, path, target=target, options=options, step=step, also=both)

    def _target(self, one: Waiting) -> Target:
        """Where an instalment goes. The environment's time zone is that of its first upload: others say none."""
        target = self._stored.target
        with self._ws.database.read() as connection:
            later = self.made > 1 and uploads.any_processed(connection, target.environment)
        tz, said = None if later else target.tz, (*target.said, *one.said)
        return replace(target, reader=READER, watched=one.watched, said=said, tz=tz)

    def _erased(self, persons: Iterable[str]) -> dict[str, datetime]:
        """Person id → media time at which they were erased, of those who were since the run began: what was seen
        of them before goes too, and who they are afterwards is somebody new.
        """
        environment, source = self._stored.target.environment, self._stored.target.source
        begun = datetime.fromisoformat(self._state.begun)
        with self._ws.database.read() as connection:
            gone = registry.erased_since(connection, environment, begun)
        if not gone:
            return {}
        ahead = self._stored.start - begun  # of the clock, where the run was told when it began
        coder = PersonCoder(self._ws.secret, environment, source)
        codes = {person: coder.code(person) for person in {*persons}}
        return {person: gone[code] + ahead for person, code in codes.items() if code in gone}

    def _keep(self, state: State) -> None:
        """Go on from a state: on disk first, as a whole or not at all."""
        self._save(state)
        self._state = state

    def _save(self, state: State) -> None:
        if not self.lasting:
            return
        said = {**vars(state), "waiting": [one.as_dict() for one in state.waiting]}
        written = self.folder / f"{journal.STATE}.new"
        written.write_text(json.dumps({"stored": self._stored.as_dict(), "state": said}))
        to_disk(written)
        written.replace(self.folder / journal.STATE)


class _ErasedMeanwhileError(Exception):
    """Somebody who is in an instalment was erased while it was on its way."""


def _link(ws: Handle, target: Target, merged: Sequence[tuple[str, str]], draft: Draft) -> None:
    """Have it written down with a snapshot that persons were found to be one."""
    coder = PersonCoder(ws.secret, target.environment, target.source)

    def write(connection: Connection) -> None:
        for pair in merged:
            people = [Member(target.source, person, coder.code(person)) for person in pair]
            said = Said(WHO, ws.now(), "found to be one, by place and time, after the first was stored")
            write_down(
                connection, target.environment, links.MERGE, people, said, snapshot_id=draft.snapshot_id or 0
            )

    draft.finally_do.append(write)


def _named(
    kept: Mapping[str, str], before: Mapping[str, str]
) -> tuple[dict[str, str], list[str], list[tuple[str, str]]]:
    """Name → the person id that it has, or whom it stands for if that person has none yet; these persons in order;
    and pairs of ids that were found to be one: who it is, and who it was.

    >>> _named({"*:1": "*:1", "*:2": "*:1", "*:3": "*:3"}, {"*:1": "person-8", "*:2": "person-9"})
    ({'*:1': 'person-8', '*:2': 'person-8', '*:3': '*:3'}, ['*:3'], [('person-8', 'person-9')])
    """
    people: dict[str, list[str]] = {}
    for name, one in kept.items():
        people.setdefault(one, [one]).append(name)
    named: dict[str, str] = {}
    new, merged = [], []
    for one, names in people.items():
        known = sorted({before[name] for name in names if name in before}, key=_number)
        if not known:
            new.append(one)
        merged += [(known[0], other) for other in known[1:]]
        named |= dict.fromkeys(names, known[0] if known else one)
    return named, new, merged


def _number(person: str) -> int:
    return int(person.rpartition("-")[2])
