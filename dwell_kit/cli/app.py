"""The commands, put together."""

from __future__ import annotations

import typer

from dwell_kit.cli import (
    calibrations,
    care,
    demo,
    figures,
    identities,
    inputs,
    reports,
    scoring,
    serving,
    site,
    tracks,
)

app = typer.Typer(
    name="dwell",
    help="People analytics from cameras whose numbers can be trusted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _part in (demo, inputs, figures, site, identities, care, reports, serving, scoring, calibrations, tracks):
    _part.register(app)
