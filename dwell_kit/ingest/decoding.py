"""Bytes to UTF-8: which encoding a text has, and a stream of it as UTF-8 bytes."""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

import polars as pl

from dwell_kit.errors import FormatError

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FALLBACK: Final = "dwell_kit.cp1252"


def detect(head: bytes) -> str | None:
    """The encoding of a text from its beginning; None when it is no text.

    A byte-order mark decides; else every second byte NUL means UTF-16, any other NUL means binary, valid
    UTF-8 is UTF-8, and everything else is Windows-1252.
    """
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    if b"\0" in head:
        return _utf16(head)
    try:
        codecs.utf_8_decode(head, "strict", False)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _utf16(head: bytes) -> str | None:
    pairs = len(head) // 2
    even, odd = head[: 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if pairs and odd > 0.7 * pairs and even < 0.05 * pairs:
        return "utf-16-le"
    if pairs and even > 0.7 * pairs and odd < 0.05 * pairs:
        return "utf-16-be"
    return None


@cache
def _register_fallback() -> str:
    """An error handler that reads stray bytes as Windows-1252 (or Latin-1 where that has no character)."""

    def handler(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeDecodeError):
            raise error
        bad = error.object[error.start : error.end]
        return "".join(_cp1252(byte) for byte in bad), error.end

    codecs.register_error(_FALLBACK, handler)
    return _FALLBACK


def _cp1252(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


class Decoder:
    """Chunks of bytes in an encoding → chunks of UTF-8; `strays` counts chunks with bytes that were not UTF-8."""

    def __init__(self, encoding: str) -> None:
        try:
            self.encoding = codecs.lookup(encoding).name
        except LookupError as error:
            raise FormatError(
                f"there is no encoding {encoding!r}", expected="a name such as 'utf-8' or 'cp1252'", found=encoding
            ) from error
        self.strays = 0

    def decode(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """UTF-8 without a byte-order mark."""
        if self.encoding in {"utf-8", "utf-8-sig", "ascii"}:
            return self._utf8(chunks)
        return self._transcode(chunks)

    def _utf8(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        carry = b""
        first = True
        for chunk in chunks:
            if first:
                chunk = chunk.removeprefix(codecs.BOM_UTF8)
                first = False
            if not carry and chunk.isascii():
                yield chunk
                continue
            chunk = carry + chunk
            whole = _whole_characters(chunk)
            carry = chunk[whole:]
            yield self._valid(chunk[:whole])
        if carry:
            yield self._valid(carry)

    def _valid(self, chunk: bytes) -> bytes:
        if _is_utf8(chunk):
            return chunk
        self.strays += 1
        return chunk.decode("utf-8", _register_fallback()).encode()

    def _transcode(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        errors = _register_fallback() if self.encoding == "cp1252" else "strict"
        decoder = codecs.getincrementaldecoder(self.encoding)(errors)
        try:
            for chunk in chunks:
                yield decoder.decode(chunk).encode("utf-8", "replace")
            yield decoder.decode(b"", final=True).encode("utf-8", "replace")
        except UnicodeDecodeError as error:
            raise FormatError(
                f"the text is not {self.encoding}",
                expected=f"{self.encoding} throughout",
                found=f"{error.reason} near byte {error.start} of a chunk",
                hint="name the right one with encoding=",
            ) from error


def _is_utf8(chunk: bytes) -> bool:
    """By Polars: at memory speed, and without the interpreter lock."""
    try:
        return pl.Series([chunk], dtype=pl.Binary).cast(pl.String, strict=False).null_count() == 0
    except pl.exceptions.PolarsError:
        return False


def _whole_characters(chunk: bytes) -> int:
    """Length of `chunk` without a last character that was cut."""
    for back in range(1, min(4, len(chunk)) + 1):
        byte = chunk[-back]
        if byte < 0x80:
            return len(chunk)
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(chunk) if back >= needed else len(chunk) - back
    return len(chunk)
