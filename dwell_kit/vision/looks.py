"""The looks of the persons whom one camera follows: taken when they come and now and then, not in every frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from dwell_kit.vision.background import Image
from dwell_kit.vision.boxes import Floats, Tracks
from dwell_kit.vision.embed import Embedder, embed_all

_HAIR_S: Final = 1e-6
"""What media times that are the same may differ by."""


@dataclass
class _Look:
    """The newest look of a track, and media times, s."""

    look: Floats
    taken_s: float
    seen_s: float
    news: bool = True


class Looks:
    """The newest look of each track of one camera.

    Parameters
    ----------
    embedder : what takes them. every_s : how old a look may become, media time.

    >>> class Red:
    ...     size, taken = 1, 0
    ...     def embed(self, image_bgr, xyxy):
    ...         self.taken += len(xyxy)
    ...         return np.ones((len(xyxy), 1))
    >>> red = Red()
    >>> looks, seen = Looks(red, every_s=2.0), Tracks(xyxy=[[0, 0, 4, 8]], track_id=[7], confidence=[0.9])
    >>> image = np.zeros((9, 9, 3), np.uint8)
    >>> [looks.of(at_s, image, seen).tolist() for at_s in (0.0, 0.5, 1.0, 2.0)][-1], red.taken
    ([[1.0]], 2)
    """

    def __init__(self, embedder: Embedder, *, every_s: float) -> None:
        self._embedder, self._every_s = embedder, every_s
        self._kept: dict[int, _Look] = {}

    def of(self, at_s: float, image: Image, tracks: Tracks) -> Floats:
        """(n, size) the looks of an instant's tracks; NaN for who has not shown any."""
        (found,) = looks_of(self._embedder, at_s, [(self, image, tracks)])
        return found

    def due(self, at_s: float, tracks: Tracks) -> list[int]:
        """Which rows of an instant's tracks are to be looked at."""
        return [row for row, track in enumerate(tracks.track_id.tolist()) if not self._fresh(track, at_s)]

    def keep(self, at_s: float, tracks: Tracks, due: Sequence[int], taken: Floats) -> Floats:
        """(n, size) the looks of an instant's tracks, with those that were taken of the rows that were `due`."""
        ids = tracks.track_id.tolist()
        for row, look in zip(due, taken, strict=True):
            before = self._kept.get(ids[row])
            if np.isfinite(look).all() or before is None:
                self._kept[ids[row]] = _Look(look, at_s, at_s)
        for track in ids:
            self._kept[track].seen_s = at_s
        self._kept = {track: one for track, one in self._kept.items() if at_s - one.seen_s <= self._every_s}
        return np.array([self._kept[track].look for track in ids], np.float64).reshape(
            len(ids), self._embedder.size
        )

    def news(self) -> list[tuple[int, Floats]]:
        """The looks that were taken since this was asked last, by track."""
        fresh = [(track, one) for track, one in self._kept.items() if one.news]
        for _, one in fresh:
            one.news = False
        return [(track, one.look) for track, one in fresh]

    def _fresh(self, track: int, at_s: float) -> bool:
        one = self._kept.get(track)
        if one is None or not np.isfinite(one.look).all():
            return False
        return at_s - one.taken_s < self._every_s - _HAIR_S


def looks_of(embedder: Embedder, at_s: float, seen: Sequence[tuple[Looks, Image, Tracks]]) -> list[Floats]:
    """`Looks.of` for several cameras at an instant: the embedder is asked about all who are due at once."""
    due = [looks.due(at_s, tracks) for looks, _, tracks in seen]
    asked = [i for i, rows in enumerate(due) if rows]
    shown = [(seen[i][1], seen[i][2].xyxy[due[i]]) for i in asked]
    taken = dict(zip(asked, embed_all(embedder, shown), strict=True)) if asked else {}
    none = np.empty((0, embedder.size))
    return [looks.keep(at_s, tracks, due[i], taken.get(i, none)) for i, (looks, _, tracks) in enumerate(seen)]
