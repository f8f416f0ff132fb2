"""The records of a JSON document or of JSON lines, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

import orjson

from dwell_kit.errors import FormatError
from dwell_kit.ingest.batches import Limits
from dwell_kit.ingest.json_scanner import FLAT, Raw, Scanner, Shape, parsed, too_long

__all__ = ["Raw", "Shape", "parse", "records"]

_HEAD_BYTES: Final = 1 << 20


def records(
    chunks: Iterable[bytes], *, shape: Shape, limits: Limits | None = None, where: str | None = None
) -> Iterator[Raw]:
    """Every record of a list, of a list inside envelopes, of JSON lines, or a single object.

    A broken line of JSON lines is handed over with its problem; anything else that is broken ends the reading.

    Parameters
    ----------
    chunks : the text as UTF-8 bytes.
    where : the file, for errors.

    Raises
    ------
    FormatError : if the text is no JSON, or ends too early.
    LimitError : if it is nested too deeply, or one record is too long.
    """
    limits = limits or Limits()
    head, rest = _peek(iter(chunks))
    if not head.strip():
        raise FormatError("the file is empty", where=where, expected="JSON records", found="nothing")
    stream = chain([head], rest)
    if _is_lines(head):
        found = _lines(stream, shape, limits, where)
    else:
        found = Scanner(stream, shape, limits, where).documents()
    for raw in found:
        if len(raw.data) > limits.line_bytes:
            raise too_long(limits, where)
        yield raw


def parse(raws: list[Raw]) -> list[dict[str, Any] | str]:
    """The objects, envelope fields included where the record has none; a sentence where one cannot be read."""
    good = [raw for raw in raws if raw.problem is None]
    try:
        values = orjson.loads(b"[" + b",".join(raw.data for raw in good) + b"]")
    except orjson.JSONDecodeError:
        values = []
    if len(values) != len(good):
        values = [parsed(raw.data) for raw in good]
    found = iter(zip(good, values, strict=True))
    return [raw.problem if raw.problem is not None else _merged(*next(found)) for raw in raws]


def _merged(raw: Raw, value: Any) -> dict[str, Any] | str:
    if isinstance(value, dict):
        return {**raw.envelope, **value} if raw.envelope else value
    if isinstance(value, str) and not raw.data.startswith(b'"'):
        return value
    return "is not an object"


def _peek(chunks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= _HEAD_BYTES:
            break
    return head, chunks


def _is_lines(head: bytes) -> bool:
    """True when the first line is a whole object and others follow, or more than half of the lines are."""
    lines = [line for line in head[:_HEAD_BYTES].splitlines() if line.strip()]
    if len(lines) < 2:
        return False
    whole = [_is_object(line) for line in lines[:200]]
    return whole[0] or 2 * sum(whole) > len(whole)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _lines(chunks: Iterable[bytes], shape: Shape, limits: Limits, where: str | None) -> Iterator[Raw]:
    for line in _split(chunks, limits, where):
        if FLAT.fullmatch(line):
            yield Raw(line)
            continue
        try:
            yield from list(Scanner([line], shape, limits, where).documents())
        except FormatError as error:
            yield Raw(line, problem=f"is not JSON: {error.found or error.what}")


def _split(chunks: Iterable[bytes], limits: Limits, where: str | None) -> Iterator[bytes]:
    carry = b""
    for chunk in chunks:
        *whole, carry = (carry + chunk).split(b"\n")
        for line in whole:
            if line := line.strip():
                yield line
        if len(carry) > limits.line_bytes:
            raise too_long(limits, where)
    if carry := carry.strip():
        yield carry
