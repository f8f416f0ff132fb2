"""Bins of time that presence is counted into."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numba as nb
import numpy as np

SHIFT: Final = 16
ARRIVAL: Final = 1 << SHIFT
"""An arrival in a cell of events; a departure is 1. Small cells, because the cache is what limits the pass."""


class Scale(NamedTuple):
    """Bins of time of one width, µs. Without arrays: counting references to them in a loop is slow."""

    t0: int
    width: int
    per: float
    """A little more than 1 / width, see `scale_of`."""
    wide: bool


class Bins(NamedTuple):
    """A number for each place and bin of time: cells (places × m,), empty to count nothing.

    The number is person-time in µs (int64), or arrivals × `ARRIVAL` + departures (uint32). Cells of events end
    with one more cell that counts the arrivals, so that an overflow is found out.
    """

    scale: Scale
    m: int
    cells: Any


def scale_of(t0: int, width: int, m: int) -> Scale:
    """`m` bins from `t0` on.

    `per` exceeds 1 / width by a relative 2⁻⁵¹: more than two roundings take away, so that a multiple of the width
    never falls below its bin, and less than could lift a µs over an edge within 2⁴⁹ µs (17 years).
    """
    return Scale(t0, width, (1.0 + 2.0**-51) / width, width * max(m, 1) >= 1 << 49)


@nb.njit(cache=True, nogil=True, forceinline=True)
def bin_of(scale: Any, t: int) -> Any:
    """(t - t0) // width, exactly, t not before t0; a division of integers made the whole pass 4× slower."""
    q = np.int64((t - scale.t0) * scale.per)
    if scale.wide:
        rest = t - scale.t0 - q * scale.width
        q += (rest >= scale.width) - (rest < 0)
    return q
