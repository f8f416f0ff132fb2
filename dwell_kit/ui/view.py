"""What somebody looks at, as the query of a URL: a view can be sent to a colleague."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from dwell_kit.errors import FilterError
from dwell_kit.schema.filters import Filters

_MANY: Final = ("cameras", "groups", "zones", "persons", "age_groups", "genders", "weekdays")
_ONE: Final = ("environment", "since", "until", "hours", "min_dwell", "max_dwell", "max_gap")
_FLAGS: Final = ("open_hours", "touching", "include_listed")


def to_query(filters: Filters) -> str:
    """Filters as `cameras=door&cameras=hall&since=…`, readable back by `from_query`.

    >>> to_query(Filters.of(camera=["door", "hall"], hours=(9, 17), open_hours=True))
    'cameras=door&cameras=hall&hours=9-17&open_hours=1'
    """
    pairs: list[tuple[str, str]] = []
    for name, value in filters.as_dict().items():
        if name in _MANY:
            pairs += [(name, str(item)) for item in value]
        elif name == "attributes":
            pairs += [("attribute", f"{column}={word}") for column, words in value for word in words]
        elif name == "hours":
            pairs.append((name, f"{value[0]}-{value[1]}"))
        else:
            pairs.append(
                (name, "1" if value is True else f"{value:g}" if isinstance(value, float) else str(value))
            )
    return urlencode(pairs)


def from_query(query: str) -> Filters:
    """The filters that a URL asks for.

    >>> from_query("?cameras=door&weekdays=1&max_gap=300").weekdays
    (1,)

    Raises
    ------
    FilterError : for a name or value that means nothing: a mistyped link does not show everything instead.
    """
    given: dict[str, Any] = {}
    attributes: dict[str, list[str]] = {}
    for name, text in parse_qsl(query.lstrip("?")):
        if name in _MANY:
            given.setdefault(name, []).append(_number(name, text) if name == "weekdays" else text)
        elif name == "attribute":
            column, _, word = text.partition("=")
            attributes.setdefault(column, []).append(word)
        elif name in _ONE:
            given[name] = text
        elif name in _FLAGS:
            given[name] = text == "1"
        else:
            raise FilterError(
                f"the link asks for {name!r}, which is no filter",
                expected=", ".join((*_MANY, *_ONE, *_FLAGS, "attribute")),
                found=repr(name),
            )
    return Filters.of(**given, attributes=attributes or None)


def apart(query: str, name: str) -> tuple[str, str]:
    """A word of a link that is no filter, and the link without it.

    >>> apart("?cameras=door&table=Persons", "table"), apart("", "table")
    (('Persons', 'cameras=door'), ('', ''))
    """
    pairs = parse_qsl(query.lstrip("?"))
    word = next((text for said, text in pairs if said == name), "")
    return word, urlencode([pair for pair in pairs if pair[0] != name])


def beside(exports: str | None) -> bool:
    """Whether the pages stand beside each other, so that one may link to another: not in JupyterLab's cells.

    >>> beside("rows"), beside("jupyter:dwell/rows"), beside("jupyter:dwell/rows?workspace=ws"), beside(None)
    (True, True, False, False)
    """
    return exports is not None and "?" not in exports


def _number(name: str, text: str) -> int:
    if not text.isdigit():
        raise FilterError(f"{name} of the link cannot be read", expected="a number", found=repr(text))
    return int(text)
