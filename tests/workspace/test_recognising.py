"""People who come again in another video: the same person, on the record, and forgotten when they should be."""

from __future__ import annotations

import os
import shutil
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import dwell_kit as dk
from dwell_kit.errors import FormatError, NotFoundError
from dwell_kit.settings import Settings
from dwell_kit.simulate import scene
from dwell_kit.simulate.video import RenderedVideo, Walker, write_pictures
from dwell_kit.vision.gallery_files import read_gallery
from tests.workspace.processes import context

MONDAY = datetime(2025, 5, 5, 9, tzinfo=UTC)
DAY = timedelta(days=1)
ANN = {"name": "ann", "coat": (40, 40, 200), "trousers": (40, 40, 40)}
BOB = {"name": "bob", "coat": (50, 170, 40), "trousers": (30, 120, 200)}
CAT = {"name": "cat", "coat": (200, 60, 40), "trousers": (60, 120, 210)}
SECONDS = 4.0


def walks(look: dict[str, Any], y: float, since: float = 0.0, until: float = SECONDS) -> Walker:
    """From left to right, `y` metres away."""
    return Walker(stops=((since, -1.5, y), (until, 1.5, y)), **look)


DAYS = {
    "monday": (walks(ANN, 0), walks(BOB, 3)),
    "tuesday": (walks(BOB, 0), walks(CAT, 3)),
    "wednesday": (walks(BOB, 2),),
    "returns": (walks(ANN, 0, 0, 1.6), walks({**ANN, "name": "ann again"}, 2, 2.4, 4)),
}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures for each day, and who is where in them as detections."""
    folder = tmp_path_factory.mktemp("videos")
    for day, walkers in DAYS.items():
        video = RenderedVideo(camera=scene.CAMERAS[0], walkers=walkers, fps=scene.FPS, seconds=SECONDS)
        shown = write_pictures(video, folder / day)
        (folder / f"{day}.txt").write_text(
            "".join(
                f"{frame},-1,{x1},{y1},{x2 - x1},{y2 - y1},0.9,-1,-1,-1\n"
                for frame, seen in enumerate(shown, 1)
                for x1, y1, x2, y2 in (one.xyxy for one in seen)
            )
        )
    return folder


def track(ws: dk.Workspace, videos: Path, day: str, start: datetime, **more: Any) -> Any:
    camera = {"camera_id": "door", "video": videos / day, "fps": scene.FPS, "detector": "replay"}
    return ws.track(
        [{**camera, "detections": videos / f"{day}.txt"}], start=start, **{"embedder": "colours", **more}
    )


def persons(ws: dk.Workspace, start: datetime) -> list[str]:
    """Who was there on a day."""
    rows = ws.positions(as_="polars").filter(pl.col("t").is_between(start, start + DAY, closed="left"))
    return sorted(rows["person_id"].unique())


@pytest.fixture(scope="module")
def two_days(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("two_days") / "ws"
    with dk.open(path) as made:
        track(made, videos, "monday", MONDAY)
        track(made, videos, "tuesday", MONDAY + DAY)
    return path


@pytest.fixture
def ws(two_days: Path, tmp_path: Path) -> Any:
    """A workspace in which Bob came on Monday and on Tuesday."""
    shutil.copytree(two_days, tmp_path / "ws")
    with dk.open(tmp_path / "ws") as made:
        yield made


def kept(ws: dk.Workspace) -> dict[str, int]:
    """Upload → looks of it on disk."""
    return {path.name: len(read_gallery(path)[1]) for path in (ws.path / "looks").glob("*/*")}


def tree(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_who_comes_again_is_the_same_person(ws: dk.Workspace, videos: Path) -> None:
    assert persons(ws, MONDAY) == ["person-1", "person-2"]
    (link,) = ws.links()
    older, newer = (one["person_id"] for one in link["persons"])
    other = ({"person-3", "person-4"} - {newer}).pop()
    assert persons(ws, MONDAY + DAY) == sorted([older, other])  # one is known, the other has a number of their own
    assert (link["kind"], link["who"], link["name"]) == ("merge", "dwell track", older)
    assert link["reason"].startswith("they look alike: cosine 0.9")
    assert link["reason"].endswith("by colours, in uploads 1 and 2")
    assert ws.summary()["unique_visitors"] == 3
    assert any("known again by their look: 1" in note for note in ws.uploads()[0]["report"]["notes"])
    track(ws, videos, "wednesday", MONDAY + 2 * DAY)
    assert persons(ws, MONDAY + 2 * DAY) == [older]
    assert ws.summary()["unique_visitors"] == 3
    assert all(finding["ok"] for finding in ws.doctor() if finding["check"] != "disk")


@pytest.mark.parametrize("where", [{"chunk_s": 1.5}, {"chunk_s": 1.5, "workers": 2}])
def test_looks_are_taken_in_chunks_too(
    videos: Path, tmp_path: Path, two_days: Path, where: dict[str, Any]
) -> None:
    with dk.open(tmp_path / "ws") as ws, dk.open(two_days) as unbroken:
        for day, start in (("monday", MONDAY), ("tuesday", MONDAY + DAY)):
            track(ws, videos, day, start, **where)
            assert persons(ws, start) == persons(unbroken, start)
        (link,), (as_before,) = ws.links(), unbroken.links()
        assert [one["person_id"] for one in link["persons"]] == [one["person_id"] for one in as_before["persons"]]
        assert list(kept(ws).values()) == list(kept(unbroken).values())


def test_a_link_that_was_wrong_is_taken_back(ws: dk.Workspace, videos: Path) -> None:
    (link,) = ws.links()
    ws.unlink(link["link"], reason="another green coat")
    assert persons(ws, MONDAY + DAY) == ["person-3", "person-4"]
    assert ws.summary()["unique_visitors"] == 4
    track(ws, videos, "wednesday", MONDAY + 2 * DAY)  # who looks like both is one of them, and they stay two
    assert len(ws.links()) == 1
    assert ws.summary()["unique_visitors"] == 4


def test_the_threshold_is_asked(videos: Path, tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        track(ws, videos, "monday", MONDAY)
        track(ws, videos, "tuesday", MONDAY + DAY, look_threshold=1.0)
        assert ws.links() == []


def test_who_leaves_and_comes_back_in_one_video_is_one_and_on_the_record(videos: Path, tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws:
        track(ws, videos, "returns", MONDAY)
        assert ws.summary()["unique_visitors"] == 1
        (link,) = ws.links()
        assert link["reason"].endswith("in upload 1")
        ws.unlink(link["link"])
        assert ws.summary()["unique_visitors"] == 2


def test_undo_takes_links_and_looks_of_a_run_with_it(ws: dk.Workspace, videos: Path) -> None:
    first, second = (upload["upload_id"] for upload in reversed(ws.uploads()))
    assert kept(ws) == {first: 2, second: 2}
    ws.undo(second)
    assert kept(ws) == {first: 2}
    assert ws.links() == []
    assert ws.links(undone=True)[0]["undone_reason"] == "upload 2 was undone"
    ws.undo(first)
    assert kept(ws) == {}
    track(ws, videos, "wednesday", MONDAY + 2 * DAY)
    assert (ws.links(), persons(ws, MONDAY + 2 * DAY)) == ([], ["person-5"])


def test_an_erased_person_is_in_no_gallery_and_is_not_known_again(ws: dk.Workspace, videos: Path) -> None:
    (link,) = ws.links()
    older, newer = (one["person_id"] for one in link["persons"])
    proof = ws.erase(older)
    assert (proof["looks"], proof["left"], proof["linked"]) == (1, 0, [newer])
    assert sorted(kept(ws).values()) == [1, 2]
    assert ws.erase(newer)["looks"] == 1
    assert sorted(kept(ws).values()) == [1, 1]
    track(ws, videos, "wednesday", MONDAY + 2 * DAY)
    assert (ws.links(), persons(ws, MONDAY + 2 * DAY)) == ([], ["person-5"])
    assert ws.erase("person-5")["looks"] == 1
    assert sorted(kept(ws).values()) == [1, 1]  # a gallery of nobody is none
    assert all(finding["ok"] for finding in ws.doctor() if finding["check"] != "disk")


def test_an_erasure_removes_a_gallery_that_nobody_can_read(ws: dk.Workspace) -> None:
    damaged, begun = sorted((ws.path / "looks").glob("*/*"))
    (damaged / "gallery.json").write_text("{")
    (begun / "gallery.json").unlink()
    assert ws.erase("person-1")["left"] == 0
    assert kept(ws) == {}


def test_the_looks_of_somebody_split_are_not_used_and_go_with_either_part(ws: dk.Workspace, videos: Path) -> None:
    (link,) = ws.links()
    ws.unlink(link["link"])
    older, newer = (one["person_id"] for one in link["persons"])
    for person, day in ((older, MONDAY), (newer, MONDAY + DAY)):
        ws.split(person, until=day + timedelta(seconds=2), name=f"part of {person}", reason="two people")
    track(ws, videos, "wednesday", MONDAY + 2 * DAY)
    assert ws.links()[2:] == []
    proof = ws.erase(f"part of {older}")
    assert (proof["looks"], proof["left"]) == (1, 0)


def test_looks_expire_by_the_time_of_the_videos(ws: dk.Workspace, videos: Path) -> None:
    (newest,) = [u["upload_id"] for u in ws.uploads()[:1]]
    later = MONDAY + 31 * DAY  # Monday's are 31 days old, Tuesday's 30
    track(ws, videos, "wednesday", later)
    assert sorted(kept(ws)) == sorted([newest, ws.uploads()[0]["upload_id"]])
    assert len(ws.links()) == 2
    track(ws, videos, "wednesday", later + 31 * DAY)
    assert len(kept(ws)) == 1
    assert len(ws.links()) == 2
    assert ws.compact()["looks_removed"] == 1  # by the clock, for who tracks no more
    assert kept(ws) == {}


def test_looks_are_kept_for_as_long_as_one_wants(videos: Path, tmp_path: Path) -> None:
    with dk.open(tmp_path / "other", settings=Settings(looks_days=float("inf"))) as ws:
        track(ws, videos, "monday", MONDAY)
        track(ws, videos, "wednesday", MONDAY + 9999 * DAY)
        assert len(ws.links()) == 1
    with dk.open(tmp_path / "ws", settings=Settings(looks_days=0)) as ws:
        track(ws, videos, "returns", MONDAY)
        track(ws, videos, "wednesday", MONDAY + DAY)
        assert not (ws.path / "looks").exists()
        assert ws.links() == []


def test_looks_by_other_weights_are_not_compared(ws: dk.Workspace, videos: Path) -> None:
    other = track(ws, videos, "wednesday", MONDAY + 2 * DAY, embedder_weights="others")
    assert len(ws.links()) == 1
    assert any("looks of 2 uploads were taken by another embedder" in note for note in other.notes)
    again = track(ws, videos, "monday", MONDAY + 3 * DAY, embedder_weights="others")
    assert any("known again by their look: 1" in note for note in again.notes)
    assert ws.links()[-1]["reason"].endswith("in uploads 3 and 4")


def test_a_run_that_fails_leaves_the_gallery_as_it_was(ws: dk.Workspace, videos: Path) -> None:
    before = tree(ws.path / "looks")

    def fail(name: str) -> None:
        if name == "looks kept":
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        track(ws, videos, "wednesday", MONDAY + 2 * DAY, step=fail)
    assert tree(ws.path / "looks") == before
    assert len(ws.links()) == 1


def _track_and_die(workspace: str, videos: str, die_at: str) -> None:
    def step(name: str) -> None:
        if name == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with dk.open(workspace) as ws:
        track(ws, Path(videos), "wednesday", MONDAY + 2 * DAY, step=step)


def test_a_run_that_is_killed_leaves_looks_that_count_for_nothing(ws: dk.Workspace, videos: Path) -> None:
    before = tree(ws.path / "looks")
    process = context().Process(target=_track_and_die, args=(str(ws.path), str(videos), "snapshot written"))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(kept(ws)) == 3  # written, and shown by no snapshot
    (finding,) = [one for one in ws.doctor() if one["check"] == "looks"]
    assert finding == {"check": "looks", "ok": True, "detail": "4 looks of 2 uploads"}
    assert len(ws.links()) == 1
    track(ws, videos, "wednesday", MONDAY + 3 * DAY)
    assert ws.links()[-1]["reason"].endswith("in uploads 2 and 4")
    assert len(kept(ws)) == 3
    assert before.items() <= tree(ws.path / "looks").items()


def test_two_runs_at_once_lose_nothing_and_know_each_other(videos: Path, tmp_path: Path) -> None:
    with dk.open(tmp_path / "ws") as ws, dk.open(tmp_path / "ws") as beside:

        def meanwhile(name: str) -> None:
            if name == "staged":
                track(beside, videos, "tuesday", MONDAY + DAY)

        track(ws, videos, "monday", MONDAY, step=meanwhile)
        assert len(kept(ws)) == 2
        assert len(ws.links()) == 1
        assert len({*persons(ws, MONDAY), *persons(ws, MONDAY + DAY)}) == 3


def test_a_damaged_gallery_is_said_before_hours_of_video(ws: dk.Workspace, videos: Path) -> None:
    looks = next((ws.path / "looks").rglob("looks.npy"))
    looks.write_bytes(looks.read_bytes()[:-4])
    steps: list[str] = []
    with pytest.raises(FormatError, match="damaged") as refused:
        track(ws, videos, "wednesday", MONDAY + 2 * DAY, step=steps.append)
    assert "remove the gallery's folder" in str(refused.value)
    assert steps == []
    (finding,) = [one for one in ws.doctor() if one["check"] == "looks"]
    assert not finding["ok"]
    assert looks.parents[1].name[:8] in finding["detail"]
    track(ws, videos, "wednesday", MONDAY + 2 * DAY, embedder=None)  # who takes no looks is not held up


def test_galleries_are_their_owners_alone(ws: dk.Workspace) -> None:
    folder = ws.path / "looks"
    assert {path.stat().st_mode & 0o077 for path in [folder, *folder.rglob("*")]} == {0}
    next(folder.rglob("looks.npy")).chmod(0o644)
    (finding,) = [one for one in ws.doctor() if one["check"] == "looks"]
    assert not finding["ok"]
    assert "others on this machine can read" in finding["detail"]


def test_environments_never_meet(ws: dk.Workspace, videos: Path) -> None:
    track(ws, videos, "wednesday", MONDAY + 2 * DAY, environment="elsewhere")
    assert ws.links("elsewhere") == []
    with pytest.raises(NotFoundError, match="no person"):
        ws.erase("person-2", environment="elsewhere")
    assert sum(kept(ws).values()) == 5
