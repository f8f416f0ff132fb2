"""Small exports for the tests of the workspace."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

START = datetime(2025, 5, 5, 8, tzinfo=UTC)
HEADER = "person_id,camera_id,appearance_id,utc_time_recorded,utc_time_started,utc_time_ended,colour"

Row = tuple[str, str, str, float, float]
"""person, camera, appearance, start and end in seconds after START."""


def write(path: Path, rows: Iterable[Row], *, recorded: float | None = None, extra: Iterable[str] = ()) -> Path:
    """An appearance CSV; `recorded` is the message time, in seconds after START (default: the end)."""
    zero = START.timestamp()
    lines = [HEADER]
    for person, camera, appearance, start, end in rows:
        said = zero + (end if recorded is None else recorded)
        lines.append(f"{person},{camera},{appearance},{said:.3f},{zero + start:.3f},{zero + end:.3f},red")
    path.write_text("\n".join([*lines, *extra]) + "\n")
    return path


def many(n: int, *, first: int = 0, persons: int = 50) -> list[Row]:
    """n sightings of some persons at three cameras, one every 7 s; appearance ids count up from `first`."""
    return [
        (f"p{i * 7919 % persons}", f"cam{i % 3}", f"a{i:06d}", i * 7.0, i * 7.0 + 5 + i % 60)
        for i in range(first, first + n)
    ]
