"""A gallery as a folder: one file that says which generation holds, and that generation's arrays."""

from __future__ import annotations

import json
import os
import shutil
import uuid
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import FormatError, NotFoundError

VERSION: Final = 1
_INDEX: Final = "gallery.json"
_ARRAYS: Final = ("looks", "persons", "seen_us")
_TYPES: Final = {"looks": np.float32, "persons": np.int64, "seen_us": np.int64}


def write_gallery(folder: Path, about: dict[str, Any], *arrays: NDArray[Any]) -> None:
    """Write the arrays under a new name, then name them in one rename: a reader sees the old or the new whole.

    Older generations are deleted, so that an erased person is in no file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generation = folder / uuid.uuid4().hex
    generation.mkdir()
    sums = {}
    for name, array in zip(_ARRAYS, arrays, strict=True):
        with (generation / f"{name}.npy").open("wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        sums[name] = zlib.crc32(array.tobytes())
    said = {"version": VERSION, "generation": generation.name, "crc32": sums, **about}
    fresh = folder / f"{_INDEX}.{generation.name}"
    with fresh.open("w", encoding="utf-8") as text:
        json.dump(said, text)
        text.flush()
        os.fsync(text.fileno())
    fresh.replace(folder / _INDEX)
    for old in folder.iterdir():
        if old.is_dir() and old != generation and len(old.name) == 32:
            shutil.rmtree(old, ignore_errors=True)


def read_gallery(folder: Path) -> tuple[dict[str, Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """What was said about it, looks (n, size), persons (n,), seen_us (n,).

    Raises
    ------
    NotFoundError : if there is none. FormatError : if its files are damaged or of another version.
    """
    index = folder / _INDEX
    if not index.is_file():
        raise NotFoundError("there is no gallery in this folder", str(folder), _INDEX)
    try:
        about = json.loads(index.read_text(encoding="utf-8"))
        version, generation, sums = about["version"], str(about["generation"]), about["crc32"]
        size, _, _ = int(about["size"]), str(about["environment"]), float(about["threshold"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(index, repr(error)) from error
    if version != VERSION:
        raise FormatError(
            "a gallery of another version", str(index), f"version {VERSION}", repr(version), "build it again"
        )
    looks, persons, seen_us = (_array(folder / generation / f"{name}.npy", name, sums) for name in _ARRAYS)
    if not (looks.ndim == 2 and looks.shape[1] == size and len(looks) == len(persons) == len(seen_us)):
        raise _damaged(folder / generation, f"shapes {looks.shape}, {persons.shape}, {seen_us.shape}")
    return about, looks, persons, seen_us


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
    return FormatError(
        "a gallery's file is damaged", str(path), "what was saved", found, "restore it, or build the gallery again"
    )
