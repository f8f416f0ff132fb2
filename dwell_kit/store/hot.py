"""Coded columns of one snapshot and environment, memory-mapped: a cache that can be deleted at any time."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, overload

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from dwell_kit.schema.coded import Attribute, Coded
from dwell_kit.schema.time import US

FORMAT: Final = 1
ROWS: Final[Mapping[str, type[np.generic]]] = {
    "person": np.int32,
    "camera": np.int16,
    "zone": np.int16,
    "start": np.int64,
    "end": np.int64,
    "flags": np.uint8,
    "age": np.int8,
    "gender": np.int8,
}
PERSONS: Final[Mapping[str, type[np.generic]]] = {"person_age": np.int8, "person_gender": np.int8}
QUARTER: Final = "quarter"
QUARTER_US: Final = 900 * US
"""Time zones change on quarter hours: hours by any clock are made of them."""
_QUARTERS: Final = "quarters.arrow"
_CODES: Final = "person_code"
_GONE: Final = ".gone-"
_PERSON_SCHEMA: Final = pa.schema([("person_id", pa.large_string())])


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

    def taken(self, indexes: NDArray[np.int64]) -> pl.Series:
        """Many of them at once, without a Python string for each."""
        return pl.Series(self.arrow.take(pa.array(indexes)))

    def __iter__(self) -> Iterator[str]:
        for chunk in self.arrow.chunks:
            yield from chunk.to_pylist()


class Words:
    """Texts numbered as they turn up; at the end the numbers follow the alphabet."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._number)

    def number(self, text: str) -> int:
        return self._number.setdefault(text, len(self._number))

    def sorted(self) -> tuple[str, ...]:
        return tuple(sorted(self._number))

    def final(self, *, missing: int) -> NDArray[np.int16]:
        """(k + 1,) final number of each provisional one; the last entry is for -1."""
        table = np.full(len(self) + 1, missing, np.int16)
        for final, text in enumerate(self.sorted()):
            table[self._number[text]] = final
        return table


class Writer:
    """Writes coded columns part by part, persons ascending by code; they appear at once, with `close`."""

    def __init__(self, where: Path) -> None:
        self._where = where
        self._staging = _staging_of(where)
        self._staging.mkdir(parents=True)
        self._stack = ExitStack()
        names = [*ROWS, *PERSONS, _CODES, "counts"]
        self._files = {n: self._stack.enter_context((self._staging / f"{n}.bin").open("wb")) for n in names}
        sink = self._stack.enter_context(pa.OSFile(str(self._staging / "persons.arrow"), "wb"))
        self._persons = self._stack.enter_context(pa.ipc.new_file(sink, _PERSON_SCHEMA))
        self.n_persons = 0

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stack.close()
        shutil.rmtree(self._staging, ignore_errors=True)

    def rows(self, **columns: NDArray[Any]) -> None:
        """Append sightings: the columns of `ROWS`."""
        for name, dtype in ROWS.items():
            self._put(name, columns[name].astype(dtype, copy=False))

    def persons(self, codes: NDArray[np.int64], counts: NDArray[np.int64], ids: pa.Array, **columns: Any) -> None:
        """Append persons: code, number of sightings, id, and the columns of `PERSONS`."""
        self._put(_CODES, codes.astype(np.int64, copy=False))
        self._put("counts", counts.astype(np.int64, copy=False))
        for name, dtype in PERSONS.items():
            self._put(name, columns[name].astype(dtype, copy=False))
        self._persons.write_batch(pa.record_batch([ids.cast(pa.large_string())], schema=_PERSON_SCHEMA))
        self.n_persons += len(codes)

    def attribute(self, name: str, codes: NDArray[Any]) -> None:
        """Append a person word's provisional codes, -1 for `other`."""
        key = f"attribute-{name}"
        if key not in self._files:
            self._files[key] = self._stack.enter_context((self._staging / f"{key}.bin").open("wb"))
        self._put(key, codes.astype(np.int16, copy=False))

    def close(
        self,
        *,
        cameras: Words,
        zones: Words,
        attributes: Mapping[str, Words],
        other: str,
        quarters: pl.DataFrame,
    ) -> None:
        """Number the words for good, and make everything visible; a race of two writers has one winner.

        Parameters
        ----------
        quarters : camera_id, quarter, sightings that start in it.
        """
        self._stack.close()
        quarters.write_ipc(self._staging / _QUARTERS)
        counts = np.fromfile(self._staging / "counts.bin", np.int64)
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64).tofile(self._staging / "offsets.bin")
        (self._staging / "counts.bin").unlink()
        self._renumber("camera", cameras.final(missing=-1))
        self._renumber("zone", zones.final(missing=-1))
        for name, words in attributes.items():
            self._renumber(f"attribute-{name}", words.final(missing=len(words)))
        meta = {
            "format": FORMAT,
            "cameras": cameras.sorted(),
            "zones": zones.sorted(),
            "attributes": {name: [*words.sorted(), other] for name, words in attributes.items()},
        }
        (self._staging / "meta.json").write_text(json.dumps(meta))
        _publish(self._staging, self._where)

    def _put(self, name: str, array: NDArray[Any]) -> None:
        self._files[name].write(np.ascontiguousarray(array).data)

    def _renumber(self, name: str, table: NDArray[np.int16], block: int = 1 << 20) -> None:
        path = self._staging / f"{name}.bin"
        with path.open("r+b") as file:
            while True:
                at = file.tell()
                codes = np.fromfile(file, np.int16, block)
                if not len(codes):
                    return
                file.seek(at)
                file.write(table[codes].data)
                file.seek(at + codes.nbytes)


def folder(root: Path, environment: str, snapshot_id: int) -> Path:
    """Where the coded columns of a snapshot lie."""
    return root / environment / str(snapshot_id)


def load(where: Path) -> tuple[Coded, NDArray[np.int64]] | None:
    """The coded columns in a folder and `codes`, memory-mapped: they stay whole when the folder is removed.

    None if there are none, if they are of another format or damaged, or if they vanish meanwhile.
    """
    try:
        meta = json.loads((where / "meta.json").read_text())
        found = (_coded(where, meta), codes(where)) if meta["format"] == FORMAT else None
        os.utime(where)  # by which `prune` knows what is in use
    except (FileNotFoundError, pa.ArrowInvalid):
        return None
    return found


def _coded(where: Path, meta: dict[str, Any]) -> Coded:
    attributes = {
        name: Attribute(_map(where / f"attribute-{name}.bin", np.int16), tuple(words))
        for name, words in meta["attributes"].items()
    }
    with pa.memory_map(str(where / "persons.arrow")) as mapped:
        ids = MappedText(pa.ipc.open_file(mapped).read_all().column("person_id"))
    return Coded(
        **{name: _map(where / f"{name}.bin", dtype) for name, dtype in {**ROWS, **PERSONS}.items()},
        offsets=_map(where / "offsets.bin", np.int64),
        persons=ids,
        cameras=tuple(meta["cameras"]),
        zones=tuple(meta["zones"]),
        attributes=attributes,
    )


def codes(where: Path) -> NDArray[np.int64]:
    """(p,) person codes, ascending: the order of `Coded.persons`."""
    return _map(where / f"{_CODES}.bin", np.int64)


def quarters(where: Path) -> pl.DataFrame | None:
    """camera_id, quarter, sightings that start in it; None if the columns were made without, or are gone."""
    try:
        return pl.read_ipc(where / _QUARTERS)
    except FileNotFoundError:
        return None


def made(root: Path, environment: str) -> list[int]:
    """The snapshots whose coded columns are there, the newest first."""
    home = root / environment
    return sorted((int(p.name) for p in home.iterdir() if p.name.isdigit()), reverse=True) if home.is_dir() else []


def carry_over(old: Path, where: Path) -> bool:
    """Let a snapshot with the same content have the files of another; False if they vanish meanwhile."""
    staging = _staging_of(where)
    try:
        shutil.copytree(old, staging, copy_function=os.link)
    except (OSError, shutil.Error):
        shutil.rmtree(staging, ignore_errors=True)
        return False
    _publish(staging, where)
    return True


def _staging_of(where: Path) -> Path:
    """A folder of its own for each who writes: threads of one process, too, may make the same columns at once."""
    return where.with_name(f".{where.name}-{os.getpid()}-{secrets.token_hex(4)}")


def _publish(staging: Path, where: Path) -> None:
    try:
        staging.rename(where)
    except OSError:
        if not (where / "meta.json").exists():  # not somebody else with the same content
            raise
        shutil.rmtree(staging, ignore_errors=True)


def prune(root: Path, environment: str, *, keep: int, using: Collection[int] = ()) -> None:
    """Remove the coded columns of all but the `keep` snapshots of an environment that were loaded last.

    Parameters
    ----------
    using : snapshots whose columns stay in any case.
    """
    home = root / environment
    used = sorted(made(root, environment), key=lambda number: _last_use(home / str(number)), reverse=True)
    for number in used[keep:]:
        if number not in using:
            discard(home / str(number))
    for gone in home.glob(f"{_GONE}*"):  # of a process that was killed here
        shutil.rmtree(gone, ignore_errors=True)


def discard(where: Path) -> None:
    """Remove coded columns at once, so that nobody finds a part of them."""
    gone = where.with_name(f"{_GONE}{where.name}-{secrets.token_hex(4)}")
    try:
        where.rename(gone)
    except FileNotFoundError:
        return
    shutil.rmtree(gone, ignore_errors=True)


def _last_use(where: Path) -> int:
    try:
        return where.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _map(path: Path, dtype: type[np.generic]) -> NDArray[Any]:
    if not path.stat().st_size:
        return np.empty(0, dtype)
    return np.memmap(path, dtype, mode="r")
