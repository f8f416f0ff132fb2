"""Work that cannot be done again is brought to an end, not broken off, when somebody says so."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def when_told(stop: Callable[[], None]) -> Iterator[threading.Event]:
    """Call `stop` at the first Ctrl-C, or request to end, that comes within; the event says whether one came.

    A second one ends the work as ever, and what is ignored stays ignored, as in a shell's background. Only the
    main thread hears of signals: elsewhere nothing is done.
    """
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def hear(_number: int, _frame: FrameType | None) -> None:
        told.set()
        restore()
        stop()

    for number in before:
        signal.signal(number, hear)
    try:
        yield told
    finally:
        restore()
