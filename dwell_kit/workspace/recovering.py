"""What live runs had seen when they were killed: stored by whoever puts something into the workspace next."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dwell_kit.errors import WorkspaceError, in_words
from dwell_kit.schema import columns as c
from dwell_kit.workspace import journal
from dwell_kit.workspace.handle import Handle
from dwell_kit.workspace.instalments import Instalments
from dwell_kit.workspace.run_state import Watched, watched_from
from dwell_kit.workspace.sweeping import take_over

_SAID: Final = "a live run was cut off; this is what it had seen since it was stored last"


def recover(ws: Handle) -> list[str]:
    """Store what killed runs have left; what became of each, in words.

    Who was found to be one person is known as far as the run has written it down; looks are lost with it. What
    cannot be stored stays where it is, and is tried again.
    """
    ws.writable()
    said = []
    with take_over(ws) as folders:
        for folder in folders:
            try:
                said.append(_store(ws, folder))
            except Exception as error:  # noqa: BLE001  # nobody's own work waits for what somebody else has left
                said.append(
                    f"a live run was cut off, and what it left in {folder} is not stored: {in_words(error)}"
                )
    return said


def insist(ws: Handle) -> None:
    """The same, where nothing may be left behind.

    Raises
    ------
    WorkspaceError : if something cannot be stored.
    """
    recover(ws)
    with take_over(ws) as folders:
        if folders:
            raise WorkspaceError(
                "what a killed live run has left cannot be stored, and nobody can say whom it names",
                where=", ".join(map(str, folders)),
                hint="`dwell ingest` of any file says why; remove the folder if it is of no use",
            )


def _store(ws: Handle, folder: Path) -> str:
    instalments = Instalments.resumed(ws, folder, said=_SAID)
    reports = list(instalments.store())
    parts = instalments.left()
    left = _read(parts)
    if left.watched is not None:
        kept = left.kept(instalments.named)
        instalments.cut(parts, kept, left.watched, ())
        reports += list(instalments.store())
    shutil.rmtree(folder)
    if not reports:
        return "a live run was cut off before it had seen anything"
    stored = ", ".join(f"{str(one.upload_id)[:8]} ({one.accepted} positions)" for one in reports)
    return f"a live run was cut off; what it had seen is stored by now: upload {stored}"


@dataclass
class _Left:
    """What the journal has beyond the last instalment: who was seen, who was found to be one, when was watched."""

    names: dict[str, None] = field(default_factory=dict)
    merged: list[tuple[str, str]] = field(default_factory=list)
    watched: Watched | None = None

    def kept(self, before: Iterable[str]) -> dict[str, str]:
        """Whom each name stands for, of those before too."""
        root: dict[str, str] = {}

        def stands_for(name: str) -> str:
            while name in root:
                name = root[name]
            return name

        for kept, other in self.merged:
            a, b = stands_for(kept), stands_for(other)
            if a != b:
                root[b] = a
        return {name: stands_for(name) for name in (*before, *self.names)}


def _read(parts: list[Path]) -> _Left:
    left = _Left()
    for part in parts:
        for record in journal.read(part):
            left.names.update(dict.fromkeys(record.rows[c.PERSON]))
            left.merged += [(kept, other) for kept, other in record.said["merged"]]
            left.watched = watched_from(record.said["watched"])
    return left
