"""Results in order, and never more of them than were asked for."""

from __future__ import annotations

import pytest

from dwell_kit.errors import InputError, NotFoundError
from dwell_kit.jobs.inline import Inline, InlineJob
from dwell_kit.jobs.ordered import in_order
from dwell_kit.jobs.tasks import CANCELLED, DONE, Progress, Task
from tests.jobs import calls


class Watched(Inline):
    """An executor that keeps all of its jobs."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[InlineJob] = []

    def submit(self, task: Task) -> InlineJob:
        self.jobs.append(super().submit(task))
        return self.jobs[-1]


def tasks(count: int) -> list[Task]:
    return [Task(name=str(n), call=calls.add, arguments=(n, 100)) for n in range(count)]


@pytest.mark.parametrize("ahead", [1, 3, 50])
def test_no_more_than_that_are_ahead(ahead: int) -> None:
    executor = Watched()
    said: list[Progress] = []
    for taken, result in enumerate(in_order(executor, tasks(20), ahead=ahead, told=said.append), start=1):
        assert result == taken + 99
        assert len(executor.jobs) <= min(20, taken - 1 + ahead)
    assert [one.done for one in said] == list(range(1, 21))
    assert (said[-1].given, said[-1].failed, said[-1].cancelled) == (20, 0, 0)


def test_whoever_leaves_cancels_what_was_submitted() -> None:
    executor = Watched()
    results = in_order(executor, tasks(20), ahead=4)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert [job.state for job in executor.jobs] == [DONE, *[CANCELLED] * 3]


def test_an_error_cancels_what_was_submitted() -> None:
    executor = Watched()
    broken = Task(name="no", call=calls.refuse, arguments=("here",))
    with pytest.raises(NotFoundError):
        list(in_order(executor, [*tasks(1), broken, *tasks(9)], ahead=4))
    assert [job.state for job in executor.jobs[2:]] == [CANCELLED] * 3


def test_nothing_ahead_is_refused() -> None:
    with pytest.raises(InputError, match="could ever be submitted"):
        list(in_order(Inline(), tasks(1), ahead=0))
