"""The few settings, typed, and the one place that reads the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

from dwell_kit.errors import DwellError

PREFIX = "DWELL_"
_NOT_SETTINGS = {"DWELL_TESTDATA"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Passed by argument; `from_environment` reads `DWELL_<NAME>`.

    Parameters
    ----------
    workspace : the folder opened when none is named.
    database_url : SQLAlchemy URL of the state; empty means SQLite inside the workspace folder.
    keep_raw : keep the ingested files, compressed, by hash.
    raw_days : days after which `compact` removes kept files; 0 keeps them for good.
    looks_days : days of media time for which looks of tracked persons are kept, so that who comes again is known;
        0 keeps none, and nobody is known by their look alone.
    lease_timeout_s : how long a publish waits for another process before it gives up.
    block_mb : size of the blocks that big files are read in.
    smtp_url : the mail server that reports are sent with, smtp://user:password@host:port (or smtps:).
    mail_from : the address that they come from.
    chromium : the browser that prints PDFs; empty means the one that is installed.
    """

    workspace: str = "workspace"
    database_url: str = ""
    keep_raw: bool = True
    raw_days: float = 0.0
    looks_days: float = 30.0
    lease_timeout_s: float = 600.0
    block_mb: int = 16
    chromium: str = ""
    smtp_url: str = ""
    mail_from: str = ""

    @classmethod
    def from_environment(cls, environ: dict[str, str] | None = None) -> Settings:
        """Settings from `DWELL_…` variables; an unknown one is an error."""
        given = {
            key: value
            for key, value in (os.environ if environ is None else environ).items()
            if key.startswith(PREFIX) and key not in _NOT_SETTINGS
        }
        known = {f"{PREFIX}{f.name.upper()}": f for f in fields(cls)}
        made: dict[str, object] = {}
        for key, value in given.items():
            if key not in known:
                raise DwellError(f"there is no setting {key}", expected=", ".join(known), found=f"{key}={value}")
            made[known[key].name] = _parse(key, value, known[key].default)
        return cls(**made)  # type: ignore[arg-type]


def _parse(key: str, value: str, default: object) -> object:
    try:
        if isinstance(default, bool):
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[value.lower()]
        return type(default)(value)  # type: ignore[call-arg]
    except (KeyError, ValueError) as error:
        raise DwellError(f"setting {key} cannot be read", expected=type(default).__name__, found=value) from error
