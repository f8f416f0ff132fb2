"""A command line as a user types it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dwell_kit.cli import main


def typed(capsys: pytest.CaptureFixture[str], *arguments: str | Path, exits: int = 0) -> tuple[str, str]:
    """What a command prints, on standard output and error; it ends with `exits`."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    out, err = capsys.readouterr()
    assert ended.value.code == exits, err + out
    return out, err
