"""The extension of a Jupyter server without a browser: who may come in, what becomes of files, what stays shut."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import polars as pl
import psutil
import pytest

import dwell_kit as dk
from dwell_kit.cli import main
from dwell_kit.serve.gate import OwnSocket
from tests.serve.jupyter import TOKEN, Jupyter, running
from tests.serve.test_gateway import scope
from tests.workspace.exports import many, write

SIGNED_IN = {"Authorization": f"token {TOKEN}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    home = tmp_path_factory.mktemp("jupyter")
    root = home / "root"
    for folder in (root, home / "elsewhere"):
        folder.mkdir()
        with dk.open(folder / "workspace") as ws:
            ws.ingest(write(folder / "a.csv", many(60)))
    (root / "link").symlink_to(home / "elsewhere")
    with running("jupyter_server", home / "server", root) as made:
        yield made


def ask(
    server: Jupyter, method: str, path: str, body: Any = None, *, size: int | None = None, **headers: str
) -> tuple[int, bytes, HTTPMessage]:
    """A request below `dwell/`: status, content, headers."""
    at = urlsplit(server.url)
    connection = HTTPConnection(str(at.hostname), at.port, timeout=60)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if size is not None:
        given["Content-Length"] = str(size)
    connection.request(method, f"{at.path}{path}", body, given)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content, answer.headers


def said(content: bytes) -> str:
    return str(json.loads(content)["error"]["what"])


def left(server: Jupyter) -> list[Path]:
    """Files of uploads that are still there."""
    inbox = server.root / "workspace/tmp/inbox"
    return [p for p in inbox.rglob("*") if p.is_file() and p.suffix not in {".json", ".part"}]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "dwell/rows.csv"),
        ("GET", "dwell/uploads/x"),
        ("GET", "dwell/uploads/x/rejects"),
        ("POST", "dwell/uploads/check?name=a.csv"),
        ("PUT", "dwell/uploads?name=a.csv"),
    ],
)
def test_who_has_not_signed_in_gets_nothing(server: Jupyter, method: str, path: str) -> None:
    status, content, _ = ask(server, method, path, b"x" if method != "GET" else None)
    assert status == 403
    assert b"person_id" not in content
    assert left(server) == []


def test_pages_of_other_sites_change_nothing(server: Jupyter) -> None:
    """Also with the cookie that a browser would send along."""
    _, _, headers = ask(server, "GET", f"api/status?token={TOKEN}")
    cookie = "; ".join(line.split(";")[0] for line in headers.get_all("Set-Cookie") or [])
    own = server.url.split("/people")[0]
    for origin, status in ((own, 422), ("http://evil.example", 403), ("null", 403)):
        answer = ask(server, "POST", "dwell/uploads/check?name=a.exe", b"MZ", Cookie=cookie, Origin=origin)
        assert answer[0] == status, (origin, answer)
    refused = ask(server, "PUT", "dwell/uploads?name=a.csv", b"x", Origin="http://evil.example", **SIGNED_IN)
    assert refused[0] == 403
    assert left(server) == []


def test_a_download_holds_what_the_table_shows(server: Jupyter, tmp_path: Path) -> None:
    workspace = server.root / "workspace"
    asked = {"what": "visits", "sort": "dwell_s", "descending": "1", "search": "p1", "column": "person_id"}
    query = urlencode({**asked, "filters": "cameras=cam1", "workspace": str(workspace)})
    status, content, headers = ask(server, "GET", f"dwell/rows.csv?{query}", **SIGNED_IN)
    assert status == 200
    assert headers["Content-Disposition"] == 'attachment; filename="visits.csv"'
    (tmp_path / "rows.csv").write_bytes(content)
    found = pl.read_csv(tmp_path / "rows.csv")
    with dk.open(workspace) as ws:
        expected = ws.visits(camera="cam1", as_="polars").filter(pl.col("person_id").str.contains("p1"))
    assert found["person_id"].sort().to_list() == expected["person_id"].sort().to_list()
    assert found["dwell_s"].to_list() == expected["dwell_s"].sort(descending=True).to_list()
    assert ask(server, "GET", "dwell/rows.csv?what=happiness", **SIGNED_IN)[0] == 404
    assert left(server) == []


@pytest.mark.parametrize(
    ("workspace", "status", "what"),
    [
        ("{home}/elsewhere/workspace", 403, "outside the folders"),
        ("../elsewhere/workspace", 403, "outside the folders"),
        ("link/workspace", 403, "outside the folders"),
        ("nowhere", 404, "nowhere"),
    ],
)
def test_pages_use_no_workspace_outside_jupyters_folder(
    server: Jupyter, workspace: str, status: int, what: str
) -> None:
    query = urlencode({"name": "a.csv", "workspace": workspace.format(home=server.root.parent)})
    found, content, _ = ask(server, "PUT", f"dwell/uploads?{query}", b"x", **SIGNED_IN)
    assert found == status
    assert what in said(content)
    assert not (server.root / "nowhere").exists()
    assert not (server.root.parent / "elsewhere/workspace/tmp/inbox").exists()


def test_no_byte_of_an_upload_stays_in_memory(server: Jupyter) -> None:
    ask(server, "POST", "dwell/uploads/check?name=a.csv", b"x", **SIGNED_IN)  # everything is loaded
    process, sizes, block = psutil.Process(server.pid), [], b"alpha,beta\n" * 100_000

    def body() -> Iterator[bytes]:
        for _ in range(150):
            yield block
            sizes.append(process.memory_info().rss)

    before = process.memory_info().rss
    given = {"Origin": server.url.split("/people")[0], **SIGNED_IN}
    status, content, _ = ask(server, "PUT", "dwell/uploads?name=a.csv", body(), size=150 * len(block), **given)
    assert status == 202, content
    assert max(sizes) - before < 20_000_000
    job, deadline = json.loads(content)["job"], time.monotonic() + 120
    while json.loads(ask(server, "GET", f"dwell/uploads/{job}", **SIGNED_IN)[1])["state"] not in {
        "done",
        "failed",
    }:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_style_sheets_are_here_for_who_signed_in(server: Jupyter) -> None:
    status, content, headers = ask(server, "GET", "dwell/panel/bundled/theme/native.css", **SIGNED_IN)
    assert (status, headers["Content-Type"]) == (200, "text/css")
    assert b"bk" in content
    assert ask(server, "GET", "dwell/panel/bundled/theme/native.css")[0] in {302, 403}
    assert ask(server, "GET", "dwell/panel/..%2f..%2f__init__.py", **SIGNED_IN)[0] in {403, 404}


@pytest.mark.parametrize(
    ("given", "admitted"),
    [
        (scope(host="hub.example", peer=""), True),
        (scope(method="PUT", host="hub.example", origin="https://hub.example"), True),
        (scope(method="PUT", host="hub.example", origin="https://evil.example"), False),
        (scope(kind="websocket", host="hub.example", origin="https://hub.example"), True),
        (scope(kind="websocket", host="hub.example", origin="null"), False),
    ],
)
def test_behind_a_sign_in_only_its_own_pages_come_in(given: dict[str, Any], admitted: bool) -> None:
    assert OwnSocket.admits(given) is admitted


@pytest.mark.skipif(os.name != "posix", reason="no Unix sockets")
def test_a_socket_that_others_could_open_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tmp_path.chmod(stat.S_IRWXU | stat.S_IXOTH)
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--workspace", str(tmp_path / "ws"), "--socket", str(tmp_path / "socket")])
    assert ended.value.code == 2
    assert "only you can open (chmod 700)" in " ".join(capsys.readouterr().err.replace("│", "").split())
    assert list(tmp_path.iterdir()) == []
