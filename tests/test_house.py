"""The house itself: light imports, frozen names, rooms, packaging."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import dwell_kit

ROOT = Path(__file__).parents[1]
HEAVY = {"pandas", "polars", "numba", "panel", "torch", "cv2", "dask", "fastapi", "numpy", "pyarrow", "sqlalchemy"}
HEAVY |= {"torchvision", "transformers", "ultralytics", "onnxruntime", "openvino"}


def test_import_is_light() -> None:
    code = "import sys, dwell_kit; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(loaded.stdout.split()) == set()


def test_public_names_are_frozen() -> None:
    assert dir(dwell_kit) == ["DwellError", "Filters", "Workspace", "__version__", "open"]
    assert sorted(n for n in vars(dwell_kit.Workspace) if not n.startswith("_")) == [
        "audit", "available", "camera_status", "cameras", "check", "check_file", "clear_camera_status",
        "close", "compact", "compare", "compute",
        "coverage", "covered_share", "crowd_events", "doctor", "edit_camera", "environments", "erase",
        "excluded", "export", "ingest", "link", "links", "list_rules", "lists", "path", "positions", "quality",
        "rejects", "rows", "set_camera_status", "set_environment", "set_list", "sightings", "snapshot_id",
        "split", "summary", "track", "tz", "undo", "unlink", "uploads", "visits", "write_rejects", "zones",
    ]  # fmt: skip


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(AttributeError, match="Filters"):
        _ = dwell_kit.Filter


def test_rooms_import_downwards_only() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_version_is_said_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == dwell_kit.__version__


def test_environment_yml_is_in_step() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    *names, pip = conda["dependencies"]
    assert names == [f"python{project['requires-python']}", "pip"]
    assert pip == {"pip": ["-e .[dev]"]}
    assert "dev" in project["optional-dependencies"]


@pytest.mark.slow
def test_the_wheel_carries_apps_notebooks_and_catalogs(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT], check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "notebooks/reports/daily.ipynb",
        "notebooks/dwell.ipynb",
        "catalogs/lake.yml",
        "apps/README.md",
    ):
        assert f"dwell_kit/share/{wanted}" in names
    assert "dwell_kit/store/migrations/versions/0001_first.py" in names
    assert not [n for n in names if n.startswith(("tests/", "benchmarks/"))]
