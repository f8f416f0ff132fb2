"""The registry of readers: by name through entry points, or by what a file's head looks like."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Final

from dwell_kit.errors import FormatError, NotFoundError
from dwell_kit.ingest.batches import Reader, ReadOptions
from dwell_kit.ingest.sources import Source

GROUP: Final = "dwell_kit.readers"
_SURE: Final = 0.5
_MAYBE: Final = 0.2


def names() -> tuple[str, ...]:
    """The names of all installed readers."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def get(name: str) -> Reader:
    """The reader called `name`.

    Raises
    ------
    NotFoundError : listing the known ones.
    """
    for point in entry_points(group=GROUP):
        if point.name == name:
            loaded: Reader = point.load()
            return loaded
    raise NotFoundError(
        f"there is no reader {name!r}",
        expected=", ".join(names()),
        found=repr(name),
        hint="a package adds one by the entry point group 'dwell_kit.readers'",
    )


def detect(source: Source, options: ReadOptions | None = None) -> Reader:
    """The reader that is surest that a file is its own.

    Raises
    ------
    FormatError : if none is; it lists what was looked for and what was found.
    """
    head = source.head(options)
    claims = [(get(name).claims(head), name) for name in names()]
    best = max(claims, key=lambda claim: claim[0])
    if best[0] >= _SURE or (best[0] >= _MAYBE and sum(c[0] >= _MAYBE for c in claims) == 1):
        return get(best[1])
    shown = ", ".join(repr(name) for name in head.columns[:12]) or repr(head.text[:60])
    raise FormatError(
        "no reader knows this file",
        where=source.name,
        expected="person, start and end (appearances); person, timestamp and entry/exit (entry_exit); "
        "Insight Report JSON (insights); frame,id,x,y,w,h (mot); t, person and x_m, y_m (positions)",
        found=shown + (" …" if len(head.columns) > 12 else ""),
        hint='name the reader and the columns: reader="appearances", columns={"started_at": "<header>", …}',
    )
