"""A lexer of JSON that cuts a document into its records, in flat memory and without deep recursion."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import orjson

from dwell_kit.errors import CutOffError, FormatError, LimitError
from dwell_kit.ingest.batches import Limits
from dwell_kit.ingest.headers import normalised

_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
FLAT: Final = re.compile(rb'\{[^{}\[\]"]*+(?:' + _STRING + rb'[^{}\[\]"]*+)*+\}', re.DOTALL)
"""An object without any object or list inside: found in one match, which is most records of most files."""
_SHALLOW_LEVELS: Final = 4


def _shallow(levels: int) -> bytes:
    """Pattern of an object that is nested at most so deeply."""
    plain = rb'[^{}\[\]"]++|' + _STRING
    inside = plain
    for _ in range(levels - 1):
        inside = plain + rb"|\{(?:" + inside + rb")*+\}|\[(?:" + inside + rb")*+\]"
    return rb"\{(?:" + inside + rb")*+\}"


_SHALLOW: Final = re.compile(_shallow(_SHALLOW_LEVELS), re.DOTALL)
_TOKEN: Final = re.compile(rb"[{}\[\]]|(" + _STRING + rb')(\s*+:\s*+)?|"', re.DOTALL)
_SCALAR: Final = re.compile(_STRING + rb'|[^\s,\[\]{}"]++', re.DOTALL)
_SPACE: Final = re.compile(rb"\s*+")
_CLOSES: Final = {b"}": b"{", b"]": b"["}


@dataclass(frozen=True, slots=True)
class Raw:
    """One record as it stands in the file.

    Parameters
    ----------
    data : its JSON text.
    envelope : fields that the objects around it hand down: those that stood before it.
    problem : why it cannot be read; None when it may be.
    """

    data: bytes
    envelope: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What tells a record from the envelope around it.

    Parameters
    ----------
    wrappers : keys whose list or object holds the records, as `headers.normalised` gives them.
    marks : keys that only a record has; after one of them no key of its object is a wrapper.
    ids : keys that a record and an envelope may have; after one of them an object (not a list) is no wrapper's.
    handed_down : keys of an envelope whose values hold for the records inside.
    """

    wrappers: Collection[str] = ()
    marks: Collection[str] = ()
    ids: Collection[str] = ()
    handed_down: Collection[str] = ()


class Scanner:
    """Cuts a document into records with a lexer of strings and brackets: numbers and words are left to orjson."""

    def __init__(self, chunks: Iterable[bytes], shape: Shape, limits: Limits, where: str | None) -> None:
        self._chunks = iter(chunks)
        self._shape = shape
        self._name = lru_cache(maxsize=4096)(normalised)
        self._limits = limits
        self._where = where
        self._text = b""
        self._pos = 0
        self._keep = 0
        self._dropped = 0
        self._ended = False

    def documents(self) -> Iterator[Raw]:
        """The records of every value that stands at the top."""
        while self._space():
            if self._text[self._pos : self._pos + 1] not in (b"[", b"{"):
                raise self._broken("a list or an object", self._text[self._pos : self._pos + 30])
            yield from self._value({}, 0)

    def _value(self, envelope: Mapping[str, Any], depth: int) -> Iterator[Raw]:
        self._check_depth(depth + 1)
        if self._text[self._pos : self._pos + 1] == b"[":
            yield from self._list(envelope, depth + 1)
        elif (flat := FLAT.match(self._text, self._pos)) is not None:
            self._pos = flat.end()
            yield Raw(flat.group(), envelope)
        elif (record := self._shallow_record(depth)) is not None:
            yield Raw(record, envelope)
        else:
            yield from self._object(envelope, depth + 1)

    def _shallow_record(self, depth: int) -> bytes | None:
        """The whole object here, if it is nested a little only and is no envelope."""
        if depth + _SHALLOW_LEVELS > self._limits.json_depth:
            return None
        match = _SHALLOW.match(self._text, self._pos)
        value = None if match is None else parsed(match.group())
        if match is None or not isinstance(value, dict) or self._is_envelope(value):
            return None
        self._pos = match.end()
        return match.group()

    def _is_envelope(self, value: Mapping[str, Any]) -> bool:
        """What `_object` finds by its tokens, for an object that has been parsed."""
        seen: set[str] = set()
        for key, inner in value.items():
            name = self._name(key)
            if isinstance(inner, dict | list) and self._opens(
                name, seen, b"[" if isinstance(inner, list) else b"{"
            ):
                return True
            seen.add(name)
        return False

    def _list(self, envelope: Mapping[str, Any], depth: int) -> Iterator[Raw]:
        self._pos += 1
        due = True
        while True:
            byte = self._need("an element or ]")
            if byte == b"]":
                self._pos += 1
                return
            if byte == b",":
                if due:  # something is missing between two of them
                    raise self._broken("an element or ]", self._text[self._pos : self._pos + 30])
                self._pos += 1
                due = True
            elif not due:
                raise self._broken(", or ]", self._text[self._pos : self._pos + 30])
            elif byte in (b"[", b"{"):
                due = False
                yield from self._value(envelope, depth)
            else:
                due = False
                yield Raw(self._scalar())

    def _object(self, envelope: Mapping[str, Any], depth: int) -> Iterator[Raw]:
        """One object that holds others: an envelope, whose records are handed over, or a record itself."""
        self._keep = self._pos
        nesting = bytearray()
        seen: set[str] = set()
        inherited: Mapping[str, Any] | None = None
        while True:
            match = self._token()
            token, key = match.group(), match.group(1)
            if token in (b"{", b"["):
                nesting += token
                self._check_depth(depth + len(nesting) - 1)
            elif token in (b"}", b"]"):
                if bytes(nesting[-1:]) != _CLOSES[token]:
                    raise self._broken("a bracket that fits the one that is open", token)
                nesting.pop()
            elif match.group(2) is not None and nesting == b"{":
                name = normalised(key[1:-1].decode("utf-8", "replace"))
                if self._opens(name, seen, self._text[match.end() : match.end() + 1]):
                    if inherited is None:
                        inherited = {**envelope, **self._before(match.start())}
                    self._keep = self._pos = match.end()
                    yield from self._value(inherited, depth + 1)
                    self._keep = self._pos
                    continue
                seen.add(name)
                if inherited is not None and name in self._shape.marks:
                    raise self._broken("a record's own time before the lists and objects in it", key)
            self._pos = match.end()
            if not nesting:
                if inherited is None:
                    yield Raw(self._text[self._keep : self._pos], envelope)
                self._keep = self._pos
                return
            if inherited is not None:
                self._keep = self._pos

    def _opens(self, name: str, seen: set[str], byte: bytes) -> bool:
        if name not in self._shape.wrappers or not seen.isdisjoint(self._shape.marks):
            return False
        return byte == b"[" or (byte == b"{" and seen.isdisjoint(self._shape.ids))

    def _before(self, end: int) -> dict[str, Any]:
        """The scalar fields of an envelope before the key that opens it, as far as they are handed down."""
        text = self._text[self._keep : end].rstrip().removesuffix(b",") + b"}"
        value = parsed(text)
        if not isinstance(value, dict):
            return {}
        scalars = {k: v for k, v in value.items() if not isinstance(v, dict | list)}
        return {k: v for k, v in scalars.items() if normalised(k) in self._shape.handed_down}

    def _token(self) -> re.Match[bytes]:
        """The next bracket or string (with the colon of a key), whole."""
        while True:
            match = _TOKEN.search(self._text, self._pos)
            if match is None:
                if self._keep == self._pos:
                    self._keep = len(self._text)
                self._pos = len(self._text)
            elif match.group() != b'"' and (self._ended or not self._cut(match)):
                return match
            if not self._more():
                raise self._early()

    def _cut(self, match: re.Match[bytes]) -> bool:
        """True for a string at the very end: its colon, or the value after it, may be in the next chunk."""
        space = _SPACE.match(self._text, match.end())
        return match.group(1) is not None and space is not None and space.end() == len(self._text)

    def _scalar(self) -> bytes:
        while True:
            match = _SCALAR.match(self._text, self._pos)
            if match is not None and (match.end() < len(self._text) or self._ended):
                self._pos = match.end()
                return match.group()
            if match is None and self._text[self._pos : self._pos + 1] != b'"':
                raise self._broken("an element or ]", self._text[self._pos : self._pos + 30])
            if not self._more():
                raise self._early()

    def _need(self, expected: str) -> bytes:
        if not self._space():
            raise self._early(expected)
        return self._text[self._pos : self._pos + 1]

    def _space(self) -> bool:
        """Go to the next byte that is no space; False at the end of the text."""
        while True:
            match = _SPACE.match(self._text, self._pos)
            self._keep = self._pos = match.end() if match else self._pos
            if self._pos < len(self._text):
                return True
            if not self._more():
                return False

    def _more(self) -> bool:
        """Add the next chunk and forget what stands before the record; False at the end of the file."""
        if len(self._text) - self._keep > self._limits.line_bytes:
            raise too_long(self._limits, self._where)
        for chunk in self._chunks:
            self._text = self._text[self._keep :] + chunk
            self._dropped += self._keep
            self._pos -= self._keep
            self._keep = 0
            return True
        self._ended, more = True, not self._ended
        return more

    def _check_depth(self, depth: int) -> None:
        if depth > self._limits.json_depth:
            raise LimitError(
                "the JSON is nested too deeply", where=self._where,
                expected=f"at most {self._limits.json_depth} levels", found=f"{depth} levels and more",
            )  # fmt: skip

    def _broken(self, expected: str, found: bytes) -> FormatError:
        return FormatError(
            "the JSON is broken", where=self._where, expected=expected,
            found=f"{found.decode('utf-8', 'replace')!r} at byte {self._dropped + self._pos:,}",
        )  # fmt: skip

    def _early(self, expected: str = "its closing brackets") -> CutOffError:
        return CutOffError(
            "the JSON ends too early", where=self._where, expected=expected,
            found=f"the end of the file at byte {self._dropped + len(self._text):,}", hint="export it again",
        )  # fmt: skip


def parsed(data: bytes) -> Any:
    """The value of a JSON text; a sentence where there is none."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return f"is not JSON: {error}"


def too_long(limits: Limits, where: str | None) -> LimitError:
    """The error for a record that passes the limit."""
    return LimitError(
        "a JSON record is too long", where=where, expected=f"at most {limits.line_bytes:,} bytes", found="more"
    )
