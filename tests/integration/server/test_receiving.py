"""Bodies that do not come to their end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from heimdex.errors import UploadBrokenOff
from heimdex.pipeline.incoming.options import NewUpload, UploadOptions
from heimdex.pipeline.incoming.uploads import Uploads
from heimdex.server.receiving import receive
from heimdex.store.database import Database


def test_who_is_silent_for_too_long_has_gone(database: Database, owner: str, tmp_path: Path) -> None:
    uploads = Uploads(database, UploadOptions(folder=tmp_path / "uploads"))
    begun = uploads.begin(owner, NewUpload(name="a.mp4", size_bytes=9))

    async def silent() -> AsyncIterator[bytes]:
        yield b"four"
        await asyncio.Event().wait()

    with pytest.raises(UploadBrokenOff):
        asyncio.run(receive(silent(), uploads.arrive(owner, begun.upload_id, 0), idle_s=0.05))
    assert uploads.get(owner, begun.upload_id).offset_bytes == 4
    uploads.arrive(owner, begun.upload_id, 4).close()  # nobody holds it any more


def test_what_came_counts_when_the_service_stops(database: Database, owner: str, tmp_path: Path) -> None:
    uploads = Uploads(database, UploadOptions(folder=tmp_path / "uploads"))
    begun = uploads.begin(owner, NewUpload(name="a.mp4", size_bytes=9))

    async def stopped() -> None:
        came = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            yield b"four"
            came.set()
            await asyncio.Event().wait()

        arrival = uploads.arrive(owner, begun.upload_id, 0)
        task = asyncio.ensure_future(receive(endless(), arrival))
        await came.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(stopped())
    assert uploads.get(owner, begun.upload_id).offset_bytes == 4
