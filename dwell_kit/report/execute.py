"""Run a notebook with papermill on the interpreter that runs now, whatever kernels are installed."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dwell_kit import errors
from dwell_kit.errors import DwellError, ReportError

_KERNEL = "dwell_kit"
_SHORT = 48
"""A socket's path has about 100 characters; the file's own name takes the rest."""


def execute(template: Path, output: Path, parameters: dict[str, Any]) -> None:
    """Write the executed notebook to `output`.

    Raises
    ------
    DwellError : what the library raised in a cell. ReportError : naming the cell and the message, if one fails.
    """
    import papermill
    from jupyter_core.paths import jupyter_runtime_dir
    from papermill.exceptions import PapermillExecutionError
    from traitlets.config import Config

    from dwell_kit.report.channels import Client

    # sockets in a folder of the user's own, not ports that everybody on the machine can reach, where the names fit
    own = sys.platform != "win32" and len(jupyter_runtime_dir()) <= _SHORT
    config = Config({"AsyncKernelManager": {"client_factory": Client}})
    if own:
        config.KernelManager.transport = "ipc"

    with _kernel():
        try:
            papermill.execute_notebook(
                str(template),
                str(output),
                parameters=parameters,
                kernel_name=_KERNEL,
                language="python",
                progress_bar=False,
                cwd=str(output.parent),
                config=config,
            )
        except PapermillExecutionError as error:
            kind = getattr(errors, error.ename, None)
            if isinstance(kind, type) and issubclass(
                kind, DwellError
            ):  # the library said it already, in its words
                raise kind(**_said(error.evalue)) from error
            raise ReportError(
                "a cell of the report failed",
                where=f"{template.name}, cell {error.cell_index}",
                found=f"{error.ename}: {error.evalue}",
                hint="open the notebook and run it with the same parameters",
            ) from error


def _said(text: str) -> dict[str, str]:
    """The parts of a DwellError that was printed.

    >>> _said("no data\\n  expected: a day\\n  hint: another one")
    {'what': 'no data', 'expected': 'a day', 'hint': 'another one'}
    """
    what, *lines = text.split("\n  ")
    return {"what": what, **dict(line.split(": ", 1) for line in lines if ": " in line)}


@contextmanager
def _kernel() -> Iterator[None]:
    """A kernel specification of this interpreter, for as long as the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "kernels" / _KERNEL
        home.mkdir(parents=True)
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": command, "display_name": _KERNEL, "language": "python"}
        (home / "kernel.json").write_text(json.dumps(spec))
        before = os.environ.get("JUPYTER_PATH")
        os.environ["JUPYTER_PATH"] = folder if before is None else os.pathsep.join((folder, before))
        try:
            yield
        finally:
            if before is None:
                del os.environ["JUPYTER_PATH"]
            else:
                os.environ["JUPYTER_PATH"] = before
