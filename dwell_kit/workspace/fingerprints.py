"""What figures depend on beside a version's facts: settings, as they are now whatever version is open."""

from __future__ import annotations

import json
from typing import Any

from blake3 import blake3
from sqlalchemy import Connection

from dwell_kit.store import registry
from dwell_kit.workspace.handle import Handle


def settings_of(ws: Handle, environment: str | None = None) -> dict[str, dict[str, str]]:
    """Environment (the one named, else all) → time zone, opening hours, lists, camera groups → hash of each.

    The hashes are keyed by the workspace's secret: from outside nobody can try who is on a list.
    """
    with ws.database.read() as connection:
        known = [e for e in registry.environments(connection) if environment in (None, e.name)]
        return {e.name: {k: _hash(ws, v) for k, v in _said(connection, e).items()} for e in known}


def changed(before: dict[str, dict[str, str]], now: dict[str, dict[str, str]]) -> list[str]:
    """The settings that differ, e.g. `lists of main`."""
    pairs = [(e, name) for e in sorted(before.keys() | now.keys()) for name in now.get(e) or before[e]]
    return [f"{name} of {e}" for e, name in pairs if before.get(e, {}).get(name) != now.get(e, {}).get(name)]


def _said(connection: Connection, environment: registry.Environment) -> dict[str, Any]:
    cameras = registry.cameras(connection, environment.name)
    groups = {camera["camera_id"]: [camera[word] for word in registry.GROUP_WORDS] for camera in cameras}
    return {
        "time zone": environment.tz,
        "opening hours": environment.opening_hours,
        "lists": registry.listed(connection, environment.name),
        "camera groups": {camera: words for camera, words in groups.items() if any(words)},
    }


def _hash(ws: Handle, said: Any) -> str:
    return blake3(json.dumps(said, sort_keys=True).encode(), key=ws.secret).hexdigest()
