"""The pages that every door has, in the order of the rail: name in the address, title."""

from __future__ import annotations

from typing import Final

PAGES: Final = (
    ("overview", "Overview"),
    ("sessions", "Sessions"),
    ("movement", "Movement"),
    ("upload", "Upload"),
    ("reports", "Reports"),
)
