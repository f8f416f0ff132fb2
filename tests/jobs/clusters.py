"""A cluster as somebody else would have started it, on this machine only."""

from __future__ import annotations

from distributed import LocalCluster


def started(**resources: float) -> LocalCluster:
    """One worker with these resources."""
    return LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"}, resources=resources,
    )  # fmt: skip
