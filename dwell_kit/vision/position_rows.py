"""Positions as `dwell export --what positions` writes them (CSV, Parquet), read as tracks to be scored."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
import polars as pl

from dwell_kit.errors import FormatError, InputError
from dwell_kit.schema import columns as c
from dwell_kit.vision.mot_text import FROM_ZERO, MotRows
from dwell_kit.vision.track_table import TrackTable

_BOX: Final = (c.BOX_X, c.BOX_Y, c.BOX_W, c.BOX_H)
_NUMBERS: Final = {c.FRAME: pl.Int64, **dict.fromkeys((*_BOX, c.CONFIDENCE), pl.Float64)}
_NEEDED: Final = (c.PERSON, c.FRAME, *_BOX)
_PARQUET: Final = b"PAR1"


def is_positions(raw: bytes) -> bool:
    """Whether a file begins as such a table does.

    >>> is_positions(b"environment,person_id,camera_id,t,frame"), is_positions(b"1,3,10,20,5,10,0.5")
    (True, False)
    """
    return raw.startswith(_PARQUET) or c.PERSON.encode() in raw.partition(b"\n")[0].strip().split(b",")


def read_positions(raw: bytes, *, name: str) -> MotRows:
    """The boxes of one camera, each person a track; if there is a frame 0 they are counted from 0, which is noted.

    Raises
    ------
    FormatError : if it cannot be read, lacks a column, or a row has no frame or box.
    InputError : if it has several cameras, whose frames and boxes are not of one picture.
    """
    try:
        rows = _frame(raw).cast(_NUMBERS)  # type: ignore[arg-type]
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        said = str(error).partition("\n")[0][:120]
        raise FormatError("a table of positions cannot be read", name, ", ".join(_NEEDED), said) from error
    _check(rows, name)
    corner, size = rows.select(_BOX[:2]).to_numpy(), rows.select(_BOX[2:]).to_numpy()
    from_zero = bool((rows[c.FRAME] == 0).any())
    table = TrackTable(
        xyxy=np.concatenate([corner, corner + size], axis=1),
        frame=rows[c.FRAME].to_numpy() + from_zero,
        track_id=rows[c.PERSON].rank("dense").cast(pl.Int64).to_numpy(),
        confidence=rows[c.CONFIDENCE].fill_null(1.0).to_numpy(),
    )
    return MotRows(table, notes=(FROM_ZERO,) if from_zero else ())


def _frame(raw: bytes) -> pl.DataFrame:
    """The columns that are looked at, of a CSV as text; a confidence and a camera may be missing."""
    table = (
        pl.read_parquet(io.BytesIO(raw))
        if raw.startswith(_PARQUET)
        else pl.read_csv(io.BytesIO(raw), infer_schema=False)
    )
    made = [pl.lit(None, pl.String).alias(n) for n in (c.CAMERA, c.CONFIDENCE) if n not in table.columns]
    return table.with_columns(made).select(*_NEEDED, c.CAMERA, c.CONFIDENCE)


def _check(rows: pl.DataFrame, name: str) -> None:
    cameras = rows[c.CAMERA].unique().drop_nulls().sort().to_list()
    if len(cameras) > 1:
        raise InputError(
            "positions of several cameras are not scored at once",
            name,
            "one camera",
            ", ".join(map(str, cameras)),
            "`dwell export FILE --what positions --camera ID` writes those of one",
        )
    absent = rows.with_row_index("row", 1).filter(pl.any_horizontal(pl.col(*_NEEDED).is_null()))
    if absent.height:
        raise FormatError(
            "positions without a frame and a box cannot be scored",
            f"{name}, row {absent['row'][0]}",
            ", ".join(_NEEDED),
            f"{absent.height} rows without",
            "score what a video gave (`dwell track`)",
        )
