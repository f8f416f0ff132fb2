"""Recordings tracked in chunks, by processes of this machine or by a cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dwell_kit.errors import InputError
from dwell_kit.jobs.executor import open_executor
from dwell_kit.jobs.ordered import in_order
from dwell_kit.jobs.tasks import Executor, Task

if TYPE_CHECKING:
    from dwell_kit.vision.chunked import ChunkedPipeline, RecordedCamera
    from dwell_kit.vision.chunks import Chunk, Recording, Watched
    from dwell_kit.vision.joining import PipelineRules

CHUNK_S: Final = 300.0
_AHEAD: Final = 2
"""Chunks submitted or waiting to be taken, for each that can be watched at the same time."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Where recordings are watched.

    Parameters
    ----------
    workers : processes of this machine. cluster : address of a Dask scheduler instead; its workers see the files
        under the same paths. Neither: in this process.
    chunk_s : media time that is one task; by default `CHUNK_S`.
    """

    workers: int | None = None
    cluster: str | None = None
    chunk_s: float | None = None

    @property
    def whole(self) -> bool:
        """Whether recordings are not cut."""
        return self.workers is None and self.cluster is None and self.chunk_s is None


def with_full_paths(camera: RecordedCamera) -> RecordedCamera:
    """The same for workers that were started in another folder."""
    recording, options, looks = camera.recording, camera.recording.options, camera.recording.looks
    if looks is not None:
        looks = replace(looks, options=replace(looks.options, weights=_full_path(looks.options.weights)))
    detections = None if options.detections is None else options.detections.resolve()
    return replace(
        camera,
        recording=replace(
            recording,
            video=os.fspath(Path(recording.video).resolve()),
            options=replace(options, weights=_full_path(options.weights), detections=detections),
            looks=looks,
        ),
    )


def _full_path(weights: str | Path | None) -> str | None:
    """Where weights are; a name of some, which is no path, stays as it is."""
    if weights is None:
        return None
    return os.fspath(Path(weights).resolve() if Path(weights).exists() else weights)


@contextmanager
def spread_over(
    spread: Spread,
    cameras: Sequence[RecordedCamera],
    *,
    start: datetime,
    until_s: float | None,
    rules: PipelineRules,
    look_size: int | None = None,
) -> Iterator[tuple[ChunkedPipeline, str | None]]:
    """A run over recordings whose chunks are watched elsewhere, and what is to be said about that.

    What is under way at the end of the `with`, however that comes, is cancelled.

    Raises
    ------
    InputError, DwellError : as `jobs.executor.open_executor` and `vision.chunks.cut`.
    AskError : if a detector wants what no worker has.
    """
    from dwell_kit.vision.chunked import ChunkedPipeline

    recordings = [camera.recording for camera in cameras]
    needs = {one.camera_id: _needs(one) for one in recordings}
    chunk_s = CHUNK_S if spread.chunk_s is None else spread.chunk_s
    if not chunk_s > 0:
        raise InputError("a chunk has no frame", "chunk_s", "above 0 s", f"{chunk_s} s")
    with open_executor(
        workers=spread.workers, cluster=spread.cluster, resources=most(*needs.values())
    ) as executor:
        pipeline = ChunkedPipeline(
            [with_full_paths(camera) for camera in cameras],
            start=start,
            look=lambda chunks: _look(executor, chunks, needs),
            chunk_s=chunk_s,
            until_s=until_s,
            rules=rules,
            look_size=look_size,
        )
        try:
            yield pipeline, executor.note
        finally:
            pipeline.close()


def most(*wanted: Mapping[str, float]) -> dict[str, float]:
    """What has enough for each.

    >>> most({"GPU": 2}, {"GPU": 1, "disk": 1})
    {'GPU': 2, 'disk': 1}
    """
    names = dict.fromkeys(name for one in wanted for name in one)
    return {name: max(one.get(name, 0) for one in wanted) for name in names}


def _needs(recording: Recording) -> dict[str, float]:
    """What whoever watches a recording must have: its detector and its embedder share it."""
    from dwell_kit.vision import detect, embedders

    wanted = detect.resources(recording.detector, recording.options)
    looks = recording.looks
    return wanted if looks is None else most(wanted, embedders.resources(looks.embedder, looks.options))


def _look(
    executor: Executor, chunks: Sequence[Chunk], needs: Mapping[str, Mapping[str, float]]
) -> Iterator[Watched]:
    from dwell_kit.vision.chunks import watch

    tasks = (
        Task(name=chunk.name, call=watch, arguments=(chunk,), resources=needs[chunk.recording.camera_id])
        for chunk in chunks
    )
    return in_order(executor, tasks, ahead=_AHEAD * executor.size)
