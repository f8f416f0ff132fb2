"""A live camera: the newest frame wins, a connection that breaks or stalls is made again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import cv2
import numpy as np

from dwell_kit.errors import DwellError

if TYPE_CHECKING:
    from dwell_kit.vision.background import Image
    from dwell_kit.vision.video import Frame

_POLL_S: Final = 0.2


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How a broken connection is made again.

    Parameters
    ----------
    read_timeout_s : how long a frame may take before the stream counts as stalled.
    first_s, most_s : the wait after the first failure, doubled with each further one up to the most.
    give_up_s : how long nothing may have come before the camera counts as gone; None: never.
    """

    read_timeout_s: float = 5.0
    first_s: float = 0.5
    most_s: float = 30.0
    give_up_s: float | None = None


class Stream:
    """RTSP, MJPEG or USB. A thread of its own reads; whoever iterates gets the newest frame, never a backlog.

    Media time is the time since `begin`, by the clock: a live stream has no other that all cameras share.
    `reconnects` counts connections after the first, `dropped` frames that a newer one replaced.

    Parameters
    ----------
    where : an address, or the number of a camera of this machine.
    fps : how often a frame is taken; frames between are no losses.
    clock, sleep : seconds that only grow, and what waits; `connect` : what opens a capture. For tests.
    """

    live = True
    frames = None

    def __init__(
        self,
        where: str | int,
        *,
        fps: float = 10.0,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        connect: Callable[[str | int, float], Any] | None = None,
    ) -> None:
        self.name = hidden(where)
        self.fps = fps
        self.dropped = 0
        self.reconnects = 0
        self._where, self._patience = where, patience or Patience()
        self._clock, self._connect = clock, connect or _capture
        self._stop = threading.Event()
        self._sleep = sleep or self._stop.wait
        self._news = threading.Condition()
        self._told = threading.Event()
        self._newest: tuple[float, Image] | None = None
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._origin_s, self._number = 0.0, 0

    def begin(self, origin_s: float | None = None, news: threading.Event | None = None) -> None:
        """Connect; media time counts from `origin_s` of the clock, by default from now.

        Parameters
        ----------
        news : set whenever a frame has come, or none will come any more: for who waits for several streams.
        """
        if self._thread is None:
            self._told = news or self._told
            self._origin_s = self._clock() if origin_s is None else origin_s
            self._thread = threading.Thread(target=self._read, name=f"dwell-stream {self.name}", daemon=True)
            self._thread.start()

    def __iter__(self) -> Iterator[Frame]:
        """Frames until `close`.

        Raises
        ------
        DwellError : if nothing came for as long as `Patience.give_up_s`.
        """
        self.begin()
        while not self.ended:
            frame = self.newest(wait_s=_POLL_S)
            if frame is not None:
                yield frame

    @property
    def ended(self) -> bool:
        """Whether there will be no more frames."""
        return self._stop.is_set() and self._newest is None and self._failure is None

    def newest(self, *, wait_s: float) -> Frame | None:
        """The newest frame, once; None if none came within `wait_s`.

        Raises
        ------
        DwellError : as when iterating.
        """
        from dwell_kit.vision.video import Frame

        with self._news:
            if self._newest is None and not self._stop.is_set():
                self._news.wait(wait_s)
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            if self._newest is None:
                return None
            (at, image), self._newest = self._newest, None
        at_s = at - self._origin_s
        self._number = max(self._number + 1, round(at_s * self.fps) + 1)
        return Frame(self._number, at_s, image)

    def close(self) -> None:
        """Stop reading."""
        self._stop.set()
        with self._news:
            self._newest = None
            self._news.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=self._patience.read_timeout_s + 1)

    def _read(self) -> None:
        try:
            self._connect_again_and_again()
        except DwellError as failure:
            self._failure = failure
        finally:
            self._stop.set()
            with self._news:
                self._news.notify_all()
            self._told.set()

    def _connect_again_and_again(self) -> None:
        wait_s, alive = self._patience.first_s, self._clock()
        connected = False
        while not self._stop.is_set():
            capture = self._connect(self._where, self._patience.read_timeout_s)
            try:
                if self._read_from(capture):
                    wait_s, alive, connected = self._patience.first_s, self._clock(), True
            finally:
                capture.release()
            if self._stop.is_set():
                return
            idle_s = self._clock() - alive
            if self._patience.give_up_s is not None and idle_s >= self._patience.give_up_s:
                raise DwellError(
                    "the camera sends nothing", where=self.name, found=f"no frame for {idle_s:.0f} s",
                    hint="is it on, and is the address right?",
                )  # fmt: skip
            self._sleep(wait_s)
            wait_s = min(2 * wait_s, self._patience.most_s)
            self.reconnects += connected

    def _read_from(self, capture: Any) -> bool:
        """Read until the connection breaks; whether anything came."""
        came = False
        due = -np.inf
        while not self._stop.is_set():
            there, image = capture.read()
            if not there:
                break
            came = True
            now = self._clock()
            if now < due:
                continue
            due = max(due, now - 1 / self.fps) + 1 / self.fps
            with self._news:
                self.dropped += self._newest is not None
                self._newest = (now, np.asarray(image, np.uint8))
                self._news.notify_all()
            self._told.set()
        return came


def hidden(where: str | int) -> str:
    """An address without user and password, as it may be shown.

    >>> hidden("rtsp://admin:secret@10.0.0.9:554/main"), hidden(0)
    ('rtsp://10.0.0.9:554/main', 'camera 0 of this machine')
    """
    if isinstance(where, int):
        return f"camera {where} of this machine"
    parts = urlsplit(where)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _capture(where: str | int, read_timeout_s: float) -> Any:
    if isinstance(where, int):
        return cv2.VideoCapture(where)
    limit = int(1000 * read_timeout_s)
    # a stalled stream is seen by the read's own timeout only; the buffer would hand out old frames
    return cv2.VideoCapture(
        where,
        cv2.CAP_FFMPEG,
        [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit],
    )
