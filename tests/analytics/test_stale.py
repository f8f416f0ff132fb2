"""Compiled kernels of other sources are forgotten; those of these sources stay."""

from __future__ import annotations

from pathlib import Path

from dwell_kit.analytics._stale import forget_stale


def test_kernels_of_other_sources_are_forgotten(tmp_path: Path) -> None:
    source, cache = tmp_path / "kernels.py", tmp_path / "__pycache__"
    source.write_text("a = 1\n")
    cache.mkdir()
    for name in ("kernels.walk.nbi", "kernels.walk.1.nbc", "kernels.cpython-311.pyc"):
        (cache / name).write_bytes(b"x")
    assert forget_stale(tmp_path) == 2  # nobody knows what they were made of
    assert [p.name for p in cache.iterdir() if p.suffix != ".stamp"] == ["kernels.cpython-311.pyc"]
    (cache / "kernels.walk.nbi").write_bytes(b"y")
    assert forget_stale(tmp_path) == 0
    assert (cache / "kernels.walk.nbi").exists()
    source.write_text("a = 12\n")
    assert forget_stale(tmp_path) == 1
    assert not (cache / "kernels.walk.nbi").exists()


def test_a_folder_that_cannot_be_written_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").write_text("a file in its place")
    assert forget_stale(tmp_path) == 0
