"""Tasks here, in processes of this machine and on a cluster by its address: one suite over all of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from distributed import LocalCluster

from dwell_kit.errors import AskError, DwellError, InputError, NotFoundError
from dwell_kit.jobs import executor as executors
from dwell_kit.jobs.executor import open_executor
from dwell_kit.jobs.inline import Inline
from dwell_kit.jobs.tasks import CANCELLED, DONE, FAILED, WAITING, Executor, Task
from tests.jobs import calls
from tests.jobs.clusters import started


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """A cluster that somebody else started; its worker says that it has a GPU."""
    with started(GPU=1) as made:
        yield made


@pytest.fixture(params=["inline", "cluster"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "inline":
        with open_executor() as made:
            yield made
    else:
        address = request.getfixturevalue("cluster").scheduler_address
        with open_executor(cluster=address) as made:
            yield made


def test_a_task_gives_what_its_call_gives(executor: Executor) -> None:
    job = executor.submit(Task(name="sum", call=calls.add, arguments=(1, 2)))
    assert job.result() == 3
    assert job.state == DONE
    assert job.result() == 3
    job.cancel()
    assert job.state == DONE


def test_an_error_comes_back_as_it_was_raised(executor: Executor) -> None:
    job = executor.submit(Task(name="no", call=calls.refuse, arguments=("shelf 3",)))
    for _ in range(2):
        with pytest.raises(NotFoundError, match="no such thing") as refused:
            job.result()
        assert (refused.value.where, refused.value.hint) == ("shelf 3", "look elsewhere")
    assert job.state == FAILED


def test_what_failed_can_be_tried_again(executor: Executor, tmp_path: Path) -> None:
    job = executor.submit(Task(name="disk", call=calls.fail_once, arguments=(tmp_path / "marker",)))
    with pytest.raises(OSError, match="away"):
        job.result()
    job.retry()
    assert job.result() == "again"
    assert job.state == DONE


def test_what_was_cancelled_has_no_result(executor: Executor, tmp_path: Path) -> None:
    busy = executor.submit(Task(name="busy", call=calls.linger, arguments=(tmp_path / "busy", 0.5)))
    job = executor.submit(Task(name="later", call=calls.linger, arguments=(tmp_path / "later", 0.0)))
    assert job.state == WAITING
    job.cancel()
    assert job.state == CANCELLED
    with pytest.raises(DwellError, match="cancelled"):
        job.result()
    busy.result()
    assert not (tmp_path / "later").exists()


def test_closing_cancels_what_is_left() -> None:
    with Inline() as executor:
        job = executor.submit(Task(name="sum", call=calls.add, arguments=(1, 2)))
    assert job.state == CANCELLED


def test_workers_of_this_machine_end_with_the_executor(tmp_path: Path) -> None:
    """A task whose worker is killed is run again, with the same result; no process is left."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with open_executor(workers=1, resources={"GPU": 1}) as executor:
        assert executor.size == 1
        job = executor.submit(Task(name="dies", call=calls.die_once, arguments=(tmp_path / "marker", 7)))
        assert job.result() == 7
        assert (tmp_path / "marker").exists()
        needs = Task(name="gpu", call=calls.resources_here, resources={"GPU": 1})
        assert executor.submit(needs).result() == {"GPU": 1}
        lingering = executor.submit(Task(name="long", call=calls.linger, arguments=(tmp_path / "long", 600.0)))
    assert lingering.state == CANCELLED
    left = {child.pid for child in psutil.Process().children(recursive=True)} - before
    assert not [pid for pid in left if "spawn_main" in " ".join(psutil.Process(pid).cmdline())]


def test_a_task_goes_to_a_worker_that_has_what_it_needs(cluster: LocalCluster) -> None:
    with open_executor(cluster=cluster.scheduler_address) as executor:
        needs = Task(name="gpu", call=calls.resources_here, resources={"GPU": 1})
        assert executor.submit(needs).result() == {"GPU": 1}
        with pytest.raises(AskError, match="has what a task needs") as refused:
            executor.submit(Task(name="tpu", call=calls.add, arguments=(1, 2), resources={"TPU": 2}))
    assert '--resources "TPU=2"' in str(refused.value)


def test_a_cluster_that_is_not_there_is_said() -> None:
    with pytest.raises(DwellError, match="no cluster answers"):
        open_executor(cluster="nonsense://127.0.0.1:9")


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="one place"):
        open_executor(workers=2, cluster="tcp://127.0.0.1:8786")
    with pytest.raises(InputError, match="nobody works"):
        open_executor(workers=0)


def test_without_dask_tasks_run_here_and_a_cluster_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "find_spec", lambda name: None)
    with open_executor(workers=4) as executor:
        assert isinstance(executor, Inline)
        assert executor.note is not None
        assert 'pip install "dwell-kit[dask]"' in executor.note
    with pytest.raises(DwellError, match="not installed"):
        open_executor(cluster="tcp://127.0.0.1:8786")


def test_the_module_does_not_load_dask_before_it_is_used() -> None:
    code = "import sys, dwell_kit.jobs.executor, dwell_kit.jobs.ordered; print('distributed' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "False"
