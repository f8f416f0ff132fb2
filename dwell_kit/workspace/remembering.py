"""The looks that runs of tracking leave in a workspace: a private gallery for each upload that brought some.

An upload's gallery is written before its snapshot, and again only to erase somebody. So it counts from the moment
from which the upload does: a run that is killed leaves one that no snapshot shows, and two runs at once write two.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from dwell_kit.errors import FormatError, NotFoundError
from dwell_kit.schema.time import US, to_us
from dwell_kit.store import snapshots
from dwell_kit.vision.gallery_files import About, Entries, read_gallery, write_gallery
from dwell_kit.workspace.handle import Handle

_DAY_US: Final = 86_400.0 * US
_UNREADABLE: Final = (FormatError, NotFoundError)
"""What a gallery raises that is damaged, or that a killed run had only begun to write."""


def galleries(ws: Handle, environment: str = "*") -> list[Path]:
    """The folders of the galleries that there are, each named after its upload."""
    return sorted(path for path in ws.layout.looks.glob(f"{environment}/*") if path.is_dir())


def shown(ws: Handle, environment: str = "*") -> list[Path]:
    """Those of uploads that the newest snapshot shows."""
    with ws.database.read() as connection:
        there = snapshots.uploads_in(connection, snapshots.latest(connection).id)
    return [path for path in galleries(ws, environment) if path.name in there]


def remember(ws: Handle, upload_id: str, about: About, entries: Entries) -> None:
    """Keep the looks of an upload."""
    place = ws.layout.looks / about.environment
    for folder in (ws.layout.looks, place):
        folder.mkdir(mode=0o700, exist_ok=True)
    write_gallery(place / upload_id, about, entries)


def drop(ws: Handle, environment: str, upload_id: str) -> None:
    """Remove the looks of an upload, if it brought some."""
    shutil.rmtree(ws.layout.looks / environment / upload_id, ignore_errors=True)


def expire(ws: Handle, environment: str, now: datetime) -> int:
    """Remove the galleries whose newest look is older than looks are kept; returns how many looks went."""
    removed = 0
    for folder, entries in _readable(galleries(ws, environment)):
        if entries.seen_us.max() < kept_since_us(ws, now):
            shutil.rmtree(folder, ignore_errors=True)
            removed += len(entries)
    return removed


def kept_since_us(ws: Handle, now: datetime) -> float:
    """Media time, µs UTC, from which on looks are kept."""
    return to_us(now) - ws.settings.looks_days * _DAY_US


def forget(ws: Handle, environment: str, codes: Collection[int], uploads: Collection[str] | None = None) -> int:
    """Erase the looks of persons, in all galleries or in those of some uploads; returns how many went.

    A gallery that cannot be read goes as a whole: nobody can say who is in it.
    """
    removed = 0
    for folder in _among(galleries(ws, environment), uploads):
        try:
            about, entries = read_gallery(folder)
        except _UNREADABLE:
            shutil.rmtree(folder)
            continue
        stay = ~np.isin(entries.persons, list(codes))
        if not stay.all():
            removed += int((~stay).sum())
            if stay.any():
                write_gallery(folder, about, entries[stay])
            else:
                shutil.rmtree(folder)
    return removed


def count(ws: Handle, environment: str, codes: Collection[int], uploads: Collection[str] | None = None) -> int:
    """How many looks of persons are on disk."""
    folders = _among(galleries(ws, environment), uploads)
    return sum(int(np.isin(entries.persons, list(codes)).sum()) for _, entries in _readable(folders))


def check(ws: Handle) -> tuple[bool, str]:
    """Whether every gallery that counts can be read, and any by its owner alone; and that in words."""
    there = shown(ws)
    looks = {folder: len(entries) for folder, entries in _readable(there)}
    damaged = [folder.name[:8] for folder in there if folder not in looks]
    open_to_others = any(path.stat().st_mode & 0o077 for path in ws.layout.looks.rglob("*"))
    said = f"{sum(looks.values())} looks of {len(there)} uploads"
    said += f", damaged: uploads {', '.join(damaged)}" if damaged else ""
    said += ", others on this machine can read them" if open_to_others else ""
    return not damaged and not open_to_others, said


def _among(folders: list[Path], uploads: Collection[str] | None) -> list[Path]:
    return [folder for folder in folders if uploads is None or folder.name in uploads]


def _readable(folders: list[Path]) -> Iterator[tuple[Path, Entries]]:
    for folder in folders:
        try:
            yield folder, read_gallery(folder)[1]
        except _UNREADABLE:
            continue
