"""Cameras by the names that people gave them; rows and exports keep the ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import polars as pl

from dwell_kit.schema import columns as c
from dwell_kit.workspace import Workspace

_HOLD: Final = (c.CAMERA, c.FIRST_CAMERA, c.LAST_CAMERA, c.ORIGIN, c.DESTINATION)


def of_cameras(ws: Workspace, environment: str | None) -> dict[str, str]:
    """What each camera of an environment is called: its id where it has no name, both where two share one."""
    rows = ws.cameras(environment, as_="polars").select(c.CAMERA, "name").rows()
    shared = Counter(name for _, name in rows)
    return {
        camera: camera if not name else f"{name} ({camera})" if shared[name] > 1 else name for camera, name in rows
    }


def named(frame: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """A frame with its cameras called by their names.

    >>> named(pl.DataFrame({"camera_id": ["q1", "q2"], "visits": [3, 4]}), {"q1": "Door"}).rows()
    [('Door', 3), ('q2', 4)]
    """
    held = [name for name in _HOLD if name in frame.columns]
    return frame.with_columns(pl.col(name).cast(pl.String).replace(dict(names)) for name in held)
