"""Figures for people (tables) and for programs (`--json`)."""

from __future__ import annotations

import math
import sys
from datetime import date, datetime, timedelta
from typing import Any, Final

import orjson
import polars as pl
from rich.console import Console
from rich.table import Table

from dwell_kit.errors import DwellError
from dwell_kit.schema.text import duration, is_duration, words
from dwell_kit.schema.time import zone
from dwell_kit.schema.wording import spoken

_MOST_ROWS: Final = 60
_WIDE: Final = 400


def show(value: Any, *, as_json: bool, title: str = "", tz: str = "UTC") -> None:
    """Print a frame, a dict or a list; tables say times in `tz`, JSON in UTC."""
    if as_json:
        print_json(value)
    elif isinstance(value, pl.DataFrame):
        _frame(value, title, tz)
    elif isinstance(value, dict):
        _pairs(value, title, tz)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        _frame(pl.DataFrame(value, infer_schema_length=None, strict=False), title, tz)
    else:
        _console().print(value)


def _console() -> Console:
    """Standard output; into a file or a pipe tables are as wide as they need to be."""
    return Console(width=None if sys.stdout.isatty() else _WIDE)


def print_json(value: Any) -> None:
    """Print JSON: times as ISO 8601 UTC, missing and not-a-number as null."""
    if isinstance(value, pl.DataFrame):
        value = value.to_dicts()
    text = orjson.dumps(_plain(value), option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY).decode()
    Console(soft_wrap=True, highlight=False, markup=False, emoji=False).print(text)


def fail(error: DwellError, *, as_json: bool) -> None:
    """Print an error to standard error, and as JSON to standard output when that was asked for."""
    said = spoken(error)
    if as_json:
        print_json(said.as_dict())
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(f"dwell: {said}")


def fail_usage(error: Exception) -> None:
    """Print what is wrong with a command line as JSON to standard output, and to standard error."""
    said = getattr(error, "format_message", lambda: str(error))()
    context = getattr(error, "ctx", None)
    where = context.command_path if context else "dwell"
    refusal = DwellError(said, where=where, hint=f"{where} --help")
    print_json({**refusal.as_dict(), "error": "UsageError"})
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(f"dwell: {refusal}")


def _pairs(value: dict[str, Any], title: str, tz: str) -> None:
    table = Table(title=title or None, show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name, item in value.items():
        table.add_row(words(name), _cell(name, item, tz))
    _console().print(table)


def _frame(frame: pl.DataFrame, title: str, tz: str) -> None:
    table = Table(title=title or None, title_justify="left", row_styles=["", "dim"])
    for name, dtype in frame.schema.items():
        table.add_column(words(name), justify="right" if dtype.is_numeric() else "left")
    for row in frame.head(_MOST_ROWS).iter_rows(named=True):
        table.add_row(*[_cell(name, item, tz) for name, item in row.items()])
    console = _console()
    console.print(table if frame.height else "no rows: nothing matches these filters")
    if frame.height > _MOST_ROWS:
        console.print(f"… {frame.height - _MOST_ROWS:,} more rows: use --json or `dwell export`")


def _cell(name: str, item: Any, tz: str) -> str:
    if item is None:
        return "–"
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, float):
        if is_duration(name):
            return duration(item)
        return f"{item:,.3f}".rstrip("0").rstrip(".")
    if isinstance(item, int):
        return f"{item:,}"
    if isinstance(item, datetime):
        local = item.astimezone(zone(tz)) if item.tzinfo else item
        return local.strftime("%Y-%m-%d %H:%M:%S %Z").strip()
    return str(item)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
