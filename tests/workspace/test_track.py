"""A rendered two-camera video with known truth, from pictures to dwell."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.errors import AskError, DwellError, FilterError, InputError, NotFoundError
from dwell_kit.schema.geometry import Zone
from dwell_kit.simulate import scene
from dwell_kit.simulate.video import RenderedVideo, write_pictures
from dwell_kit.vision import detect
from dwell_kit.vision.boxes import Detections
from dwell_kit.workspace import track_runs

START = datetime(2025, 5, 1, 9, tzinfo=UTC)
FPS = scene.FPS


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> scene.Scene:
    return scene.write(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def tracked(site: scene.Scene, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    path = tmp_path_factory.mktemp("tracked") / "ws"
    said: list[tuple[float, float | None]] = []
    with dk.open(path) as ws:
        report = ws.track(
            site.cameras,
            start=START,
            zones=[scene.SHOP],
            progress=lambda at, length, status: said.append((at, length)),
        )
    assert said[-1] == (pytest.approx(19.8), 20.0)
    return path, report


def test_dwell_and_visitors_beside_the_truth(site: scene.Scene, tracked: tuple[Path, Any]) -> None:
    with dk.open(tracked[0]) as ws:
        summary = ws.summary()
        visits = ws.visits(as_="polars").sort("dwell_s")
    assert summary["unique_visitors"] == 2
    assert summary["peak_occupancy"] == 2
    assert visits["dwell_s"].to_list() == pytest.approx(sorted([site.seen_s("ann"), site.seen_s("bob")]), rel=0.15)


def test_positions_are_where_people_were(site: scene.Scene, tracked: tuple[Path, Any]) -> None:
    with dk.open(tracked[0]) as ws:
        positions = ws.positions(as_="polars")
    off, whose = [], Counter[tuple[str, str]]()
    for row in positions.iter_rows(named=True):
        at_s = (row["t"] - START).total_seconds()
        true = {w.name: place for w in scene.WALKERS if (place := w.at(at_s)) is not None}
        distance = {n: float(np.hypot(row["x_m"] - x, row["y_m"] - y)) for n, (x, y) in true.items()}
        nearest = min(distance, key=lambda n: distance[n])
        off.append(distance[nearest])
        whose[row["person_id"], nearest] += 1
    assert np.median(off) < 0.2
    assert np.percentile(off, 95) < 0.6
    # over both cameras nobody is two persons: each has one number, but for the instants when they pass each other
    assert {number for number, _ in whose} == {"person-1", "person-2"}
    assert sum(count for _, count in whose.most_common(2)) > 0.97 * positions.height
    assert set(positions["camera_id"].unique()) == {"south", "west"}
    shown = sum(len(frame) for frames in site.shown.values() for frame in frames)
    assert positions.height == pytest.approx(shown, rel=0.12)
    assert positions["frame"].max() == 90


def test_stays_in_a_zone_beside_the_truth(site: scene.Scene, tracked: tuple[Path, Any]) -> None:
    with dk.open(tracked[0]) as ws:
        assert ws.zones() == ["shop"]
        assert ws.summary(zone="shop")["dwell_sum_s"] == pytest.approx(site.truth()["shop_dwell_sum_s"], rel=0.15)
        assert ws.visits(zone="shop", as_="polars")["person_id"].n_unique() == 1


def test_the_same_again_changes_nothing_and_undo_takes_it_back(
    site: scene.Scene, tracked: tuple[Path, Any]
) -> None:
    with dk.open(tracked[0]) as ws:
        before = ws.snapshot_id
        again = ws.track(site.cameras, start=START, zones=[scene.SHOP])
        assert again.repeated
        assert again.upload_id == tracked[1].upload_id
        assert ws.snapshot_id == before
        assert len(ws.uploads()) == 1


def replayed(folder: Path, ids: str = "1", frames: int = 20) -> list[dict[str, Any]]:
    """A short video of nothing, and recorded detections of one person in it."""
    pictures = folder / "pictures"
    if not pictures.exists():
        write_pictures(RenderedVideo(camera=scene.CAMERAS[0], walkers=(), fps=FPS, seconds=frames / FPS), pictures)
    found = folder / f"det{ids}.txt"
    found.write_text("".join(f"{f},-1,{10 * int(ids) + f},50,20,60,0.9,-1,-1,-1\n" for f in range(1, frames + 1)))
    return [{"camera_id": "door", "video": pictures, "fps": FPS, "detector": "replay", "detections": found}]


def poor_calibration(testdata: Path, folder: Path) -> Path:
    """Camera 4 of the campus, five points, as a table of point pairs."""
    campus = json.loads((testdata / "homography_points" / "campus.json").read_text())
    (camera,) = (one for one in campus["cameras"] if one["id"] == "Cam 4")
    pairs = zip(camera["source_points"], camera["destination_points"], strict=True)
    path = folder / "poor.csv"
    path.write_text("x_px,y_px,x_m,y_m\n" + "".join(f"{x},{y},{a / 100},{b / 100}\n" for (x, y), (a, b) in pairs))
    return path


def test_a_poor_calibration_is_said_in_the_report(site: scene.Scene, testdata: Path, tmp_path: Path) -> None:
    (camera,) = replayed(tmp_path)
    poor = {**camera, "calibration": poor_calibration(testdata, tmp_path)}
    with dk.open(tmp_path / "ws") as ws:
        for _ in range(2):  # of a run that is known as well
            (note,) = (one for one in ws.track([poor], start=START).notes if "calibration" in one)
            assert note.startswith("door: its calibration is poor (5 point pairs only;")
            assert "up to 17.85 m off" in note
            assert "`dwell calibration poor.csv`" in note
        good = ws.track([{**camera, "calibration": site.cameras[0]["calibration"]}], start=START)
    assert not any("calibration" in one for one in good.notes)


def test_four_points_place_people_on_the_floor(testdata: Path, tmp_path: Path) -> None:
    path = poor_calibration(testdata, tmp_path)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:5]))
    with dk.open(tmp_path / "ws") as ws:
        report = ws.track([{**replayed(tmp_path)[0], "calibration": path}], start=START)
        assert ws.positions(as_="polars")["x_m"].null_count() == 0
    assert any("4 point pairs only" in note for note in report.notes)


def test_zones_want_a_camera_that_knows_the_floor(site: scene.Scene, tmp_path: Path) -> None:
    (blind,) = replayed(tmp_path)
    seeing = {**blind, "camera_id": "hall", "calibration": site.cameras[0]["calibration"]}
    with dk.open(tmp_path / "ws") as ws:
        with pytest.raises(AskError, match="zones are on the floor") as refused:
            ws.track([blind], start=START, zones=[scene.SHOP])
        assert "--calibration" in str(refused.value.hint)
        report = ws.track([blind, seeing], start=START, zones=[scene.SHOP])
        assert "door: nobody is in a zone by this camera, which has no calibration" in report.notes
        assert not any("has no calibration" in note for note in ws.track([blind], start=START).notes)


def test_numbers_never_begin_again(tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        first = ws.track(replayed(tmp_path, "1"), start=START)
        assert ws.positions(as_="polars")["person_id"].unique().to_list() == ["person-1"]
        ws.track(replayed(tmp_path, "2"), start=START)
        assert sorted(ws.positions(as_="polars")["person_id"].unique()) == ["person-1", "person-2"]
        ws.undo(first.upload_id)
        assert ws.positions(as_="polars")["person_id"].unique().to_list() == ["person-2"]
        third = ws.track(replayed(tmp_path, "1"), start=START)
        assert not third.repeated
        assert sorted(ws.positions(as_="polars")["person_id"].unique()) == ["person-2", "person-3"]
        ws.erase("person-3")
        assert ws.positions(as_="polars")["person_id"].unique().to_list() == ["person-2"]
        assert ws.track(replayed(tmp_path, "1"), start=START).repeated  # who was erased does not come back
        ws.track(replayed(tmp_path, "1"), start=START, environment="other")
        there = ws.positions(environment="other", as_="polars")
        assert there["person_id"].unique().to_list() == ["person-1"]
        assert list((tmp_path / "ws" / "tmp").iterdir()) == []


def test_positions_without_a_calibration_are_in_the_picture(tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        report = ws.track(replayed(tmp_path), start="2025-05-01T11:00:00", tz="Europe/Berlin", seconds=2)
        rows = ws.positions(as_="polars").sort("t")
        assert rows["x_m"].null_count() == rows.height
        assert rows["t"][0] == datetime(2025, 5, 1, 9, 0, 0, 200_000, tzinfo=UTC)  # confirmed in the second frame
        assert rows["frame"].to_list() == list(range(2, 11))
        assert ws.visits(as_="polars")["dwell_s"].to_list() == pytest.approx([9 / FPS])
        covered = ws.coverage(as_="polars")
        assert covered["covered_from"][0] == START
        assert report.accepted == 9
        assert any("10 frames, 0 dropped" in note for note in report.notes)


def test_a_video_without_anybody_covers_its_time_all_the_same(tmp_path: Path) -> None:
    cameras = replayed(tmp_path)
    Path(cameras[0]["detections"]).write_text("1,-1,10,50,20,60,0.05,-1,-1,-1\n")
    with dk.open(tmp_path / "ws") as ws:
        report = ws.track(cameras, start=START)
        assert (report.accepted, ws.sightings(as_="polars").height) == (0, 0)


def test_what_was_not_said_is_asked(site: scene.Scene, tmp_path: Path) -> None:
    cameras = replayed(tmp_path)
    with dk.open(tmp_path / "ws") as ws:
        with pytest.raises(AskError, match="say when that was"):
            ws.track(cameras)
        with pytest.raises(InputError, match="other words"):
            ws.track([{"camera": "door", "video": "x"}], start=START)
        with pytest.raises(NotFoundError, match="no such video"):
            ws.track([{"camera_id": "door", "video": tmp_path / "none.mp4"}], start=START)
        with pytest.raises(NotFoundError, match="no detector"):
            ws.track([{**cameras[0], "detector": "crystal-ball"}], start=START)
        with pytest.raises(InputError, match="different names"):
            ws.track(cameras * 2, start=START)
        known = {**cameras[0], "calibration": site.cameras[0]["calibration"]}
        with pytest.raises(FilterError, match="in the picture"):
            ws.track([known], start=START, zones=[Zone("z", ((0, 0), (1, 0), (1, 1)), "share")])
        assert ws.snapshot_id == 0
        assert list((tmp_path / "ws" / "tmp").iterdir()) == []


class OneForAll:
    """A detector that cameras share; it finds nobody and has something to say."""

    shared = True
    note = "out of memory on cuda:0: 2 pictures at a time"

    def detect(self, images: Any) -> list[Detections]:
        return [Detections.empty()] * len(images)


def test_cameras_that_name_the_same_network_share_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[detect.DetectorOptions] = []

    def make(name: str, options: detect.DetectorOptions) -> OneForAll:
        made.append(options)
        return OneForAll()

    monkeypatch.setattr(detect, "make", make)
    (camera,) = replayed(tmp_path)
    one = {**camera, "detector": "yolo", "detections": None, "device": "cuda:0"}
    given = [
        {**one, "camera_id": name, "weights": weights, "fps": fps}
        for name, weights, fps in (("a", "w.pt", 5), ("b", "w.pt", 7), ("c", "v.pt", 5))
    ]
    with dk.open(tmp_path / "ws") as ws:
        report = ws.track(given, start=START)
        again = ws.track([{**one, "device": "cpu"} for one in given], start=START)
        ws.track([{**one, "weights": "u.pt"} for one in given], start=START)
    assert [str(options.weights) for options in made] == ["w.pt", "v.pt", "u.pt"]
    assert [options.device for options in made[:2]] == ["cuda:0", "cuda:0"]
    assert report.notes[-1].count(OneForAll.note) == 3
    assert again.repeated  # on another device: the same run


def test_looks_are_taken_as_asked(site: scene.Scene, tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        report = ws.track(site.cameras, start=START, seconds=4, embedder="colours", look_threshold=0.9)
        assert report.accepted > 0
        assert not ws.track(site.cameras, start=START, seconds=4, embedder="colours", look_threshold=0.95).repeated
        assert ws.track(site.cameras, start=START, seconds=4, embedder="colours", look_threshold=0.9).repeated
        with pytest.raises(AskError, match="needs weights"):
            ws.track(site.cameras, start=START, embedder="clip", device="cpu")
        with pytest.raises(NotFoundError, match="no embedder"):
            ws.track(site.cameras, start=START, embedder="faces")
        with pytest.raises(InputError, match="a cosine"):
            ws.track(site.cameras, start=START, embedder="colours", look_threshold=2)


def test_without_the_packages_the_line_that_installs_them() -> None:
    with pytest.raises(DwellError, match="not installed") as refused, track_runs.vision_packages():
        raise ModuleNotFoundError("No module named 'cv2'", name="cv2")
    assert 'pip install "dwell-kit[vision]"' in str(refused.value)


def test_stays_are_cut_at_zones_and_only_at_them(tmp_path: Path) -> None:
    path = tmp_path / "positions.csv"
    rows = [(t, 0.5 if 3 <= t < 6 else 5.0) for t in range(10)]
    path.write_text(
        "t,person_id,camera_id,x_m,y_m\n" + "".join(f"{1746090000 + t},a,door,{x},2.0\n" for t, x in rows)
    )
    with dk.open(tmp_path / "ws") as ws:
        ws.ingest(path, zones=(scene.SHOP,))
        found = ws.sightings(as_="polars").sort("started_at")
        assert found["zone_id"].to_list() == [None, "shop", None]
        seconds = (found["ended_at"] - found["started_at"]).dt.total_seconds().to_list()
        assert seconds == [3, 3, 4]
        assert ws.visits(as_="polars")["dwell_s"].to_list() == [10.0]
        assert pl.Series(ws.zones()).to_list() == ["shop"]
