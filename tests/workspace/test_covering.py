"""Several exports with gaps between them: means over covered time only, and what was still open in each."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.errors import FilterError
from dwell_kit.schema import columns as c
from dwell_kit.simulate import emit, people
from tests.workspace.exports import START, write

MIN = 60.0
HOUR = 3600.0


@pytest.fixture
def ws(tmp_path: Path):
    with dk.open(tmp_path / "ws") as made:
        yield made


def window(since_h: float, until_h: float) -> tuple[datetime, datetime]:
    return START + timedelta(hours=since_h), START + timedelta(hours=until_h)


def insight(path: Path, at_h: float) -> Path:
    """A crowd event: it says nothing of who was there between."""
    moment = (START + timedelta(hours=at_h)).isoformat()
    path.write_text(
        f'[{{"event_type": "crowd", "event_id": "e1", "camera_id": "door", "utc_time_recorded": "{moment}"}}]'
    )
    return path


def test_time_between_exports_is_unknown_not_empty(ws: dk.Workspace, tmp_path: Path) -> None:
    # 08:00–12:00 on two days, two days apart; one person an hour long at 09:00 on both
    for n, day in enumerate((0, 48)):
        rows = [(f"p{n}", "door", f"{n}", day * HOUR + HOUR, day * HOUR + 2 * HOUR)]
        ws.ingest(write(tmp_path / f"{n}.csv", rows), window=window(day, day + 4))
    hours = ws.compute("occupancy", as_="polars")
    means = dict(hours.select(c.BUCKET, c.OCCUPANCY_MEAN).rows())
    assert [means[START + timedelta(hours=h)] for h in (0, 1, 2, 3, 4, 24, 47, 48, 49)] == [
        0, 1, 0, 0, None, None, None, 0, 1,
    ]  # fmt: skip
    assert hours["covered_s"].sum() == 8 * HOUR
    nine = ws.compute("peak_hour", as_="polars").row(0)
    assert nine == (9, 1.0)
    week = ws.compute("weekday_hour", as_="polars").filter(pl.col("covered_s") > 0)
    assert week.select(c.WEEKDAY, c.HOUR).rows() == [(d, h) for d in (1, 3) for h in (8, 9, 10, 11)]
    door = ws.compute("camera_hour", as_="polars").filter(pl.col(c.HOUR) == 9).row(0, named=True)
    assert (door[c.OCCUPANCY_MEAN], door["covered_s"]) == (1.0, 2 * HOUR)
    assert ws.coverage(as_="polars").rows() == [("door", *window(0, 4), 0), ("door", *window(48, 52), 0)]


def test_a_visit_stays_open_when_a_later_export_or_an_insight_report_comes(
    ws: dk.Workspace, tmp_path: Path
) -> None:
    rows = [("anna", "door", "1", 0, HOUR - 5 * MIN), ("bob", "door", "2", 0, 20 * MIN)]
    ws.ingest(write(tmp_path / "a.csv", rows), window=window(0, 1))

    def still_open() -> list[tuple[str, bool]]:
        return ws.visits(as_="polars").sort(c.STARTED, c.PERSON).select(c.PERSON, c.OPEN).rows()[:2]

    assert still_open() == [("anna", True), ("bob", False)]
    ws.ingest(insight(tmp_path / "i.json", 5))
    assert still_open() == [("anna", True), ("bob", False)]
    ws.ingest(write(tmp_path / "b.csv", [("cem", "door", "3", 9 * HOUR, 9.2 * HOUR)]), window=window(9, 10))
    assert still_open() == [("anna", True), ("bob", False)]
    assert ws.summary()["open_visits"] == 1
    row = ws.compute("survival_summary", as_="polars").row(0, named=True)
    assert (row[c.VISITS], row[c.OPEN], row[c.CUT_END]) == (3, 1, 0)


def test_an_export_that_goes_on_where_another_ended_tells_how_visits_ended(
    ws: dk.Workspace, tmp_path: Path
) -> None:
    ws.ingest(write(tmp_path / "a.csv", [("anna", "door", "1", 0, 55 * MIN)]), window=window(0, 1))
    ws.ingest(write(tmp_path / "b.csv", [("bob", "door", "2", 62 * MIN, 70 * MIN)]), window=window(1.1, 2))
    assert ws.visits(as_="polars").sort(c.PERSON).select(c.PERSON, c.OPEN).rows() == [
        ("anna", False),
        ("bob", False),
    ]


def test_cameras_that_come_in_files_of_their_own_do_not_vouch_for_each_other(
    ws: dk.Workspace, tmp_path: Path
) -> None:
    ws.ingest(write(tmp_path / "door.csv", [("anna", "door", "1", 0, 55 * MIN)]), window=window(0, 1))
    ws.ingest(write(tmp_path / "hall.csv", [("bob", "hall", "2", 0, 55 * MIN)]), window=window(0, 4))
    assert ws.visits(as_="polars").sort(c.PERSON).select(c.PERSON, c.OPEN).rows() == [
        ("anna", True),
        ("bob", False),
    ]
    by_camera = ws.compute("occupancy", parameters={"by": "camera", "every": "day"}, as_="polars")
    assert by_camera.select(c.CAMERA, "covered_s").rows() == [("door", HOUR), ("hall", 4 * HOUR)]
    assert ws.compute("occupancy", cameras=("door",), as_="polars")["covered_s"].sum() == HOUR


def test_a_camera_that_nobody_passed_was_watched_with_the_others_of_its_export(
    ws: dk.Workspace, tmp_path: Path
) -> None:
    both = [("anna", "door", "1", 0, 10 * MIN), ("anna", "hall", "2", 0, 10 * MIN)]
    ws.ingest(write(tmp_path / "a.csv", both), window=window(0, 1))
    ws.ingest(write(tmp_path / "b.csv", [("bob", "door", "3", HOUR, 1.5 * HOUR)]), window=window(1, 2))
    by_camera = ws.compute("occupancy", parameters={"by": "camera", "every": "day"}, as_="polars")
    assert by_camera.select(c.CAMERA, "covered_s").rows() == [("door", 2 * HOUR), ("hall", 2 * HOUR)]


def test_an_old_version_has_the_coverage_of_its_time(ws: dk.Workspace, tmp_path: Path) -> None:
    first = ws.ingest(write(tmp_path / "a.csv", [("anna", "door", "1", 0, 55 * MIN)]), window=window(0, 1))
    ws.ingest(write(tmp_path / "b.csv", [("bob", "door", "2", 55 * MIN, 70 * MIN)]), window=window(0, 4))
    ws.undo(first.upload_id)
    seen = []
    for version in (1, 2, 3):
        with dk.open(ws.path, version=version) as old:
            seen.append((old.coverage(as_="polars")["covered_till"].to_list(), old.summary()["open_visits"]))
    assert seen == [([window(0, 1)[1]], 1), ([window(0, 4)[1]], 0), ([window(0, 4)[1]], 0)]
    assert {u["report"]["snapshot_id"] for u in ws.uploads()} == {1, 2}


def test_rows_outside_the_window_are_noted_and_in_no_mean(ws: dk.Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", [("anna", "door", "1", 0, 2 * HOUR)])
    report = ws.ingest(path, window=window(1, 1.5))
    assert any("reach out of the window" in note for note in report.notes)
    hours = ws.compute("occupancy", as_="polars")
    assert hours.select(c.OCCUPANCY_MEAN, "covered_s").rows() == [(None, 0), (1.0, HOUR / 2)]
    assert hours[c.PERSON_SECONDS].sum() == 2 * HOUR
    assert ws.summary()["peak_hour"] == 9


def test_a_window_that_ends_before_it_begins_is_refused_before_anything_is_read(
    ws: dk.Workspace, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv", [("anna", "door", "1", 0, 60)])
    with pytest.raises(FilterError, match="ends before it begins"):
        ws.ingest(path, window=window(2, 1))
    assert ws.uploads() == []


def test_daily_exports_with_a_lost_day_equal_a_count_by_hand(ws: dk.Workspace, tmp_path: Path) -> None:
    """One export a day, the third day lost, some windows cut short: counted in plain Python."""
    made = people.simulate_campus(days=5, seed=11, visitors_a_day=60, dirty_share=0, duplicate_share=0)
    midnight = datetime(2025, 5, 5, tzinfo=UTC)
    shifts = {0: (8, 20), 1: (0, 24), 3: (6, 13), 4: (13, 17)}  # day → hours that its export covers
    covered, seen = [], []
    for day, (a, b) in shifts.items():
        since, until = midnight + timedelta(days=day, hours=a), midnight + timedelta(days=day, hours=b)
        rows = [r for r in made.appearances if since <= _start(r) < until and _end(r) <= until]
        emit.write_csv(rows, tmp_path / f"{day}.csv")
        ws.ingest(tmp_path / f"{day}.csv", window=(since, until))
        covered.append((since, until))
        seen += [(r["person_id"], _start(r), _end(r)) for r in rows]
    visits = _visits(seen)
    open_by_hand = sum(
        any(a <= end <= b and b - end <= timedelta(minutes=10) for a, b in _joined(covered)) for *_, end in visits
    )
    found = ws.summary()
    assert (found["visits"], found["open_visits"]) == (len(visits), open_by_hand)
    means = _hour_means(visits, covered)
    assert found["peak_hour"] == max(means, key=lambda h: (means[h], -h))
    table = ws.compute("occupancy", parameters={"every": "hour"}, as_="polars").filter(pl.col("covered_s") > 0)
    by_hour: dict[int, list[float]] = defaultdict(list)
    for bucket, seconds, held in table.select(c.BUCKET, c.PERSON_SECONDS, "covered_s").rows():
        by_hour[bucket.hour].append(seconds / held)
    assert {h: pytest.approx(sum(m) / len(m)) for h, m in by_hour.items()} == means


def _start(row: dict[str, str]) -> datetime:
    return _moment(row["utc_time_started"])


def _end(row: dict[str, str]) -> datetime:
    return _moment(row["utc_time_ended"])


def _moment(text: str) -> datetime:
    if "T" in text:
        return datetime.fromisoformat(text)
    return datetime.fromtimestamp(float(text) / (1000 if len(text) == 13 else 1), tz=UTC)


def _visits(seen: list[tuple[str, datetime, datetime]]) -> list[tuple[list[tuple[datetime, datetime]], datetime]]:
    by_person: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for person, start, end in seen:
        if person:
            by_person[person].append((start, end))
    visits = []
    for spans in by_person.values():
        group: list[tuple[datetime, datetime]] = []
        for span in sorted(spans):
            if group and span[0] - max(e for _, e in group) > timedelta(minutes=10):
                visits.append((_joined(group), max(e for _, e in group)))
                group = []
            group.append(span)
        visits.append((_joined(group), max(e for _, e in group)))
    return visits


def _joined(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    made: list[tuple[datetime, datetime]] = []
    for a, b in sorted(spans):
        if made and a <= made[-1][1]:
            made[-1] = (made[-1][0], max(made[-1][1], b))
        else:
            made.append((a, b))
    return made


def _hour_means(visits: list, covered: list[tuple[datetime, datetime]]) -> dict[int, float]:
    """Clock hour → person-seconds / covered seconds, both minute by minute of the covered time."""
    held, watched = defaultdict(float), defaultdict(float)
    spans = [span for parts, _ in visits for span in parts]
    for since, until in covered:
        hour = since
        while hour < until:
            after = hour + timedelta(hours=1)
            watched[hour.hour] += HOUR
            held[hour.hour] += sum(max((min(b, after) - max(a, hour)).total_seconds(), 0) for a, b in spans)
            hour = after
    return {h: held[h] / watched[h] for h in watched}


def test_an_event_where_nobody_watched_says_nothing_of_occupancy(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", [("a", "door", "1", 0, HOUR)]), window=window(0, 2))
    for n, at_h in enumerate((0.5, 1.5, 11)):
        ws.ingest(insight(tmp_path / f"{n}.json", at_h).rename(tmp_path / f"{n}x.json"), source=f"s{n}")
    rows = ws.compute("crowd_occupancy", as_="polars").sort(c.RECORDED)
    assert rows.select(c.OCCUPANCY_MAX, c.OCCUPANCY, c.N_PERSONS).rows() == [(1, 1, 1), (0, 0, 0), (None,) * 3]


def test_a_camera_that_only_events_name_is_covered_by_nothing(ws: dk.Workspace, tmp_path: Path) -> None:
    ws.ingest(write(tmp_path / "a.csv", [("a", "hall", "1", 0, HOUR)]))
    ws.ingest(insight(tmp_path / "e.json", 0.5))
    assert ws.coverage(as_="polars").rows() == [("hall", *window(0, 1), 0)]
    assert ws.summary()["visits"] == 1
    assert ws.compute("occupancy", camera="door", as_="polars")["covered_s"].sum() == 0


def test_undo_takes_back_what_an_upload_said_of_places(ws: dk.Workspace, tmp_path: Path) -> None:
    header = "appearance_id,person_id,camera_id,camera_group_name,zone_id,utc_time_started,utc_time_ended\n"
    begin = int(START.timestamp())
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    first.write_text(header + f"1,a,c1,G1,z1,{begin},{begin + 60}\n")
    second.write_text(header + f"2,b,c1,BAD,z9,{begin},{begin + 60}\n3,b,c77,BAD,z9,{begin + 60},{begin + 120}\n")
    ws.ingest(first)
    before = ws.cameras(as_="polars").rows(), ws.zones(), ws.coverage(as_="polars").rows()
    ws.ingest(second)
    assert ws.cameras(as_="polars").select("camera_id", "group").rows() == [("c1", "BAD"), ("c77", "BAD")]
    ws.undo(2)
    assert (ws.cameras(as_="polars").rows(), ws.zones(), ws.coverage(as_="polars").rows()) == before
