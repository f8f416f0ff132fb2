"""The raw file, kept compressed under the hash of its bytes, and the cells that no contract took."""

from __future__ import annotations

import gzip
import re
import tempfile
import zipfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import IO, Final, cast

import polars as pl
import zstandard
from blake3 import blake3

from dwell_kit.schema import columns as c

_PART_ROWS = 150_000
_CHUNKS_UNDER_WAY = 3
_CHUNK: Final = 1 << 22
_ENCODINGS: Final = ("utf-8", "cp1252", "utf-16-le", "utf-16-be")


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


def mentions(path: Path, filename: str, word: str) -> bool:
    """Whether a kept file holds a word, not as a part of a longer one, in any encoding that exports have.

    Parameters
    ----------
    path : of the kept file. filename : the upload's own, which says how its bytes are packed.
    """
    suffix = Path(filename).suffix.lower()
    with tempfile.TemporaryFile(dir=path.parent) as plain:
        with path.open("rb") as packed:
            zstandard.ZstdDecompressor().copy_stream(packed, plain)
        plain.seek(0)
        if suffix == ".parquet":
            return _in_frame(pl.read_parquet(plain), word)
        if suffix == ".zip":
            with zipfile.ZipFile(plain) as archive:
                return any(_in_member(archive, name, word) for name in archive.namelist())
        if suffix == ".gz":
            with gzip.open(plain) as text:
                return _in_bytes(cast("IO[bytes]", text), word)
        return _in_bytes(plain, word)


def _in_member(archive: zipfile.ZipFile, name: str, word: str) -> bool:
    with archive.open(name) as member:
        return _in_bytes(member, word)


def _in_frame(frame: pl.DataFrame, word: str) -> bool:
    texts = frame.select(pl.selectors.string().str.strip_chars() == word)
    return bool(texts.width and texts.select(pl.any_horizontal(pl.all().any())).item())


def _in_bytes(stream: IO[bytes], word: str) -> bool:
    patterns = [re.compile(pattern) for pattern in _patterns(word)]
    overlap = 4 * len(word) + 8
    rest = b""
    while chunk := stream.read(_CHUNK):
        window = rest + chunk
        if any(pattern.search(window) for pattern in patterns):
            return True
        rest = window[-overlap:]
    return False


def _patterns(word: str) -> Iterator[bytes]:
    for encoding in _ENCODINGS:
        try:
            text = re.escape(word.encode(encoding))
        except UnicodeEncodeError:  # no file of that encoding can hold it
            continue
        yield text if encoding.startswith("utf-16") else rb"(?<![\w-])" + text + rb"(?![\w-])"


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
