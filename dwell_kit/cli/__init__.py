"""The `dwell` command: parses arguments, calls down, prints."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dwell_kit.errors import BusyError, DwellError, FilterError, InputError, NotFoundError

EXIT_CODES = ((FilterError, 2), (InputError, 3), (NotFoundError, 4), (BusyError, 5), (DwellError, 6))
"""0 is success and 2 a wrong command line too; the first class that fits gives the others."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    from dwell_kit.cli.app import app
    from dwell_kit.cli.output import fail

    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        app(given, prog_name="dwell")
    except DwellError as error:
        fail(error, as_json="--json" in given)
        sys.exit(next(code for kind, code in EXIT_CODES if isinstance(error, kind)))
