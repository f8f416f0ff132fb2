"""Whether a file could be taken in, as far as it is known: it is refused at once, not after an hour of sending."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Final, NamedTuple

from dwell_kit.errors import CutOffError, DwellError, InputError
from dwell_kit.ingest.batches import Reader, ReadOptions
from dwell_kit.ingest.sources import HEAD_BYTES, Source
from dwell_kit.workspace import ingesting
from dwell_kit.workspace.handle import Handle

_HEADER_BYTES: Final = 1 << 16
_FOOTER: Final = 8


class Known(NamedTuple):
    """How many bytes at the beginning and at the end of a file are there; what lies between is not."""

    first: int
    last: int = 0


def check_file(
    ws: Handle, path: Path, *, target: ingesting.Target, options: ReadOptions, known: Known | None = None
) -> None:
    """Raise what is wrong with a file and with what is said of it; nothing is taken in.

    Parameters
    ----------
    known : how much of the file is there; None if it is whole. A whole text is read to its end, of others the
        beginning of each table is looked at.

    Raises
    ------
    DwellError : what `ingest` would raise.
    """
    ingesting.check(ws, target)
    source = Source(path, limits=options.limits)
    if known is None and source.kind == "text":
        for _ in ingesting.batches(source, target, options, []):
            pass
        return
    if known is not None and source.kind == "parquet" and not _has_footer(path, known):
        return
    for part in source.members():
        if known is not None and not _begins_within(part, known):
            continue
        reader = ingesting.reader_of(part, target, options)
        if known is not None and part.head(options).is_json:
            _scan(part, reader, options)


def _scan(part: Source, reader: Reader, options: ReadOptions) -> None:
    """Raises if JSON is broken before it is cut off."""
    try:
        for _ in reader.read(part, options):
            pass
    except CutOffError:
        return
    except InputError:
        raise
    except DwellError:
        return  # what has to be asked may be answered further on


def _begins_within(part: Source, known: Known) -> bool:
    if part.member is None:
        return True
    with zipfile.ZipFile(part.path) as archive:
        info = archive.getinfo(part.member)
    return info.header_offset + _HEADER_BYTES + min(info.compress_size, HEAD_BYTES) <= known.first


def _has_footer(path: Path, known: Known) -> bool:
    """Whether a Parquet file's columns, which are named at its end, are there."""
    with path.open("rb") as file:
        file.seek(-_FOOTER, 2)
        length = int.from_bytes(file.read(4), "little")
    return length + _FOOTER <= known.last
