"""The look (`css/`): variables on the page's root that every component inherits, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_CSS: Final = Path(__file__).parent / "css"


def _sheet(name: str) -> str:
    return (_CSS / f"{name}.css").read_text(encoding="utf-8")


PAGE: Final = _sheet("page")
"""Of the page around the components."""
COMPONENT: Final = _sheet("component")
"""Inside each component's shadow root."""
CARD: Final = _sheet("card")
CAPTION: Final = _sheet("caption")
WIDGET: Final = _sheet("widget")
