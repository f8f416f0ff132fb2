"""What all cameras saw at one instant, on the floor they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dwell_kit.errors import InputError
from dwell_kit.schema.outlines import Points
from dwell_kit.vision.ground import Footing

Floats = NDArray[np.float64]
NO_TRACK = -1


@dataclass(frozen=True, kw_only=True)
class FloorBoxes:
    """Boxes of one instant, over all cameras.

    Parameters
    ----------
    camera : (n,) which camera, 0…. floor_m : (n, 2) feet, metres; NaN: not on the floor, and in no cluster.
    covariance : (n, 2, 2) m². width_m : (n,) of the box on the floor.
    track : (n,) the camera's own track id, −1 if it has none.
    embedding : (n, d) unit vectors, a row of NaN where there is none; or None.

    Raises
    ------
    InputError : if the shapes do not match.
    """

    camera: NDArray[np.int64]
    floor_m: Points
    covariance: Floats
    width_m: Floats
    track: NDArray[np.int64]
    embedding: Floats | None = None

    def __post_init__(self) -> None:
        n = len(self.camera)
        for name, shape in (
            ("camera", (n,)),
            ("floor_m", (n, 2)),
            ("covariance", (n, 2, 2)),
            ("width_m", (n,)),
            ("track", (n,)),
        ):
            found = getattr(self, name).shape
            if found != shape:
                raise InputError("boxes on the floor do not match", name, f"shape {shape}", f"shape {found}")
        if self.embedding is not None and (self.embedding.ndim != 2 or len(self.embedding) != n):
            found = self.embedding.shape
            raise InputError("embeddings do not match the boxes", "embedding", f"shape ({n}, d)", f"shape {found}")

    def __len__(self) -> int:
        return len(self.camera)

    def __getitem__(self, which: NDArray[np.bool_]) -> FloorBoxes:
        return FloorBoxes(
            camera=self.camera[which],
            floor_m=self.floor_m[which],
            covariance=self.covariance[which],
            width_m=self.width_m[which],
            track=self.track[which],
            embedding=None if self.embedding is None else self.embedding[which],
        )


def on_shared_floor(
    footings: Sequence[Footing],
    *,
    tracks: Sequence[NDArray[np.int64]] | None = None,
    embeddings: Sequence[Floats] | None = None,
    across: float,
    along: float,
) -> FloorBoxes:
    """Boxes of each camera as one instant on the floor.

    `across` and `along` are those of `Footing.covariance`; `tracks` and `embeddings` go box by box.

    Raises
    ------
    InputError : if the lists are of different lengths.
    """
    for name, given in (("tracks", tracks), ("embeddings", embeddings)):
        if given is not None and len(given) != len(footings):
            raise InputError("not one list per camera", name, str(len(footings)), str(len(given)))
    counts = [len(one.floor_m) for one in footings]
    spreads = [one.covariance(across=across, along=along) for one in footings]
    n = sum(counts)
    return FloorBoxes(
        camera=np.repeat(np.arange(len(footings)), counts).astype(np.int64),
        floor_m=np.concatenate([np.zeros((0, 2)), *(one.floor_m for one in footings)]),
        covariance=np.concatenate([np.zeros((0, 2, 2)), *spreads]),
        width_m=np.concatenate([np.zeros(0), *(one.width_m for one in footings)]),
        track=np.full(n, NO_TRACK, np.int64) if tracks is None else np.concatenate(tracks).astype(np.int64),
        embedding=None if embeddings is None else np.concatenate(embeddings),
    )
