"""A kernel's client that hears the answer to a cell that it wrote to meanwhile."""

from __future__ import annotations

from typing import Any

import zmq
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel


class Channel(AsyncZMQSocketChannel):
    """Looks for messages after each one that it sends.

    A socket of ZeroMQ says once that there is something to read, and sending takes note of it too (`ZMQ_EVENTS`
    in its manual). jupyter_client sends past the socket's asyncio, which then waits for ever for what came in
    between: that happens when nbclient mirrors an Output widget of a cell whose reply is on its way.
    """

    def send(self, msg: dict[str, Any]) -> None:
        super().send(msg)
        assert self.socket is not None
        self.socket.get(zmq.EVENTS)  # pyzmq: schedules what is there to be read


class Client(AsyncKernelClient):
    def __init__(self, **parameters: Any) -> None:
        super().__init__(shell_channel_class=Channel, control_channel_class=Channel, **parameters)
