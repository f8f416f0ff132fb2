"""Calls made here and now, one after another."""

from __future__ import annotations

from typing import Any

from dwell_kit.errors import DwellError
from dwell_kit.jobs.tasks import CANCELLED, DONE, FAILED, WAITING, Closing, Task


class InlineJob:
    """A call that is made when its result is asked for."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.state = WAITING
        self._result: Any = None
        self._failure: Exception | None = None

    def result(self) -> Any:
        """As `tasks.Job.result`."""
        if self.state == WAITING:
            try:
                self._result = self.task.call(*self.task.arguments)
                self.state = DONE
            except Exception as failure:  # noqa: BLE001  # kept, and raised to everybody who asks
                self._failure, self.state = failure, FAILED
        if self._failure is not None:
            raise self._failure
        if self.state == CANCELLED:
            raise DwellError("a task was cancelled", where=self.task.name)
        return self._result

    def cancel(self) -> None:
        """As `tasks.Job.cancel`."""
        if self.state == WAITING:
            self.state = CANCELLED

    def retry(self) -> None:
        """As `tasks.Job.retry`."""
        if self.state == FAILED:
            self.state, self._failure = WAITING, None


class Inline(Closing):
    """An executor without any process but this one; resources are not asked for, since there is no choice.

    >>> with Inline() as executor:
    ...     executor.submit(Task(name="sum", call=sum, arguments=([1, 2],))).result()
    3
    """

    size = 1

    def __init__(self, note: str | None = None) -> None:
        self.note = note
        self._jobs: list[InlineJob] = []

    def submit(self, task: Task) -> InlineJob:
        """As `tasks.Executor.submit`."""
        self._jobs = [job for job in self._jobs if job.state == WAITING]
        self._jobs.append(InlineJob(task))
        return self._jobs[-1]

    def close(self) -> None:
        """As `tasks.Executor.close`."""
        for job in self._jobs:
            job.cancel()
