"""The `dwell` command: parses arguments, calls down, prints."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dwell_kit.errors import (
    AskError,
    BusyError,
    DwellError,
    FilterError,
    InputError,
    NotFoundError,
    ParameterError,
)

EXIT_CODES = (
    (FilterError, 2),
    (ParameterError, 2),
    (InputError, 3),
    (AskError, 3),
    (NotFoundError, 4),
    (BusyError, 5),
    (DwellError, 6),
)
"""The first class that fits. 0 is success; 2 is a wrong command line too, 6 what the machine refuses too."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit."""
    from dwell_kit.cli.app import app
    from dwell_kit.cli.output import fail

    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if "--json" in given:
            sys.exit(_answered_in_json(given))
        app(given, prog_name="dwell")
    except OSError as error:
        if error.filename is None:
            raise
        refusal = DwellError(error.strerror or type(error).__name__, where=str(error.filename))
        fail(refusal, as_json="--json" in given)
        sys.exit(6)
    except DwellError as error:
        fail(error, as_json="--json" in given)
        sys.exit(next(code for kind, code in EXIT_CODES if isinstance(error, kind)))


def _answered_in_json(given: list[str]) -> int:
    """Run a command whose wrong use is said as JSON too; its exit code."""
    from typer import Abort
    from typer.exceptions import TyperException

    from dwell_kit.cli.app import app
    from dwell_kit.cli.output import fail_usage

    try:
        return int(app(given, prog_name="dwell", standalone_mode=False) or 0)
    except TyperException as error:
        fail_usage(error)
        return int(getattr(error, "exit_code", 2))
    except Abort:
        sys.stderr.write("Aborted.\n")
        return 1
