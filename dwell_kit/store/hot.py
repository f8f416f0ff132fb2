"""Coded columns of one snapshot and environment, memory-mapped: a cache that can be deleted at any time."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dwell_kit.schema.coded import Attribute, Coded

FORMAT: Final = 1
_ARRAYS: Final = (
    "person", "camera", "zone", "start", "end", "flags", "age", "gender", "offsets", "person_age", "person_gender",
)  # fmt: skip
CODES: Final = "person_code"


class MappedText(Sequence[str]):
    """Text values in a memory-mapped Arrow file: nothing is read before it is asked for."""

    def __init__(self, values: pa.ChunkedArray) -> None:
        self.arrow = values

    def __len__(self) -> int:
        return len(self.arrow)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return self.arrow.take(pa.array(range(*index.indices(len(self))))).to_pylist()
        return self.arrow[int(index)].as_py()

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrow.to_pylist())


def folder(root: Path, environment: str, snapshot_id: int) -> Path:
    """Where the coded columns of a snapshot lie."""
    return root / environment / str(snapshot_id)


def load(where: Path) -> Coded | None:
    """The coded columns in a folder, memory-mapped; None if there are none (or of another format)."""
    meta_path = where / "meta.json"
    if not meta_path.exists():
        return None
    meta = json.loads(meta_path.read_text())
    if meta["format"] != FORMAT:
        return None
    arrays = {name: _map(where / f"{name}.npy") for name in _ARRAYS}
    attributes = {
        name: Attribute(_map(where / f"attribute-{name}.npy"), tuple(words))
        for name, words in meta["attributes"].items()
    }
    with pa.memory_map(str(where / "persons.arrow")) as mapped:
        persons = MappedText(pa.ipc.open_file(mapped).read_all().column("person_id"))
    return Coded(
        **arrays,
        persons=persons,
        cameras=tuple(meta["cameras"]),
        zones=tuple(meta["zones"]),
        attributes=attributes,
    )


def codes(where: Path) -> NDArray[np.int64]:
    """(p,) person codes, ascending: the order of `Coded.persons`."""
    return _map(where / f"{CODES}.npy")


def save(where: Path, coded: Coded, person_codes: NDArray[np.int64]) -> None:
    """Write coded columns; they appear at once or not at all, and a race of two writers has one winner."""
    staging = where.with_name(f".{where.name}-{os.getpid()}")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    for name in _ARRAYS:
        np.save(staging / f"{name}.npy", getattr(coded, name))
    np.save(staging / f"{CODES}.npy", person_codes)
    for name, attribute in coded.attributes.items():
        np.save(staging / f"attribute-{name}.npy", attribute.codes)
    _save_text(staging / "persons.arrow", coded.persons)
    meta: dict[str, Any] = {
        "format": FORMAT,
        "cameras": coded.cameras,
        "zones": coded.zones,
        "attributes": {name: a.words for name, a in coded.attributes.items()},
    }
    (staging / "meta.json").write_text(json.dumps(meta))
    try:
        staging.rename(where)
    except OSError:  # somebody else was first with the same content
        shutil.rmtree(staging, ignore_errors=True)


def prune(root: Path, environment: str, *, keep: int) -> None:
    """Remove the coded columns of all but the `keep` newest snapshots of an environment."""
    home = root / environment
    if not home.is_dir():
        return
    made = sorted((int(p.name) for p in home.iterdir() if p.name.isdigit()), reverse=True)
    for snapshot_id in made[keep:]:
        shutil.rmtree(home / str(snapshot_id), ignore_errors=True)


def _map(path: Path) -> NDArray[Any]:
    array = np.load(path, mmap_mode="r")
    return array if array.size else np.array(array)


def _save_text(path: Path, values: Sequence[str]) -> None:
    column = values.arrow if isinstance(values, MappedText) else pa.array(values, pa.large_string())
    table = pa.table({"person_id": column})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
