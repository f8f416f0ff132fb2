"""A running server, a browser page on it, and the library's figures to compare with."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import dwell_kit as dk
from dwell_kit.simulate import people

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SHOWN = (
    "unique_visitors",
    "visits",
    "dwell_median_s",
    "dwell_mean_s",
    "dwell_max_s",
    "peak_occupancy",
    "open_visits",
)


@dataclass
class Site:
    """A running server, its workspace, and a browser page with what went wrong on it."""

    url: str
    workspace: Path
    page: Any
    wrong: list[str] = field(default_factory=list)

    def shown(self) -> dict[str, float]:
        """The key figures as the page has them."""
        self.page.locator("ul[aria-busy=false] [data-kpi]").first.wait_for()
        pairs = self.page.locator("[data-kpi]").evaluate_all(
            "all => all.map(b => [b.dataset.kpi, b.dataset.value])"
        )
        return {name: float(value) for name, value in pairs if name in SHOWN and value != ""}

    def expect(self, **filters: Any) -> None:
        """Wait until the page shows the library's figures."""
        with dk.open(self.workspace) as ws:
            figures = ws.summary(**filters)
        wanted = {name: pytest.approx(float(figures[name])) for name in SHOWN if figures[name] is not None}
        self.page.locator(f"ul[aria-busy=false] [data-kpi=visits][data-value='{figures['visits']}']").wait_for()
        assert self.shown() == wanted


def workspace(folder: Path) -> Path:
    """A workspace with two simulated days."""
    people.write(people.simulate_campus(days=2, seed=5, visitors_a_day=60), folder)
    with dk.open(folder / "ws") as ws:
        for name in ("appearances.csv", "insights.json"):
            ws.ingest(folder / name)
    return folder / "ws"


@contextmanager
def serving(*command: str) -> Iterator[str]:
    """`dwell …` running; gives the address that it names."""
    with subprocess.Popen(
        [sys.executable, "-m", "dwell_kit", *command], stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"http://\S+/", said)
        try:
            assert found, said
            yield found.group(0)
        finally:
            process.terminate()


@contextmanager
def visiting(browser: Any, url: str, folder: Path, **context: Any) -> Iterator[Site]:
    """A page of its own; whatever goes wrong on it, or is fetched from elsewhere, fails the test."""
    opened = browser.new_context(
        **{"viewport": {"width": 1280, "height": 900}, "accept_downloads": True, **context}
    )
    page = opened.new_page()
    made = Site(url, folder, page)
    own = (url, "blob:", "data:", url.replace("http", "ws"))
    page.on("console", lambda m: made.wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: made.wrong.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(own) else made.wrong.append(r.url))
    yield made
    opened.close()
    assert made.wrong == [], made.wrong
