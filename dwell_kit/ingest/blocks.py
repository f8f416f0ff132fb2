"""Text cut into blocks of whole rows, quotes and line breaks in fields respected, in flat memory."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import FormatError, LimitError
from dwell_kit.ingest.batches import MIB, Limits

_QUOTE: Final = ord('"')
_NEWLINE: Final = ord("\n")
_RETURN: Final = ord("\r")
_STRIDE: Final = MIB // 4
_END: Final = "\0end of text\0"
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Block:
    """Whole rows.

    Parameters
    ----------
    data : UTF-8 bytes, after a prefix of the caller's that is `skip` bytes long.
    line : 1-based line of the file that it begins on.
    careful : quotes or line ends in it are out of the ordinary: only `records` reads it right.
    """

    data: bytes
    line: int
    careful: bool
    skip: int = 0

    def text(self) -> str:
        """The rows as text."""
        return str(memoryview(self.data)[self.skip :], "utf-8")


@dataclass(frozen=True, kw_only=True)
class Record:
    """One row of a text table.

    Parameters
    ----------
    fields : its texts; none for a blank line.
    lines : how many lines it spans.
    end : position after it, in characters.
    malformed : a quoted field goes on after its closing quote.
    """

    fields: list[str]
    lines: int
    end: int
    malformed: bool = False


def cut(
    chunks: Iterable[bytes],
    *,
    size: int = 0,
    delimiter: str = ",",
    prefix: bytes = b"",
    limits: Limits | None = None,
    where: str | None = None,
) -> Iterator[Block]:
    """Blocks of whole rows, each with `prefix` in front.

    Parameters
    ----------
    size : a block is cut as soon as so many bytes are there; 0 cuts one from every chunk.

    Raises
    ------
    LimitError : if a row is longer than the limit, naming its line.
    FormatError : if a quote is never closed, naming the line where it opens.
    """
    cutter = _Cutter(delimiter, prefix, limits or Limits(), where)
    for chunk in chunks:
        cutter.add(chunk)
        if cutter.length >= size and (block := cutter.cut(final=False)):
            yield block
    if cutter.length and (block := cutter.cut(final=True)):
        yield block


class _Cutter:
    """Bytes that wait for the end of their row; the memory is used again for every block."""

    def __init__(self, delimiter: str, prefix: bytes, limits: Limits, where: str | None) -> None:
        self._delimiter = delimiter
        self._prefix = prefix
        self._limits = limits
        self._where = where
        self._line = 1
        self._data = bytearray()
        self.length = 0
        self._mask = np.empty(_STRIDE, dtype=np.bool_)
        self._beside = np.zeros(256, dtype=np.bool_)
        self._beside[[_QUOTE, _NEWLINE, _RETURN, *delimiter.encode()]] = True

    def add(self, chunk: bytes) -> None:
        """Append a chunk."""
        needed = self.length + len(chunk)
        if needed > len(self._data):
            larger = bytearray(needed + needed // 4)
            larger[: self.length] = memoryview(self._data)[: self.length]
            self._data = larger
        self._data[self.length : needed] = chunk
        self.length = needed

    def cut(self, *, final: bool) -> Block | None:
        """The whole rows that are there; None if there are none."""
        array = np.frombuffer(self._data, dtype=np.uint8)[: self.length]
        quotes = self._places(array, _QUOTE)
        end = self.length if final else self._last_row_end(quotes)
        inside = quotes[: int(np.searchsorted(quotes, end))]
        careful = bool(len(inside) % 2) or not self._ordinary(array, inside) or self._lone_returns(array[:end])
        if careful:
            end = self._careful_end(final=final)
        if self.length - end > self._limits.line_bytes:
            raise self._too_long(end)
        if not end:
            return None
        rows = b"".join((self._prefix, memoryview(self._data)[:end]))
        block = Block(data=rows, line=self._line, careful=careful, skip=len(self._prefix))
        self._line += sum(int(np.count_nonzero(mask)) for _, mask in self._equal(array[:end], _NEWLINE))
        rest = bytes(memoryview(self._data)[end : self.length])
        self._data[: len(rest)] = rest
        self.length = len(rest)
        return block

    def _equal(self, array: NDArray[np.uint8], byte: int) -> Iterator[tuple[int, NDArray[np.bool_]]]:
        """Where a byte is, a stride at a time, so that the mask stays in the processor's cache."""
        for at in range(0, len(array), _STRIDE):
            part = array[at : at + _STRIDE]
            yield at, np.equal(part, byte, out=self._mask[: len(part)])

    def _places(self, array: NDArray[np.uint8], byte: int) -> NDArray[np.intp]:
        found = [np.flatnonzero(mask) + at for at, mask in self._equal(array, byte)]
        return np.concatenate(found) if found else np.empty(0, dtype=np.intp)

    def _last_row_end(self, quotes: NDArray[np.intp]) -> int:
        """Position after the last line end that is outside quotes; 0 if there is none."""
        end = self._data.rfind(b"\n", 0, self.length) + 1
        before = int(np.searchsorted(quotes, end))
        if before % 2:
            end = self._data.rfind(b"\n", 0, int(quotes[before - 1])) + 1
        return end

    def _ordinary(self, array: NDArray[np.uint8], quotes: NDArray[np.intp]) -> bool:
        """True when every quote opens after a delimiter or line end and closes before one, or is doubled."""
        if not len(quotes):
            return True
        opening, closing = quotes[::2], quotes[1::2]
        before = self._beside[array[opening[1:] - 1]].all() and (
            opening[0] == 0 or bool(self._beside[array[opening[0] - 1]])
        )
        last = int(closing[-1]) == len(array) - 1
        after = self._beside[array[(closing[:-1] if last else closing) + 1]].all()
        return bool(before and after)

    def _careful_end(self, *, final: bool) -> int:
        text = self._data[: self.length].decode()
        end, line = 0, self._line
        for record in records(text, self._delimiter):
            if record.malformed and record.lines > 1:
                raise self._unbalanced(line)
            if record.end == len(text) and not final and not text.endswith("\n"):
                break
            end, line = record.end, line + record.lines
        if final and end < len(text):
            raise self._unbalanced(line)
        return len(text[:end].encode())

    def _unbalanced(self, line: int) -> FormatError:
        return FormatError(
            "a quote is not closed",
            where=f"{self._where or 'the text'}, line {line:,}",
            expected="each quote that opens a field closed at its end, and quotes inside it doubled",
            hint="fix or remove the quote on that line",
        )

    def _too_long(self, at: int) -> FormatError | LimitError:
        line = self._line + self._data.count(b"\n", 0, at)
        first = self._data.find(b"\n", at, self.length)
        if first >= 0 and self._data.count(b'"', at, first) % 2:
            return self._unbalanced(line)
        return LimitError(
            "a row is too long",
            where=f"{self._where or 'the text'}, line {line:,}",
            expected=f"at most {self._limits.line_bytes:,} bytes",
            found=f"{self.length - at:,} bytes and more",
            hint="the line ends may be missing, or a quote may not be closed",
        )

    def _lone_returns(self, array: NDArray[np.uint8]) -> bool:
        """True when a carriage return stands without a line feed."""
        if self._data.find(b"\r", 0, len(array)) < 0:
            return False
        returns = self._places(array, _RETURN)
        return int(returns[-1]) == len(array) - 1 or not (array[returns + 1] == _NEWLINE).all()


def records(text: str, delimiter: str) -> Iterator[Record]:
    """Every whole row of a text by the rules of the csv module; a last one with an open quote is left out."""
    csv.field_size_limit(max(csv.field_size_limit(), 1 << 28))
    feed = _Feed(text)
    rows = csv.reader(feed, delimiter=delimiter)
    at = 0
    while (fields := next(rows, None)) is not None:
        if feed.ended:
            return
        lines = feed.taken
        feed.taken = 0
        yield Record(
            fields=fields, lines=lines, end=feed.at, malformed=_is_malformed(text[at : feed.at], delimiter, fields)
        )
        at = feed.at


class _Feed:
    """Lines for the csv module, which tells by how many it takes where a row ends."""

    def __init__(self, text: str) -> None:
        self._lines = iter(io.StringIO(text, newline=""))
        self.at = 0
        self.taken = 0
        self.ended = False

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            # One more line shows whether the csv module was inside a quoted field.
            if self.ended:
                raise StopIteration
            self.ended = True
            return _END
        self.at += len(line)
        self.taken += 1
        return line


def _is_malformed(raw: str, delimiter: str, fields: list[str]) -> bool:
    if '"' not in raw:
        return False
    try:
        return next(csv.reader(io.StringIO(raw, newline=""), delimiter=delimiter, strict=True), []) != fields
    except csv.Error:
        return True


def ordered(items: Iterable[Item], work: Callable[[Item], Result], *, threads: int) -> Iterator[Result]:
    """`work` of each item, in order, in threads, with no more than `threads` + 1 items under way.

    The first item is done alone, so that what it shows is known to the others.
    """
    feed = iter(items)
    for first in feed:
        yield work(first)
        break
    if threads <= 1:
        yield from map(work, feed)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="dwell-read") as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in feed:
                waiting.append(pool.submit(work, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
