"""The handle of a workspace: a folder, its database, and the snapshot that it looks at."""

from __future__ import annotations

import getpass
import json
import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from dwell_kit.errors import NotFoundError, WorkspaceError
from dwell_kit.schema.coverage import Coverage
from dwell_kit.settings import Settings
from dwell_kit.store import snapshots
from dwell_kit.store.database import Database
from dwell_kit.store.lake import Lake
from dwell_kit.store.snapshots import Snapshot

FORMAT: Final = 1
_MARK: Final = "workspace.json"
_NOT_IN_PATHS: Final = frozenset("%*?[")


@dataclass(frozen=True)
class Layout:
    """Where things lie in a workspace folder."""

    root: Path

    @property
    def lake(self) -> Path:
        return self.root / "lake"

    @property
    def payload(self) -> Path:
        return self.root / "payload"

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    @property
    def hot(self) -> Path:
        return self.root / "hot"

    @property
    def looks(self) -> Path:
        return self.root / "looks"

    @property
    def temporary(self) -> Path:
        return self.root / "tmp"

    @property
    def key(self) -> Path:
        return self.root / "person.key"

    @property
    def mark(self) -> Path:
        return self.root / _MARK


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Handle:
    """What the verbs of this room take. `pinned` is the snapshot asked for; None follows the newest."""

    layout: Layout
    database: Database
    settings: Settings
    secret: bytes
    pinned: Snapshot | None = None
    now: Callable[[], datetime] = _utc_now
    loaded: dict[tuple[str, int], Any] = field(default_factory=dict)
    """Coded columns in use, by (environment, snapshot id); the newest few."""
    coverages: dict[tuple[str, int], Coverage] = field(default_factory=dict)
    """Coverage in use, by the same."""
    identities: dict[tuple[str, int], Any] = field(default_factory=dict)
    """Links in force, by the same."""
    hours: dict[tuple[str, int, str], Any] = field(default_factory=dict)
    """Coverage by hour, by (environment, snapshot id, time zone)."""
    compared: dict[Any, Any] = field(default_factory=dict)
    """Key figures that were asked for last, see `comparing.compare`."""

    @property
    def lake(self) -> Lake:
        return Lake(self.layout.lake)

    def snapshot(self) -> Snapshot:
        """The pinned snapshot, else the newest."""
        if self.pinned is not None:
            return self.pinned
        with self.database.read() as connection:
            return snapshots.latest(connection)

    def writable(self) -> None:
        """Raises WorkspaceError if the handle is pinned to an old version."""
        if self.pinned is not None:
            raise WorkspaceError(
                f"version {self.pinned.id} is open for reading only",
                hint="open the workspace without version= or as_of= to change it",
            )


def open_handle(
    path: str | os.PathLike[str],
    *,
    create: bool,
    settings: Settings,
    now: Callable[[], datetime] = _utc_now,
) -> Handle:
    """Open (or make) the workspace folder at `path`.

    Raises
    ------
    NotFoundError : if there is none, and none is to be made.
    WorkspaceError : if the folder is not a workspace, cannot be written, is of a newer format, or has a path that
    would be misread.
    """
    layout = Layout(Path(path).expanduser().absolute())
    _check_name(layout.root)
    if not layout.mark.exists():
        _make(layout, create=create)
    try:
        mark = json.loads(layout.mark.read_text())
    except (OSError, ValueError) as error:
        raise WorkspaceError(
            "the workspace's mark cannot be read", where=str(layout.mark), found=str(error)
        ) from error
    if mark.get("format") != FORMAT:
        raise WorkspaceError(
            "this workspace has another format",
            where=str(layout.mark),
            expected=f"format {FORMAT}",
            found=f"format {mark.get('format')}",
            hint="use the dwell_kit that wrote it, or a newer one",
        )
    file = layout.root / "state.db"
    database = Database(settings.database_url) if settings.database_url else Database.in_file(file)
    database.migrate()
    return Handle(layout, database, settings, layout.key.read_bytes(), now=now)


def _check_name(root: Path) -> None:
    """Refuse a path that those who read the files would take for a pattern (Polars) or an address (deltalake)."""
    found = sorted(set(str(root)) & _NOT_IN_PATHS)
    if found:
        raise WorkspaceError(
            "a workspace cannot be in a folder of this name",
            where=str(root),
            expected=f"a path without {' '.join(sorted(_NOT_IN_PATHS))}",
            found=" ".join(found),
            hint="choose another folder; spaces and letters of any language are fine",
        )


def _make(layout: Layout, *, create: bool) -> None:
    root = layout.root
    if not create:
        raise NotFoundError(f"there is no workspace at {root}", hint="`dwell ingest` or dk.open(path) makes one")
    if root.exists() and not root.is_dir():
        raise WorkspaceError("a workspace is a folder, and a file is in its place", where=str(root))
    strangers = [p.name for p in root.iterdir() if not _ours(p.name)] if root.is_dir() else []
    if strangers and layout.mark.exists():  # another process was faster, and is at work in it already
        return
    if strangers:
        raise WorkspaceError(
            "the folder is not empty and not a workspace",
            where=str(root),
            expected=f"an empty or new folder, or one with {_MARK}",
            hint="choose another folder",
        )
    try:
        for folder in (root, layout.lake, layout.payload, layout.raw, layout.hot, layout.temporary):
            folder.mkdir(parents=True, exist_ok=True)
        _write_once(layout.key, secrets.token_bytes(32), private=True)
        _write_once(layout.mark, json.dumps({"format": FORMAT, "made_by": "dwell_kit"}).encode(), private=False)
    except OSError as error:
        raise WorkspaceError(
            "the workspace folder cannot be written", where=str(root), found=str(error)
        ) from error


def _ours(name: str) -> bool:
    """True for what another process may have made a moment ago on its way to the same workspace."""
    folders = {"lake", "payload", "raw", "hot", "looks", "tmp"}
    files = {_MARK, "person.key", "publish.lock", "state.db", "state.db-wal", "state.db-shm"}
    return name in folders | files or name.startswith((f".{_MARK}-", ".person.key-"))


def _write_once(path: Path, content: bytes, *, private: bool) -> None:
    """Write the whole file under its name, unless another process was first."""
    staging = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    staging.write_bytes(content)
    if private:
        staging.chmod(stat.S_IRUSR | stat.S_IWUSR)
    try:
        os.link(staging, path)
    except FileExistsError:
        pass
    finally:
        staging.unlink()


def who() -> str:
    """The name that the audit log writes when none is given."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
