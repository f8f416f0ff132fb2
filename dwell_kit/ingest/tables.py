"""Text and Parquet tables as frames of text columns, block by block, each row accounted for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

import numpy as np
import polars as pl

from dwell_kit.errors import FormatError
from dwell_kit.ingest import blocks
from dwell_kit.ingest.batches import ReadOptions
from dwell_kit.ingest.blocks import Block
from dwell_kit.ingest.dialect import Dialect
from dwell_kit.ingest.formulas import as_it_was, as_they_were
from dwell_kit.ingest.headers import IGNORED
from dwell_kit.ingest.sources import Source
from dwell_kit.schema import columns as c

EXTRA: Final = "extra"
"""Text of the fields beyond the header's; null for a good row."""
FAULT: Final = "fault"
"""Why a row cannot be read at all; null for a good row."""

_CHUNK_BYTES: Final = 1024 * 1024
_HEADER_BYTES: Final = 64 * 1024
_SAMPLES: Final = 16
_SAMPLE_BYTES: Final = 256 * 1024


def column(position: int) -> str:
    """Name of the column at a position of the header, in the frames of this module."""
    return f"c{position}"


class Table:
    """A file whose rows have columns.

    Parameters
    ----------
    source : the file. options : encoding, delimiter, block size, limits.
    """

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self.source = source
        self.options = options
        self.head = source.head(options)
        self.dialect = self.head.dialect or Dialect()
        self._handed_out = self.head.kind != "parquet" and IGNORED[0] in self.head.columns
        self.header = tuple(map(as_it_was, self.head.columns)) if self._handed_out else self.head.columns
        self.names = [column(i) for i in range(len(self.header))]
        # Polars takes the width from the first row: a header of our own also names what is beyond it.
        self._prefix = self.dialect.delimiter.join([*self.names, EXTRA]).encode() + b"\n"

    def notes(self) -> list[str]:
        """How the file was opened, in sentences."""
        if self.head.kind == "parquet":
            return ["format: Parquet"]
        return [f"encoding: {self.head.encoding}", self.dialect.note()]

    def blocks(self) -> Iterator[Block | pl.DataFrame]:
        """The rows after the header, in order; `parse` makes frames of them."""
        if self.head.kind == "parquet":
            yield from self.source.frames()
            return
        size = self.options.block_bytes
        chunks: Iterable[bytes] = self.source.chunks(self.options, size=min(_CHUNK_BYTES, size))
        if self.dialect.newline == "\r":
            chunks = (chunk.replace(b"\r", b"\n") for chunk in chunks)
        feed = blocks.cut(
            chunks,
            size=size,
            delimiter=self.dialect.delimiter,
            prefix=self._prefix,
            limits=self.options.limits,
            where=self.source.name,
        )
        for block in feed:
            rest = self._without_header(block)
            if rest is not None:
                yield from chain([rest], feed)

    def parse(self, block: Block | pl.DataFrame, positions: Sequence[int] | None = None) -> pl.DataFrame:
        """A frame of text columns `c0`, `c1` … (those of `positions`, all by default), EXTRA and FAULT.

        Blank lines are rows of nulls. Safe to call from several threads.
        """
        names = self.names if positions is None else [column(i) for i in sorted(set(positions))]
        frame = self._parse(block, names)
        return frame.with_columns_seq(*map(as_they_were, names)) if self._handed_out else frame

    def _parse(self, block: Block | pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
        if isinstance(block, pl.DataFrame):
            return _as_text(block.rename(dict(zip(block.columns, self.names, strict=True))).select(names))
        if block.careful:
            return self._careful(block).select(*names, EXTRA, FAULT)
        try:
            frame = pl.read_csv(
                block.data,
                separator=self.dialect.delimiter,
                infer_schema=False,
                columns=[*names, EXTRA],
            )
        except pl.exceptions.PolarsError:
            return self._careful(block).select(*names, EXTRA, FAULT)
        if frame[EXTRA].null_count() < frame.height:
            frame = frame.with_columns(pl.when(pl.col(EXTRA) != "").then(_quoted(EXTRA)).alias(EXTRA))
        if block.data.find(b"\0") >= 0:
            return frame.with_columns(_nul_fault(frame.columns))
        return frame.with_columns_seq(pl.lit(None, dtype=pl.String).alias(FAULT))

    def rows_at(self, block: Block | pl.DataFrame, places: pl.Series, height: int) -> pl.DataFrame:
        """All columns of some rows (0-based places) of a block of `height` rows."""
        if isinstance(block, pl.DataFrame) or block.careful:
            return self.parse(block)[places]
        rows = np.frombuffer(block.data, dtype=np.uint8)[block.skip :]
        ends = np.flatnonzero(rows == ord("\n")) + 1
        if not len(ends) or ends[-1] < len(rows):
            ends = np.append(ends, len(rows))
        if len(ends) != height:  # a field has a line end in it
            return self.parse(block)[places]
        starts = np.concatenate(([0], ends[:-1]))
        some = b"".join(rows[starts[at] : ends[at]].tobytes() for at in places)
        return self.parse(replace(block, data=block.data[: block.skip] + some))

    def samples(self, positions: Sequence[int]) -> Iterator[pl.DataFrame]:
        """Frames of a few rows from all over a plain file; nothing for others. Not every row is a real one:
        a sample may begin inside a quoted field, so what it shows has to be seen again."""
        for data in self.source.samples(_SAMPLES, _SAMPLE_BYTES):
            first, last = data.find(b"\n") + 1, data.rfind(b"\n") + 1
            data = self._prefix + data[first:last]
            block = Block(data=data, line=1, careful=False, skip=len(self._prefix))
            try:
                frame = self.parse(block, positions)
            except (pl.exceptions.PolarsError, UnicodeDecodeError, FormatError):
                continue
            yield frame.filter(pl.col(EXTRA).is_null(), pl.col(FAULT).is_null())

    def _without_header(self, block: Block) -> Block | None:
        """The block after its first row with anything in it; None if it has none."""
        for size in (_HEADER_BYTES, len(block.data)):
            # A character may be cut at the end; the header is not, or the whole block is taken.
            text = block.data[block.skip : block.skip + size].decode(errors="ignore")
            line = block.line
            for record in blocks.records(text, self.dialect.delimiter):
                line += record.lines
                if record.fields and (record.end < len(text) or size == len(block.data)):
                    rows = memoryview(block.data)[block.skip + len(text[: record.end].encode()) :]
                    data = b"".join((self._prefix, rows))
                    return Block(data=data, line=line, careful=block.careful, skip=len(self._prefix))
        return None

    def _careful(self, block: Block) -> pl.DataFrame:
        """The same frame by the csv module, for rows that are not as they should be."""
        width = len(self.names)
        rows: list[list[str | None]] = []
        for record in blocks.records(block.text(), self.dialect.delimiter):
            fields: list[str | None] = [field or None for field in record.fields]
            beyond = [field or "" for field in fields[width:]]
            extra = csv_line(beyond) if any(beyond) else None
            fault = "text after a closing quote" if record.malformed else None
            fault = "NUL byte" if any("\0" in (field or "") for field in fields) else fault
            rows.append([*fields[:width], *[None] * (width - len(fields)), extra, fault])
        schema = dict.fromkeys([*self.names, EXTRA, FAULT], pl.String)
        return pl.DataFrame(rows, schema=schema, orient="row")


def csv_line(fields: Sequence[str]) -> str:
    """One row as CSV text with commas, without a line end.

    >>> csv_line(["a", "b,c"])
    'a,"b,c"'
    """
    quoted = ('"' + field.replace('"', '""') + '"' if set(field) & set(',"\r\n') else field for field in fields)
    return ",".join(quoted)


def csv_lines(frame: pl.DataFrame) -> pl.Series:
    """Every row of text columns as CSV text with commas, without a line end, EXTRA behind it."""
    names = [name for name in frame.columns if name not in {EXTRA, FAULT}]
    line = pl.concat_str([_quoted(name) for name in names], separator=",")
    if EXTRA in frame.columns:
        line = line + pl.when(pl.col(EXTRA).is_null()).then(pl.lit("")).otherwise(pl.lit(",") + pl.col(EXTRA))
    return frame.select_seq(line.alias(c.RAW))[c.RAW]


def _quoted(name: str) -> pl.Expr:
    text = pl.col(name).fill_null("")
    wrapped = pl.concat_str([pl.lit('"'), text.str.replace_all('"', '""', literal=True), pl.lit('"')])
    return pl.when(text.str.contains(r'[,"\r\n]')).then(wrapped).otherwise(text).alias(name)


def _nul_fault(names: Sequence[str]) -> pl.Expr:
    anywhere = pl.any_horizontal(pl.col(n).str.contains("\0", literal=True).fill_null(value=False) for n in names)
    return pl.when(anywhere).then(pl.lit("NUL byte")).alias(FAULT)


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Every column of a Parquet frame as text that means the same; instants with a zone as epoch µs."""
    made = []
    for name, dtype in frame.schema.items():
        value = pl.col(name)
        if isinstance(dtype, pl.Datetime):
            aware = dtype.time_zone is not None
            naive = value.dt.strftime("%Y-%m-%d %H:%M:%S%.6f")
            made.append(value.dt.epoch("us").cast(pl.String) if aware else naive)
        elif isinstance(dtype, pl.Struct):
            made.append(value.struct.json_encode())
        elif dtype.is_nested():
            made.append(pl.struct(value).struct.json_encode())
        elif dtype == pl.Binary:
            made.append(value.bin.encode("base64"))
        else:
            made.append(value.cast(pl.String))
    nothing = pl.lit(None, dtype=pl.String)
    return frame.select([expr.alias(n) for expr, n in zip(made, frame.columns, strict=True)]).with_columns(
        nothing.alias(EXTRA), nothing.alias(FAULT)
    )
