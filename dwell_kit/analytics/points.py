"""Positions as points of a plane: on the floor in metres, or at people's feet in a camera's image."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from dwell_kit.analytics._frames import like, needs, to_polars
from dwell_kit.schema import columns as c

X: Final = "x"
Y: Final = "y"
_BOX: Final = (c.BOX_X, c.BOX_Y, c.BOX_W, c.BOX_H)


def compute_points(positions: Any, *, camera: str | None = None) -> Any:
    """Where people were: x_m and y_m on the floor, or the middle of their box's lower edge in a camera's image.

    Parameters
    ----------
    positions : frame of the positions contract. camera : whose image; None for the floor, of all cameras.

    Returns
    -------
    x, y (m on the floor; px in an image, y downwards), camera_id, person_id; positions without them are left out.
    """
    frame = to_polars(positions)
    needs(frame, (c.CAMERA, c.X_M, c.Y_M, *_BOX))
    if camera is None:
        x, y = pl.col(c.X_M), pl.col(c.Y_M)
    else:
        frame = frame.filter(pl.col(c.CAMERA) == camera)
        x, y = pl.col(c.BOX_X) + pl.col(c.BOX_W) / 2, pl.col(c.BOX_Y) + pl.col(c.BOX_H)
    return like(frame.select(x.alias(X), y.alias(Y), c.CAMERA, c.PERSON).drop_nulls([X, Y]), positions)


def compute_position_counts(positions: Any) -> Any:
    """How many positions each camera reported, of how many persons, over which time, and on which plane.

    Parameters
    ----------
    positions : frame of the positions contract.

    Returns
    -------
    camera_id, count (positions), unique_visitors (identified persons), first_seen, last_seen (UTC), on_floor and
    in_image (positions that have a place on the floor; a box in the camera's image).
    """
    frame = to_polars(positions)
    needs(frame, (c.CAMERA, c.PERSON, c.TIME, c.X_M, c.Y_M, *_BOX))
    table = (
        frame.group_by(c.CAMERA)
        .agg(
            pl.len().cast(pl.Int64).alias(c.COUNT),
            pl.col(c.PERSON).drop_nulls().n_unique().cast(pl.Int64).alias(c.UNIQUE_VISITORS),
            pl.col(c.TIME).min().alias(c.FIRST_SEEN),
            pl.col(c.TIME).max().alias(c.LAST_SEEN),
            pl.all_horizontal(pl.col(c.X_M, c.Y_M).is_not_null()).sum().cast(pl.Int64).alias("on_floor"),
            pl.all_horizontal(pl.col(_BOX).is_not_null()).sum().cast(pl.Int64).alias("in_image"),
        )
        .sort(c.CAMERA)
    )
    return like(table, positions)
