"""`dwell serve`: the pages of a workspace."""

from __future__ import annotations

import os
import socket as sockets
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
    socket: Annotated[
        Path | None,
        typer.Option(help="Unix socket instead, in a folder of your own: for a proxy with a sign-in."),
    ] = None,
) -> None:
    """Open the dashboards and the upload page in a browser on this machine."""
    _loopback(host)
    try:
        import uvicorn

        from dwell_kit.serve.gate import LoopbackOnly, OwnSocket
        from dwell_kit.serve.gateway import create
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    own = _own_socket(socket) if socket is not None else None
    application = create(workspace, gate=OwnSocket if own is not None else LoopbackOnly)
    server = uvicorn.Server(uvicorn.Config(application, host=host, port=port, log_level="warning"))
    if own is not None:
        typer.echo(f"dwell_kit listens on {socket} (Ctrl+C ends it)")
        server.run(sockets=[own])
        return
    listening = server.config.bind_socket()
    listening.listen()  # whoever reads the address below may come at once
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


def _own_socket(path: Path) -> sockets.socket:
    """A listening socket that nobody else can open.

    The gate believes the proxy's word about who asks, so the folder must be the user's alone.
    """
    if not hasattr(os, "getuid"):
        raise typer.BadParameter("expected a system with Unix sockets", param_hint="--socket")
    folder = path.absolute().parent
    about = folder.stat() if folder.is_dir() else None
    if about is None or about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise typer.BadParameter(
            f"expected a folder that only you can open (chmod 700), found {folder}", param_hint="--socket"
        )
    made = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    made.bind(str(path))
    return made


def _loopback(host: str) -> None:
    if host not in {"127.0.0.1", "::1", "localhost"}:
        raise typer.BadParameter(
            f"expected 127.0.0.1: there is no sign-in yet, found {host!r}", param_hint="--host"
        )


def _missing(error: ModuleNotFoundError) -> typer.Exit:
    typer.echo(f"dwell: {error.name} is not installed: pip install 'dwell-kit[serve]'", err=True)
    return typer.Exit(6)
