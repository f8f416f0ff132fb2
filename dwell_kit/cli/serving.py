"""`dwell serve`: the pages of a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dwell_kit.cli.options import WorkspaceDir


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("serve")(serve)


def serve(
    workspace: WorkspaceDir = Path("workspace"),
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 8050,
    host: Annotated[
        str, typer.Option(help="Loopback address; there is no sign-in yet, so no other.")
    ] = "127.0.0.1",
) -> None:
    """Open the dashboards and the upload page in a browser on this machine."""
    if host not in {"127.0.0.1", "::1", "localhost"}:
        raise typer.BadParameter(
            f"expected 127.0.0.1: there is no sign-in yet, found {host!r}", param_hint="--host"
        )
    try:
        import uvicorn

        from dwell_kit.serve.gateway import create
    except ModuleNotFoundError as error:
        typer.echo(f"dwell: {error.name} is not installed: pip install 'dwell-kit[serve]'", err=True)
        raise typer.Exit(6) from error
    application = create(workspace)
    server = uvicorn.Server(uvicorn.Config(application, host=host, port=port, log_level="warning"))
    listening = server.config.bind_socket()
    name, number = listening.getsockname()[:2]
    typer.echo(f"dwell_kit is at http://{name}:{number}/ (this machine only; Ctrl+C ends it)")
    server.run(sockets=[listening])
