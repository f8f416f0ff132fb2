"""Schedules: due times across clock changes, catch-up, never twice, kill -9, delivery, retention."""

from __future__ import annotations

import http.server
import json
import multiprocessing
import os
import signal
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller

import dwell_kit as dk
from dwell_kit.errors import FilterError, InputError, NotFoundError, ReportError
from dwell_kit.report import deliver, schedule
from dwell_kit.report import run as run_module
from dwell_kit.report.run import RunResult, run_report
from dwell_kit.settings import Settings
from dwell_kit.store import schedules
from dwell_kit.workspace.handle import Handle
from tests.workspace.exports import many, write

START = datetime(2025, 5, 5, 12, tzinfo=UTC)


class Clock:
    """A time that the test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ws(tmp_path: Path, clock: Clock) -> Iterator[Handle]:
    with dk.open(tmp_path / "ws", clock=clock) as made:
        made.ingest(write(tmp_path / "a.csv", many(20)))
        yield made._handle


class Runner:
    """Stands in for `run_report`: writes a small folder, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def __call__(self, report: str, **asked: Any) -> RunResult:
        self.asked.append(asked)
        if asked["parameters"].get("k") == 99:
            raise ReportError("no such day")
        folder = Path(asked["output"]) / f"{report}-{len(self.asked)}"
        folder.mkdir(parents=True)
        (folder / "report.html").write_text("<p>figures</p>")
        manifest = {"report": report, "version": 1, "created_at": "2025-05-06", "parameters": asked["parameters"]}
        return RunResult(folder, manifest)


def history(ws: Handle) -> list[dict[str, Any]]:
    with ws.database.read() as connection:
        return schedules.runs(connection)


def add(ws: Handle, tmp_path: Path, **more: Any) -> None:
    given = {"report": "daily", "cron": "0 6 * * *", "tz": "Europe/Berlin", "output": tmp_path / "out", **more}
    schedule.add(ws, "mornings", **given)


def test_missed_times_are_caught_up_with_and_none_is_run_twice(ws: Handle, tmp_path: Path, clock: Clock) -> None:
    add(ws, tmp_path)
    run = Runner()
    assert schedule.run_due(ws, run=run) == []
    clock.now += timedelta(days=3)
    ran = schedule.run_due(ws, run=run)
    assert [r["due_at"] for r in ran] == [datetime(2025, 5, day, 4, tzinfo=UTC) for day in (6, 7, 8)]
    assert [a["parameters"]["date"] for a in run.asked] == ["2025-05-05", "2025-05-06", "2025-05-07"]
    assert schedule.run_due(ws, run=run) == []
    clock.now += timedelta(days=100)
    assert len(schedule.run_due(ws, run=run)) == schedule.MOST_CAUGHT_UP
    assert {r["status"] for r in history(ws)} == {"done"}


def test_due_times_keep_to_the_local_clock() -> None:
    known = {"cron": "30 2 * * *", "tz": "Europe/Berlin"}
    spring = schedule.due(
        known, after=datetime(2025, 3, 28, 12, tzinfo=UTC), until=datetime(2025, 4, 1, tzinfo=UTC)
    )
    assert [f"{t:%d %H:%M}" for t in spring][::2] == ["29 01:30", "31 00:30"]  # 02:30 is skipped on the 30th
    assert len(spring) == 3
    autumn = schedule.due(
        {"cron": "0 6 * * *", "tz": "Europe/Berlin"},
        after=datetime(2025, 10, 25, 12, tzinfo=UTC), until=datetime(2025, 10, 27, 12, tzinfo=UTC),
    )  # fmt: skip
    assert [f"{t:%d %H:%M}" for t in autumn] == ["26 05:00", "27 05:00"]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"cron": "every morning"}, InputError),
        ({"tz": "Berlin"}, FilterError),
        ({"report": "dayly"}, NotFoundError),
        ({"parameters": {"kk": 3}}, ReportError),
        ({"parameters": {"date": "{someday}"}}, ReportError),
        ({"deliver_to": ("pigeon:coop",)}, InputError),
        ({"deliver_to": ("webhook:file:///etc/passwd",)}, InputError),
    ],
)
def test_what_cannot_be_run_is_not_scheduled(
    ws: Handle, tmp_path: Path, given: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        add(ws, tmp_path, **given)
    with ws.database.read() as connection:
        assert schedules.schedules(connection) == []


def test_errors_are_kept_and_the_next_time_is_run(ws: Handle, tmp_path: Path, clock: Clock) -> None:
    add(ws, tmp_path, parameters={"k": 99})
    with pytest.raises(InputError, match="already"):
        add(ws, tmp_path)
    clock.now += timedelta(days=2)
    schedule.run_due(ws, run=Runner())
    assert [(r["status"], r["error"]) for r in history(ws)] == [("failed", "no such day")] * 2


def test_old_runs_are_removed(ws: Handle, tmp_path: Path, clock: Clock) -> None:
    add(ws, tmp_path, keep_days=2)
    run = Runner()
    for _ in range(4):
        clock.now += timedelta(days=1)
        schedule.run_due(ws, run=run)
    left = [r["folder"] is not None for r in history(ws)]
    assert left == [True, True, True, False]
    assert len(list((tmp_path / "out").iterdir())) == 3


def _begin(folder: str, now: datetime, ready: Any) -> None:
    """A scheduler that is killed in the middle of a report."""

    def run(_report: str, **asked: Any) -> RunResult:
        asked["staging"].mkdir(parents=True)
        (asked["staging"] / "report.html").write_text("half")
        ready.set()
        time.sleep(60)
        raise AssertionError

    with dk.open(folder, clock=lambda: now) as ws:
        schedule.run_due(ws._handle, run=run)


def test_a_killed_run_leaves_no_half_report_and_is_caught_up_with(
    ws: Handle, tmp_path: Path, clock: Clock
) -> None:
    add(ws, tmp_path)
    clock.now += timedelta(days=1)
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_begin, args=(str(ws.layout.root), clock.now, ready))
    process.start()
    assert ready.wait(60)
    assert schedule.run_due(ws, run=Runner()) == []  # somebody is at it
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    run = Runner()
    (again,) = schedule.run_due(ws, run=run)
    assert (again["status"], again["due_at"]) == ("done", datetime(2025, 5, 6, 4, tzinfo=UTC))
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["daily-1"]
    assert [(r["status"], r["attempts"]) for r in history(ws)] == [("done", 2)]


class Hook(http.server.BaseHTTPRequestHandler):
    """Kills whoever posts to it, once it has all of it."""

    posted: list[bytes]
    sender: int

    def do_POST(self) -> None:
        self.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
        if self.sender:
            os.kill(self.sender, signal.SIGKILL)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def _deliver(folder: str, now: datetime, noted: bool) -> None:
    """A scheduler whose report is made; it is killed before that is written down, or while it is posted."""

    def run(report: str, **asked: Any) -> RunResult:
        manifest = {
            "report": report, "version": 1, "created_at": "2025-05-06", "parameters": asked["parameters"],
            "files": {}, "scheduled": asked["scheduled"], "workspace": str(asked["workspace"]),
        }  # fmt: skip
        made = Path(asked["output"]) / "daily-1"
        made.mkdir(parents=True)
        (made / "manifest.json").write_text(json.dumps(manifest))
        if not noted:
            os.kill(os.getpid(), signal.SIGKILL)
        return RunResult(made, manifest)

    with dk.open(folder, clock=lambda: now) as ws:
        schedule.run_due(ws._handle, run=run)


@pytest.mark.parametrize("noted", [True, False])
def test_what_is_killed_while_it_is_delivered_is_neither_made_nor_posted_twice(
    ws: Handle, tmp_path: Path, clock: Clock, noted: bool
) -> None:
    context = multiprocessing.get_context("spawn")
    Hook.posted = []
    with http.server.HTTPServer(("127.0.0.1", 0), Hook) as hook:
        url = f"http://127.0.0.1:{hook.server_port}/"
        targets = (f"folder:{tmp_path / 'a'}", f"webhook:{url}", f"folder:{tmp_path / 'b'}")
        add(ws, tmp_path, deliver_to=targets)
        clock.now += timedelta(days=1)
        process = context.Process(target=_deliver, args=(str(ws.layout.root), clock.now, noted))
        process.start()
        Hook.sender = process.pid or 0
        if noted:
            hook.handle_request()
        process.join(60)
        Hook.sender = 0
        if not noted:
            threading.Thread(target=hook.handle_request, daemon=True).start()
        run = Runner()
        (again,) = schedule.run_due(ws, run=run)
    assert run.asked == [], "it is made once"
    assert (again["status"], again["folder"]) == ("done", str(tmp_path / "out" / "daily-1"))
    assert len(Hook.posted) == 1
    assert ("look whether it arrived" in (again["error"] or "")) == noted
    assert [p.name for home in "ab" for p in (tmp_path / home).iterdir()] == ["daily-1"] * 2
    assert schedule.run_due(ws, run=run) == []


def test_a_real_report_by_the_clock(ws: Handle, tmp_path: Path, clock: Clock) -> None:
    add(ws, tmp_path, report="daily")
    clock.now = datetime(2025, 5, 6, 5, tzinfo=UTC)
    (ran,) = schedule.run_due(ws)
    assert ran["status"] == "done", ran["error"]
    said = json.loads((Path(ran["folder"]) / "manifest.json").read_text())
    assert said["given"]["date"] == "2025-05-05"


class Mailbox:
    """An SMTP handler that keeps what it is given."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.got.append(envelope)
        return "250 OK"


def test_reports_are_mailed_posted_and_copied(ws: Handle, tmp_path: Path, clock: Clock) -> None:
    posted: list[bytes] = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    hook = http.server.HTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    mailbox = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mail = Controller(mailbox, hostname="127.0.0.1", port=port)
    mail.start()
    try:
        ws.settings = Settings(smtp_url=f"smtp://127.0.0.1:{port}", mail_from="reports@example.org")
        targets = (
            f"folder:{tmp_path / 'copies'}",
            f"webhook:http://127.0.0.1:{hook.server_port}/x",
            "mailto:a@b.org",
        )
        add(ws, tmp_path, deliver_to=targets)
        clock.now += timedelta(days=1)
        (ran,) = schedule.run_due(ws, run=Runner())
    finally:
        mail.stop()
        hook.shutdown()
        hook.server_close()
    assert ran["error"] is None
    assert (tmp_path / "copies/daily-1/report.html").exists()
    assert json.loads(posted[0])["folder"] == "daily-1"
    (envelope,) = mailbox.got
    assert (envelope.mail_from, envelope.rcpt_tos) == ("reports@example.org", ["a@b.org"])
    assert b"report.html" in envelope.content


def test_what_cannot_be_delivered_is_said_and_the_report_is_kept(ws: Handle, tmp_path: Path, clock: Clock) -> None:
    ws.settings = Settings()
    add(ws, tmp_path, deliver_to=("webhook:http://127.0.0.1:9/x", "mailto:a@b.org"))
    clock.now += timedelta(days=1)
    (ran,) = schedule.run_due(ws, run=Runner())
    assert ran["status"] == "done"
    assert "not delivered to webhook" in ran["error"]
    assert "DWELL_SMTP_URL" in ran["error"]
    assert deliver.check("folder:/x") is None


@pytest.mark.parametrize("cron", ["* * * * * */20", "@daily", "R R * * *", "0 6 31 2 *", "0 6 * * * * 2030", "x"])
def test_what_is_no_time_of_five_fields_is_refused(ws: Handle, tmp_path: Path, cron: str) -> None:
    with pytest.raises(InputError, match="cron"):
        add(ws, tmp_path, cron=cron)


def test_an_hour_that_comes_twice_is_due_once_unless_any_hour_is() -> None:
    span = {"after": datetime(2025, 10, 25, 12, tzinfo=UTC), "until": datetime(2025, 10, 26, 12, tzinfo=UTC)}
    once = schedule.due({"cron": "30 2 * * *", "tz": "Europe/Berlin"}, **span)
    assert once == [datetime(2025, 10, 26, 0, 30, tzinfo=UTC)]
    hourly = schedule.due({"cron": "30 * * * *", "tz": "Europe/Berlin"}, **span)
    assert len(hourly) == 24


def test_one_that_fails_on_the_disk_does_not_keep_others_from_running(
    ws: Handle, tmp_path: Path, clock: Clock
) -> None:
    runner = Runner()

    def run(report: str, **more: Any) -> Any:
        if Path(more["output"]).name == "full":
            raise OSError(28, "No space left on device")
        return runner(report, **more)

    for name in ("full", "good"):
        output = tmp_path / name
        schedule.add(ws, name, report="daily", cron="0 6 * * *", tz="Europe/Berlin", output=output)
    clock.now += timedelta(days=1)
    ran = {one["schedule"]: one for one in schedule.run_due(ws, run=run)}
    assert (ran["full"]["status"], ran["good"]["status"]) == ("failed", "done")
    assert "No space left" in ran["full"]["error"]


def test_a_password_is_sent_to_nobody_who_could_read_it(
    ws: Handle, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[str] = []

    class Server(socketserver.StreamRequestHandler):
        offers = b"250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n"

        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            while line := self.rfile.readline():
                heard.append(line.decode().strip())
                word = line[:4].upper()
                said = {b"EHLO": self.offers, b"QUIT": b"221 bye\r\n"}
                self.wfile.write(said.get(word, b"454 no\r\n"))

    runner = Runner()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ws.settings = Settings(smtp_url=f"smtp://user:s3cret@127.0.0.1:{server.server_address[1]}")
        add(ws, tmp_path, deliver_to=("mailto:a@b.org",))
        clock.now += timedelta(days=1)
        (first,) = schedule.run_due(ws, run=runner)
        assert "STARTTLS" in heard
        Server.offers = b"250-here\r\n250 AUTH PLAIN LOGIN\r\n"
        monkeypatch.setattr(deliver, "_OWN_MACHINE", frozenset())  # as if it were another's
        clock.now += timedelta(days=1)
        (second,) = schedule.run_due(ws, run=runner)
        server.shutdown()
    assert "not delivered" in first["error"]
    assert "clear text" in second["error"]
    assert not [line for line in heard if line.upper().startswith("AUTH")]


def test_a_mail_server_is_asked_who_it_is_before_it_gets_anything(
    ws: Handle, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    mailbox = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mail = Controller(mailbox, hostname="127.0.0.1", port=port, ssl_context=context)
    mail.start()
    try:
        ws.settings, runner = Settings(smtp_url=f"smtps://127.0.0.1:{port}"), Runner()
        add(ws, tmp_path, deliver_to=("mailto:a@b.org",))
        clock.now += timedelta(days=1)
        (refused,) = schedule.run_due(ws, run=runner)
        assert mailbox.got == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        clock.now += timedelta(days=1)
        (sent,) = schedule.run_due(ws, run=runner)
    finally:
        mail.stop()
    assert "certificate" in refused["error"]
    assert "SSL_CERT_FILE" in refused["error"]
    assert sent["error"] is None
    assert len(mailbox.got) == 1


def interrupt(ws: Handle) -> None:
    """Leave the history of a process that was killed in the middle of a run."""
    with ws.database.write() as connection:
        number = schedules.claim(connection, "mornings", datetime(2025, 5, 6, 4, tzinfo=UTC), now=ws.now())
        assert number is not None
        schedules.change(connection, number, attempts=1)


@pytest.mark.parametrize("interrupted", [False, True])
def test_workspaces_with_the_same_schedule_and_output_leave_each_other_alone(
    ws: Handle, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    ran: list[dict[str, Any]] = []
    with dk.open(tmp_path / "other", clock=clock) as made:
        made.ingest(write(tmp_path / "a.csv", many(20)))
        other = made._handle

        def execute(_template: Path, notebook: Path, _parameters: dict[str, Any]) -> None:
            notebook.write_text("{}")
            if not ran:  # the other's run begins and ends in the middle of this one
                ran.append({})
                ran.extend(schedule.run_due(other))

        monkeypatch.setattr(run_module, "execute", execute)
        monkeypatch.setattr(run_module, "render", lambda _notebook, page, **_: page.write_text("<p>figures</p>"))
        monkeypatch.setattr(run_module, "_print", lambda _folder: "not here")
        for each in (ws, other):
            add(each, tmp_path)
        clock.now += timedelta(days=1)
        if interrupted:
            interrupt(other)
        ran.extend(schedule.run_due(ws))
        roots = {str(each.layout.root) for each in (ws, other)}
    assert [(r["status"], r["error"]) for r in ran[1:]] == [("done", None)] * 2
    said = {r["folder"]: json.loads((Path(r["folder"]) / "manifest.json").read_text()) for r in ran[1:]}
    assert {manifest["workspace"] for manifest in said.values()} == roots
    for folder, manifest in said.items():
        assert {p.name for p in Path(folder).iterdir()} == {*manifest["files"], "manifest.json", "data"}
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_a_folder_that_is_there_is_no_place_to_put_a_report_together(ws: Handle, tmp_path: Path) -> None:
    theirs = tmp_path / "out" / ".theirs"
    theirs.mkdir(parents=True)
    (theirs / "half.html").write_text("half")
    with pytest.raises(FileExistsError):
        run_report(
            "daily", workspace=ws.layout.root, parameters={"date": "2025-05-05"}, output=tmp_path / "out",
            staging=theirs,
        )  # fmt: skip
    assert [p.name for p in theirs.iterdir()] == ["half.html"]


@pytest.mark.parametrize(("where", "interrupted"), [("_alone", True), ("_made", True), ("_alone", False)])
def test_a_run_is_made_once_wherever_another_process_comes_between(
    ws: Handle, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, where: str, interrupted: bool
) -> None:
    add(ws, tmp_path)
    clock.now += timedelta(days=1)
    if interrupted:
        interrupt(ws)
    run, ran, real = Runner(), [], getattr(schedule, where)
    with dk.open(ws.layout.root, clock=clock) as other:

        def between(*given: Any) -> Any:
            monkeypatch.setattr(schedule, where, real)
            ran.extend(schedule.run_due(other._handle, run=run))
            return real(*given)

        monkeypatch.setattr(schedule, where, between)
        ran.extend(schedule.run_due(ws, run=run))
    assert (len(ran), len(run.asked)) == (1, 1)
    assert [(r["status"], r["attempts"]) for r in history(ws)] == [("done", 1 + interrupted)]


def test_of_two_that_meet_over_an_interrupted_run_one_makes_it(
    ws: Handle, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(ws, tmp_path)
    clock.now += timedelta(days=1)
    interrupt(ws)
    real, runner = schedule._alone, Runner()
    both, one_went, met = threading.Barrier(2, timeout=30), threading.Event(), set[int]()

    def alone(*given: Any) -> Any:
        if threading.get_ident() not in met:
            met.add(threading.get_ident())
            both.wait()  # both have seen that it was interrupted
        return real(*given)

    def run(report: str, **asked: Any) -> RunResult:
        assert one_went.wait(30), "the other one waits, or makes it too"
        return runner(report, **asked)

    def scheduler() -> list[dict[str, Any]]:
        with dk.open(ws.layout.root, clock=clock) as opened:
            ran = schedule.run_due(opened._handle, run=run)
        one_went.set()
        return ran

    monkeypatch.setattr(schedule, "_alone", alone)
    with ThreadPoolExecutor(2) as pool:
        ran = [pool.submit(scheduler) for _ in range(2)]
    assert sorted(len(each.result()) for each in ran) == [0, 1]
    assert len(runner.asked) == 1
    assert [(r["status"], r["attempts"]) for r in history(ws)] == [("done", 2)]


def test_a_schedule_that_is_added_again_is_not_due_at_times_when_it_was_not_there(
    ws: Handle, tmp_path: Path, clock: Clock
) -> None:
    add(ws, tmp_path)
    clock.now += timedelta(days=1)
    run = Runner()
    assert len(schedule.run_due(ws, run=run)) == 1
    with ws.database.write() as connection:
        schedules.remove(connection, "mornings")
    clock.now += timedelta(days=10)
    add(ws, tmp_path)
    assert schedule.run_due(ws, run=run) == []
    clock.now += timedelta(days=1)
    assert [r["due_at"] for r in schedule.run_due(ws, run=run)] == [datetime(2025, 5, 17, 4, tzinfo=UTC)]


def named(ws: Handle, tmp_path: Path, name: str) -> None:
    schedule.add(ws, name, report="daily", cron="0 6 * * *", tz="UTC", output=tmp_path / "out")


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", ".mine", "-v", "a/b", "../a", "/a", "a\\b", "a..b", "a.", " a", "a\n", "a\0", "é" * 101],
)
def test_what_could_be_a_path_is_no_name_of_a_schedule(ws: Handle, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="name") as raised:
        named(ws, tmp_path, name)
    assert (raised.value.found, "100 letters" in (raised.value.expected or "")) == (repr(name), True)
    with ws.database.read() as connection:
        assert schedules.schedules(connection) == []


@pytest.mark.parametrize("name", ["a", "Mo_1", "v1.2 - late", "Früh", "सुबह की", "朝の報告", "a" * 100])
def test_names_of_schedules_are_words_of_any_language(ws: Handle, tmp_path: Path, name: str) -> None:
    named(ws, tmp_path, name)
    with ws.database.read() as connection:
        assert [s["name"] for s in schedules.schedules(connection)] == [name]


@pytest.mark.parametrize("name", ["./../away", "x/../../../away", "é" * 200])
def test_a_name_of_before_stays_in_its_output_folder(ws: Handle, tmp_path: Path, clock: Clock, name: str) -> None:
    out = tmp_path / "out"
    with ws.database.write() as connection:
        schedules.add(
            connection, name=name, report="daily", parameters={}, cron="0 6 * * *", tz="UTC", output=str(out),
            deliver=[], keep_days=None, created_at=ws.now(),
        )  # fmt: skip
    clock.now += timedelta(days=1)
    run = Runner()
    (ran,) = schedule.run_due(ws, run=run)
    assert ran["status"] == "done"
    (asked,) = run.asked
    assert asked["staging"].resolve().parent == out.resolve()
    assert len(asked["staging"].name) < 100
