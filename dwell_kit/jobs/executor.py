"""Where tasks run: on a cluster by its address, in processes of this machine, or in this very process."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

from dwell_kit.errors import DwellError, InputError
from dwell_kit.jobs.inline import Inline
from dwell_kit.jobs.tasks import Executor

INSTALL: Final = 'pip install "dwell-kit[dask]"'


def open_executor(
    *, workers: int | None = None, cluster: str | None = None, resources: Mapping[str, float] | None = None
) -> Executor:
    """An executor; close it, or use it in a `with`.

    Parameters
    ----------
    workers : processes to start on this machine, of one thread each. Where Dask is not installed, tasks run in
        this process, one after another, and the executor's `note` says so.
    cluster : address of a Dask scheduler instead, whose workers have this package and see the same files.
    resources : what each process started here has; those of a cluster say it themselves.

    Raises
    ------
    InputError : if both are given, or no workers. DwellError : if there is no such cluster, or Dask is missing.

    >>> open_executor().size
    1
    """
    if workers is not None and cluster is not None:
        raise InputError("tasks run in one place", "workers, cluster", "one of them", f"{workers} and {cluster}")
    if workers is not None and workers < 1:
        raise InputError("nobody works", "workers", "1 or more", str(workers))
    if workers is None and cluster is None:
        return Inline()
    if find_spec("distributed") is None:
        if cluster is not None:
            raise DwellError(
                "a cluster needs a package that is not installed", expected="distributed", hint=INSTALL
            )
        return Inline(note=f"Dask is not installed, so tasks ran one after another: {INSTALL}")
    from dwell_kit.jobs.cluster import Cluster

    return Cluster(address=cluster, workers=workers or 1, resources=resources)
