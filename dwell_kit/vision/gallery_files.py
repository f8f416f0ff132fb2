"""A gallery as a folder: one file that says which generation holds, and that generation's arrays.

Looks are of persons: folders and files are their owner's alone. Nothing here needs FAISS: a machine without
it can erase.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
import zlib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import FormatError, NotFoundError

VERSION: Final = 2
_INDEX: Final = "gallery.json"
_TYPES: Final = {"looks": np.float32, "persons": np.int64, "since_us": np.int64, "seen_us": np.int64}
_HINT: Final = "restore it, or remove the gallery's folder: who is in it is not known again by their look then"


@dataclass(frozen=True, kw_only=True)
class About:
    """What looks are of and by: only those of one environment, embedder, weights and size are compared.

    Parameters
    ----------
    weights : what tells an embedder's weights from others, such as their hash; empty for an embedder without.
    size : numbers in a look. threshold : least cosine of a match.
    """

    environment: str
    embedder: str
    weights: str
    size: int
    threshold: float

    def comparable(self, other: About) -> bool:
        """Whether the looks of both mean the same."""
        return replace(self, threshold=0) == replace(other, threshold=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Entries:
    """Looks (n, size), whose they are (n,), and µs UTC (n,) of the first and last sight of each."""

    looks: NDArray[np.float32]
    persons: NDArray[np.int64]
    since_us: NDArray[np.int64]
    seen_us: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.persons)

    def __getitem__(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Entries:
        return Entries(**{name: array[which] for name, array in self.arrays().items()})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """By name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


def write_gallery(folder: Path, about: About, entries: Entries) -> None:
    """Write the arrays under a new name, then name them in one rename: a reader sees the old or the new whole.

    Older generations are deleted, so that an erased person is in no file.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    generation = folder / uuid.uuid4().hex
    generation.mkdir(mode=0o700)
    sums = {}
    for name, array in entries.arrays().items():
        with os.fdopen(_new_private(generation / f"{name}.npy"), "wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        sums[name] = zlib.crc32(array.tobytes())
    said = {"version": VERSION, "generation": generation.name, "crc32": sums, **vars(about)}
    fresh = folder / f"{_INDEX}.{generation.name}"
    with os.fdopen(_new_private(fresh), "w", encoding="utf-8") as text:
        json.dump(said, text)
        text.flush()
        os.fsync(text.fileno())
    fresh.replace(folder / _INDEX)
    for old in folder.iterdir():
        if old.is_dir() and old != generation and len(old.name) == 32:
            shutil.rmtree(old, ignore_errors=True)


def _new_private(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def read_about(folder: Path) -> About:
    """What a gallery is of, without reading its looks.

    Raises
    ------
    NotFoundError : if there is none. FormatError : if its files are damaged or of another version.
    """
    return _index(folder)[0]


def read_gallery(folder: Path) -> tuple[About, Entries]:
    """The gallery that `write_gallery` wrote.

    Raises
    ------
    NotFoundError : if there is none. FormatError : if its files are damaged or of another version.
    """
    about, generation, sums = _index(folder)
    made = Entries(**{name: _array(folder / generation / f"{name}.npy", name, sums) for name in _TYPES})
    lengths = {len(array) for array in made.arrays().values()}
    if not (made.looks.ndim == 2 and made.looks.shape[1] == about.size and len(lengths) == 1):
        raise _damaged(folder / generation, f"shapes {[array.shape for array in made.arrays().values()]}")
    return about, made


def _index(folder: Path) -> tuple[About, str, Any]:
    index = folder / _INDEX
    if not index.is_file():
        raise NotFoundError("there is no gallery in this folder", str(folder), _INDEX)
    try:
        said = json.loads(index.read_text(encoding="utf-8"))
        if said["version"] != VERSION:
            expected, found = f"version {VERSION}", repr(said["version"])
            raise FormatError("a gallery of another version", str(index), expected, found, _HINT)
        about = About(**{one.name: said[one.name] for one in fields(About)})
        return about, str(said["generation"]), said["crc32"]
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, FormatError):
            raise
        raise _damaged(index, repr(error)) from error


def _array(path: Path, name: str, sums: Any) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
        expected = sums[name]
    except (OSError, ValueError, EOFError, KeyError, TypeError) as error:
        raise _damaged(path, repr(error)) from error
    if array.dtype != _TYPES[name] or zlib.crc32(array.tobytes()) != expected:
        raise _damaged(path, "another checksum or type")
    return array


def _damaged(path: Path, found: str) -> FormatError:
    return FormatError("a gallery's file is damaged", str(path), "what was saved", found, _HINT)
