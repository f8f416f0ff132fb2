"""What people state of cameras: down or up for a time, with who and why, taken back the same way."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection

from dwell_kit.errors import FilterError, InputError, NotFoundError
from dwell_kit.store import registry, statements
from dwell_kit.store.database import camera_status
from dwell_kit.store.statements import Said
from dwell_kit.workspace.covering import parse_window
from dwell_kit.workspace.handle import Handle, who
from dwell_kit.workspace.publishing import publishing

DOWN: Final = "down"
UP: Final = "up"


def state(
    ws: Handle,
    environment: registry.Environment,
    camera: str,
    window: tuple[Any, Any],
    *,
    state: str,
    reason: str,
    by: str | None = None,
) -> dict[str, Any]:
    """State that a camera was `down` or `up` in a time, from a new snapshot on; a later statement wins.

    Raises
    ------
    NotFoundError : for a camera nobody knows. FilterError : for another state, or a time that is none.
    InputError : without a reason.
    """
    if state not in {DOWN, UP}:
        raise FilterError("a camera's state cannot be read", expected=f"{DOWN} or {UP}", found=repr(state))
    if not reason.strip():
        raise InputError("say how it is known", expected="a reason, which is kept", hint="reason=…")
    since, until = parse_window(window, environment.tz, what=f"the time in which {camera!r} was {state}")
    said = Said(by or who(), ws.now(), reason.strip())
    made: list[int] = []
    with publishing(ws, reason="camera status") as draft:
        with ws.database.read() as connection:
            known = [row["camera_id"] for row in registry.cameras(connection, environment.name)]
        if camera not in known:
            raise NotFoundError(
                f"there is no camera {camera!r} in {environment.name!r}",
                expected=", ".join(known[:30]) or "none: no camera is known",
                found=repr(camera),
            )

        def write(connection: Connection) -> None:
            number = statements.add(
                connection, camera_status, said, snapshot_id=draft.snapshot_id or 0, environment=environment.name,
                camera_id=camera, state=state, since=since, until=until,
            )  # fmt: skip
            _note(connection, said, number, environment.name, camera, state=state)
            made.append(number)

        draft.finally_do.append(write)
    return _shown(ws, environment.name, made[0])


def clear(ws: Handle, number: int, *, reason: str = "", by: str | None = None) -> dict[str, Any]:
    """Take a statement back in a new snapshot; returns it.

    Raises
    ------
    NotFoundError : if no such statement is in force.
    """
    said = Said(by or who(), ws.now(), reason.strip())
    with publishing(ws, reason="camera status") as draft:
        with ws.database.read() as connection:
            found = statements.get(
                connection, camera_status, number, what="camera status", hint="`dwell cameras --status` lists them"
            )

        def write(connection: Connection) -> None:
            statements.take_back(connection, camera_status, number, said, snapshot_id=draft.snapshot_id or 0)
            _note(connection, said, number, found["environment"], found["camera_id"], state="taken back")

        draft.finally_do.append(write)
    return _shown(ws, found["environment"], number)


def listing(ws: Handle, environment: str, *, undone: bool = False) -> list[dict[str, Any]]:
    """What was stated of an environment's cameras, as the open version knows it, the oldest first."""
    snapshot = ws.snapshot()
    with ws.database.read() as connection:
        rows = statements.history(connection, camera_status, environment, snapshot.id)
    shown = [_as_dict(row, snapshot.id) for row in rows]
    return [row for row in shown if undone or row["undone_at"] is None]


def _note(connection: Connection, said: Said, number: int, environment: str, camera: str, *, state: str) -> None:
    detail = {"status": number, "environment": environment, "camera_id": camera, "state": state}
    registry.note(connection, who=said.who, action="camera status", detail=detail, now=said.at)


def _shown(ws: Handle, environment: str, number: int) -> dict[str, Any]:
    return next(row for row in listing(ws, environment, undone=True) if row["status"] == number)


def _as_dict(row: dict[str, Any], snapshot_id: int) -> dict[str, Any]:
    undone = statements.undone(row, snapshot_id)
    return {
        "status": row["id"],
        **{name: row[name] for name in ("environment", "camera_id", "state", "since", "until")},
        **{name: row[name] for name in ("reason", "who", "at")},
        "version": row["made_in"],
        **{name: row[name] if undone else None for name in ("undone_at", "undone_by", "undone_reason")},
    }
