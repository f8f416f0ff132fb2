"""A headless Chromium for each module of tests: Playwright keeps an event loop running while it lives."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.serve.site import CHROMIUM


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no Chromium to open pages with")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield made
        made.close()
