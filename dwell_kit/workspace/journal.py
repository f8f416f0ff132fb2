"""What a run of tracking has seen, on disk at once: a run that is killed leaves it to whoever comes next."""

from __future__ import annotations

import errno
import io
import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

STATE: Final = "run.json"
"""Beside a journal: what whoever comes next needs to store what a killed run has left."""
_HEAD: Final = struct.Struct("<QQI")
"""Bytes of the words and of the rows that follow, and their checksum."""
_PART_ROWS: Final = 50_000


@dataclass(frozen=True, eq=False)
class Record:
    """Some positions, and what the run says by then (JSON-ready)."""

    rows: pl.DataFrame
    said: dict[str, Any]


class Journal:
    """Records in the parts of a folder, `000000.part` and on, each of so many rows that memory holds them.

    A record is there for whoever reads as soon as `add` returns, whatever becomes of the process. Nothing waits
    for the disk: a machine that loses its power may lose the last seconds.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: list[Path] = []
        self._made = self._rows = 0
        self._file: io.FileIO | None = None

    def add(self, rows: pl.DataFrame, said: dict[str, Any]) -> None:
        """Write a record down.

        Raises
        ------
        OSError : if it cannot be, as on a full disk. It is not there then, and may be added again.
        """
        if self._file is None or self._rows >= _PART_ROWS:
            self._begin()
        assert self._file is not None
        text, table = json.dumps(said).encode(), io.BytesIO()
        rows.write_ipc_stream(table)
        body = text + table.getvalue()
        record = _HEAD.pack(len(text), table.tell(), zlib.crc32(body)) + body
        try:
            if self._file.write(record) < len(record):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._parts[-1]))
        except OSError:
            self.close()  # what follows a torn record could not be read
            raise
        self._rows += rows.height

    def turn(self) -> list[Path]:
        """The parts since the last turn; what is added from now on goes to others."""
        parts, self._parts = self._parts, []
        self.close()
        return parts

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self.close()
        part = self._folder / f"{self._made:06}.part"
        self._file = part.open("wb", buffering=0)
        self._parts.append(part)
        self._made, self._rows = self._made + 1, 0


def parts(folder: Path) -> list[Path]:
    """The parts of a journal in order."""
    return sorted(folder.glob("*.part"))


def read(part: Path) -> Iterator[Record]:
    """The records of a part up to the first that was cut short, with its process or its machine."""
    whole = part.stat().st_size
    with part.open("rb") as file:
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            text_bytes, table_bytes, checksum = _HEAD.unpack(head)
            body = file.read(text_bytes + table_bytes) if text_bytes + table_bytes <= whole else b""
            if not body or zlib.crc32(body) != checksum:
                return
            yield Record(pl.read_ipc_stream(body[text_bytes:]), json.loads(body[:text_bytes]))
