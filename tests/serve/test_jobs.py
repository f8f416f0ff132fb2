"""Work beside the server whose process is killed, or whose server is gone."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dwell_kit.serve.jobs import Jobs, write


def until(found: Callable[[], Any]) -> Any:
    end = time.monotonic() + 60
    while not (made := found()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return made


def wait_for_ever(begun: str, status: str) -> None:
    Path(begun).write_text(str(os.getpid()))
    time.sleep(600)


def finish(status: str) -> None:
    write(Path(status), {"state": "done"})


def test_a_killed_process_is_said_and_the_next_job_has_another(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path, tmp_path / "inbox" / "jobs")
    job = "0" * 32
    file = tmp_path / "inbox" / job / "big.csv"
    file.parent.mkdir()
    file.write_text("persons")
    jobs.start(job, wait_for_ever, (str(tmp_path / "pid"),), share=None)
    os.kill(int(until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())), signal.SIGKILL)
    said = until(lambda: (known := jobs.said(job)) and known["state"] == "failed" and known)
    assert "ended from outside" in said["error"]["what"]
    assert not file.parent.exists()
    jobs.start("1" * 32, finish, ())
    until(lambda: jobs.said("1" * 32)["state"] == "done")
    jobs.close()


def test_what_a_server_that_is_gone_left_is_buried(tmp_path: Path) -> None:
    folder = tmp_path / "inbox" / "jobs"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps({"state": "running", "server": 2**22 + 7}))
    (folder / "b.json").write_text(json.dumps({"state": "waiting", "server": os.getpid()}))
    old, new = (tmp_path / "inbox" / (digit * 32) for digit in "ab")
    for one in (old, new):
        one.mkdir()
        (one / "rows.csv").write_text("persons")
    os.utime(old, (0, 0))
    jobs = Jobs(tmp_path, folder)
    assert jobs.said("a")["state"] == "failed"
    assert jobs.said("b")["state"] == "waiting"
    assert [old.exists(), new.exists()] == [False, True]
