"""What live runs had seen when they were killed: stored by whoever puts something into the workspace next."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

from dwell_kit.errors import in_words
from dwell_kit.schema import columns as c
from dwell_kit.workspace import journal
from dwell_kit.workspace.handle import Handle
from dwell_kit.workspace.instalments import Instalments, watched_from
from dwell_kit.workspace.sweeping import take_over

_SAID: Final = "a live run was cut off; this is what it had seen since it was stored last"


def recover(ws: Handle) -> list[str]:
    """Store what killed runs have left; what became of each, in words.

    Who was found to be one person is known as far as the run has written it down; looks are lost with it. What
    cannot be stored stays where it is, and is tried again.
    """
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


def _store(ws: Handle, folder: Path) -> str:
    instalments = Instalments.resumed(ws, folder, said=_SAID)
    reports = instalments.store()
    parts = instalments.left()
    names, said = _read(parts)
    if said:
        kept = {name: said["kept"].get(name, name) for name in (*instalments.named, *names)}
        instalments.cut(parts, kept, watched_from(said["watched"]), ())
        reports += instalments.store()
    shutil.rmtree(folder)
    if not reports:
        return "a live run was cut off before it had seen anything"
    stored = ", ".join(f"{str(one.upload_id)[:8]} ({one.accepted} positions)" for one in reports)
    return f"a live run was cut off; what it had seen is stored by now: upload {stored}"


def _read(parts: list[Path]) -> tuple[dict[str, None], dict[str, Any]]:
    """The names in parts of a journal, and what was said last; nothing if nobody had looked."""
    names: dict[str, None] = {}
    said: dict[str, Any] = {}
    for part in parts:
        for record in journal.read(part):
            names.update(dict.fromkeys(record.rows[c.PERSON]))
            kept = {**said.get("kept", {}), **record.said.pop("kept", {})}
            said = {**record.said, "kept": kept}
    return names, said
