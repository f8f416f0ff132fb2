"""Pages of both servers on 10 M stored sightings, timed in headless Chromium: first figures, a changed filter.

All times are by the page's own clock: whoever drives the browser gets no answer until the scripts that are loading
have run, while the figures are in sight for long.
"""

from __future__ import annotations

import shutil
import statistics
from pathlib import Path
from typing import Any

from benchmarks import queries
from benchmarks.serving import DOORS, Served

LAST = "ul[aria-busy=false] [data-kpi=open_visits]"
"""The last card, once no new figures are being worked out."""
COLD, WARM = "cold browser cache", "warm browser cache"
COLD_READY, WARM_READY = f"{COLD}, until cards answer", f"{WARM}, until cards answer"
CHANGED, WHILE = "a changed filter", "a changed filter, the charts of the one before half drawn"
TARGETS = {
    "gateway": {COLD: "< 2 s", WARM: "< 1 s", CHANGED: "< 0.5 s", WHILE: "< 0.5 s"},
    "voila": {COLD: "< 3 s", WARM: "< 2 s", CHANGED: "< 0.5 s", WHILE: "< 0.5 s"},
}
OPENED = """
const watch = new MutationObserver(() => {
  const root = document.getElementById("dk-first")?.shadowRoot;
  if (!root?.querySelector("ul[aria-busy=false] [data-kpi=open_visits]")) return;
  window.shown = performance.now();
  watch.disconnect();
});
watch.observe(document, { subtree: true, childList: true });
"""
"""From where a page is asked for until the figures are in it, which come before its scripts, ms."""
REST = """() => new Promise((done) => {
  let before = performance.now(), calm = 0;
  const look = () => {
    const now = performance.now();
    calm = now - before < 60 ? calm + 1 : 0;
    before = now;
    calm < 20 ? setTimeout(look, 25) : done();
  };
  look();
})"""
"""Until the page's thread has been free for half a second: what is drawn by then is drawn."""
BUSY = "section.chart[aria-busy=true]"
"""A chart that is not of the filters yet."""
TIMED = """(cell) => {
  const root = cell.getRootNode(), before = cell.dataset.value;
  window.timed = new Promise((done) => {
    let begun = 0;
    document.addEventListener("click", () => { begun = performance.now(); }, { capture: true, once: true });
    const watch = new MutationObserver(() => {
      const now = root.querySelector("ul[aria-busy=false] [data-kpi=visits]");
      if (!begun || !now || now.dataset.value === before) return;
      watch.disconnect();
      done((performance.now() - begun) / 1e3);
    });
    watch.observe(root, { subtree: true, childList: true, attributes: true });
  });
}"""
"""From the next click until the figures of other filters are in the page, in seconds by the page's own clock."""


def run(scratch: Path, rows: int = 10_000_000, rounds: int = 8) -> list[dict[str, Any]]:
    """Rows of the results table."""
    queries.prepare(scratch, rows)
    return [row for door in DOORS for row in _door(door, scratch / "queries", rows, rounds)]


def _door(door: str, workspace: Path, rows: int, rounds: int) -> list[dict[str, Any]]:
    with Served(door, workspace) as served:
        times = _timed(served, rounds)
    return [
        {
            "work": f"{door}: {name}, {rows / 1e6:g} M sightings",
            "median_s": round(statistics.median(held), 2),
            "worst_s": round(max(held), 2),
            "target": TARGETS[door].get(name, ""),
        }
        for name, held in times.items()
    ]


def _timed(served: Served, rounds: int) -> dict[str, list[float]]:
    from playwright.sync_api import sync_playwright

    times: dict[str, list[float]] = {name: [] for name in (COLD, COLD_READY, WARM, WARM_READY, CHANGED, WHILE)}

    def note(taken: tuple[float, ...], *names: str) -> None:
        for name, one in zip(names, taken, strict=True):
            times[name].append(one)

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    url = served.url + "overview"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(rounds):
            served.settle()
            context = browser.new_context()
            note(opened(context, url), COLD, COLD_READY)
            context.close()
        context = browser.new_context()
        served.settle()
        opened(context, url)
        for _ in range(rounds):
            served.settle()
            note(opened(context, url), WARM, WARM_READY)
        served.settle()
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(url)
        page.locator(LAST).wait_for()
        page.get_by_text("Cameras:").click()
        boxes = page.locator("[name=cameras]")
        for i in range(min(rounds, boxes.count() // 2)):
            page.locator(".bk-Canvas").nth(7).wait_for()
            page.locator(BUSY).first.wait_for(state="detached")
            page.evaluate(REST)
            times[CHANGED].append(changed(page, boxes.nth(2 * i)))
            page.wait_for_timeout(3_000)  # the charts are drawn meanwhile
            times[WHILE].append(changed(page, boxes.nth(2 * i + 1)))
        browser.close()
    return times


def changed(page: Any, box: Any) -> float:
    """Seconds from a click on a box of the filters until the figures are those of the new ones."""
    page.locator("[data-kpi=visits]").evaluate(TIMED)
    box.click()
    return float(page.evaluate("window.timed"))


def opened(context: Any, url: str) -> tuple[float, float]:
    """Seconds until the figures are in the page, and until their cards answer; then the charts get their time."""
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.add_init_script(OPENED)
    page.goto(url, wait_until="commit")
    page.locator(f"{LAST}:not([disabled])").wait_for()
    shown, ready = page.evaluate("[window.shown, performance.now()]")
    page.locator(".bk-Canvas").nth(7).wait_for()
    page.close(run_before_unload=True)
    return shown / 1e3, ready / 1e3
