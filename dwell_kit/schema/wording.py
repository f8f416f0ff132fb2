"""Hints in the words of the door somebody came in by: the library speaks Python, commands and pages do not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from dwell_kit.errors import DwellError

_SPOKEN: Final[tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]] = (
    (r"columns=\{([^}]*)\}", lambda m: _columns(m[1])),
    (r"parameters=\{\"(\w+)\": …(, .*?)?\}", r"--parameter '\1=…' (repeatable)"),
    (r"parameters=\{[^}]*\}", "--parameter 'name=value'"),
    ("day_first=True", "--day-first"),
    ("day_first=False", "--month-first"),
    ("utc_offset_confirmed=True", "--utc-offset-confirmed"),
    ("utc_offset_confirmed=False", "--utc-offset-denied"),
    (r"ws\.ingest\(path\)", "`dwell ingest FILE`"),
    (r"ws\.set_environment\('([^']*)', tz='([^']*)'\)", r"`dwell environment \1 --tz \2`"),
    (r" or dk\.open\(path\)", ""),
    (r"\bwindow=(…|\S*)", "--covers FROM/TILL"),
    (r"(?<![\w'-])([a-z]+)_?([a-z]*)=(…?)(?!['\"])", lambda m: "--" + "-".join(w for w in m.groups()[:2] if w)),
)
"""What hints say to Python, and what the same is called on the command line."""
_FIELDS: Final = {
    "camera": "fill in the field “Camera”",
    "start": "fill in the field “First frame at”",
    "fps": "fill in the field “Frames a second”",
}
"""Options that the upload page has a field for."""


def spoken(error: DwellError) -> DwellError:
    """The error with its hint in the words of the command line instead of Python's."""
    return replace(error, hint=in_options(error.hint)) if error.hint else error


def in_options(text: str) -> str:
    """A text with Python's arguments called by the names of the options.

    >>> in_options('say columns={"a": "<its header>", "b": "B"}, or day_first=True')
    "say --column 'a=<its header>' --column 'b=B', or --day-first"
    >>> in_options("export(format='onnx')")
    "export(format='onnx')"

    A hint that names both speaks of one option only.

    >>> in_options("start=, --start"), in_options("--detections FILE, detections=")
    ('--start', '--detections FILE')
    """
    for python, option in _SPOKEN:
        text = re.sub(python, option, text)
    return re.sub(r"(--[a-z-]+)( [A-Z/]+)?, \1(?![\w-])", r"\1\2", text)


def _columns(pairs: str) -> str:
    said = re.findall(r'"([^"]*)": "([^"]*)"', pairs) or [("name", "Header")]
    return " ".join(f"--column '{name}={header}'" for name, header in said)


def on_a_page(hint: str) -> str:
    """A hint that names the page's field, or, where it has none, the option of the command.

    >>> on_a_page("camera=")
    'fill in the field “Camera”'
    >>> on_a_page("say day_first=True")
    'say --day-first (options of the command “dwell ingest FILE”)'
    >>> on_a_page("export it again")
    'export it again'
    """
    hint = re.sub(rf"\b({'|'.join(_FIELDS)})=$", lambda m: _FIELDS[m[1]], hint, flags=re.MULTILINE)
    said = in_options(hint)
    return said if said == hint else f"{said} (options of the command “dwell ingest FILE”)"
