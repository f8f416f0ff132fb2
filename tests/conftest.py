"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)  # a busy machine is no failure
settings.load_profile("house")


@pytest.fixture(scope="session")
def testdata() -> Path:
    """The folder with real data: missing is a failure in CI, elsewhere a skip that says so."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("DWELL_TESTDATA", default))
    if not folder.is_dir():
        message = f"no test data at {folder}: set DWELL_TESTDATA"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder
