"""Surrogate keys: stable 64-bit hashes of keys, and keyed person codes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numba as nb
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from dwell_kit.errors import InputError


@nb.njit("int64[:](uint8[:], int64[:])", cache=True, nogil=True)
def _fnv1a_mixed(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    n = len(offsets) - 1
    out = np.empty(n, np.int64)
    for i in range(n):
        h = np.uint64(14695981039346656037)
        for j in range(offsets[i], offsets[i + 1]):
            h = (h ^ np.uint64(data[j])) * np.uint64(1099511628211)
        # the finalizer of MurmurHash3: FNV alone leaves the high bits of short keys alike
        h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
        h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
        out[i] = np.int64(h ^ (h >> np.uint64(33)))
    return out


def key_hashes(keys: pl.Series) -> NDArray[np.int64]:
    """(n,) int64 hash of each text (FNV-1a, Murmur3 finalizer): stable for ever, unlike `Series.hash`.

    Equal keys have equal hashes; unequal keys with equal hashes are told apart by the keys themselves.
    """
    if keys.is_empty():
        return np.empty(0, np.int64)
    array = keys.cast(pl.String).to_arrow()
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    array = array.cast(pa.large_string())
    _, offsets, data = array.buffers()
    span = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1].copy()
    raw = np.frombuffer(data, np.uint8).copy() if data is not None and data.size else np.empty(0, np.uint8)
    return _fnv1a_mixed(raw, span)


class PersonCoder:
    """Person ids ↔ codes: keyed BLAKE2b-64 of (environment, source, person_id), as int64.

    The key belongs to the workspace: codes of two workspaces cannot be compared, and nobody can look up an
    id by its code without it. A collision (two ids, one code) is detected, never merged.
    """

    def __init__(self, secret: bytes, environment: str, source: str) -> None:
        self._secret = secret
        self._prefix = f"{environment}\x1f{source}\x1f".encode()
        self._codes: dict[str, int] = {}
        self._ids: dict[int, str] = {}
        self._fresh: list[str] = []

    def code(self, person_id: str) -> int:
        """The code of one id."""
        digest = hashlib.blake2b(
            self._prefix + person_id.encode("utf-8", "surrogatepass"), digest_size=8, key=self._secret
        )
        return int.from_bytes(digest.digest(), "little", signed=True)

    def encode(self, ids: pl.Series) -> pl.Series:
        """(n,) Int64 codes; null stays null."""
        unique = ids.unique().drop_nulls()
        for person_id in unique.to_list():
            if person_id not in self._codes:
                self._learn(person_id)
        codes = pl.Series("code", [self._codes[i] for i in unique.to_list()], dtype=pl.Int64)
        return ids.replace_strict(unique, codes, default=None, return_dtype=pl.Int64).rename("person_code")

    def _learn(self, person_id: str) -> None:
        code = self.code(person_id)
        known = self._ids.setdefault(code, person_id)
        if known != person_id:
            raise InputError(
                "two person ids have the same code",
                expected="one code per person id",
                found=f"{known!r} and {person_id!r} -> {code}",
                hint="ingest into a new workspace: its key, and so its codes, differ",
            )
        self._codes[person_id] = code
        self._fresh.append(person_id)

    def fresh(self) -> Iterable[tuple[int, str]]:
        """(code, id) pairs learned since the last call."""
        pairs = [(self._codes[i], i) for i in self._fresh]
        self._fresh = []
        return pairs
