"""What visitors cost, what they leave behind, and what a large upload does to a server's memory."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import queries
from benchmarks.pages import opened
from benchmarks.serving import DOORS, Served

VISITORS = 20
LOADS = 50
ROWS = 200_000
UPLOAD_ROWS = 1_100_000
"""About 300 MB."""


def run(scratch: Path) -> list[dict[str, Any]]:
    """Rows of the results table."""
    from playwright.sync_api import sync_playwright

    (scratch / "doors").mkdir(parents=True, exist_ok=True)
    queries.prepare(scratch / "doors", ROWS)
    workspace = scratch / "doors" / "queries"
    big = _big(scratch)
    rows: list[dict[str, Any]] = []
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for door in DOORS:
            with Served(door, workspace) as served:
                rows += [_in_a_row(served, browser), *([_together(served, browser)] if door == "gateway" else [])]
                rows += [_loads(served, browser)] if door == "voila" else []
                rows.append(_upload(served, browser, big))
        browser.close()
    return rows


def _in_a_row(served: Served, browser: Any) -> dict[str, Any]:
    """20 visits one after the other, each tab closed."""
    context = browser.new_context()
    for _ in range(3):  # what is loaded once is no growth
        opened(context, served.url + "overview")
        served.settle()
    before = served.memory_mib()
    for _ in range(VISITORS):
        opened(context, served.url + "overview")
        served.settle()
    after = served.memory_mib()
    context.close()
    return {
        "work": f"{served.door}: {VISITORS} visits in a row",
        "left behind": str({k: v for k, v in served.health().items() if k in ("sessions", "kernels", "waiting")}),
        "growth_mib": round(after - before, 1),
        "target": "no session, no kernel, no growth",
    }


def _together(served: Served, browser: Any) -> dict[str, Any]:
    """20 visitors at once: what the 20th costs."""
    context = browser.new_context()
    held = []
    for _ in range(VISITORS):
        page = context.new_page()
        page.goto(served.url + "overview")
        page.locator(".bk-Canvas").nth(7).wait_for(timeout=120_000)
        held.append(served.memory_mib())
    context.close()
    served.settle()
    return {
        "work": f"{served.door}: the {VISITORS}th visitor",
        "growth_mib": round((held[-1] - held[VISITORS // 2 - 1]) / (VISITORS - VISITORS // 2), 2),
        "target": "< 15 MiB (mean of the last ten)",
    }


def _loads(served: Served, browser: Any) -> dict[str, Any]:
    """50 loads of a page, counted when they are blank."""
    from playwright.sync_api import TimeoutError as Blank

    blank = 0
    for _ in range(LOADS):
        served.settle()
        context = browser.new_context()
        try:
            opened(context, served.url + "overview")
        except Blank:
            blank += 1
        context.close()
    return {"work": f"{served.door}: {LOADS} loads", "left behind": f"{blank} blank", "target": "never blank"}


def _upload(served: Served, browser: Any, big: Path) -> dict[str, Any]:
    """300 MB through the browser: how much the server grows until the ingest begins, and how long it takes."""
    page = browser.new_page()
    page.set_default_timeout(300_000)
    page.goto(served.url + "upload")
    page.locator("input[type=file]").wait_for(state="attached")
    served.refill()  # the kernel that this visitor took is replaced by then: it is no part of the upload
    before = served.memory_mib()
    begun = time.perf_counter()
    with _peak(served) as peak:
        page.locator("input[type=file]").set_input_files(big)
        page.locator("li[data-state=ingesting], li[data-state=done]").first.wait_for()
    sent = time.perf_counter() - begun
    page.locator("li[data-state=done]").wait_for()
    page.close()
    return {
        "work": f"{served.door}: {big.stat().st_size / 1e6:.0f} MB uploaded, then ingested",
        "seconds": f"{sent:.1f}, then {time.perf_counter() - begun - sent:.1f}",
        "growth_mib": round(max(peak) - before, 1),
        "target": "< 50 MiB until ingest begins",
    }


@contextmanager
def _peak(served: Served) -> Iterator[list[float]]:
    held, stop = [served.memory_mib()], threading.Event()

    def watch() -> None:
        while not stop.wait(0.1):
            held.append(served.memory_mib())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield held
    finally:
        stop.set()
        thread.join()


def _big(scratch: Path) -> Path:
    from dwell_kit.simulate.bulk import simulate_big

    path = scratch / "upload.csv"
    if not path.exists():
        simulate_big(rows=UPLOAD_ROWS, seed=11, out=path)
    return path
