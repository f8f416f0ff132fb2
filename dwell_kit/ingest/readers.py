"""Every reader by name, and which one a file belongs to."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import entry_points
from typing import Final

from dwell_kit.errors import AskError, DwellError, FormatError, HeaderError, NotFoundError
from dwell_kit.ingest import headers
from dwell_kit.ingest.batches import Head, Reader, ReadOptions
from dwell_kit.ingest.sources import Source

GROUP: Final = "dwell_kit.readers"
"""Entry points of this group are readers: `name = "package.module:reader"`."""

_SURE: Final = 0.5
_MAYBE: Final = 0.2
_LOOKED_FOR: Final = (
    "person, start and end (appearances); person, timestamp and entry/exit (entry_exit); "
    "Insight Report JSON (insights); frame, id, x, y, w, h (mot); t, person and x_m, y_m (positions)"
)


def names() -> tuple[str, ...]:
    """The known readers, in order of name."""
    return tuple(sorted({point.name for point in entry_points(group=GROUP)}))


def get(name: str) -> Reader:
    """The reader called `name`.

    Raises
    ------
    NotFoundError : listing the known ones.
    """
    for point in entry_points(group=GROUP):
        if point.name == name:
            found: Reader = point.load()
            return found
    raise NotFoundError(
        f"there is no reader {name!r}",
        expected=", ".join(names()),
        found=name,
        hint=f"install the package that has an entry point {name!r} in the group {GROUP!r}",
    )


def detect(source: Source, options: ReadOptions | None = None) -> Reader:
    """The reader that a file belongs to.

    Raises
    ------
    HeaderError : if it is an export whose header was damaged, naming what is missing.
    FormatError : if no reader knows it. AskError : if several do.
    """
    options = options or ReadOptions()
    own = head = source.head(options)
    if options.columns:
        headers.check_named(head.columns, options.columns, where=source.name)
        head = replace(head, columns=_renamed(head, options))
    claims = sorted(
        ((reader.claims(head), reader.name, reader) for reader in map(get, names())), key=lambda x: -x[0]
    )
    best, name, reader = claims[0]
    if best >= _SURE:
        rivals = [other for claim, other, _ in claims[1:] if claim == best]
        if rivals:
            raise AskError(
                "the file could be of several kinds",
                where=source.name,
                found=", ".join([name, *rivals]),
                hint="name one with reader=",
            )
        return reader
    if best >= _MAYBE and sum(claim >= _MAYBE for claim, *_ in claims) == 1 and name != "appearances":
        return reader
    if best >= _MAYBE:
        _explain_header(own, options)
    lines, example = headers.lacks(head.columns, headers.APPEARANCE) if len(head.columns) > 1 else ([], "")
    as_appearances = "\n    as an appearance export it lacks\n      " + "\n      ".join(lines) if lines else ""
    raise FormatError(
        "no reader knows this file",
        where=source.name,
        expected=_LOOKED_FOR + as_appearances,
        found=_seen(head),
        hint=f"say which column is which: {example}, or name a reader with reader="
        if example
        else "name a reader with reader=",
    )


def _renamed(head: Head, options: ReadOptions) -> tuple[str, ...]:
    """The header with the caller's names for its columns, so that the readers recognise them."""
    known = {want.name: want.aliases[0] for want in headers.APPEARANCE}
    renamed = list(head.columns)
    for name, text in options.columns.items():
        for place in headers.places(head.columns, text)[:1]:
            renamed[place] = known.get(name, name)
    return tuple(renamed)


def _explain_header(head: Head, options: ReadOptions) -> None:
    try:
        headers.match(
            head.columns, headers.APPEARANCE, columns=options.columns, limits=options.limits, where=head.name
        )
    except HeaderError:
        raise
    except DwellError:
        return


def _seen(head: Head) -> str:
    if head.dialect is None or len(head.columns) > 1:
        return "columns " + ", ".join(name.strip()[:40] for name in head.columns[:20])
    return repr(head.text[:80])
