"""The gateway without a browser: who may come in, what becomes of a file, what a download holds."""

from __future__ import annotations

import gzip
import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient
from httpx import Response

import dwell_kit as dk
from dwell_kit.serve import gateway
from dwell_kit.serve.gate import LoopbackOnly
from dwell_kit.serve.inbox import HEAD_BYTES, TAIL_BYTES
from tests.workspace.exports import many, write

HOME = "http://127.0.0.1:8050"
HEADER = b"person_id,camera_id,started_at,ended_at\n"
GOOD = HEADER + b"p1,cam1,1746432000,1746432060\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("gateway")
    with dk.open(made / "ws") as ws:
        ws.ingest(write(made / "a.csv", many(60)))
    return made


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(gateway.create(folder / "ws"), base_url=HOME) as made:
        yield made


def finished(client: TestClient, job: str) -> dict[str, Any]:
    until = time.monotonic() + 60
    while (said := client.get(f"/uploads/{job}").json())["state"] not in {"done", "failed"}:
        assert time.monotonic() < until, said
        time.sleep(0.05)
    return said


def scope(kind: str = "http", method: str = "GET", peer: str = "127.0.0.1", **headers: str) -> dict[str, Any]:
    given = {"host": "127.0.0.1:8050", **headers}
    encoded = [(name.encode(), value.encode()) for name, value in given.items()]
    return {"type": kind, "method": method, "client": (peer, 1), "headers": encoded}


@pytest.mark.parametrize(
    ("given", "admitted"),
    [
        (scope(), True),
        (scope(host="localhost:8050"), True),
        (scope(peer="192.168.1.9"), False),
        (scope(host="evil.example"), False),
        (scope(host="127.0.0.1.evil.example"), False),
        (scope(method="PUT", origin=HOME), True),
        (scope(method="PUT", origin="http://evil.example"), False),
        (scope(method="PUT", origin="null"), False),
        (scope(method="PUT"), True),
        (scope(kind="websocket", origin=HOME), True),
        (scope(kind="websocket", origin="http://localhost:9"), False),
        (scope(origin="http://evil.example"), True),
    ],
)
def test_only_this_machine_and_its_own_pages_come_in(given: dict[str, Any], admitted: bool) -> None:
    assert LoopbackOnly.admits(given) is admitted


@pytest.mark.parametrize("query", ["", "?genders=female&since=2025-05-06T10%3A00"])
def test_the_root_goes_on_to_the_overview_with_its_filters(client: TestClient, query: str) -> None:
    answer = client.get(f"/{query}", follow_redirects=False)
    assert answer.headers["location"] == f"overview{query}"


def test_another_host_is_refused(client: TestClient) -> None:
    assert client.get("/health").json()["ok"] is True
    assert client.get("/health", headers={"host": "evil.example"}).status_code == 403
    assert (
        client.put("/uploads?name=a.csv", content=b"x", headers={"origin": "http://evil.example"}).status_code
        == 403
    )


def test_a_file_is_taken_ingested_and_gone_from_the_inbox(client: TestClient, folder: Path) -> None:
    path = write(folder / "b.csv", many(20, first=60), extra=["p1,cam1,x1,1746432000,never,1746432000,red"])
    assert (
        client.post(f"/uploads/check?name=b.csv&size={path.stat().st_size}", content=path.read_bytes()).status_code
        == 200
    )
    answer = client.put(
        "/uploads?name=..%2F..%2Fb.csv&since=2025-05-05T08:00&until=2025-05-05T12:00", content=path.read_bytes()
    )
    assert answer.status_code == 202
    report = finished(client, answer.json()["job"])["report"]
    assert (report["accepted"], report["rejected"]) == (20, 1)
    rejects = client.get(f"/uploads/{report['upload_id']}/rejects")
    assert "never" in rejects.text
    with dk.open(folder / "ws") as ws:
        upload = ws.uploads()[0]
        assert upload["filename"] == "b.csv"
        assert f"{upload['covered_till']:%H:%M}" == "12:00"
    left = [p for p in (folder / "ws/tmp/inbox").rglob("*") if p.is_file() and p.suffix != ".json"]
    assert left == []


def check(client: TestClient, name: str, content: bytes, **said: str) -> Response:
    """What the page does: the first and the last half MiB of a file go ahead of it."""
    ends = content[:HEAD_BYTES] + content[max(HEAD_BYTES, len(content) - TAIL_BYTES) :]
    asked = {"name": name, "size": str(len(content)), **said}
    return client.post("/uploads/check", params=asked, content=ends)


def zipped(**members: bytes) -> bytes:
    """Members in order; a long one is not compressed, so that the file is long as well."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name.replace("_", ".")), content)  # of no time: tests are named by it
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.exe", b"MZ", "cannot be read"),
        ("a.zip", b"not a zip", "not a zip"),
        ("a.csv", b"alpha,beta\n1,2\n", "no reader knows"),
        ("a.csv", b"", "empty"),
        ("a.zip", zipped(a_csv=b"alpha,beta\n1,2\n"), "no reader knows"),
        ("a.zip", zipped(a_csv=GOOD, b_csv=b"alpha,beta\n1,2\n"), "no reader knows"),
        ("a.zip", zipped(photo_png=b"\x89PNG"), "no table"),
        ("a.zip", zipped(a_csv=b"alpha,beta\n" + b"1,2\n" * 500_000), "no reader knows"),
        ("a.csv.gz", gzip.compress(b"alpha,beta\n1,2\n", mtime=0), "no reader knows"),
        ("a.json", b'{"appearances": [{"person_id": "a", "started_at": 1746432000000}, }', "JSON is broken"),
        (
            "a.json",
            b'[{"person_id": "a", "started_at": 1, "ended_at": 2} }, ' + b" " * (1 << 21) + b"]",
            "JSON is broken",
        ),
        ("a.parquet", b"PAR1 and no more", "Parquet file is broken"),
    ],
)
def test_a_wrong_file_is_told_by_its_ends(client: TestClient, name: str, content: bytes, said: str) -> None:
    answer = check(client, name, content)
    assert answer.status_code == 422, answer.json()
    assert said in answer.json()["error"]["what"]


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"tz": "Mars/Base"}, "time zone"),
        ({"environment": "no/slash"}, "environment"),
        ({"since": "2025-05-05T08:00"}, "one end only"),
        ({"since": "2025-05-06T08:00", "until": "2025-05-05T08:00"}, "window"),
        ({"size": "many"}, "no number"),
    ],
)
def test_what_is_said_of_a_file_is_looked_at_before_it_is_sent(
    client: TestClient, said: dict[str, str], wrong: str
) -> None:
    answer = check(client, "a.csv", GOOD, **said)
    assert answer.status_code == 422, answer.json()
    assert wrong in answer.json()["error"]["what"]


def test_a_good_file_may_be_sent_however_long_it_is(client: TestClient, folder: Path) -> None:
    csv = HEADER + b"".join(b"p%d,cam1,%d,%d\n" % (n, 1746432000 + n, 1746432060 + n) for n in range(120_000))
    frame = pl.read_csv(csv).with_columns(pl.from_epoch("started_at"), pl.from_epoch("ended_at"))
    records = (
        b"["
        + b",".join(
            b'{"person_id":"p","camera_id":"q","utc_time_recorded":1746432900,"utc_time_started":1746432000,"utc_time_ended":1746432%03d}'
            % (n % 900)
            for n in range(20_000)
        )
        + b"]"
    )
    parquet, noise = io.BytesIO(), io.BytesIO()
    frame.write_parquet(parquet, compression="uncompressed")
    with zipfile.ZipFile(noise, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.csv", "b.csv", "c.csv"):
            archive.writestr(name, csv)
    files = {
        "a.csv": csv, "a.csv.gz": gzip.compress(csv, 1), "a.zip": zipped(a_csv=csv), "b.zip": noise.getvalue(),
        "a.json": records, "a.parquet": parquet.getvalue(),
    }  # fmt: skip
    for name, content in files.items():
        assert len(content) > HEAD_BYTES, name
        answer = check(client, name, content)
        assert answer.json() == {"ok": True}, name
    assert not [p for p in (folder / "ws/tmp/inbox").rglob("*") if p.is_file() and p.suffix != ".json"]


def test_hints_speak_of_the_page(client: TestClient) -> None:
    said = check(client, "a.csv", b"Kunde,Beginn,Ende\n1,2,3\n").json()["error"]["hint"]
    assert "--column" in said
    assert "columns=" not in said


def test_what_goes_wrong_while_reading_is_told(client: TestClient) -> None:
    job = client.put("/uploads?name=a.csv&environment=no/slash", content=b"person_id,start,end\na,1,2\n").json()[
        "job"
    ]
    said = finished(client, job)
    assert said["state"] == "failed"
    assert "environment" in said["error"]["what"]
    assert client.get("/uploads/nonsense").status_code == 404


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_a_download_holds_what_the_table_shows(client: TestClient, folder: Path, kind: str) -> None:
    answer = client.get(
        f"/rows.{kind}?what=visits&sort=dwell_s&descending=1&search=p1&column=person_id&filters=cameras%3Dcam1"
    )
    assert answer.status_code == 200
    path = folder / f"got.{kind}"
    path.write_bytes(answer.content)
    reading = {"csv": pl.read_csv, "xlsx": pl.read_excel, "parquet": pl.read_parquet}[kind]
    found = reading(path)
    with dk.open(folder / "ws") as ws:
        expected = ws.visits(camera="cam1", as_="polars").filter(pl.col("person_id").str.contains("p1"))
    assert found["person_id"].sort().to_list() == expected["person_id"].sort().to_list()
    assert found["dwell_s"].to_list() == sorted(expected["dwell_s"].to_list(), reverse=True)


def test_a_download_that_means_nothing_is_refused(client: TestClient) -> None:
    assert client.get("/rows.csv?what=happiness").status_code == 404
    assert client.get("/rows.csv?filters=shoes%3Dred").status_code == 422
    assert client.get("/rows.csv?sort=shoes").status_code == 422
    assert client.get("/rows.exe").status_code == 422


@pytest.mark.parametrize("half", ["since=2025-05-05T08:00", "until=2025-05-05T12:00"])
def test_half_a_time_covered_is_refused_and_nothing_stays(client: TestClient, folder: Path, half: str) -> None:
    answer = client.put(f"/uploads?name=half.csv&{half}", content=b"person_id,start,end\n")
    assert answer.status_code == 422
    assert "one end only" in answer.json()["error"]["what"]
    assert not [p for p in (folder / "ws/tmp/inbox").rglob("half.csv")]


def test_tracks_are_uploaded_with_what_the_form_says_of_them(client: TestClient, folder: Path) -> None:
    tracks = "".join(f"{frame},1,{100 + frame},50,40,90,0.9,-1,-1,-1\n" for frame in range(1, 6)).encode()
    said: dict[str, str] = {}
    given = {"camera": ("door", "Camera"), "start": ("2025-05-05T10:00", "First frame"), "fps": ("5", "Frames")}
    for name, (value, field) in given.items():
        refusal = check(client, "mot.txt", tracks, **said).json()["error"]
        assert field in refusal["hint"], refusal
        said[name] = value
    assert check(client, "mot.txt", tracks, **said).status_code == 200
    assert check(client, "mot.txt", tracks, **{**said, "fps": "five"}).status_code == 422
    answer = client.put("/uploads", params={"name": "mot.txt", **said}, content=tracks)
    assert finished(client, answer.json()["job"])["report"]["accepted"] == 5
