"""The raw file, kept compressed under the hash of its bytes, and the cells that no contract took."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO

import polars as pl
import zstandard
from blake3 import blake3

from dwell_kit.schema import columns as c

_PART_ROWS = 150_000
_CHUNKS_UNDER_WAY = 3


class RawKeeper:
    """Hashes bytes as they pass and keeps them, zstd-compressed, under a temporary name until `keep`.

    A thread of its own does the work; few chunks wait for it, so that memory stays flat.
    """

    def __init__(self, folder: Path, temporary: Path, *, keep: bool) -> None:
        self._folder = folder
        self._temporary = temporary
        self._hash = blake3()
        self._file: IO[bytes] | None = None
        self.bytes = 0
        if keep:
            temporary.parent.mkdir(parents=True, exist_ok=True)
            self._file = temporary.open("wb")
            self._writer = zstandard.ZstdCompressor(level=1).stream_writer(self._file)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="dwell-raw")
        self._under_way: deque[Future[None]] = deque()

    def __enter__(self) -> RawKeeper:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.discard()

    def __call__(self, chunk: bytes) -> None:
        self.bytes += len(chunk)
        while len(self._under_way) > _CHUNKS_UNDER_WAY:
            self._under_way.popleft().result()
        self._under_way.append(self._pool.submit(self._take, chunk))

    def _take(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        if self._file is not None:
            self._writer.write(chunk)

    @property
    def content_hash(self) -> str:
        """BLAKE3 of everything so far."""
        self._settle()
        return self._hash.hexdigest()

    def keep(self) -> str:
        """Move the file to its name; returns the hash. The same content is kept once."""
        self._settle()
        if self._file is not None:
            self._writer.close()  # type: ignore[no-untyped-call]
            self._file.close()
            self._file = None
            self._folder.mkdir(parents=True, exist_ok=True)
            self._temporary.replace(raw_path(self._folder, self.content_hash))
        return self.content_hash

    def discard(self) -> None:
        """Remove what was not kept."""
        self._pool.shutdown(cancel_futures=True)
        if self._file is not None:
            self._file.close()
            self._file = None
        self._temporary.unlink(missing_ok=True)

    def _settle(self) -> None:
        while self._under_way:
            self._under_way.popleft().result()


def raw_path(folder: Path, content_hash: str) -> Path:
    """Where a kept file lies."""
    return folder / f"{content_hash}.zst"


def hash_file(path: Path) -> str:
    """BLAKE3 of a file's bytes, read through a memory map."""
    return blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()


class PayloadWriter:
    """The columns that the contract did not take, as text, beside the log: one folder per upload."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[pl.DataFrame] = []
        self._rows = 0
        self._parts = 0

    def add(self, payload: pl.DataFrame) -> None:
        if payload.width < 2 or payload.is_empty():
            return
        self._waiting.append(payload)
        self._rows += payload.height
        if self._rows >= _PART_ROWS:
            self.flush()

    def flush(self) -> None:
        if not self._waiting:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        frame = pl.concat(self._waiting, how="diagonal_relaxed")
        target = self._folder / f"{self._parts:05d}.parquet"
        frame.write_parquet(
            target, compression="zstd", compression_level=1, row_group_size=50_000, statistics=False
        )
        self._parts += 1
        self._waiting, self._rows = [], 0

    def discard(self) -> None:
        for path in self._folder.glob("*.parquet"):
            path.unlink()
        if self._folder.is_dir():
            self._folder.rmdir()


def read_payload(folder: Path, seq: int) -> pl.LazyFrame | None:
    """The payload of one upload: `row_no` and its other columns as text; None if it has none."""
    parts = sorted((folder / str(seq)).glob("*.parquet"))
    if not parts:
        return None
    scans = [pl.scan_parquet(p) for p in parts]
    return pl.concat(scans, how="diagonal_relaxed").with_columns(pl.lit(seq, dtype=pl.Int64).alias(c.SEQ))
