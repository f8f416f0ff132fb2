"""Pictures from files, folders and live streams, stamped with media time; nothing queues up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import cv2
import numpy as np

from dwell_kit.errors import AskError, FormatError, InputError, NotFoundError
from dwell_kit.vision.background import Image
from dwell_kit.vision.stream import Stream

LIVE: Final = ("rtsp://", "rtsps://", "http://", "https://", "udp://")
PICTURES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a camera.

    Parameters
    ----------
    number : the first of a video is 1; frames that were dropped have numbers too.
    at_s : media time, seconds since the first frame.
    image : (h, w, 3) BGR.
    """

    number: int
    at_s: float
    image: Image


class Video(Protocol):
    """Where pictures come from. Iterate once; `close` lets go of it."""

    @property
    def name(self) -> str:
        """What people call it: a file's name, an address without its password."""

    @property
    def fps(self) -> float:
        """Frames per second of media time."""

    @property
    def frames(self) -> int | None:
        """How many there will be, as far as is known."""

    @property
    def dropped(self) -> int:
        """How many were left out, since newer ones had come."""

    @property
    def live(self) -> bool:
        """Whether it goes on whether or not anybody looks."""

    def __iter__(self) -> Iterator[Frame]:
        """Frames in order."""

    def close(self) -> None:
        """Let go of it."""


def open_video(where: str | Path, *, fps: float | None = None, first: int = 1, seek: bool = True) -> Video:
    """A video file, a folder of pictures, or a live stream (an address, or the number of a camera here).

    Parameters
    ----------
    fps : of a recording, in place of its container's own, which can be wrong; a folder must have one. Of a live
        stream, how often a frame is taken; by default 10.
    first : the frame of a recording with which to begin. seek : leap there, instead of decoding all before it.

    Raises
    ------
    NotFoundError : if there is no such file. FormatError : if it is no video. AskError : if `fps` must be said.
    """
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise InputError("a video's rate is no rate", "fps", "above 0", repr(fps))
    text = str(where)
    if text.lower().startswith(LIVE) or text.isdecimal():
        return Stream(int(text) if text.isdecimal() else text, fps=fps or 10.0)
    path = Path(where)
    if path.is_dir():
        return Folder(path, fps=fps, first=first)
    if not path.exists():
        raise NotFoundError(
            "there is no such video", where=text, expected="a file, a folder of pictures, or " + ", ".join(LIVE)
        )
    return File(path, fps=fps, first=first, seek=seek)


class File:
    """A video file, decoded once from frame `first` to the end."""

    live = False
    dropped = 0

    def __init__(self, path: Path, *, fps: float | None = None, first: int = 1, seek: bool = True) -> None:
        self.name = path.name
        self._path, self._first, self._seek = path, first, seek
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        said = self._capture.get(cv2.CAP_PROP_FPS)
        if not self._capture.isOpened() or not self._capture.get(cv2.CAP_PROP_FRAME_WIDTH):
            raise FormatError(
                "the file is no video that can be decoded",
                where=str(path),
                expected="MP4, AVI, MKV, MOV, WebM … with a video stream",
            )
        if fps is None and not 0 < said < 1000:
            raise AskError(
                "the video does not say how many frames there are in a second", str(path), "fps=", str(said)
            )
        self.fps, self._said_fps = float(fps or said), float(said)
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frames: int | None = int(count) if count > 0 else None

    def __iter__(self) -> Iterator[Frame]:
        number = self._first - 1
        there, image = self._begin()
        if not there and number == 0:
            raise FormatError("the video has no frame that can be decoded", where=self.name)
        while there:
            number += 1
            yield Frame(number, (number - 1) / self.fps, np.asarray(image, np.uint8))
            there, image = self._capture.read()
        self.close()

    def close(self) -> None:
        self._capture.release()

    def _begin(self) -> tuple[bool, Any]:
        """Whether there is a first frame, and its picture."""
        before = self._first - 1
        if before and self._seek:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, before)
            there, image = self._capture.read()
            # a leap goes by time: where frames do not come at one rate, it ends at another frame
            off_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 - before / max(self._said_fps, 1e-9)
            if there and abs(off_s) * self._said_fps < 0.5:
                return there, image
            self._capture.release()
            self._capture = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        for _ in range(before):
            if not self._capture.grab():
                return False, None
        return self._capture.read()


class Folder:
    """A folder of pictures, in order of name."""

    live = False
    dropped = 0

    def __init__(self, path: Path, *, fps: float | None = None, first: int = 1) -> None:
        self.name, self._first = path.name, first
        self._paths = sorted(p for p in path.iterdir() if p.suffix.lower() in PICTURES)
        if not self._paths:
            raise FormatError("the folder has no pictures", where=str(path), expected=", ".join(PICTURES))
        if fps is None:
            raise AskError(
                "pictures do not say how many there are in a second",
                where=str(path),
                expected="fps=",
                hint="--fps",
            )
        self.fps = fps
        self.frames: int | None = len(self._paths)

    def __iter__(self) -> Iterator[Frame]:
        for number, path in enumerate(self._paths[self._first - 1 :], start=self._first):
            image = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if image is None:
                raise FormatError("a picture cannot be decoded", where=str(path))
            yield Frame(number, (number - 1) / self.fps, np.asarray(image, np.uint8))

    def close(self) -> None:
        """Nothing is held."""
