"""Who may come in: until there is a sign-in, this machine only, and no page of another site.

Pure ASGI, so that it stands before HTTP and WebSockets alike.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})
_PEERS: Final = frozenset({"127.0.0.1", "::1", "testclient"})
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def is_loopback_name(host: str) -> bool:
    """Whether a Host header names this machine: a name of somebody else's is DNS rebinding.

    >>> is_loopback_name("127.0.0.1:8050"), is_loopback_name("evil.example:8050"), is_loopback_name("[::1]:80")
    (True, False, True)
    """
    return urlsplit(f"//{host}").hostname in {h.strip("[]") for h in _HOSTS}


class LoopbackOnly:
    """Refuses other machines, other host names (DNS rebinding) and, where something changes, other origins."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in {"http", "websocket"} or self.admits(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 4403})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": b"this server answers this machine only"})

    @staticmethod
    def admits(scope: Any) -> bool:
        """Whether a request may come in."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        peer = (scope.get("client") or ("",))[0]
        if peer not in _PEERS or not is_loopback_name(host):
            return False
        return _of_its_own_page(scope["type"], scope.get("method", ""), headers)


class OwnSocket(LoopbackOnly):
    """For a socket that only its user can reach, behind a proxy that signs people in: refuses other origins.

    The Host is whatever the proxy is called; the proxy has looked at it, and at who asks.
    """

    @staticmethod
    def admits(scope: Any) -> bool:
        """Whether a request may come in."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        return _of_its_own_page(scope["type"], scope.get("method", ""), headers)


def _of_its_own_page(kind: str, method: str, headers: dict[bytes, str]) -> bool:
    """Whether it changes nothing, or comes from a page of the host that it asks."""
    changes = kind == "websocket" or method not in _SAFE
    origin = headers.get(b"origin")
    return not changes or origin is None or urlsplit(origin).netloc == headers.get(b"host", "")
