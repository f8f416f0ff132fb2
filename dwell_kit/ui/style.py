"""The look (`css/`): variables on the page's root that every component inherits, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_CSS: Final = Path(__file__).parent / "css"


def _sheet(name: str) -> str:
    return (_CSS / f"{name}.css").read_text(encoding="utf-8")


VARIABLES: Final = _sheet("variables")
"""On the root of whatever page the components are in."""
PAGE: Final = VARIABLES + _sheet("page")
"""Of the page around the components."""
VOILA: Final = PAGE + _sheet("voila")
"""Of the page that Voilà makes."""
COMPONENT: Final = _sheet("component")
"""Inside each component's shadow root."""
CHART: Final = COMPONENT + _sheet("chart")
CARD: Final = _sheet("card")
CAPTION: Final = _sheet("caption")
WIDGET: Final = _sheet("widget")
