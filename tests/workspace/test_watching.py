"""Coverage by camera and hour, and what people state of cameras: worked out by hand, and against brute force."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import dwell_kit as dk
from dwell_kit.errors import FilterError, InputError, NotFoundError
from dwell_kit.schema import columns as c
from dwell_kit.schema.time import US, from_us
from dwell_kit.store import database as db
from dwell_kit.store.uploads import Window
from dwell_kit.workspace.covering import Status, combined
from tests.workspace.exports import START, write

MIN, HOUR = 60.0, 3600.0
TEN, ELEVEN = START + timedelta(hours=2), START + timedelta(hours=3)


@pytest.fixture
def ws(tmp_path: Path):
    with dk.open(tmp_path / "ws") as made:
        yield made


def window(since_h: float, until_h: float) -> tuple[datetime, datetime]:
    return START + timedelta(hours=since_h), START + timedelta(hours=until_h)


def occupancy(ws: dk.Workspace, **parameters: Any) -> list[tuple[Any, ...]]:
    table = ws.compute("occupancy", parameters=parameters, as_="polars")
    return table.select(c.OCCUPANCY_MEAN, c.OCCUPANCY_MAX, c.COVERED_S).rows()


def states(ws: dk.Workspace, camera: str = "door") -> dict[int, str]:
    """UTC hour → state."""
    table = ws.coverage(by="hour", cameras=[camera], as_="polars")
    return {hour.hour: state for hour, state in table.select(c.HOUR, "state").rows()}


@pytest.fixture
def morning(ws: dk.Workspace, tmp_path: Path) -> dk.Workspace:
    """One camera, 08:00–12:00: anna 09:00–09:55, bob 09:00–09:30."""
    rows = [("anna", "door", "1", HOUR, HOUR + 55 * MIN), ("bob", "door", "2", HOUR, HOUR + 30 * MIN)]
    ws.ingest(write(tmp_path / "a.csv", rows), window=window(0, 4))
    return ws


def test_a_camera_that_was_down_is_blank_and_not_empty(morning: dk.Workspace) -> None:
    mean = 85 / 60
    assert occupancy(morning) == [(0, 0, HOUR), (mean, 2, HOUR), (0, 0, HOUR), (0, 0, HOUR)]
    made = morning.set_camera_status("door", TEN, ELEVEN, reason="power cut", by="dora")
    assert (made["status"], made["state"], made["who"], made["reason"]) == (1, "down", "dora", "power cut")
    assert occupancy(morning) == [(0, 0, HOUR), (mean, 2, HOUR), (None, None, 0), (0, 0, HOUR)]
    assert occupancy(morning, by="camera") == occupancy(morning)
    # over the 3 h that were watched, not over 4
    assert occupancy(morning, every="day") == [(pytest.approx(85 / 180), 2, 3 * HOUR)]
    assert morning.coverage(as_="polars").rows() == [("door", *window(0, 2), 0), ("door", *window(3, 4), 0)]
    assert states(morning) == {8: "unknown", 9: "up", 10: "down", 11: "unknown"}


def test_a_visit_at_the_edge_of_a_stated_outage_is_open(morning: dk.Workspace) -> None:
    def still_open() -> list[tuple[str, bool]]:
        return morning.visits(as_="polars").sort(c.PERSON).select(c.PERSON, c.OPEN).rows()

    assert still_open() == [("anna", False), ("bob", False)]
    morning.set_camera_status("door", TEN, ELEVEN, reason="power cut")
    assert still_open() == [("anna", True), ("bob", False)]
    assert morning.summary()["open_visits"] == 1
    # an outage of max_gap or less ends no visit: who was absent in it was seen to be absent on both sides
    morning.clear_camera_status(1)
    morning.set_camera_status("door", TEN, TEN + timedelta(minutes=10), reason="restart")
    assert still_open() == [("anna", False), ("bob", False)]


def test_the_other_cameras_go_on(ws: dk.Workspace, tmp_path: Path) -> None:
    rows = [("anna", "door", "1", 0, HOUR), ("bob", "hall", "2", 0, 4 * HOUR)]
    ws.ingest(write(tmp_path / "a.csv", rows), window=window(0, 4))
    ws.set_camera_status("hall", TEN, ELEVEN, reason="lens")
    assert [covered for *_, covered in occupancy(ws)] == [HOUR] * 4
    by_camera = ws.compute("occupancy", parameters={"by": "camera"}, as_="polars")
    hall = by_camera.filter(pl.col(c.CAMERA) == "hall")
    # bob was seen at the hall in an hour that is stated to be down: his presence is shown, no mean is made of it
    assert hall[c.OCCUPANCY_MEAN].to_list() == [1, 1, None, 1]
    assert hall[c.PERSON_SECONDS].to_list() == [HOUR] * 4
    assert [covered for *_, covered in _rows_of(ws, cameras=("hall",))] == [HOUR, HOUR, 0, HOUR]


def _rows_of(ws: dk.Workspace, **filters: Any) -> list[tuple[Any, ...]]:
    return ws.compute("occupancy", as_="polars", **filters).select(c.OCCUPANCY_MEAN, c.COVERED_S).rows()


def test_a_camera_stated_to_be_up_says_that_nobody_came(morning: dk.Workspace) -> None:
    morning.set_camera_status("door", *window(4, 6), state="up", reason="heartbeat")
    assert occupancy(morning)[4:] == [(0, 0, HOUR), (0, 0, HOUR)]
    assert states(morning) == {8: "unknown", 9: "up", 10: "unknown", 11: "unknown", 12: "up", 13: "up"}
    assert morning.coverage(as_="polars").rows() == [("door", *window(0, 6), 0)]


def test_the_later_statement_wins_and_each_can_be_taken_back(morning: dk.Workspace) -> None:
    before = (morning.summary(), occupancy(morning), morning.coverage(by="hour", as_="polars").write_json())
    morning.set_camera_status("door", *window(1, 3), reason="a")
    morning.set_camera_status("door", *window(2, 5), state="up", reason="b")
    assert morning.coverage(as_="polars").rows() == [("door", *window(0, 1), 0), ("door", *window(2, 5), 0)]
    assert [(s["status"], s["state"]) for s in morning.camera_status()] == [(1, "down"), (2, "up")]
    morning.clear_camera_status(2, reason="wrong camera", by="emil")
    assert morning.coverage(as_="polars").rows() == [("door", *window(0, 1), 0), ("door", *window(3, 4), 0)]
    morning.clear_camera_status(1)
    assert (
        morning.summary(),
        occupancy(morning),
        morning.coverage(by="hour", as_="polars").write_json(),
    ) == before
    assert morning.camera_status() == []
    assert [s["undone_reason"] for s in morning.camera_status(undone=True)] == [None, "wrong camera"]
    with pytest.raises(NotFoundError, match="taken back already"):
        morning.clear_camera_status(1)
    with morning._handle.database.read() as connection:
        log = [dict(r) for r in connection.execute(sa.select(db.audit)).mappings()]
    said = [row["detail"]["state"] for row in log if row["action"] == "camera status"]
    assert said == ["down", "up", "taken back", "taken back"]


def test_every_version_has_the_statements_of_its_time(morning: dk.Workspace) -> None:
    morning.set_camera_status("door", TEN, ELEVEN, reason="power cut")
    morning.clear_camera_status(1)
    seen = []
    for version in (1, 2, 3):
        with dk.open(morning.path, version=version) as old:
            seen.append((occupancy(old, every="day")[0][2], len(old.camera_status())))
    assert seen == [(4 * HOUR, 0), (3 * HOUR, 1), (4 * HOUR, 0)]


def test_what_cannot_be_stated_says_why(morning: dk.Workspace) -> None:
    with pytest.raises(NotFoundError, match="no camera 'window'"):
        morning.set_camera_status("window", TEN, ELEVEN, reason="x")
    with pytest.raises(FilterError, match="was down ends before it begins"):
        morning.set_camera_status("door", ELEVEN, TEN, reason="x")
    with pytest.raises(FilterError, match="state cannot be read"):
        morning.set_camera_status("door", TEN, ELEVEN, state="asleep", reason="x")
    with pytest.raises(InputError, match="how it is known"):
        morning.set_camera_status("door", TEN, ELEVEN, reason="")
    with pytest.raises(NotFoundError, match="no camera 'window'"):
        morning.coverage(by="hour", cameras=["window"])
    with pytest.raises(FilterError, match="no coverage by 'day'"):
        morning.coverage(by="day")


def daily(folder: Path, counts: dict[str, list[int]], *, hour: int = 10) -> list[Path]:
    """An export a day; a camera has so many sightings in that hour (UTC) of each day."""
    days = max(map(len, counts.values()))
    paths = []
    for day in range(days):
        begin = (day * 24 + hour - 8) * HOUR
        rows = [
            (f"p{camera}{n}", camera, f"{camera}{day}-{n}", begin + 60 * n, begin + 60 * n + 30)
            for camera, held in counts.items()
            for n in range(held[day])
        ]
        paths.append(write(folder / f"{day}.csv", [*rows, ("x", "hall", f"x{day}", begin - HOUR, begin - HOUR)]))
    return paths


def test_silence_over_several_uploads_is_judged_by_the_other_days(ws: dk.Workspace, tmp_path: Path) -> None:
    # other days 8, 12, 10: mean 10, variance under it, so the odds of none are exp(-10)
    paths = daily(tmp_path, {"door": [8, 12, 0, 10], "hall": [1, 0, 1, 0]})
    for day, path in enumerate(paths):
        ws.ingest(path, tz="Asia/Kolkata", window=window(24 * day, 24 * day + 4))
    table = ws.coverage(by="hour", as_="polars")
    (silent,) = table.filter(pl.col("state") == "silent").rows(named=True)
    # local hours of Kolkata begin at the half hour of UTC, and hold 09:30–10:30 and 10:30–11:30
    assert (silent[c.CAMERA], silent[c.HOUR]) == ("door", datetime(2025, 5, 7, 9, 30, tzinfo=UTC))
    assert silent["local_hour"] == "2025-05-07T15:00+05:30"
    assert silent["odds"] == pytest.approx(math.exp(-10))
    assert (silent[c.N_SIGHTINGS], silent[c.COVERED_S], silent["down_s"]) == (0, HOUR, 0)
    assert ws.summary()["silent_hours"] == 1
    assert ws.summary(camera="hall")["silent_hours"] == 0
    assert ws.summary(camera="door", since="2025-05-08")["silent_hours"] == 0
    assert ws.summary(hours=(15, 16))["silent_hours"] == 1
    assert ws.coverage(as_="polars").filter(pl.col("silent_hours") > 0).rows() == [("door", *window(48, 52), 1)]
    # between the exports nothing is judged: no file says that nobody was seen
    night = table.filter(pl.col(c.HOUR) == datetime(2025, 5, 6, 1, 30, tzinfo=UTC))
    assert night.select("state", "odds", c.COVERED_S).rows() == [("unknown", None, 0)] * 2
    # means keep silent hours: 30 sightings of 30 s at the door over 16 covered hours
    mean = ws.compute("occupancy", camera="door", parameters={"every": "month"}, as_="polars")
    assert (mean[c.PERSON_SECONDS][0], mean[c.COVERED_S][0]) == (900, 16 * HOUR)


def test_a_stated_state_ends_the_doubt_and_leaves_the_rhythm_alone(ws: dk.Workspace, tmp_path: Path) -> None:
    paths = daily(tmp_path, {"door": [8, 12, 0, 10, 0], "hall": [1, 1, 1, 1, 1]})
    for day, path in enumerate(paths):
        ws.ingest(path, window=window(24 * day, 24 * day + 4))
    third, fifth = (window(24 * day + 2, 24 * day + 3) for day in (2, 4))

    def of(moment: datetime) -> tuple[Any, ...]:
        table = ws.coverage(by="hour", cameras=["door"], as_="polars")
        return table.filter(pl.col(c.HOUR) == moment).select("state", "odds").row(0)

    # others of the third day: 8, 12, 10, 0: mean 7.5, variance 20.75, φ = 2.77
    assert of(third[0]) == ("unknown", pytest.approx(math.exp(-(7.5**2) / 20.75)))
    ws.set_camera_status("door", *fifth, reason="cable")
    assert of(fifth[0]) == ("down", None)
    assert of(third[0]) == ("silent", pytest.approx(math.exp(-10)))  # the fifth day is no measure any more
    ws.set_camera_status("door", *third, state="up", reason="somebody watched")
    assert of(third[0]) == ("up", None)
    assert ws.summary()["silent_hours"] == 0


def test_hours_of_columns_made_before_there_were_hours(morning: dk.Workspace) -> None:
    kept = morning.coverage(by="hour", as_="polars")
    (morning.path / "hot" / "main" / "1" / "quarters.arrow").unlink()
    with dk.open(morning.path) as again:
        assert again.coverage(by="hour", as_="polars").equals(kept)


SPAN = st.tuples(st.integers(0, 30), st.integers(1, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(
    windows=st.lists(st.tuples(SPAN, st.sets(st.sampled_from("abc"), min_size=1, max_size=2)), max_size=4),
    stated=st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), SPAN), max_size=5),
)
def test_stated_coverage_agrees_with_a_count_second_by_second(windows: Any, stated: Any) -> None:
    given_windows = [
        Window(from_us(a * US), from_us(b * US), tuple(sorted(cameras)), True) for (a, b), cameras in windows
    ]
    said = [Status(camera, up, a * US, b * US) for camera, up, (a, b) in stated]
    found = combined(given_windows, said)
    feeds = {camera: {camera} for camera in "abc"}
    for _ in range(3):
        for _, cameras in windows:
            whole = set().union(*(feeds[camera] for camera in cameras))
            feeds.update({camera: whole for camera in whole})
    named = {camera for _, cameras in windows for camera in cameras}
    anyone = {t for (a, b), _ in windows for t in range(a, b)}
    watched = {
        camera: {t for (a, b), of in windows if of & feeds[camera] for t in range(a, b)}
        if camera in named
        else anyone
        for camera in named | {camera for camera, *_ in stated}
    }
    for camera, up, (a, b) in stated:
        watched[camera] = watched[camera] | set(range(a, b)) if up else watched[camera] - set(range(a, b))

    def seconds(intervals: Any) -> set[int]:
        return {t for a, b in intervals for t in range(a // US, b // US)}

    for camera, expected in watched.items():
        assert seconds(found.of_camera(camera)) == expected
    assert seconds(found.anywhere) == (set().union(*watched.values()) if watched else set())
