"""An executed notebook as one HTML file that opens without a network: prose, tables and charts, no code."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Final

import nbformat

_CSS: Final = """
:root { color-scheme: light; }
body { background: #f8fafc; color: #0f172a; font: 14px/1.55 system-ui, "Segoe UI", Roboto, sans-serif;
  font-variant-numeric: tabular-nums; margin: 0; }
main { max-width: 860px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 24px; margin: 8px 0 4px; } h2 { font-size: 18px; margin: 32px 0 4px; color: #0f766e; }
p { margin: 6px 0; } a { color: #0f766e; }
.jp-Cell, .jp-OutputArea-child { margin: 0; padding: 0; }
.jp-OutputPrompt, .jp-InputPrompt, .jp-Collapser { display: none; }
.jp-OutputArea-output { overflow-x: auto; }
figure { margin: 12px 0; overflow-x: auto; } figcaption { color: #475569; font-size: 12.5px; }
.table { overflow-x: auto; }
.anchor-link { display: none; }
table { border-collapse: collapse; margin: 10px 0; background: #fff; border: 1px solid #e2e8f0; }
th, td { padding: 5px 12px; border-bottom: 1px solid #e2e8f0; text-align: right; } th { background: #f1f5f9; }
th:first-child, td:first-child { text-align: left; }
.simulated { background: #fef3c7; border: 1px solid #d97706; color: #7c2d12; padding: 8px 12px;
  border-radius: 6px; }
@page { margin: 12mm; }
@media print { main { max-width: 671px; } th, td { padding: 4px 6px; }
  figure, table { break-inside: avoid; } h2 { break-after: avoid; } }
"""

_SIMULATED: Final = '<p class="simulated" role="note">Simulated data: no real person is in this report.</p>'


def render(notebook: Path, target: Path, *, title: str, simulated: bool) -> None:
    """Write `notebook` as self-contained HTML; `simulated` puts a banner over it."""
    from nbconvert import HTMLExporter
    from traitlets.config import Config

    config = Config()
    config.HTMLExporter.exclude_input = True
    config.HTMLExporter.exclude_input_prompt = True
    config.HTMLExporter.exclude_output_prompt = True
    exporter = HTMLExporter(config=config, template_name="basic")  # type: ignore[no-untyped-call]
    body, _ = exporter.from_notebook_node(nbformat.read(notebook, as_version=4))  # type: ignore[no-untyped-call]
    banner = _SIMULATED if simulated else ""
    target.write_text(
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_CSS}</style></head>"
        f"<body><main>{banner}{body}</main></body></html>\n",
        encoding="utf-8",
    )
