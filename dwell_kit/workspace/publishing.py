"""The one way in: under the lease, commit tables, then write the snapshot row that makes them visible."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from dwell_kit.store import snapshots
from dwell_kit.store.erasures import Erasure
from dwell_kit.store.lake import Versions
from dwell_kit.store.lease import publish_lease
from dwell_kit.workspace.finishing import finish_pending
from dwell_kit.workspace.handle import Handle

Step = Callable[[str], None]


def no_step(_name: str) -> None:
    """The default listener."""


@dataclass
class Draft:
    """A snapshot in the making. Committed tables go into `versions`; `finally_do` runs with the snapshot row.

    Parameters
    ----------
    afterwards : done under the lease once the snapshot is published. finished : erasures that were interrupted
        and are finished now, with their proofs.
    """

    base: int
    versions: Versions
    reason: str
    finally_do: list[Callable[[Connection], None]] = field(default_factory=list)
    cancelled: bool = False
    snapshot_id: int | None = None
    afterwards: list[Callable[[], object]] = field(default_factory=list)
    finished: list[tuple[Erasure, dict[str, Any]]] = field(default_factory=list)


@contextmanager
def publishing(ws: Handle, *, reason: str, step: Step = no_step) -> Iterator[Draft]:
    """Hold the lease, give a draft of the newest snapshot, and publish it when the block ends well.

    A block that raises, or is killed, leaves table versions that no snapshot names: nobody sees them, and the
    next publish rolls them back. An erasure that was interrupted is finished first.
    """
    ws.writable()
    with publish_lease(ws.layout.root, ws.database, timeout_s=ws.settings.lease_timeout_s):
        step("leased")
        finished = finish_pending(ws)
        with ws.database.read() as connection:
            base = snapshots.latest(connection)
        draft = Draft(base.id, dict(base.versions), reason, finished=finished)
        yield draft
        if draft.cancelled:
            return
        step("tables committed")
        with ws.database.write() as connection:
            draft.snapshot_id = snapshots.add(connection, draft.versions, reason=draft.reason, now=ws.now())
            for action in draft.finally_do:
                action(connection)
            step("snapshot written")
        step("published")
        for finish in draft.afterwards:
            finish()
