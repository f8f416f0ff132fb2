"""Persons' codes in words: apart from `keys`, which takes time to load."""

from __future__ import annotations


def code_text(code: int) -> str:
    """A person's code for people and for the audit log: 16 hexadecimal digits; `code_of` reads them back.

    >>> code_text(-1), code_of(code_text(-1)), code_of(code_text(255))
    ('ffffffffffffffff', -1, 255)
    """
    return f"{code & (2**64 - 1):016x}"


def code_of(text: str) -> int:
    """The code that `code_text` wrote."""
    number = int(text, 16)
    return number - (1 << 64) if number >> 63 else number
