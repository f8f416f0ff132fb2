"""Everything that dwell_kit raises on purpose.

DwellError
├── InputError (ValueError)        a file or value from outside cannot be used
│   ├── HeaderError                mandatory columns are missing from a header
│   ├── FormatError                a file is not what any reader understands
│   │   └── CutOffError            it ends before what it began
│   ├── LimitError                 a file passes a limit that protects the machine
│   └── ContractError              a frame breaks a table contract
├── FilterError (ValueError)       a filter that means nothing
├── NotFoundError (LookupError)    an environment, upload, version or person that is not there
├── AskError (ValueError)          the data allow two readings and the caller must choose
├── WorkspaceError (RuntimeError)  a workspace folder that cannot be opened or written
│   └── BusyError                  another process holds the publish lease for too long
└── ReportError (RuntimeError)     a report that could not be run
    └── ParameterError             a report was given a parameter that it cannot use
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class DwellError(Exception):
    """Base class. Says what went wrong, where, what was expected and found, and what to do.

    Parameters
    ----------
    what : the sentence a person reads first.
    where : file, row, column or option concerned.
    expected, found : the two sides of the mismatch, if there is one.
    hint : what to do about it.
    """

    what: str
    where: str | None = None
    expected: str | None = None
    found: str | None = None
    hint: str | None = None

    def __post_init__(self) -> None:
        super().__init__(self.what)

    def __str__(self) -> str:
        lines = [self.what]
        for label in ("where", "expected", "found", "hint"):
            value = getattr(self, label)
            if value:
                lines.append(f"  {label}: {value}")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, str | None]:
        """The same facts for `--json` and for the API."""
        return {
            "error": type(self).__name__,
            "what": self.what,
            "where": self.where,
            "expected": self.expected,
            "found": self.found,
            "hint": self.hint,
        }


def in_words(error: BaseException) -> str:
    """What went wrong, for people: our errors say it themselves, of others the kind has to be named.

    >>> in_words(DwellError("no such day")), in_words(OSError("disk full"))
    ('no such day', 'OSError: disk full')
    """
    return str(error) if isinstance(error, DwellError) else f"{type(error).__name__}: {error}"


class InputError(DwellError, ValueError):
    """A file or value from outside cannot be used."""


class HeaderError(InputError):
    """Mandatory columns are missing from a header."""


class FormatError(InputError):
    """A file is not what any reader understands."""


class CutOffError(FormatError):
    """A file ends before what it began."""


class LimitError(InputError):
    """A file passes a limit that protects the machine."""


class ContractError(InputError):
    """A frame breaks a table contract."""


class FilterError(DwellError, ValueError):
    """A filter that means nothing."""


class NotFoundError(DwellError, LookupError):
    """Something was asked for by a name that is not there."""


class AskError(DwellError, ValueError):
    """The data allow two readings; the caller must choose one."""


class WorkspaceError(DwellError, RuntimeError):
    """A workspace folder that cannot be opened or written."""


class BusyError(WorkspaceError):
    """Another process holds the publish lease for too long."""


class ReportError(DwellError, RuntimeError):
    """A report that could not be run."""


class ParameterError(ReportError):
    """A report was given a parameter that it does not know, or a value that it cannot use."""
