"""Intake catalogs: exports on disk and tables of a workspace, by name.

Intake 2 drops an argument that a reader does not know, and answers with everything instead. The readers here
know their arguments by name, and refuse the others.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pandas as pd
from intake.readers import BaseReader
from intake.readers.entry import Catalog
from yaml import YAMLError

from dwell_kit.errors import FilterError, InputError, NotFoundError
from dwell_kit.ingest import readers
from dwell_kit.ingest.batches import ReadOptions
from dwell_kit.ingest.sources import Source
from dwell_kit.schema import columns as c


def open_catalog(path: str | os.PathLike[str], **parameters: Any) -> Catalog:
    """The catalog at `path` with its user parameters set.

    A parameter that is not given is taken from the environment variable DWELL_<NAME>, if there is one
    (DWELL_TESTDATA for `testdata`), else it is the catalog's default.

    Raises
    ------
    InputError : if it is not an Intake 2 catalog. FilterError : for a parameter that it does not have.
    """
    try:
        catalog = Catalog.from_yaml_file(str(path))
    except OSError as error:
        raise InputError("the catalog cannot be read", where=str(path), found=error.strerror) from error
    except (ValueError, LookupError, TypeError, AttributeError, YAMLError) as error:
        raise InputError(
            "this is not an Intake 2 catalog", where=str(path), expected="YAML with version: 2", found=str(error)
        ) from error
    known = {n for n in catalog.user_parameters if not n.isupper()}
    if unknown := set(parameters) - known:
        raise FilterError(
            f"the catalog has no parameter {', '.join(sorted(unknown))}",
            where=str(path),
            expected=", ".join(sorted(known)) or "none",
        )
    around = {n: os.environ[f"DWELL_{n.upper()}"] for n in known if f"DWELL_{n.upper()}" in os.environ}
    given = {**around, **parameters}
    return catalog(**given) if given else catalog


class Exported(NamedTuple):
    """A file that an entry names, and how it is to be read: what `Workspace.ingest` takes."""

    path: Path
    options: dict[str, Any]


def exported(path: str | os.PathLike[str], entry: str, **parameters: Any) -> Exported:
    """The file behind an entry of a catalog, for `Workspace.ingest` and `dwell ingest`.

    Raises
    ------
    NotFoundError : for an unknown entry, listing the known ones. InputError : if the entry is no file.
    """
    reader = _entry(open_catalog(path, **parameters), entry)
    if not isinstance(reader, Export):
        raise InputError(f"entry {entry!r} of {path} is not a file to ingest", found=type(reader).__name__)
    options = {name: value for name, value in reader.kwargs.items() if name != "path"}
    return Exported(Path(reader.kwargs["path"]), _typed(options))


def _typed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as readers take them: YAML has a start as text."""
    made = dict(options)
    if isinstance(made.get("start"), str):
        made["start"] = datetime.fromisoformat(made["start"])
    return made


def read(path: str | os.PathLike[str], entry: str, **parameters: Any) -> Any:
    """What an entry of a catalog holds.

    Raises
    ------
    NotFoundError : for an unknown entry, listing the known ones.
    """
    return _entry(open_catalog(path, **parameters), entry).read()


def _entry(catalog: Catalog, entry: str) -> BaseReader:
    names = sorted(set(catalog.aliases) | set(catalog.entries))
    if entry not in names:
        raise NotFoundError(f"the catalog has no entry {entry!r}", expected=", ".join(names), found=repr(entry))
    return catalog[entry]


class _Strict(BaseReader):  # type: ignore[misc]
    """A reader that refuses arguments it does not know, and says which are missing."""

    takes: ClassVar[Mapping[str, bool]] = {}
    """Argument → whether it is mandatory."""
    output_instance = "pandas:DataFrame"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._check(self.kwargs)

    def read(self, *args: Any, **kwargs: Any) -> Any:
        self._check({**self.kwargs, **kwargs})
        return super().read(*args, **kwargs)

    def _check(self, given: Mapping[str, Any]) -> None:
        missing = [name for name, needed in self.takes.items() if needed and given.get(name) in (None, "")]
        unknown = set(given) - set(self.takes) - {"args"}
        if missing or unknown or given.get("args"):
            raise FilterError(
                f"{type(self).__name__} " + (f"needs {', '.join(missing)}" if missing else "does not take that"),
                expected=", ".join(self.takes),
                found=", ".join(sorted(given)) or "nothing",
            )


class Export(_Strict):
    """A file that a reader of ours understands, as rows of its contract.

    Arguments: path; reader and any read option (camera, fps, start, tz) where the file needs them.
    """

    takes: ClassVar[Mapping[str, bool]] = {
        "path": True, "reader": False, "camera": False, "fps": False, "start": False, "tz": False,
    }  # fmt: skip

    def _read(self, path: str, reader: str | None = None, **options: Any) -> pd.DataFrame:
        chosen = ReadOptions.of(**_typed(options))
        source = Source(Path(path), limits=chosen.limits)
        found = readers.get(reader) if reader else readers.detect(source, chosen)
        frames = [batch.rows.to_pandas() for batch in found.read(source, chosen)]
        return pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True)


class Counts(_Strict):
    """Counts of people in and out of a door, as a frame for `counter_balance`: t (UTC), n_in, n_out.

    The file has no header, and a row for each direction and bucket: flow code, month/day/year, time, persons.
    Arguments: path, the codes of in and out, the door's time zone.
    """

    takes: ClassVar[Mapping[str, bool]] = {"path": True, "flow_in": True, "flow_out": True, "tz": True}

    def _read(self, path: str, flow_in: int, flow_out: int, tz: str) -> pd.DataFrame:
        rows = pd.read_csv(path, names=["flow", "date", "time", "n"]).dropna()
        start = pd.to_datetime(rows["date"] + " " + rows["time"], format="%m/%d/%y %H:%M:%S")
        known = pd.DataFrame({c.TIME: start, "flow": rows["flow"].astype(int), "n": rows["n"].astype(int)})
        table = known.pivot_table(index=c.TIME, columns="flow", values="n", aggfunc="sum", fill_value=0)
        table = table[[flow_in, flow_out]].set_axis([c.N_IN, c.N_OUT], axis=1).reset_index()
        local = table[c.TIME].dt.tz_localize(tz, ambiguous=True, nonexistent="shift_forward")
        return table.assign(**{c.TIME: local.dt.tz_convert("UTC")})


class WorkspaceTable(_Strict):
    """A table of a workspace in one version.

    Arguments: path of the workspace, table (sightings, visits, crowd_events or positions), snapshot (an id, or
    "latest"), environment where there are several. None is named like a user parameter of the catalog: Intake
    takes an argument of such a name for the parameter and drops it.
    """

    takes: ClassVar[Mapping[str, bool]] = {
        "path": True, "table": True, "snapshot": True, "environment": False,
    }  # fmt: skip

    def _read(self, path: str, table: str, snapshot: int | str, environment: str = "") -> pd.DataFrame:
        from dwell_kit.workspace.facade import open as open_workspace

        pinned = None if snapshot == "latest" else int(snapshot)
        tables = ("sightings", "visits", "crowd_events", "positions")
        if table not in tables:
            raise FilterError(f"a workspace has no table {table!r}", expected=", ".join(tables), found=repr(table))
        with open_workspace(path, version=pinned, create=False) as ws:
            return getattr(ws, table)(environment=environment or None)
