"""A reply that comes while a message is being sent is heard."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import zmq
import zmq.asyncio
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.session import Session

from dwell_kit.report.channels import Channel, Client


def test_the_client_has_the_channel() -> None:
    client = Client()
    assert client.shell_channel_class is Channel
    assert issubclass(Channel, AsyncZMQSocketChannel)


def test_a_reply_that_came_in_before_a_message_went_out_is_heard(tmp_path: Any) -> None:
    session = Session(key=b"secret")
    address = f"ipc://{tmp_path}/s"

    async def exchange() -> dict[str, Any]:
        with zmq.asyncio.Context() as context, zmq.Context.shadow(context.underlying).socket(zmq.ROUTER) as kernel:
            here = context.socket(zmq.DEALER)
            kernel.bind(address)
            here.connect(address)
            channel = Channel(here, session)
            channel.send(session.msg("execute_request"))
            identities, _ = session.feed_identities(kernel.recv_multipart())
            waiting = asyncio.create_task(channel.get_msg())
            await asyncio.sleep(0)  # it polls now
            session.send(kernel, "execute_reply", ident=identities)
            threading.Event().wait(0.2)  # the reply arrives, and nobody has looked yet
            channel.send(session.msg("comm_msg"))
            try:
                return await asyncio.wait_for(waiting, 20)
            finally:
                here.close(0)

    assert asyncio.run(exchange())["msg_type"] == "execute_reply"
