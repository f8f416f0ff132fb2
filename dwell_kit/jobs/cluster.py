"""Calls made by the workers of a Dask cluster: one that is there, or one of this machine's processes."""

from __future__ import annotations

import logging
import uuid
import weakref
from collections.abc import Mapping
from typing import Any, Final

from distributed import CancelledError, Client, Future, KilledWorker, LocalCluster

from dwell_kit.errors import AskError, DwellError
from dwell_kit.jobs.tasks import CANCELLED, DONE, FAILED, WAITING, Closing, Task

_STATES: Final = {"finished": DONE, "error": FAILED, "lost": FAILED, "cancelled": CANCELLED}
_CONNECT_S: Final = 10


class ClusterJob:
    """A call that was handed to a cluster. Whoever lets go of the job lets go of its result."""

    def __init__(self, task: Task, future: Future[Any]) -> None:
        self.task = task
        self._future = future
        self._cancelled = False

    @property
    def state(self) -> str:
        """As `tasks.Job.state`."""
        return CANCELLED if self._cancelled else _STATES.get(str(self._future.status), WAITING)

    def result(self) -> Any:
        """As `tasks.Job.result`."""
        if self._cancelled:
            raise DwellError("a task was cancelled", where=self.task.name)
        try:
            return self._future.result()
        except CancelledError as cancelled:
            raise DwellError(
                "a task was cancelled",
                where=self.task.name,
                found=str(cancelled),
                hint="is the cluster still there?",
            ) from cancelled
        except KilledWorker as killed:
            raise DwellError(
                "the workers that were given a task died, one after another",
                where=self.task.name,
                found=str(killed).partition(".")[0],
                hint="are they short of memory? shorter chunks need less",
            ) from killed
        except ModuleNotFoundError as missing:
            raise DwellError(
                "a worker lacks a package", where=self.task.name, expected=missing.name,
                hint="install the same packages on every worker as here",
            ) from missing  # fmt: skip

    def cancel(self) -> None:
        """As `tasks.Job.cancel`; a call under way ends unheard, or with its worker."""
        if self.state == WAITING:
            self._cancelled = True
            self._future.cancel(force=True)

    def retry(self) -> None:
        """As `tasks.Job.retry`."""
        if self.state == FAILED:
            self._future.retry()


class Cluster(Closing):
    """An executor over Dask workers. A task whose worker dies is run again by another one.

    Parameters
    ----------
    address : of a scheduler, as tcp://host:8786; None starts workers here, which end with the executor.
    workers : how many to start here, of one thread each. resources : what each of those has.

    Raises
    ------
    DwellError : if nobody answers at the address, or no worker is there.
    """

    note = None

    def __init__(
        self, *, address: str | None = None, workers: int = 1, resources: Mapping[str, float] | None = None
    ) -> None:
        self._own: LocalCluster | None = None
        if address is None:
            self._own = LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None,
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"}, silence_logs=logging.CRITICAL,
                resources=dict(resources or {}),
            )  # fmt: skip
        try:
            self._client = Client(
                self._own or address, timeout=_CONNECT_S, asynchronous=False, set_as_default=False
            )
        except (OSError, ValueError) as error:
            raise DwellError(
                "no cluster answers", where=str(address), expected="the address of a Dask scheduler",
                found=str(error), hint="dask scheduler, and on each machine: dask worker ADDRESS",
            ) from error  # fmt: skip
        self._jobs: weakref.WeakSet[ClusterJob] = weakref.WeakSet()
        if not self._workers():
            self.close()
            raise DwellError("the cluster has no workers", where=str(address), hint="dask worker ADDRESS")

    @property
    def size(self) -> int:
        """As `tasks.Executor.size`: the threads of all workers."""
        return sum(int(worker["nthreads"]) for worker in self._workers())

    def submit(self, task: Task) -> ClusterJob:
        """As `tasks.Executor.submit`."""
        if task.resources:
            self._check(task)
        future = self._client.submit(
            task.call, *task.arguments, key=f"{task.name}-{uuid.uuid4().hex}", pure=False,
            resources=dict(task.resources) or None,
        )  # fmt: skip
        job = ClusterJob(task, future)
        self._jobs.add(job)
        return job

    def close(self) -> None:
        """As `tasks.Executor.close`; workers that were started here end, whatever they are at."""
        for job in list(self._jobs):
            job.cancel()
        self._client.close()
        if self._own is not None:
            self._own.close()

    def _workers(self) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self._client.scheduler_info(n_workers=-1)["workers"]
        return list(found.values())

    def _check(self, task: Task) -> None:
        """Dask would let a task that no worker may take wait for ever."""
        workers = self._workers()
        if not any(
            all(worker["resources"].get(name, 0) >= amount for name, amount in task.resources.items())
            for worker in workers
        ):
            wanted = " ".join(f"{name}={amount:g}" for name, amount in task.resources.items())
            raise AskError(
                "no worker of the cluster has what a task needs",
                where=task.name,
                expected=wanted,
                found=f"{len(workers)} workers without",
                hint=f'dask worker ADDRESS --nthreads 1 --resources "{wanted}"',
            )
