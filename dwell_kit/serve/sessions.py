"""Sessions of pages end when their tab closes."""

from __future__ import annotations

from typing import Any


def end_with_their_tab() -> None:
    """Detach a session when its WebSocket closes: bokeh-fastapi 0.1.8 keeps it, and its memory, for ever."""
    from bokeh_fastapi.handler import WSHandler

    if getattr(WSHandler, "_dwell_kit", False):
        return
    connect = WSHandler.ws_connect

    async def ws_connect(self: Any, websocket: Any) -> None:
        try:
            await connect(self, websocket)
        finally:
            connection = self.connection
            if connection is not None and connection in self.application._clients:
                self.application.client_lost(connection)

    WSHandler.ws_connect = ws_connect
    WSHandler._dwell_kit = True
