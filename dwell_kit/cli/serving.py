"""`dwell serve`: the pages of a workspace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from dwell_kit.cli.options import WorkspaceDir


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("serve")(serve)
    app.command("dashboards")(dashboards)


def serve(
    workspace: WorkspaceDir = Path("workspace"),
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 8050,
    host: Annotated[
        str, typer.Option(help="Loopback address; there is no sign-in yet, so no other.")
    ] = "127.0.0.1",
) -> None:
    """Open the dashboards and the upload page in a browser on this machine."""
    _loopback(host)
    try:
        import uvicorn

        from dwell_kit.serve.gateway import create
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    application = create(workspace)
    server = uvicorn.Server(uvicorn.Config(application, host=host, port=port, log_level="warning"))
    listening = server.config.bind_socket()
    name, number = listening.getsockname()[:2]
    typer.echo(f"dwell_kit is at http://{name}:{number}/ (this machine only; Ctrl+C ends it)")
    server.run(sockets=[listening])


def dashboards(
    workspace: WorkspaceDir = Path("workspace"),
    port: Annotated[int, typer.Option(help="Port.", min=1, max=65535)] = 8866,
    host: Annotated[
        str, typer.Option(help="Loopback address; there is no sign-in yet, so no other.")
    ] = "127.0.0.1",
    preheat: Annotated[int, typer.Option(help="Kernels that wait ready for each page.", min=0, max=16)] = 1,
) -> None:
    """Open the apps as pages of Voilà on this machine: notebooks whose code nobody sees or runs."""
    _loopback(host)
    os.environ.setdefault("PANEL_CDN_ROOT", "/dwell-assets/panel/")  # Panel reads it when it is imported
    try:
        from dwell_kit.serve import dashboards as door
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    typer.echo(f"dwell_kit is at http://{host}:{port}/ (this machine only; Ctrl+C ends it)")
    door.run(workspace, port=port, host=host, preheat=preheat)


def _loopback(host: str) -> None:
    if host not in {"127.0.0.1", "::1", "localhost"}:
        raise typer.BadParameter(
            f"expected 127.0.0.1: there is no sign-in yet, found {host!r}", param_hint="--host"
        )


def _missing(error: ModuleNotFoundError) -> typer.Exit:
    typer.echo(f"dwell: {error.name} is not installed: pip install 'dwell-kit[serve]'", err=True)
    return typer.Exit(6)
