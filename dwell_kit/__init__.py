"""People analytics from cameras whose numbers can be trusted.

>>> import dwell_kit as dk
>>> ws = dk.open("workspace")  # doctest: +SKIP
>>> ws.ingest("export.csv")  # doctest: +SKIP
>>> ws.summary()  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dwell_kit.errors import DwellError
    from dwell_kit.schema.filters import Filters
    from dwell_kit.workspace import Workspace, open

__version__ = "0.1.0"
__all__ = ["DwellError", "Filters", "Workspace", "__version__", "open"]

_HOMES = {
    "DwellError": "dwell_kit.errors",
    "Filters": "dwell_kit.schema.filters",
    "Workspace": "dwell_kit.workspace",
    "open": "dwell_kit.workspace",
}


def __getattr__(name: str) -> Any:
    """Public names load their room on first use, so that `import dwell_kit` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dwell_kit' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
