"""JSON values as texts, and rejects of JSON records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import orjson
import polars as pl

from dwell_kit.ingest.json_stream import Raw
from dwell_kit.schema import columns as c
from dwell_kit.schema.tables import REJECTS

Path = tuple[str | int, ...]


def as_text(value: Any) -> str | None:
    """A text as it is, null as None, everything else as JSON.

    >>> as_text("a"), as_text(True), as_text([1, None]), as_text(None)
    ('a', 'true', '[1,null]', None)
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    return orjson.dumps(value).decode()


def dig(value: Any, path: Path) -> Any:
    """What stands at a path of keys and list positions; None if there is nothing.

    >>> dig({"a": [{"b": 5}]}, ("a", 0, "b"))
    5
    """
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or len(value) <= step:
                return None
            value = value[step]
        else:
            if not isinstance(value, Mapping):
                return None
            value = value.get(step)
    return value


def pruned(value: Any, paths: Iterable[Path]) -> dict[str, Any]:
    """The object with what stands at these paths, and nothing else.

    >>> pruned({"a": [{"b": 5, "c": 6}], "d": 7}, [("a", 0, "b"), ("e",)])
    {'a': [{'b': 5}]}
    """
    made: dict[str, Any] = {}
    for path in paths:
        found = dig(value, path)
        if found is None:
            continue
        inner: Any = made
        for step, following in pairwise(path):
            new: Any = [{}] if isinstance(following, int) else {}
            inner = inner[step] if isinstance(step, int) else inner.setdefault(step, new)
        inner[path[-1]] = found
    return made


def text_of(raw: Raw) -> str:
    """The JSON text of a record, with the fields of its envelope, on one line."""
    try:
        value = orjson.loads(raw.data)
    except orjson.JSONDecodeError:
        return raw.data.decode("utf-8", "replace").replace("\n", " ").replace("\r", " ")
    if isinstance(value, dict) and raw.envelope:
        value = {**raw.envelope, **value}
    return orjson.dumps(value).decode()


def rejects_of(
    row_no: Sequence[int],
    raw: Sequence[str],
    *,
    column: Sequence[str | None],
    value: Sequence[str | None],
    reason: Sequence[str],
) -> pl.DataFrame:
    """The frame of REJECTS."""
    made = {
        c.ROW_NO: row_no,
        c.COLUMN: column,
        c.VALUE: value,
        c.REASON: reason,
        c.RAW: raw,
    }
    return pl.DataFrame(made, schema=REJECTS.schema)
