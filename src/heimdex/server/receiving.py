"""Bodies of requests, written down as they come: one block in memory, the disk in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import anyio
from starlette.requests import ClientDisconnect

from heimdex.entities.uploads import Upload
from heimdex.errors import HeimdexError, UploadBrokenOff
from heimdex.pipeline.incoming.arrival import Arrival

BLOCK_BYTES = 1 << 20
IDLE_S = 30.0  # a sender who is silent so long has gone, whether the network says so or not


async def receive(stream: AsyncIterator[bytes], arrival: Arrival, *, idle_s: float = IDLE_S) -> Upload:
    """Write a body to an upload, and let go of it.

    Whatever ends this early, what came until then counts. Raises UploadError, NotFound, StoreError.
    """
    block = bytearray()
    try:
        async for piece in _patiently(stream, idle_s):
            block += piece
            if len(block) >= BLOCK_BYTES:
                await anyio.to_thread.run_sync(arrival.write, block)
                block = bytearray()
        await anyio.to_thread.run_sync(arrival.write, block)
        return await anyio.to_thread.run_sync(arrival.end)
    except HeimdexError:
        await _keep(arrival, b"")
        raise
    except (ClientDisconnect, TimeoutError) as error:
        await _keep(arrival, bytes(block))
        raise UploadBrokenOff(
            "the upload broke off; ask how far it has come, and go on from there"
        ) from error
    except BaseException:  # the server is stopping
        await _keep(arrival, bytes(block))
        raise
    finally:
        arrival.close()


async def _patiently(stream: AsyncIterator[bytes], idle_s: float) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(idle_s):
                piece = await anext(stream)
        except StopAsyncIteration:
            return
        yield piece


async def _keep(arrival: Arrival, rest: bytes) -> None:
    def work() -> None:
        try:
            arrival.write(rest)
            arrival.broken_off()
        except HeimdexError:  # the file tells how far it has come
            return

    with anyio.CancelScope(shield=True):
        await anyio.to_thread.run_sync(work)
