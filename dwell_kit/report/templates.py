"""Where report notebooks are, and which parameters each takes."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import nbformat

from dwell_kit.errors import NotFoundError, ParameterError, ReportError

_DAY = re.compile(r"^(\w+) *=.*# *type: *day *$", re.MULTILINE)
_PACKAGE = Path(__file__).parents[1]
_HOMES = (_PACKAGE.parent / "notebooks" / "reports", _PACKAGE / "share" / "notebooks" / "reports")


@dataclass(frozen=True)
class Template:
    """A report notebook and its parameters with their defaults."""

    name: str
    path: Path
    parameters: dict[str, Any]
    days: frozenset[str] = frozenset()
    """Parameters that are a day: text as YYYY-MM-DD, or empty."""

    def checked(self, given: dict[str, Any]) -> dict[str, Any]:
        """`given`, each of the type of its default (texts are read as numbers where the default is one).

        Raises
        ------
        ParameterError : for an unknown parameter or a value of the wrong type; the known ones are listed.
        """
        unknown = set(given) - set(self.parameters)
        if unknown:
            raise ParameterError(
                f"report {self.name!r} has no parameter {', '.join(sorted(unknown))}",
                expected=", ".join(f"{k}={v!r}" for k, v in self.parameters.items()),
                found=", ".join(sorted(unknown)),
            )
        typed = {name: _typed(self.name, name, value, self.parameters[name]) for name, value in given.items()}
        for name in self.days & set(typed):
            _day(self.name, name, typed[name])
        return typed


def find(name: str) -> Template:
    """The report called `name`, or the notebook at that path.

    Raises
    ------
    NotFoundError : if there is none; the known ones are listed.
    """
    direct = Path(name)
    known = {path.stem: path for home in reversed(_HOMES) for path in sorted(home.glob("*.ipynb"))}
    path = known.get(name) or (direct if direct.suffix == ".ipynb" and direct.is_file() else None)
    if path is None:
        raise NotFoundError(
            f"there is no report {name!r}", expected=", ".join(sorted(known)) + ", or a notebook's path"
        )
    cell = _parameters_cell(path)
    return Template(path.stem, path, _parameters(path, cell), frozenset(_DAY.findall(cell)))


def names() -> list[Template]:
    """Every report there is, by name."""
    stems = {path.stem for home in _HOMES for path in home.glob("*.ipynb")}
    return [find(stem) for stem in sorted(stems)]


def _parameters_cell(path: Path) -> str:
    """The source of the cell tagged `parameters`."""
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise ReportError(
            "a report needs one cell tagged 'parameters'", where=str(path), found=f"{len(cells)} cells"
        )
    return str(cells[0].source)


def _parameters(path: Path, cell: str) -> dict[str, Any]:
    """Names and defaults: plain assignments of literals."""
    found = {}
    for statement in ast.parse(cell).body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            raise ReportError("the parameters cell may only assign", where=str(path), found=ast.unparse(statement))
        try:
            found[statement.targets[0].id] = ast.literal_eval(statement.value)
        except ValueError as error:
            raise ReportError("a parameter's default is not a literal", where=str(path)) from error
    return found


def _day(report: str, name: str, value: str) -> None:
    try:
        if value:
            date.fromisoformat(value)
    except ValueError:
        raise ParameterError(
            f"parameter {name} of report {report!r} is no day",
            expected="a local day as YYYY-MM-DD; empty for the last one with data",
            found=repr(value),
        ) from None


def _typed(report: str, name: str, value: Any, default: Any) -> Any:
    kind = type(default)
    try:
        if kind in {int, float} and isinstance(value, str):
            return kind(value)
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        if kind is bool and isinstance(value, str):
            return {"true": True, "false": False}[value.lower()]
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
    except (KeyError, ValueError):
        pass
    raise ParameterError(
        f"parameter {name} of report {report!r} is of the wrong type", expected=kind.__name__, found=repr(value)
    )
