"""Surrogate keys: stable 64-bit hashes of keys, and keyed person codes (SipHash-2-4)."""

from __future__ import annotations

from typing import Any, Final

import numba as nb
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from dwell_kit.errors import InputError
from dwell_kit.schema import columns as c

_PUBLIC_KEY: Final = b"dwell_kit key v1"


@nb.njit(cache=True, nogil=True)
def _rotl(x: Any, bits: int) -> Any:
    return (x << np.uint64(bits)) | (x >> np.uint64(64 - bits))


@nb.njit(cache=True, nogil=True)
def _round(v0: Any, v1: Any, v2: Any, v3: Any) -> Any:
    v0 += v1
    v1 = _rotl(v1, 13) ^ v0
    v0 = _rotl(v0, 32)
    v2 += v3
    v3 = _rotl(v3, 16) ^ v2
    v0 += v3
    v3 = _rotl(v3, 21) ^ v0
    v2 += v1
    v1 = _rotl(v1, 17) ^ v2
    return v0, v1, _rotl(v2, 32), v3


@nb.njit(cache=True, nogil=True)
def _siphash(data: Any, offsets: Any, k0: Any, k1: Any, prefix: Any) -> Any:
    """SipHash-2-4 of `prefix` + each text; `prefix` is a whole number of 8-byte words."""
    n = len(offsets) - 1
    out = np.empty(n, np.int64)
    for i in range(n):
        v0 = k0 ^ np.uint64(0x736F6D6570736575)
        v1 = k1 ^ np.uint64(0x646F72616E646F6D)
        v2 = k0 ^ np.uint64(0x6C7967656E657261)
        v3 = k1 ^ np.uint64(0x7465646279746573)
        lo, hi = offsets[i], offsets[i + 1]
        for word in prefix:
            v3 ^= word
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
            v0 ^= word
        whole = lo + (hi - lo) // 8 * 8
        for at in range(lo, whole, 8):
            m = np.uint64(0)
            for b in range(8):
                m |= np.uint64(data[at + b]) << np.uint64(8 * b)
            v3 ^= m
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
            v0 ^= m
        m = np.uint64((len(prefix) * 8 + hi - lo) & 0xFF) << np.uint64(56)
        for b in range(hi - whole):
            m |= np.uint64(data[whole + b]) << np.uint64(8 * b)
        v3 ^= m
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= m
        v2 ^= np.uint64(0xFF)
        for _ in range(4):
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        out[i] = np.int64(v0 ^ v1 ^ v2 ^ v3)
    return out


def siphash(texts: pl.Series, key: bytes, prefix: bytes = b"") -> NDArray[np.int64]:
    """(n,) SipHash-2-4 of each text's UTF-8 bytes (null counts as empty), as int64.

    Parameters
    ----------
    key : 16 bytes.
    prefix : put before every text, padded with zero bytes to whole 8-byte words.

    Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
    """
    array = texts.cast(pl.String).to_arrow()
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    array = array.cast(pa.large_string())
    if not len(array):
        return np.empty(0, np.int64)
    _, offsets, data = array.buffers()
    span = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    raw = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    words = np.frombuffer(prefix + b"\0" * (-len(prefix) % 8), np.uint64)
    k0, k1 = np.frombuffer(key[:16], np.uint64)
    hashed: NDArray[np.int64] = _siphash(_frozen(raw), _frozen(span), k0, k1, _frozen(words))
    return hashed


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Read-only, so that the kernel is compiled once."""
    view = array.view()
    view.flags.writeable = False
    return view


def key_hashes(keys: pl.Series) -> NDArray[np.int64]:
    """(n,) int64 hash of each key, stable for ever, unlike `Series.hash`.

    Equal keys have equal hashes; unequal keys with equal hashes are told apart by the keys themselves.
    """
    return siphash(keys, _PUBLIC_KEY)


class PersonCoder:
    """Person ids → codes: SipHash-2-4 of (environment, source, person_id) under the workspace's secret key.

    Codes of two workspaces cannot be compared, and nobody can look up an id by its code without the key.
    A collision (two ids, one code) is detected by `learned`, never merged.
    """

    def __init__(self, secret: bytes, environment: str, source: str) -> None:
        self.source = source
        self._secret = secret
        self._prefix = f"{environment}\x1f{source}\x1f".encode()
        self._known = pl.DataFrame(schema={c.PERSON_CODE: pl.Int64, c.PERSON: pl.String})

    def code(self, person_id: str) -> int:
        """The code of one id."""
        return int(siphash(pl.Series([person_id]), self._secret, self._prefix)[0])

    def encode(self, ids: pl.Series) -> pl.Series:
        """(n,) Int64 codes; null stays null. The ids are remembered for `learned`."""
        hashed = pl.Series(c.PERSON_CODE, siphash(ids, self._secret, self._prefix))
        pairs = pl.DataFrame([hashed, ids.rename(c.PERSON)])
        if ids.null_count():
            pairs = pairs.with_columns(pl.when(pl.col(c.PERSON).is_not_null()).then(pl.col(c.PERSON_CODE)))
        codes = pairs[c.PERSON_CODE]
        fresh = pairs.filter(codes.is_not_null() & codes.is_first_distinct())
        fresh = fresh.join(self._known, on=[c.PERSON_CODE, c.PERSON], how="anti")
        if fresh.height:
            # copied out, since a text column keeps the whole block that it was parsed from
            copied = pl.Series(c.PERSON, fresh[c.PERSON].to_list(), dtype=pl.String)
            self._known = pl.concat([self._known, fresh.with_columns(copied)])
        return codes

    def learned(self) -> pl.DataFrame:
        """person_code, person_id of every id encoded so far.

        Raises
        ------
        InputError : if two ids have the same code.
        """
        pairs = self._known
        if pairs[c.PERSON_CODE].n_unique() < pairs.height:
            twice = pairs.filter(pl.col(c.PERSON_CODE).is_duplicated()).sort(c.PERSON_CODE)
            raise InputError(
                "two person ids have the same code",
                expected="one code per person id",
                found=", ".join(repr(i) for i in twice[c.PERSON].to_list()[:2]),
                hint="ingest into a new workspace: its key, and so its codes, differ",
            )
        return pairs
