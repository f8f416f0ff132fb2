"""The report as a PDF: printed by the system's headless Chromium, with the charts drawn."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from dwell_kit.errors import ReportError

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_MAC: Final = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
_PRINTABLE_PX: Final = 703
"""A4 less the margins of the report's @page (US letter is wider): charts keep the width they are loaded at."""
_DRAWN_MS: Final = 15_000
_PATIENCE_S: Final = 120


def browser() -> str | None:
    """The browser that is installed."""
    return next(filter(None, map(shutil.which, _NAMES)), None) or (_MAC if Path(_MAC).exists() else None)


def print_pdf(page: Path, target: Path, *, chromium: str = "") -> None:
    """Print an HTML file with the browser given, or the one that is installed.

    Raises
    ------
    ReportError : if there is no browser, or it prints nothing.
    """
    chromium = chromium or browser() or ""
    if not chromium:
        raise ReportError("no Chromium to print a PDF with", hint="install chromium, or set DWELL_CHROMIUM")
    with tempfile.TemporaryDirectory() as profile:
        command = [
            chromium, "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            f"--window-size={_PRINTABLE_PX},1000", "--hide-scrollbars", "--no-pdf-header-footer",
            f"--user-data-dir={profile}", f"--virtual-time-budget={_DRAWN_MS}",
            f"--print-to-pdf={target}", page.as_uri(),
        ]  # fmt: skip
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium refuses root otherwise; the page is ours and offline
        try:
            done = subprocess.run(  # noqa: S603 - the browser found above, and paths of our own
                command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ReportError("the PDF was not printed", where=chromium, found=str(error)[:200]) from error
    if not target.exists() or not target.read_bytes().startswith(b"%PDF"):
        target.unlink(missing_ok=True)
        raise ReportError("the PDF was not printed", where=chromium, found=done.stderr[-200:])
