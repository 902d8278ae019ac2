"""The socket of the service."""

from __future__ import annotations

import asyncio
import socket

import pytest

from heimdex.errors import UsageError
from heimdex.server.serving import Address, listen


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_small_answers_are_sent_at_once(host: str) -> None:
    try:
        listener = listen(Address(host=host, port=0))
    except UsageError:
        pytest.skip(f"this machine has no {host}")
    heard: list[int] = []

    async def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = writer.get_extra_info("socket")
        heard.append(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def serve() -> None:
        async with await asyncio.start_server(connected, sock=listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname()[:2])
            assert await reader.read() == b""
            writer.close()

    asyncio.run(serve())
    assert heard == [1]


def test_an_address_that_is_taken_is_a_clear_error() -> None:
    with listen(Address(port=0)) as taken, pytest.raises(UsageError, match="choose others"):
        listen(Address(port=taken.getsockname()[1]))
