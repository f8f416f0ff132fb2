"""`GET /rows.csv`: exactly the rows that a table shows, as CSV, Excel or Parquet."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse

from dwell_kit.errors import DwellError
from dwell_kit.serve.uploads import _download, refused
from dwell_kit.ui import view
from dwell_kit.workspace import Workspace
from dwell_kit.workspace.paging import View


def router(ws: Workspace, folder: Path) -> APIRouter:
    """The route; files are written to `folder`, sent and removed."""
    made = APIRouter()

    @made.get("/rows.{kind}", response_model=None)
    def rows(request: Request, kind: str, what: str = "visits", filters: str = "") -> FileResponse | JSONResponse:
        asked = request.query_params
        seen = View(
            sort=asked.get("sort"),
            descending=asked.get("descending") == "1",
            search=asked.get("search", ""),
            column=asked.get("column"),
        )
        target = folder / f"rows-{uuid.uuid4().hex}.{kind}"
        try:
            ws.rows(what, view.from_query(filters), parameters=_parameters(asked)).export(seen, target)
        except DwellError as error:
            return refused(error)
        return _download(target, f"{what}.{kind}")

    return made


def _parameters(asked: Any) -> dict[str, Any]:
    """Parameters of the quantity: `p_n=10`, `p_by=camera_id,gender`."""
    given = {name[2:]: value for name, value in asked.items() if name.startswith("p_")}
    return {
        name: int(value) if value.isdigit() else tuple(value.split(",")) if name == "by" else value
        for name, value in given.items()
    }
