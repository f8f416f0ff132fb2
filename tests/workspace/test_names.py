"""Folders and files may be called as people call theirs; what would be misread is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import dwell_kit as dk
from dwell_kit.errors import WorkspaceError
from dwell_kit.workspace import maintaining
from tests.workspace.exports import many, write


@pytest.mark.parametrize("name", ["My shop", "Köln & Söhne (2)", "#1, +it's", "{a,b} ~店"])
def test_a_workspace_may_have_any_name(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name / "ws"
    with dk.open(folder) as ws:
        ws.ingest(write(tmp_path / "a.csv", many(40)))
        ws.ingest(write(tmp_path / f"{name} [1].csv", many(40, first=40)))
        before = ws.summary()
        assert ws.sightings(as_="polars").height == 80
        ws.compact(keep_versions=1)
        assert maintaining.remove_unnamed(ws._handle, keep_versions=1) == 0
        ws.erase("p0")
        assert all(check["ok"] for check in ws.doctor())
    with dk.open(folder, create=False) as again:
        assert again.summary()["visits"] < before["visits"]
        assert again.sightings(as_="polars").height == 80 - sum(i * 7919 % 50 == 0 for i in range(80))


@pytest.mark.parametrize("name", ["50%20off", "a*b", "what?", "shops [2025]"])
def test_a_folder_that_would_be_misread_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="of this name") as refused:
        dk.open(tmp_path / name)
    assert name in str(refused.value.where)
    assert list(tmp_path.iterdir()) == []
