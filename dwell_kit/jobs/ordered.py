"""Results in the order of their tasks, however many tasks there are."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dwell_kit.errors import InputError
from dwell_kit.jobs.tasks import CANCELLED, DONE, FAILED, Executor, Job, Progress, Task


def in_order(
    executor: Executor,
    tasks: Iterable[Task],
    *,
    ahead: int,
    told: Callable[[Progress], object] | None = None,
) -> Iterator[Any]:
    """The result of each task, in their order.

    No more than `ahead` tasks are submitted and not yet given out, so that nothing piles up when whoever takes the
    results is slow. When the iterator is closed, or a task fails, those that were submitted are cancelled.

    Parameters
    ----------
    told : called whenever a result is given out.

    Raises
    ------
    InputError : if `ahead` is below 1. As `tasks.Job.result`.

    >>> from dwell_kit.jobs.inline import Inline
    >>> squares = [Task(name=str(n), call=pow, arguments=(n, 2)) for n in range(4)]
    >>> list(in_order(Inline(), squares, ahead=2))
    [0, 1, 4, 9]
    """
    if ahead < 1:
        raise InputError("no task could ever be submitted", "ahead", "1 or more", str(ahead))
    running: deque[Job] = deque()
    given = done = 0
    coming = iter(tasks)
    try:
        while True:
            while len(running) < ahead and (task := next(coming, None)) is not None:
                running.append(executor.submit(task))
                given += 1
            if not running:
                return
            result = running[0].result()
            running.popleft()
            done += 1
            if told is not None:
                told(_progress(given, done, running))
            yield result
            del result
    finally:
        for job in running:
            job.cancel()


def _progress(given: int, done: int, running: Iterable[Job]) -> Progress:
    count = Counter(job.state for job in running)
    return Progress(given=given, done=done + count[DONE], failed=count[FAILED], cancelled=count[CANCELLED])
