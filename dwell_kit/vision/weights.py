"""Weights on this machine: found, or one error that says which file to put where. Nothing is downloaded here."""

from __future__ import annotations

from pathlib import Path

from dwell_kit.errors import AskError, NotFoundError


def find_weights(given: str | Path | None, *, whose: str, expected: str, hint: str) -> Path:
    """The file or folder of weights.

    Parameters
    ----------
    whose : who needs them, for errors. expected : what they are. hint : where they come from.

    Raises
    ------
    AskError : if none were named. NotFoundError : if there is no such file or folder.
    """
    if given is None:
        raise AskError(f"{whose} needs weights: say which", "option weights", expected, hint=f"--weights; {hint}")
    path = Path(given).expanduser()
    if not path.exists():
        raise NotFoundError(
            f"the weights of {whose} are not there, and nothing is downloaded",
            where=str(path.absolute()),
            expected=expected,
            found=_beside(path.absolute().parent),
            hint=hint,
        )
    return path


def _beside(folder: Path) -> str:
    """What lies where the weights should."""
    if not folder.is_dir():
        return f"no folder {folder}"
    names = sorted(one.name for one in folder.iterdir() if not one.name.startswith("."))
    shown = ", ".join(names[:8]) or "nothing"
    return f"in that folder: {shown}{' …' if len(names) > 8 else ''}"
