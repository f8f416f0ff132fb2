"""Reports over HTTP, without a browser: what is refused, what a run leaves, what its files may do."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

import dwell_kit as dk
from dwell_kit.report import schedule, shelf
from dwell_kit.serve import gateway
from dwell_kit.serve.press import Press, press
from tests.serve.test_jobs import until
from tests.workspace.exports import START, many, write

HOME = "http://127.0.0.1:8050"
DAY = START.date().isoformat()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("press")
    with dk.open(made / "ws") as ws:
        ws.ingest(write(made / "a.csv", many(400)))
    return made / "ws"


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(gateway.create(folder), base_url=HOME) as made:
        yield made


def finished(client: TestClient, job: str) -> dict[str, Any]:
    until = time.monotonic() + 240
    while (said := client.get(f"/runs/{job}").json())["state"] not in {"done", "failed"}:
        assert time.monotonic() < until, said
        time.sleep(0.1)
    return said


@pytest.fixture(scope="module")
def run(client: TestClient) -> str:
    answer = client.put(f"/runs?report=daily&date={DAY}&environment=main")
    assert answer.status_code == 202
    said = finished(client, answer.json()["job"])
    assert said["state"] == "done", said
    return str(said["run"])


def test_a_run_is_listed_with_what_it_was_of(run: str, folder: Path) -> None:
    with dk.open(folder) as ws:
        (found,) = [r for r in shelf.runs(ws) if r["id"] == run]
    assert (found["report"], found["status"], found["given"]["date"]) == ("daily", "done", DAY)
    assert "report.html" in found["files"]
    assert found["version"] == 1


def test_a_page_of_a_report_reaches_nothing(client: TestClient, run: str) -> None:
    answer = client.get(f"/runs/{run}/report.html")
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    data = client.get(f"/runs/{run}/data/key_figures.csv")
    assert data.status_code == 200
    assert data.headers["content-disposition"].startswith("attachment")
    assert client.get(f"/runs/{run}/manifest.json").json()["report"] == "daily"


@pytest.mark.parametrize(
    "path",
    [
        "{run}/..%2f..%2fstate.db",
        "{run}/../../state.db",
        "{run}/%2e%2e/%2e%2e/person.key",
        "..%2f..%2f/person.key",
        "{run}/%2fetc%2fpasswd",
        "{run}/data",
        "{run}/report.html%00",
        "..%2freports/manifest.json",
        ".hidden/manifest.json",
        "schedule-1/report.html",
        "nonsense/report.html",
    ],
)
def test_nothing_but_a_runs_own_files_can_be_had(client: TestClient, run: str, path: str) -> None:
    assert client.get("/runs/" + path.format(run=run)).status_code in {404, 422}


def test_a_link_out_of_a_run_leads_nowhere(client: TestClient, folder: Path, run: str) -> None:
    odd = folder / "reports" / "odd"
    odd.mkdir(exist_ok=True)
    (odd / "key.txt").unlink(missing_ok=True)
    (odd / "key.txt").symlink_to(folder / "person.key")
    (odd / "manifest.json").write_text(
        json.dumps({"report": "odd", "files": {"key.txt": "", "../../person.key": ""}})
    )
    assert client.get("/runs/odd/key.txt").status_code == 404
    assert client.get("/runs/odd/..%2f..%2fperson.key").status_code == 404


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("report=happiness", "no report"),
        ("report=../daily", "no report"),
        ("report=daily&dte=2025-05-05", "no parameter dte"),
        ("report=daily&date=yesterday", "is no day"),
        ("report=daily&k=many", "wrong type"),
        ("report=daily&workspace=/etc", "sets workspace itself"),
    ],
)
def test_what_means_nothing_is_refused_before_it_starts(client: TestClient, asked: str, said: str) -> None:
    answer = client.put(f"/runs?{asked}")
    assert answer.status_code in {404, 422}
    assert said in answer.json()["error"]["what"]


def test_another_site_starts_no_report(client: TestClient) -> None:
    assert client.put("/runs?report=daily", headers={"origin": "http://evil.example"}).status_code == 403


def test_what_went_wrong_is_kept_and_said(folder: Path, tmp_path: Path) -> None:
    with dk.open(folder) as ws:
        status = shelf.jobs(ws) / f"{'0' * 32}.json"
        status.parent.mkdir(parents=True, exist_ok=True)
        status.write_text(json.dumps({"state": "waiting", "asked": time.time(), "report": "daily", "given": {}}))
        staging = tmp_path / "staging"
        press(str(folder), "daily", {"date": "1999-01-01"}, str(tmp_path), str(staging), str(status))
        (found,) = [r for r in shelf.runs(ws) if r["id"] == "0" * 32]
    assert found["status"] == "failed"
    assert "1999" in json.dumps(found["error"])
    assert list(tmp_path.iterdir()) == []


def test_a_killed_report_leaves_nothing_behind(folder: Path) -> None:
    with dk.open(folder) as ws:
        made = Press(ws)
        before = set(shelf.home(ws).glob("*")) if shelf.home(ws).exists() else set()
        job = made.start("daily", {}).body["job"]
        staging = made.jobs.folder(job)
        until((staging / "report.ipynb").exists)
        for process in made.jobs._pool._processes.values():
            process.kill()
        said = until(lambda: (known := made.said(job).body)["state"] == "failed" and known)
        assert "ended from outside" in said["error"]["what"]
        assert not staging.exists()
        assert set(shelf.home(ws).glob("*")) | set(shelf.home(ws).glob(".*")) == before
        made.close()


def test_schedules_and_what_became_of_their_times(folder: Path, tmp_path: Path) -> None:
    now = START + timedelta(days=1)
    with dk.open(folder, clock=lambda: now) as ws:
        schedule.add(ws._handle, "morning", report="daily", cron="0 6 * * *", tz="UTC", output=tmp_path)
        assert [s["last"] for s in shelf.schedules(ws) if s["name"] == "morning"] == [None]

        def fail(*_args: Any, **_given: Any) -> Any:
            raise dk.DwellError("the printer is on fire")

        ws._handle.now = lambda: now + timedelta(days=1)
        schedule.run_due(ws._handle, run=fail)
        (plan,) = [s for s in shelf.schedules(ws) if s["name"] == "morning"]
        assert plan["last"]["status"] == "failed"
        (found,) = [r for r in shelf.runs(ws) if r["schedule"] == "morning"]
        assert (found["status"], "on fire" in found["error"]["what"]) == ("failed", True)
