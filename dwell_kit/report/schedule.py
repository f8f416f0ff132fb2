"""Reports by the clock: each due time once, missed ones caught up with, nothing half-done left behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from blake3 import blake3
from sqlalchemy.exc import IntegrityError

from dwell_kit.errors import InputError, in_words
from dwell_kit.report import deliver, templates
from dwell_kit.report.run import RunResult, run_report
from dwell_kit.report.shelf import manifest_of
from dwell_kit.schema.time import zone
from dwell_kit.store import schedules
from dwell_kit.workspace.handle import Handle

MOST_CAUGHT_UP: Final = 31
"""Missed times of a schedule that are run at most, the latest ones."""
_ATTEMPTS: Final = 3
_SENDING: Final = "sending"
_SENT: Final = "sent"
_FIELDS: Final = 5
_LONGEST_NAME: Final = 100
_DEFAULTS: Final = {"daily": {"date": "{yesterday}"}, "weekly": {"week": "{last_week}"}}
Run = Callable[..., RunResult]


def add(
    ws: Handle,
    name: str,
    *,
    report: str,
    cron: str,
    tz: str,
    output: Path,
    parameters: dict[str, Any] | None = None,
    deliver_to: tuple[str, ...] = (),
    keep_days: int | None = None,
) -> None:
    """Run a report whenever `cron` (five fields, local in `tz`) is due.

    Parameters
    ----------
    name : letters, digits and _, with spaces, - and . between them; up to 100 characters.
    parameters : of the report; texts may hold {today}, {yesterday} and {last_week} of the due time. By default a
        daily report is of the day before, a weekly one of the week before.
    deliver_to : folder:PATH, webhook:URL, mailto:ADDRESS.
    keep_days : runs older than this are removed.

    Raises
    ------
    InputError : for a cron expression that cannot be read, or a name that is none or taken. NotFoundError : for an
        unknown report. ParameterError : for a parameter that it does not take. FilterError : for an unknown zone.
    """
    _check_name(name)
    zone(tz)
    _check_cron(cron, ws.now())
    template = templates.find(report)
    given = {**_DEFAULTS.get(template.name, {}), **(parameters or {})}
    template.checked(_filled(given, ws.now().astimezone(zone(tz))))
    for target in deliver_to:
        deliver.check(target)
    with ws.database.write() as connection:
        schedules.add(
            connection, name=name, report=report, parameters=given, cron=cron, tz=tz,
            output=str(output.absolute()), deliver=list(deliver_to), keep_days=keep_days, created_at=ws.now(),
        )  # fmt: skip


def _check_name(name: str) -> None:
    """Raises InputError for what would not stand in a list, or could be read as a path or an option."""
    known = all(sign in " _-." or unicodedata.category(sign)[0] in "LMN" for sign in name)
    if not (known and 0 < len(name) <= _LONGEST_NAME and name == name.strip(" -.") and ".." not in name):
        raise InputError(
            "a schedule cannot have this name",
            expected=f"1 to {_LONGEST_NAME} letters, digits and _, with spaces, - and single dots between them",
            found=repr(name),
        )


def _check_cron(cron: str, now: datetime) -> None:
    """Raises InputError for what is no time: croniter knows seconds, years, nicknames and dice as well."""
    from croniter import CroniterError, croniter

    fields = cron.split()
    try:
        if len(fields) != _FIELDS or any(field[:1].upper() in {"R", "H"} for field in fields):
            raise ValueError(cron)
        croniter(cron, now).get_next(datetime)
    except (CroniterError, ValueError) as error:
        raise InputError(
            "the cron expression cannot be read, or is never due", expected="five fields, such as 0 6 * * *",
            found=cron,
        ) from error  # fmt: skip


def due(schedule: dict[str, Any], *, after: datetime, until: datetime) -> list[datetime]:
    """The due times in (after, until], the latest `MOST_CAUGHT_UP` of them; a skipped local hour is due once.

    A local time that comes twice when the clock is turned back is due once, too, unless the hour is any (`*`).
    """
    from croniter import CroniterBadDateError, croniter

    local = zone(schedule["tz"])
    named = "*" not in schedule["cron"].split()[1]
    times: list[datetime] = []
    steps = croniter(schedule["cron"], after.astimezone(local), ret_type=datetime)
    try:
        while (moment := steps.get_next(datetime).astimezone(until.tzinfo)) <= until:
            if not (named and moment.astimezone(local).fold):
                times.append(moment)
    except CroniterBadDateError:  # 31 February: never due
        pass
    return times[-MOST_CAUGHT_UP:]


def run_due(ws: Handle, *, run: Run = run_report) -> list[dict[str, Any]]:
    """Run everything that is due and was not run; returns the runs. Several processes may do so at once."""
    with ws.database.read() as connection:
        begun = schedules.runs(connection, status=schedules.RUNNING)
    ran = [_run(ws, found["id"], run) for found in begun]
    with ws.database.read() as connection:
        known = schedules.schedules(connection)
    for schedule in known:
        with ws.database.read() as connection:
            last = schedules.last_due(connection, schedule["name"]) or schedule["created_at"]
        after = max(last, schedule["created_at"])  # the history may be of an earlier schedule of that name
        for moment in due(schedule, after=after, until=ws.now()):
            try:
                with ws.database.write() as connection:
                    claimed = schedules.claim(connection, schedule["name"], moment, now=ws.now())
            except IntegrityError:  # another process was faster by a hair
                claimed = None
            if claimed is not None:
                ran.append(_run(ws, claimed, run))
        _retain(ws, schedule)
    return [one for one in ran if one is not None]


def _run(ws: Handle, number: int, run: Run) -> dict[str, Any] | None:
    """One run, from its lock to its delivery; None if another process has it, or has ended it.

    The lock is held all the while, and what became of the run is read under it: whoever found the run a moment ago
    may find it finished.
    """
    with _alone(ws, number) as mine:
        taken = _take_up(ws, number) if mine else None
        if taken is None:
            return None
        schedule, found = taken
        outcome = _outcome(ws, schedule, found, run)
        _note(ws, number, finished_at=ws.now(), **outcome)
    return {"schedule": schedule["name"], "due_at": found["due_at"], **outcome}


def _take_up(ws: Handle, number: int) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """A run's schedule and what is known of the run before this attempt; None if there is nothing more to do.

    What a process that is gone had begun to write is removed.
    """
    with ws.database.read() as connection:
        found = schedules.under_way(connection, number)
        known = {s["name"]: s for s in schedules.schedules(connection)}
    if found is None:
        return None
    schedule = known.get(found["schedule"])
    if schedule is not None and found["attempts"]:
        shutil.rmtree(_staging(ws, schedule, number), ignore_errors=True)
    if schedule is None or found["attempts"] >= _ATTEMPTS:
        said = "interrupted, and its schedule is gone" if schedule is None else "interrupted three times"
        _note(ws, number, status=schedules.FAILED, error=said, finished_at=ws.now())
        return None
    _note(ws, number, attempts=found["attempts"] + 1, started_at=ws.now())
    return schedule, found


def _outcome(ws: Handle, schedule: dict[str, Any], found: dict[str, Any], run: Run) -> dict[str, Any]:
    """Make a run, unless an earlier process had, and deliver it; whatever goes wrong is kept in its history."""
    number, moment = found["id"], found["due_at"]
    try:
        result = (_made(ws, schedule, found) if found["attempts"] else None) or run(
            schedule["report"],
            workspace=ws.layout.root,
            parameters=_filled(schedule["parameters"], moment.astimezone(zone(schedule["tz"]))),
            output=schedule["output"],
            staging=_staging(ws, schedule, number),
            scheduled=_scheduled(schedule, number, moment),
        )
    except Exception as error:  # noqa: BLE001 - a full disk for one must not keep the others from being run
        return {"status": schedules.FAILED, "folder": None, "error": in_words(error)}
    _note(ws, number, folder=str(result.folder))  # from here on it is not made again
    said = _deliver(ws, schedule, found, result)
    return {"status": schedules.DONE, "folder": str(result.folder), "error": said}


def _made(ws: Handle, schedule: dict[str, Any], found: dict[str, Any]) -> RunResult | None:
    """The folder of a run whose process ended before it was delivered, or before it was written down."""
    folders = [Path(found["folder"])] if found["folder"] else sorted(Path(schedule["output"]).glob("[!.]*"))
    mine = _scheduled(schedule, found["id"], found["due_at"])
    for folder in folders:
        said = manifest_of(folder)
        if said and (said.get("scheduled"), said.get("workspace")) == (mine, str(ws.layout.root)):
            return RunResult(folder, said)
    return None


def _scheduled(schedule: dict[str, Any], number: int, moment: datetime) -> dict[str, Any]:
    return {"schedule": schedule["name"], "run": number, "due_at": moment.isoformat()}


def _deliver(ws: Handle, schedule: dict[str, Any], found: dict[str, Any], result: RunResult) -> str | None:
    """Send a run wherever it was not sent yet; what went wrong in words, or None.

    What was being sent when the process ended may have arrived: it is sent again only where that does no harm.
    """
    number = found["id"]
    states: dict[str, str] = dict(found["delivered"] or {})
    for target in schedule["deliver"]:
        state = states.get(target)
        if state == _SENDING and not deliver.again(target):
            states[target] = f"interrupted while it was sent to {target}: look whether it arrived"
        elif state in {None, _SENDING}:
            _note(ws, number, delivered={**states, target: _SENDING})
            states[target] = deliver.send(target, result, ws.settings) or _SENT
        _note(ws, number, delivered=states)
    return "\n".join(said for said in states.values() if said != _SENT) or None


def _note(ws: Handle, number: int, **values: Any) -> None:
    with ws.database.write() as connection:
        schedules.change(connection, number, **values)


def _filled(parameters: dict[str, Any], local: datetime) -> dict[str, Any]:
    """Parameters with the days of a due time in their places.

    >>> _filled({"date": "{yesterday}", "k": 5}, datetime(2025, 5, 5, 6))
    {'date': '2025-05-04', 'k': 5}
    """
    year, week, _ = (local - timedelta(days=7)).isocalendar()
    words = {
        "{today}": local.date().isoformat(),
        "{yesterday}": (local - timedelta(days=1)).date().isoformat(),
        "{last_week}": f"{year}-W{week:02d}",
    }
    made = {}
    for name, value in parameters.items():
        if isinstance(value, str):
            for word, said in words.items():
                value = value.replace(word, said)
        made[name] = value
    return made


def _staging(ws: Handle, schedule: dict[str, Any], number: int) -> Path:
    """Where a run is put together: other workspaces, whose runs have the same numbers, may share the output.

    The schedule's name, which may be of a time when any was taken, has no part in it.
    """
    mine = blake3(os.fsencode(ws.layout.root.resolve())).hexdigest(8)
    return Path(schedule["output"]) / f".scheduled-{mine}-run{number}"


def _retain(ws: Handle, schedule: dict[str, Any]) -> None:
    """Remove the folders of runs that are older than the schedule keeps them."""
    if schedule["keep_days"] is None:
        return
    oldest = ws.now() - timedelta(days=schedule["keep_days"])
    with ws.database.read() as connection:
        done = schedules.runs(connection, schedule["name"], schedules.DONE)
    for found in done:
        if found["folder"] and found["finished_at"] < oldest:
            shutil.rmtree(found["folder"], ignore_errors=True)
            _note(ws, found["id"], folder=None)


@contextmanager
def _alone(ws: Handle, number: int) -> Iterator[bool]:
    """Hold the lock of a run; False if another process has it. The kernel lets go of a dead process's."""
    path = ws.layout.temporary / f"report-{number}.running"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)
