"""Files as streams of UTF-8 text: plain, gzip, zip of tables, Parquet; encodings and limits."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, Literal

import polars as pl

from dwell_kit.errors import CutOffError, FormatError, LimitError
from dwell_kit.ingest import decoding, dialect
from dwell_kit.ingest.batches import MIB, Head, Limits, ReadOptions

HEAD_BYTES: Final = 256 * 1024
CHUNK_BYTES: Final = 4 * MIB
_DECLARATION_BYTES: Final = 16
Kind = Literal["text", "gzip", "zip", "parquet"]

_MAGIC: Final = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a RIFF file (video, audio or WebP)"),
    (b"\xd0\xcf\x11\xe0", "an old Office document (.xls, .doc)"),
    (b"SQLite format 3", "an SQLite database"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"ARROW1", "an Arrow file"),
    (b"\x7fELF", "a program"),
)
_TABLES: Final = {".csv", ".tsv", ".txt", ".json", ".ndjson", ".jsonl"}


class Source:
    """One file (or one member of a zip), read once and as often as asked.

    Parameters
    ----------
    path : the file.
    on_bytes : called once with every raw byte of the file, in order, as reading gets there; `finish` hands
        over what no read has reached.
    limits : what protects the machine.
    member : name inside a zip (made by `members`).
    """

    def __init__(
        self,
        path: Path | str,
        *,
        on_bytes: Callable[[bytes], None] | None = None,
        limits: Limits | None = None,
        member: str | None = None,
    ) -> None:
        self.path = Path(path)
        self.limits = limits or Limits()
        self.member = member
        self.notes: list[str] = []
        self._on_bytes = on_bytes
        self._handed = 0
        self.position = 0
        if self.path.is_dir():
            raise FormatError(
                "this is a folder, not a file", where=str(self.path), expected="the files in it, by name",
                hint=f"name them, such as {self.path / '*.csv'}",
            )  # fmt: skip
        if not self.path.is_file():
            raise FormatError("there is no such file", where=str(self.path), hint="check the path")
        self.size = self.path.stat().st_size
        self.kind: Kind = "text" if member else self._kind()

    @property
    def name(self) -> str:
        """File name as people know it: a zip's member after a slash, without `.gz`."""
        base = self.path.name
        if self.member:
            return f"{base}/{self.member}"
        return base[:-3] if self.kind == "gzip" and base.lower().endswith(".gz") else base

    def members(self) -> tuple[Source, ...]:
        """The tables in it: the members of a zip in order of name, else the file itself."""
        if self.kind != "zip":
            return (self,)
        with _readable(self.name), zipfile.ZipFile(self.path) as archive:
            infos = archive.infolist()
        return tuple(Source(self.path, limits=self.limits, member=n) for n in sorted(_checked(self, infos)))

    def head(self, options: ReadOptions | None = None) -> Head:
        """The beginning of the file, decoded and split.

        Raises
        ------
        FormatError : if the file is empty, binary, or a zip of several files.
        """
        options = options or ReadOptions()
        suffix = PurePosixPath(self.name).suffix.lower()
        if self.kind == "parquet":
            with _readable(self.name):
                names = tuple(pl.scan_parquet(self.path, glob=False).collect_schema())
            return Head(
                name=self.name, suffix=suffix, kind="parquet", text="", encoding="", dialect=None,
                columns=names, rows=(),
            )  # fmt: skip
        raw = next(self._raw(HEAD_BYTES), b"")
        encoding = self._encoding(raw, options)
        text, declared = dialect.without_declaration(self._decoded_head(raw, encoding))
        if not text.strip():
            raise FormatError("the file is empty", where=self.name, expected="a header and rows", found="nothing")
        spoken = dialect.detect(text, delimiter=options.delimiter or declared)
        rows = dialect.rows_of(text, spoken.delimiter, limit=201)
        return Head(
            name=self.name, suffix=suffix, kind="text", text=text, encoding=encoding, dialect=spoken,
            columns=tuple(rows[0]), rows=tuple(tuple(row) for row in rows[1:]),
        )  # fmt: skip

    def chunks(self, options: ReadOptions | None = None, *, size: int = CHUNK_BYTES) -> Iterator[bytes]:
        """The text as UTF-8 bytes without a byte-order mark, in chunks of about `size`.

        Raises
        ------
        FormatError : if the file is binary, broken, or not in its encoding.
        LimitError : if it decompresses to more than the limits allow.
        """
        options = options or ReadOptions()
        encoding = self._encoding(next(self._raw(HEAD_BYTES), b""), options)
        decoder = decoding.Decoder(encoding)
        chunks = decoder.decode(self._raw(size))
        for first in chunks:
            start = first[:_DECLARATION_BYTES].decode(errors="ignore")
            left, _ = dialect.without_declaration(start)
            yield first[len(start.encode()) - len(left.encode()) :]
            break
        yield from chunks
        if decoder.strays:
            self.notes.append("encoding: some bytes are not UTF-8 and were read as Windows-1252")

    def text(self, options: ReadOptions | None = None) -> str:
        """The whole text, for formats that cannot be streamed."""
        return b"".join(self.chunks(options)).decode()

    def frames(self, rows: int = 100_000) -> Iterator[pl.DataFrame]:
        """A Parquet file's rows in order, in frames of about `rows`, every column as it is stored."""
        with _readable(self.name):
            yield from pl.scan_parquet(self.path, glob=False).collect_batches(chunk_size=rows, maintain_order=True)

    def samples(self, count: int, size: int) -> Iterator[bytes]:
        """`count` pieces of `size` raw bytes from all over a plain file that is much larger; else nothing."""
        if self.kind != "text" or self.member or self.size < 4 * count * size:
            return
        with self.path.open("rb") as file:
            # From the end: what a file begins with has been seen.
            for number in range(count, 0, -1):
                file.seek((self.size - size) * number // count)
                yield file.read(size)

    def finish(self) -> None:
        """Hand every byte that no read has reached to `on_bytes`."""
        if self._on_bytes is None or self._handed >= self.size:
            return
        with self.path.open("rb") as file:
            file.seek(self._handed)
            while data := file.read(CHUNK_BYTES):
                self._handed += len(data)
                self._on_bytes(data)

    def _kind(self) -> Kind:
        with self.path.open("rb") as file:
            start = file.read(8)
        if start.startswith(b"\x1f\x8b"):
            return "gzip"
        if start.startswith(b"PK\x03\x04") or start.startswith(b"PK\x05\x06"):
            return "zip"
        return "parquet" if start.startswith(b"PAR1") else "text"

    def _encoding(self, raw: bytes, options: ReadOptions) -> str:
        for magic, what in _MAGIC:
            if raw.startswith(magic):
                raise _binary(self.name, f"it looks like {what}")
        if raw[4:8] == b"ftyp":
            raise _binary(self.name, "it looks like an MP4 video")
        if options.encoding:
            return options.encoding
        found = decoding.detect(raw)
        if found is None:
            raise _binary(self.name, f"NUL byte at offset {raw.index(0)}")
        return found

    def _decoded_head(self, raw: bytes, encoding: str) -> str:
        whole = raw if len(raw) < HEAD_BYTES else raw[: len(raw) // 4 * 4]
        return b"".join(decoding.Decoder(encoding).decode([whole])).decode()

    def _raw(self, size: int) -> Iterator[bytes]:
        """Decompressed bytes in chunks of `size`, teed and counted."""
        if self.kind in {"zip", "parquet"}:
            raise FormatError(f"a {self.kind} file is not a text", where=self.name, hint="read its members()")
        with _readable(self.name), self._opened() as (stream, compressed):
            out = 0
            while data := stream.read(size):
                out += len(data)
                _check_size(self, out, compressed())
                yield data

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Callable[[], int]]]:
        if self.member is not None:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as stream:
                size = archive.getinfo(self.member).compress_size
                yield stream, lambda: size
            return
        with self.path.open("rb", buffering=0) as file:
            tee = _Tee(file, self)
            if self.kind == "gzip":
                with gzip.GzipFile(fileobj=tee) as stream:  # type: ignore[call-overload]
                    yield stream, lambda: tee.offset
            else:
                yield tee, lambda: tee.offset

    def _saw(self, offset: int, data: bytes) -> None:
        self.position = max(self.position, offset + len(data))
        if self._on_bytes is not None and self.position > self._handed:
            new = data[max(self._handed - offset, 0) :]
            self._handed = self.position
            self._on_bytes(new)


class _Tee:
    """A raw file that tells its source what was read, each byte once."""

    def __init__(self, file: IO[bytes], source: Source) -> None:
        self._file = file
        self._source = source
        self.offset = 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._source._saw(self.offset, data)
        self.offset += len(data)
        return data


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """What can go wrong inside a compressed file, as one of our errors."""
    try:
        yield
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error) as error:
        raise FormatError("the compressed file is broken", where=name, found=str(error)) from error
    except EOFError as error:
        raise CutOffError("the compressed file ends too early", where=name, hint="copy it again") from error
    except RuntimeError as error:
        raise FormatError("the zip is encrypted", where=name, hint="unpack it first", found=str(error)) from error
    except pl.exceptions.PolarsError as error:
        raise FormatError("the Parquet file is broken", where=name, found=str(error)) from error


def _check_size(source: Source, out: int, compressed: int) -> None:
    limits = source.limits
    if out > limits.total_bytes:
        raise LimitError(
            "the file is larger than the limit",
            where=source.name, expected=f"at most {limits.total_bytes:,} bytes", found=f"{out:,} bytes and more",
        )  # fmt: skip
    if out > MIB and compressed and out > limits.ratio * compressed:
        raise LimitError(
            "the file grows too much when it is decompressed",
            where=source.name,
            expected=f"at most {limits.ratio:g} bytes from one",
            found=f"{out / compressed:.0f} bytes from one",
            hint="decompress it yourself if you trust it",
        )


def _checked(source: Source, infos: list[zipfile.ZipInfo]) -> list[str]:
    """Names of the tables in a zip, or the error that says why it is refused."""
    names = [info.filename for info in infos]
    if "[Content_Types].xml" in names:
        raise _binary(source.name, "it looks like an Office document (.xlsx, .docx)")
    if len(infos) > source.limits.members:
        raise LimitError("the zip has too many files", where=source.name, found=f"{len(infos):,}")
    total = sum(info.file_size for info in infos)
    _check_size(source, total, sum(info.compress_size for info in infos))
    kept = []
    for info in infos:
        _safe(source, info)
        path = PurePosixPath(info.filename)
        if info.is_dir() or path.name.startswith(".") or path.parts[0] == "__MACOSX":
            continue
        if path.suffix.lower() in _TABLES:
            kept.append(info.filename)
        else:
            source.notes.append(f"zip: {info.filename!r} is no table and was left out")
    if not kept:
        raise FormatError(
            "the zip has no table", where=source.name, expected=", ".join(sorted(_TABLES)),
            found=", ".join(names[:5]) or "nothing",
        )  # fmt: skip
    return kept


def _safe(source: Source, info: zipfile.ZipInfo) -> None:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
        raise FormatError("a name in the zip leaves its folder", where=source.name, found=repr(info.filename))
    if info.flag_bits & 1:
        raise FormatError("the zip is encrypted", where=source.name, hint="unpack it first", found=info.filename)
    if path.suffix.lower() in {".zip", ".gz", ".7z", ".rar"}:
        raise FormatError("a zip inside the zip", where=source.name, found=info.filename, hint="unpack it first")
    _check_size(source, info.file_size, info.compress_size)


def _binary(name: str, what: str) -> FormatError:
    return FormatError(
        "the file is not a text table", where=name, expected="CSV, JSON or Parquet", found=what,
        hint="export it as CSV (UTF-8)",
    )  # fmt: skip
