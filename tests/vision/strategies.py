"""Random tracks, small enough for brute force."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from dwell_kit.vision.track_table import TrackTable


@st.composite
def tables(draw: st.DrawFn, *, ids: int = 4, frames: int = 6) -> TrackTable:
    """A table whose boxes lie on a coarse grid, so that they often overlap and often tie."""
    places = draw(
        st.dictionaries(
            st.tuples(st.integers(1, frames), st.integers(0, ids - 1)),
            st.tuples(st.integers(0, 6), st.integers(0, 3), st.integers(1, 4), st.integers(1, 4)),
            max_size=ids * frames,
        )
    )
    rows = sorted(places.items())
    corners = np.array([[x, y, x + w, y + h] for _, (x, y, w, h) in rows], float).reshape(-1, 4)
    keys = np.array([key for key, _ in rows], np.int64).reshape(-1, 2)
    return TrackTable(corners, keys[:, 0], keys[:, 1] * 3 + 2, np.linspace(0.2, 1, len(rows)))
