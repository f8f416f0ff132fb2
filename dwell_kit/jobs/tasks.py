"""What is to be done, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Protocol, Self

WAITING: Final = "waiting"
DONE: Final = "done"
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """A call that another process may make: everything in it can be pickled, and calling twice gives the same.

    Parameters
    ----------
    name : what people call it. call : an importable function. arguments : of it, by place.
    resources : what a worker must have to be given it, and how much of that it takes: {"GPU": 1}.
    """

    name: str
    call: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    resources: Mapping[str, float] = field(default_factory=dict)


class Job(Protocol):
    """A task that was submitted."""

    @property
    def task(self) -> Task:
        """What was submitted."""

    @property
    def state(self) -> str:
        """`WAITING` (or under way), `DONE`, `FAILED` or `CANCELLED`."""

    def result(self) -> Any:
        """What the call gave, as soon as it has.

        Raises
        ------
        DwellError : if it was cancelled, or its worker died again and again. Whatever the call raised.
        """

    def cancel(self) -> None:
        """Do not make the call, or do not wait for it; what is done stays done."""

    def retry(self) -> None:
        """Make the call again if it failed."""


class Closing:
    """What is closed at the end of a `with`."""

    def close(self) -> None:
        """Let go of everything."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Executor(Protocol):
    """What makes calls. `close` cancels what is left, and lets go of what was started for it."""

    @property
    def size(self) -> int:
        """How many calls go on at the same time."""

    @property
    def note(self) -> str | None:
        """What people should know about how it works, if anything."""

    def submit(self, task: Task) -> Job:
        """Have a call made.

        Raises
        ------
        AskError : if no worker has the resources that it needs.
        """

    def close(self) -> None:
        """Cancel what is left."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far some jobs have come.

    Parameters
    ----------
    given : jobs that were submitted. done, failed, cancelled : of them; the others wait or are under way.
    """

    given: int
    done: int
    failed: int
    cancelled: int
