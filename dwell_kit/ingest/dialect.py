"""How a text table is written: delimiter, decimal comma, newline."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from statistics import median

_DELIMITERS = (",", ";", "\t", "|")
_DECLARED = re.compile(r'\A\ufeff?"?sep=(.)"?(?=\r|\n)', re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+\Z")


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a text table is written.

    Parameters
    ----------
    delimiter : between fields.
    decimal_comma : numbers are written 0,95.
    newline : "\\n" (also for "\\r\\n") or "\\r".
    """

    delimiter: str = ","
    decimal_comma: bool = False
    newline: str = "\n"

    def note(self) -> str:
        """What was found, in a sentence."""
        names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
        comma = ", decimal comma" if self.decimal_comma else ""
        return f"delimiter: {names.get(self.delimiter, repr(self.delimiter))}{comma}"


def rows_of(text: str, delimiter: str, *, limit: int | None = None) -> list[list[str]]:
    """The rows of a text table, blank lines left out; the last one may be cut.

    >>> rows_of('a;"b;c"', ";")
    [['a', 'b;c']]
    """
    found: list[list[str]] = []
    csv.field_size_limit(max(csv.field_size_limit(), 1 << 28))
    for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
        if row:
            found.append(row)
        if limit is not None and len(found) >= limit:
            break
    return found


def without_declaration(text: str) -> tuple[str, str | None]:
    """A text whose first line is blank if it was a spreadsheet's `sep=;`, and the delimiter that it named.

    >>> without_declaration("sep=;\\na;b\\n")
    ('\\na;b\\n', ';')
    >>> without_declaration("a;b\\n")
    ('a;b\\n', None)
    """
    found = _DECLARED.match(text)
    return (text[found.end() :], found[1]) if found else (text, None)


def detect(text: str, *, delimiter: str | None = None) -> Dialect:
    """The dialect of a text from its beginning: the delimiter that gives the most rows of the header's width.

    >>> detect("a;b\\n1,5;2\\n")
    Dialect(delimiter=';', decimal_comma=True, newline='\\n')
    """
    newline = "\r" if "\r" in text and "\n" not in text else "\n"
    if delimiter is None:
        delimiter = max(_DELIMITERS, key=lambda d: (_score(text, d), -_DELIMITERS.index(d)))
    fields = (field for row in rows_of(text, delimiter, limit=200)[1:] for field in row)
    decimal = any(_DECIMAL_COMMA.match(field.strip()) for field in fields)
    return Dialect(delimiter=delimiter, decimal_comma=decimal, newline=newline)


def _score(text: str, delimiter: str) -> float:
    """Width of the header, times the share of rows that are as wide; 0 for a single column."""
    rows = rows_of(text, delimiter, limit=200)
    if not rows or len(rows[0]) < 2:
        return 0.0
    width = len(rows[0])
    body = rows[1:-1] or rows[1:]
    if not body:
        return float(width)
    same = sum(len(row) == width for row in body) / len(body)
    typical = median(len(row) for row in body)
    return min(width, typical) * (0.1 + same)
