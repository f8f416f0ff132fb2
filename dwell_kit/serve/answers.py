"""What a door says: a status and its JSON."""

from __future__ import annotations

from typing import Any, NamedTuple

from dwell_kit.errors import DwellError, LimitError, NotFoundError, in_words
from dwell_kit.schema.wording import on_a_page


class Answer(NamedTuple):
    """A status and its JSON."""

    status: int
    body: dict[str, Any]


def refused(error: DwellError, status: int | None = None) -> Answer:
    """An error as people and programs read it."""
    if status is None:
        status = 404 if isinstance(error, NotFoundError) else 413 if isinstance(error, LimitError) else 422
    return Answer(status, {"error": shown(error)})


def shown(error: Exception) -> dict[str, str | None]:
    """An error's facts, its hint in the words of a page; of one that is not ours, what it was."""
    if not isinstance(error, DwellError):
        return {"what": in_words(error)}
    return {**error.as_dict(), "hint": on_a_page(error.hint) if error.hint else None}
