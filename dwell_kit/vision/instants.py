"""Several cameras in step by media time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

from dwell_kit.errors import InputError
from dwell_kit.vision.stream import Stream
from dwell_kit.vision.video import Frame, Video

_HAIR_S = 1e-6
_SIGN_S = 1.0
"""How long live cameras may have nothing new until an instant without frames says that time goes on."""
_TOGETHER_S = 0.015
"""Frames of live cameras that come within it are of one instant: the others need not wait for them."""


def instants(videos: Sequence[Video], offsets_s: Sequence[float]) -> Iterator[tuple[float, list[list[Frame]]]]:
    """Instants in order, seconds, and the frames that each camera has had since the instant before.

    Recordings go by the frames of the slowest; a faster one has several frames an instant. Live streams go by
    the clock: whoever has no news has no frame, and nobody waits for them; an instant without any frame comes each
    second in which nobody has news.

    Parameters
    ----------
    offsets_s : how much later than the others each recording begins.

    Raises
    ------
    InputError : if some are live and others are not.
    """
    live = [video.live for video in videos]
    if all(live):
        yield from _live([video for video in videos if isinstance(video, Stream)])
    elif any(live):
        raise InputError(
            "recordings and live streams do not go together", expected="all of one kind", hint="make two runs"
        )
    else:
        yield from _recorded(videos, offsets_s)


def _recorded(videos: Sequence[Video], offsets_s: Sequence[float]) -> Iterator[tuple[float, list[list[Frame]]]]:
    step_s = 1 / min(video.fps for video in videos)
    running = [iter(video) for video in videos]
    ahead = [_later(next(frames, None), offset) for frames, offset in zip(running, offsets_s, strict=True)]
    number = 0
    while any(frame is not None for frame in ahead):
        at_s = number * step_s
        due: list[list[Frame]] = [[] for _ in videos]
        for i, frames in enumerate(running):
            while (frame := ahead[i]) is not None and frame.at_s <= at_s + _HAIR_S:
                due[i].append(frame)
                ahead[i] = _later(next(frames, None), offsets_s[i])
        yield at_s, due
        number += 1


def _later(frame: Frame | None, offset_s: float) -> Frame | None:
    return frame if frame is None or not offset_s else Frame(frame.number, frame.at_s + offset_s, frame.image)


def _live(streams: Sequence[Stream]) -> Iterator[tuple[float, list[list[Frame]]]]:
    step_s = 1 / max(stream.fps for stream in streams)
    origin_s = time.monotonic()
    news = threading.Event()
    for stream in streams:
        stream.begin(origin_s, news)
    before = -1.0
    while not all(stream.ended for stream in streams):
        news.wait(step_s)
        news.clear()
        until_s = time.monotonic() + _TOGETHER_S
        due = [[] if frame is None else [frame] for frame in _newest(streams, until_s)]
        now_s = time.monotonic() - origin_s
        if any(due):
            before = max(before + _HAIR_S, *(frames[-1].at_s for frames in due if frames))
            yield before, due
        elif now_s >= max(0.0, before) + _SIGN_S:
            before = now_s
            yield before, due


def _newest(streams: Sequence[Stream], until_s: float) -> Iterator[Frame | None]:
    """The newest frame of each stream, if it has come by `until_s` of the clock."""
    for stream in streams:
        yield stream.newest(wait_s=max(0.0, until_s - time.monotonic()))
